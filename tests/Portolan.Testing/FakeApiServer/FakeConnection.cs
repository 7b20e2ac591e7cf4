using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Portolan.Testing.FakeApiServer;

/// <summary>One HTTP/1.1 connection of the fake.</summary>
internal sealed class FakeConnection(FakeServer server, Socket socket)
{
    private string _client = "";

    public void Cut()
    {
        try
        {
            // A reset rather than an orderly end: what a crashed server or a firewall looks like.
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (ObjectDisposedException)
        {
            return;
        }
        socket.Dispose();
    }

    public async Task ServeAsync(CancellationToken stop)
    {
        await using Stream stream = await OpenAsync(stop);
        var reader = new StreamReader(stream, Encoding.ASCII, false, 8192, leaveOpen: true);
        while (await reader.ReadLineAsync(stop) is { Length: > 0 } line)
        {
            string? authorization = null;
            int length = 0;
            var upgrade = new FakeUpgrade();
            while (await reader.ReadLineAsync(stop) is { Length: > 0 } header)
            {
                if (header.StartsWith("Authorization:", StringComparison.OrdinalIgnoreCase))
                    authorization = header["Authorization:".Length..].Trim();
                else if (header.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
                    length = int.Parse(header.AsSpan("Content-Length:".Length), NumberStyles.AllowLeadingWhite,
                        CultureInfo.InvariantCulture);
                else
                    upgrade.Note(header);
            }
            char[] body = new char[length];
            // Asked for nothing, the reader would still wait for a byte.
            if (length > 0)
                await reader.ReadBlockAsync(body, stop);
            string target = line.Split(' ')[1];
            if (line.StartsWith("POST ", StringComparison.Ordinal) && target.EndsWith("/events", StringComparison.Ordinal))
            {
                server.Events.Enqueue(new string(body));
                await FakeResponse.WriteAsync(stream, 201, new string(body), null, stop);
                continue;
            }
            if (upgrade.IsAsked)
            {
                await ServeExecAsync(stream, Parse(target, authorization), target, upgrade, stop);
                return;
            }
            await AnswerAsync(stream, Parse(target, authorization), new string(body), stop);
        }
    }

    private static FakeRequest Parse(string target, string? authorization)
    {
        string[] parts = target.Split('?', 2);
        Dictionary<string, string> query = parts.Length < 2 ? [] : parts[1].Split('&').Select(pair => pair.Split('=', 2))
            .GroupBy(pair => pair[0]).ToDictionary(same => same.Key, same => same.Last().Length > 1
                ? Uri.UnescapeDataString(same.Last()[1]) : "");
        // "/api/v1/namespaces/shop/services" lists those of one namespace.
        string[] words = parts[0].Split('/');
        int space = Array.IndexOf(words, "namespaces");
        string path = space > 0 && words.Length == space + 3 ? string.Join('/', [.. words[..space], words[space + 2]]) : parts[0];
        return new FakeRequest(FakeResource.All.FirstOrDefault(resource => resource.Path == path), parts[0], query, authorization)
        {
            Namespace = space > 0 ? words[space + 1] : null,
        };
    }

    private async Task ServeExecAsync(Stream stream, FakeRequest request, string target, FakeUpgrade upgrade, CancellationToken stop)
    {
        server.Requests.Enqueue(request);
        FakeFault fault = server.Fault(request) ?? new FakeFault();
        string[] words = request.Path.Split('/');
        FakePod? pod = words is [_, "api", "v1", "namespaces", string space, "pods", string name, "exec"]
            ? server.Pods.FirstOrDefault(one => one.Name == name && one.Namespace == space) : null;
        if (fault.Status != 0)
            await FakeResponse.WriteStatusAsync(stream, fault.Status, fault.Message ?? $"fault {fault.Status}", null, stop);
        else if (pod is null)
            await FakeResponse.WriteStatusAsync(stream, 404, $"pods {words[^2]} not found", null, stop);
        else if (fault.Silent)
            await Task.Delay(Timeout.Infinite, stop);
        else
        {
            string[] command = [.. target.Split('?')[1].Split('&')
                .Where(static pair => pair.StartsWith("command=", StringComparison.Ordinal))
                .Select(static pair => Uri.UnescapeDataString(pair["command=".Length..]))];
            using System.Net.WebSockets.WebSocket socket = await upgrade.AcceptAsync(stream, pod.Protocol, stop);
            server.CountExec(1);
            try
            {
                await pod.Exec(new FakeExec(socket, command, Cut)).WaitAsync(stop);
            }
            catch (System.Net.WebSockets.WebSocketException)
            {
                // The client went, or the connection was cut on purpose.
            }
            finally
            {
                server.CountExec(-1);
            }
        }
    }

    private async Task<Stream> OpenAsync(CancellationToken stop)
    {
        var plain = new NetworkStream(socket, ownsSocket: true);
        if (server.Options.Authority is not { } authority)
            return plain;
        var tls = new SslStream(plain);
        await tls.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                ServerCertificate = authority.ServerCertificate,
                ClientCertificateRequired = true,
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                    certificate is null || authority.HasSigned((X509Certificate2)certificate),
            },
            stop);
        _client = tls.RemoteCertificate?.Subject ?? "";
        return tls;
    }

