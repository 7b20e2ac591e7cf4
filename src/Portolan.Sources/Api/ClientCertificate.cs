using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s;

namespace Portolan.Sources.Api;

/// <summary>The certificate that a kubeconfig's user shows to the server.</summary>
internal static class ClientCertificate
{
    /// <summary>The certificate with its key and intermediates; null when the user has none.</summary>
    public static SslStreamCertificateContext? From(KubernetesClientConfiguration config)
    {
        string? certificate = Pem(config.ClientCertificateData, config.ClientCertificateFilePath);
        string? key = Pem(config.ClientCertificateKeyData, config.ClientKeyFilePath);
        if (certificate is null || key is null)
            return null;
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(certificate);
        // Offline: no network look-up for a missing intermediate before the first request.
        return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(certificate, key), chain, offline: true);
    }

    private static string? Pem(string? base64, string? path) =>
        !string.IsNullOrEmpty(base64) ? Encoding.ASCII.GetString(Convert.FromBase64String(base64))
        : !string.IsNullOrEmpty(path) ? File.ReadAllText(path)
        : null;
}
