using System.Net;
using System.Net.Sockets;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Lab;

/// <summary>HTTP requests from inside a network namespace.</summary>
public static class LabHttp
{
    private static readonly TimeSpan s_patience = LabPatience.Factor * TimeSpan.FromSeconds(2);

    /// <summary>Makes the request on the calling thread's namespace; returns null or what is not as expected.</summary>
    public static string? Check(HttpProbe probe)
    {
        ArgumentNullException.ThrowIfNull(probe);
        IPAddress host = IPAddress.Parse(probe.Url.DnsSafeHost);
        // A socket belongs to the namespace of the thread that makes it; the client would make it on another one.
        using var socket = new Socket(host.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            ConnectCallback = async (context, cancel) =>
            {
                await socket.ConnectAsync(new IPEndPoint(host, probe.Url.Port), cancel);
                return new NetworkStream(socket);
            },
        };
        using var client = new HttpClient(handler) { Timeout = s_patience };
        try
        {
            using HttpResponseMessage answer = client.GetAsync(probe.Url).GetAwaiter().GetResult();
            string body = answer.Content.ReadAsStringAsync().GetAwaiter().GetResult();
            if ((int)answer.StatusCode != probe.Status)
                return $"{probe.Url} answered {(int)answer.StatusCode}, not {probe.Status}: {body}";
            if (probe.Contains is { } text && !body.Contains(text, StringComparison.Ordinal))
                return $"{probe.Url} answered without '{text}': {body}";
            string headers = answer.Headers.ToString() + answer.Content.Headers;
            return probe.Header is not { } line || headers.Contains(line, StringComparison.OrdinalIgnoreCase)
                ? null
                : $"{probe.Url} answered without the header '{line}':\n{headers}";
        }
        catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException)
        {
            return probe.Status == 0 ? null : $"{probe.Url} did not answer: {failure.Message}";
        }
    }
}