    private string PodsOf(FakeRequest request, string space)
    {
        IEnumerable<string> pods = server.Pods.Where(pod => pod.Namespace == space && pod.Matches(
            request.Query.GetValueOrDefault("labelSelector"), request.Query.GetValueOrDefault("fieldSelector")))
            .Select(static pod => pod.ToJson());
        return $$"""{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{{string.Join(',', pods)}}]}""";
    }

    private async Task AnswerAsync(Stream stream, FakeRequest request, string body, CancellationToken stop)
    {
        if (request.Path.StartsWith("/control/", StringComparison.Ordinal))
        {
            string? answer = server.Control?.Invoke(request.Path["/control/".Length..], body);
            await FakeResponse.WriteAsync(stream, answer is null ? 404 : 200, answer ?? "", null, stop);
            return;
        }
        server.Requests.Enqueue(request);
        FakeFault fault = server.Fault(request) ?? new FakeFault();
        if (fault.Delay > TimeSpan.Zero)
            await Task.Delay(fault.Delay, stop);
        if (fault.Silent)
            await Task.Delay(Timeout.Infinite, stop);
        bool isKnown = _client.Length > 0 || server.Options.AcceptsToken is not { } accepts
            || (request.Authorization?.StartsWith("Bearer ", StringComparison.Ordinal) == true
            && accepts(request.Authorization["Bearer ".Length..]));
        if (!isKnown)
            await FakeResponse.WriteStatusAsync(stream, 401, "Unauthorized", null, stop);
        else if (request.Path.EndsWith("/pods", StringComparison.Ordinal) && request.Namespace is { } space && fault.Status == 0)
            await FakeResponse.WriteAsync(stream, 200, PodsOf(request, space), null, stop);
        else if (fault is { Status: not 0, Message: { } message })
            await FakeResponse.WriteStatusAsync(stream, fault.Status, message, fault.RetryAfter, stop);
        else if (request.Resource is null || (request.Resource == FakeResource.ServiceCidrs && !server.Options.HasServiceCidrs))
            await FakeResponse.WriteStatusAsync(stream, 404, "the server could not find the requested resource", null, stop);
        else if (fault.Status != 0 && !fault.InStream)
            await FakeResponse.WriteStatusAsync(stream, fault.Status, $"{request.Resource.Plural} is refused: fault {fault.Status}",
                fault.RetryAfter, stop);
        else if (request.IsWatch)
            await new FakeWatch(server, request, new FakeResponse(stream, fault, Cut)).ServeAsync(fault, stop);
        else
            await new FakeList(server, request).ServeAsync(stream, new FakeResponse(stream, fault, Cut), stop);
    }
}
