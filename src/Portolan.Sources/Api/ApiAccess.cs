using k8s;
using k8s.Authentication;
using k8s.KubeConfigModels;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Portolan.Sources.Api;

/// <summary>Reads how the API server is reached: a kubeconfig, or the service account of the pod this runs in.</summary>
internal static class ApiAccess
{
    /// <summary>
    /// Reads the kubeconfig, or the service account where <paramref name="kubeconfig"/> is empty. Runs an exec plug-in if it names one.
    /// </summary>
    /// <remarks>
    /// <paramref name="master"/> is the server's address in place of theirs; alone, a server that asks for no credentials.
    /// </remarks>
    /// <exception cref="SourceException">It is missing, malformed, or names what is missing; one line.</exception>
    public static KubernetesClientConfiguration Load(string kubeconfig, string? master = null)
    {
        if (master is null)
            return LoadConfigured(kubeconfig);
        KubernetesClientConfiguration config = kubeconfig.Length == 0 ? new KubernetesClientConfiguration() : LoadConfigured(kubeconfig);
        // client-go's DefaultServerURL: without a scheme, https where the kubeconfig has something of TLS.
        bool hasTls = config.SkipTlsVerify || config.SslCaCerts is { Count: > 0 } || !string.IsNullOrEmpty(config.ClientCertificateData)
            || !string.IsNullOrEmpty(config.ClientCertificateFilePath);
        string server = master.Contains("://", StringComparison.Ordinal) ? master : $"{(hasTls ? "https" : "http")}://{master}";
        if (!Uri.TryCreate(server, UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https")
            || address.Host.Length == 0)
            throw new SourceException($"--master: '{master}' is not the address of a server, such as https://10.0.0.1:6443.");
        config.Host = server;
        return config;
    }

    private static KubernetesClientConfiguration LoadConfigured(string kubeconfig)
    {
        if (kubeconfig.Length == 0)
            return LoadServiceAccount();
        try
        {
            if (!File.Exists(kubeconfig))
                throw new SourceException($"The kubeconfig {kubeconfig} does not exist.");
            K8SConfiguration read = KubernetesClientConfiguration.LoadKubeConfig(new FileInfo(kubeconfig));
            ContextDetails? context = read.Contexts?.FirstOrDefault(entry => entry.Name == read.CurrentContext)?.ContextDetails;
            string? user = context?.User;
            // The library takes a user without credentials that it knows for an error: one with a tokenFile, or with none because the
            // server asks for none.
            if (context is not null && read.Users?.FirstOrDefault(entry => entry.Name == user) is { } known
                && !HasCredentials(known.UserCredentials))
                context.User = "";
            KubernetesClientConfiguration config = KubernetesClientConfiguration.BuildConfigFromConfigObject(read);
            if (TokenFileOf(kubeconfig, user) is { } tokenFile)
                config.TokenProvider = new TokenFileAuth(tokenFile);
            return config;
        }
        // The library lets through whatever its parsers, the file system and plug-ins throw; a bad kubeconfig must not look like a crash.
        catch (Exception failure) when (failure is not SourceException)
        {
            throw new SourceException($"The kubeconfig {kubeconfig} cannot be used: {OneLine(failure)}", failure);
        }
    }

    private static KubernetesClientConfiguration LoadServiceAccount()
    {
        try
        {
            return KubernetesClientConfiguration.InClusterConfig();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            throw new SourceException(
                $"No kubeconfig is given and this is not a pod with a service account: {OneLine(failure)}", failure);
        }
    }

    /// <summary>
    /// The user's tokenFile, which kubeadm's kube-proxy uses and the library does not know; relative to the kubeconfig as client-go has it.
    /// </summary>
    internal static string? TokenFileOf(string kubeconfig, string? user)
    {
        using StreamReader text = File.OpenText(kubeconfig);
        var yaml = new YamlStream();
        yaml.Load(text);
        if (yaml.Documents is not [{ RootNode: YamlMappingNode root }, ..])
            return null;
        YamlNode? entry = (Child(root, "users") as YamlSequenceNode)?.Children
            .FirstOrDefault(entry => user is not null && TextOf(Child(entry, "name")) == user);
        string? path = TextOf(Child(Child(entry, "user"), "tokenFile"));
        return string.IsNullOrEmpty(path) ? null : Path.GetFullPath(path, Path.GetDirectoryName(Path.GetFullPath(kubeconfig))!);
    }

    internal static bool HasCredentials(UserCredentials? user) => user is not null
        && (user.ExternalExecution is not null || user.AuthProvider is not null
            || new[] { user.Token, user.UserName, user.ClientCertificate,
            user.ClientCertificateData }.Any(text => !string.IsNullOrEmpty(text)));

    private static YamlNode? Child(YamlNode? node, string name) =>
        node is YamlMappingNode mapping && mapping.Children.TryGetValue(new YamlScalarNode(name), out YamlNode? child) ? child : null;

    private static string? TextOf(YamlNode? node) => (node as YamlScalarNode)?.Value;

    internal static string OneLine(Exception failure) =>
        string.Join(' ', (failure.InnerException is YamlException inner ? inner.Message : failure.Message)
            .Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
