using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json;
using k8s.Exceptions;
using Portolan.Sources.Objects;

namespace Portolan.Sources.Api;

/// <summary>Failures to reach an API server, described for the operator.</summary>
internal static class ApiFailures
{
    /// <summary>The sort of trouble of a server that cannot be reached.</summary>
    public const string Connection = "connection";

    /// <summary>True for what a network, a server or a credential plug-in does to us; anything else is a fault of ours.</summary>
    public static bool IsOfTheConnection(Exception failure) => failure is HttpRequestException or IOException or SocketException
        or JsonException or InvalidDataException or TimeoutException or AuthenticationException || IsOfCredentials(failure);

    /// <summary>True when no TLS session came about: certificates may have been replaced.</summary>
    public static bool IsOfTls(Exception failure) =>
        failure is AuthenticationException or HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError };

    /// <summary>A short name for the sort of trouble, equal for what an operator would call the same.</summary>
    public static string CauseOf(Exception failure) =>
        IsOfTls(failure) ? "trust" : failure is JsonException or InvalidDataException ? "answers" : IsOfCredentials(failure)
        ? "credentials" : Connection;

    /// <inheritdoc cref="CauseOf(Exception)"/>
    public static string CauseOf(ApiException refusal, ApiResource resource) =>
        refusal.Status is HttpStatusCode.Unauthorized or HttpStatusCode.TooManyRequests
        ? refusal.Status.ToString() : $"{refusal.Status} {resource.Plural}";

    /// <summary>What went wrong and what stays in force, for a source that keeps retrying.</summary>
    public static string Describe(Exception failure, Uri server) => $"{Reason(failure, server)}; the last state stays in force";

    /// <summary>What went wrong.</summary>
    public static string Reason(Exception failure, Uri server)
    {
        string reason = failure is EndOfStreamException or HttpIOException
            ? "it closed the connection"
            : Text.Printable(Innermost(failure).Message.TrimEnd('.'));
        return CauseOf(failure) switch
        {
            "trust" =>
                $"TLS with the API server at {server} failed: {reason}. Check certificate-authority and the client certificate",
            "answers" => $"the API server at {server} sent an invalid response ({reason})",
            "credentials" => $"no credentials for the API server at {server}: {reason}",
            _ => $"the API server at {server} cannot be reached ({reason})",
        };
    }

    public static string Describe(ApiException refusal, ApiResource resource, Uri server) => refusal.Status switch
    {
        HttpStatusCode.Forbidden =>
            $"not allowed to list and watch {resource.Plural}: the proxy's user needs the verbs list and watch on {resource.Plural} " +
            "in API group "
            + $"\"{resource.Group}\" (ClusterRole system:node-proxier has them). The server says: {refusal.Message}",
        HttpStatusCode.Unauthorized => $"the API server at {server} does not accept our credentials ({refusal.Message})",
        HttpStatusCode.TooManyRequests => $"the API server at {server} is busy (429) and wants us to wait",
        _ => $"the API server at {server} answers {(int)refusal.Status} to a request for {resource.Plural} ({refusal.Message})",
    };

    private static bool IsOfCredentials(Exception failure) => failure is KubeConfigException or KubernetesClientException;

    private static Exception Innermost(Exception failure) => failure.InnerException is { } inner ? Innermost(inner) : failure;
}
