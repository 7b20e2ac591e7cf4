using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Portolan.Testing.FakeApiServer;

/// <summary>A certificate authority with a certificate for a server on 127.0.0.1, and client certificates on demand.</summary>
public sealed class FakeAuthority : IDisposable
{
    private readonly X509Certificate2 _root;

    /// <param name="serverAddress">The one address the server's certificate is good for.</param>
    public FakeAuthority(string serverAddress = "127.0.0.1")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=fake-ca", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        (string certificate, string privateKey) = Issue("CN=kube-apiserver", serverAddress);
        // SslStream on Linux needs the key in the certificate object for good, not as a temporary one.
        ServerCertificate = X509Certificate2.CreateFromPem(certificate, privateKey);
    }

    public X509Certificate2 ServerCertificate { get; }

    /// <summary>The authority's certificate.</summary>
    public string CertificatePem => _root.ExportCertificatePem();

    /// <summary>A client's certificate and key.</summary>
    public (string Certificate, string Key) IssueClient(string name) => Issue($"CN={name}, O=system:nodes", null);

    public void Dispose()
    {
        _root.Dispose();
        ServerCertificate.Dispose();
    }

    internal bool HasSigned(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_root);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate);
    }

    private (string Certificate, string Key) Issue(string subject, string? serverAddress)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        if (serverAddress is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Parse(serverAddress));
            request.CertificateExtensions.Add(names.Build());
        }
        using X509Certificate2 signed =
            request.Create(_root, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddDays(10), RandomNumberGenerator.GetBytes(8));
        return (signed.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }
}
