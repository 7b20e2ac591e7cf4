using k8s;
using k8s.KubeConfigModels;

namespace Portolan.Sources.Api;

/// <summary>
/// Reads how a person's kubectl reaches the API server: --kubeconfig, else the files of KUBECONFIG, else ~/.kube/config, else the service
/// account of the pod this runs in.
/// </summary>
/// <remarks>
/// The rules are client-go's (tools/clientcmd/loader.go): of several files the first that has a name counts for it, files that do not
/// exist are passed over, and paths are relative to the file they stand in.
/// </remarks>
internal static class KubectlAccess
{
    /// <summary>Reads the configuration.</summary>
    /// <param name="kubeconfig">The file given on the command line; null for kubectl's own places.</param>
    /// <param name="context">The context to take instead of the current one; null for that.</param>
    /// <param name="environment">Value of an environment variable.</param>
    /// <exception cref="SourceException">There is none, or it cannot be used; one line.</exception>
    public static KubernetesClientConfiguration Load(string? kubeconfig, string? context, Func<string, string?> environment)
    {
        if (kubeconfig is not null && !File.Exists(kubeconfig))
            throw new SourceException($"The kubeconfig {kubeconfig} does not exist.");
        string[] places = kubeconfig is not null ? [kubeconfig] : Places(environment);
        string[] files = [.. places.Where(File.Exists)];
        if (files.Length == 0)
        {
            if (environment("KUBERNETES_SERVICE_HOST") is { Length: > 0 } && context is null)
                return ApiAccess.Load("");
            throw new SourceException($"No kubeconfig was found ({string.Join(", ", places)}): give one with --kubeconfig FILE or in " +
                "KUBECONFIG.");
        }
        string shown = string.Join(", ", files);
        try
        {
            return Build(files, context, shown);
        }
        // The library lets through whatever its parsers, the file system and plug-ins throw.
        catch (Exception failure) when (failure is not SourceException)
        {
            throw new SourceException($"The kubeconfig {shown} cannot be used: {ApiAccess.OneLine(failure)}", failure);
        }
    }

    private static string[] Places(Func<string, string?> environment)
    {
        string[] listed = (environment("KUBECONFIG") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return listed.Length > 0 ? listed : [Path.Combine(environment("HOME") ?? "/", ".kube", "config")];
    }

    private static KubernetesClientConfiguration Build(string[] files, string? wanted, string shown)
    {
        var merged = new K8SConfiguration { ApiVersion = "v1", Kind = "Config", FileName = Path.GetFullPath(files[0]) };
        var contexts = new Dictionary<string, Context>(StringComparer.Ordinal);
        var clusters = new Dictionary<string, Cluster>(StringComparer.Ordinal);
        var users = new Dictionary<string, User>(StringComparer.Ordinal);
        var tokenFiles = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string file in files)
        {
            K8SConfiguration read = KubernetesClientConfiguration.LoadKubeConfig(new FileInfo(file));
            string folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
            if (string.IsNullOrEmpty(merged.CurrentContext))
                merged.CurrentContext = read.CurrentContext;
            foreach (Context one in read.Contexts ?? [])
                contexts.TryAdd(one.Name, one);
            foreach (Cluster one in read.Clusters ?? [])
            {
                if (one.ClusterEndpoint is { } cluster)
                    cluster.CertificateAuthority = Absolute(cluster.CertificateAuthority, folder);
                clusters.TryAdd(one.Name, one);
            }
            foreach (User one in read.Users ?? [])
            {
                if (!users.TryAdd(one.Name, one))
                    continue;
                if (one.UserCredentials is { } user)
                {
                    user.ClientCertificate = Absolute(user.ClientCertificate, folder);
                    user.ClientKey = Absolute(user.ClientKey, folder);
                }
                if (ApiAccess.TokenFileOf(file, one.Name) is { } tokenFile)
                    tokenFiles[one.Name] = tokenFile;
            }
        }
        string name = wanted ?? merged.CurrentContext;
        if (string.IsNullOrEmpty(name))
            throw new SourceException($"The kubeconfig {shown} has no current-context: give one with --context NAME " +
                $"({string.Join(", ", contexts.Keys)}).");
        if (!contexts.TryGetValue(name, out Context? context))
            throw new SourceException($"The kubeconfig {shown} has no context '{name}'; it has {string.Join(", ", contexts.Keys)}.");
        string userName = context.ContextDetails?.User ?? "";
        // The library takes a user without credentials that it knows for an error.
        if (users.TryGetValue(userName, out User? known) && !ApiAccess.HasCredentials(known.UserCredentials)
            && context.ContextDetails is { } details)
            details.User = "";
        merged.CurrentContext = name;
        (merged.Contexts, merged.Clusters, merged.Users) = ([.. contexts.Values], [.. clusters.Values], [.. users.Values]);
        KubernetesClientConfiguration config = KubernetesClientConfiguration.BuildConfigFromConfigObject(merged);
        if (tokenFiles.TryGetValue(userName, out string? tokenPath))
            config.TokenProvider = new k8s.Authentication.TokenFileAuth(tokenPath);
        return config;
    }

    private static string Absolute(string? path, string folder) => string.IsNullOrEmpty(path) ? "" : Path.GetFullPath(path, folder);
}
