using System.Globalization;
using System.Text;

namespace Portolan.Testing.FakeApiServer;

/// <summary>Writes kubeconfigs for a fake API server.</summary>
public static class FakeKubeconfig
{
    /// <summary>The text of a kubeconfig.</summary>
    /// <param name="server">Where the server is.</param>
    /// <param name="authority">PEM of the authority to trust; null for none.</param>
    /// <param name="user">Fields of the user as YAML in braces: "{token: abc}".</param>
    public static string For(Uri server, string? authority = null, string user = "{}")
    {
        string trust = authority is null
            ? ""
            : $", certificate-authority-data: {Convert.ToBase64String(Encoding.ASCII.GetBytes(authority))}";
        return string.Create(CultureInfo.InvariantCulture,
            $"""
            apiVersion: v1
            kind: Config
            current-context: fake
            contexts: [{"{"}name: fake, context: {"{"}cluster: fake, user: proxy{"}"}{"}"}]
            clusters: [{"{"}name: fake, cluster: {"{"}server: "{server}"{trust}{"}"}{"}"}]
            users: [{"{"}name: proxy, user: {user}{"}"}]
            """);
    }

    /// <summary>A user's fields with a certificate and its key.</summary>
    public static string UserWith((string Certificate, string Key) identity) =>
        $"{{client-certificate-data: {Convert.ToBase64String(Encoding.ASCII.GetBytes(identity.Certificate))}, "
        + $"client-key-data: {Convert.ToBase64String(Encoding.ASCII.GetBytes(identity.Key))}}}";
}
