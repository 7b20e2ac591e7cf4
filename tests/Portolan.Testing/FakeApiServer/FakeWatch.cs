using System.Globalization;
using System.Text;

namespace Portolan.Testing.FakeApiServer;

/// <summary>Answers a watch request until its time is up.</summary>
internal sealed class FakeWatch(FakeServer server, FakeRequest request, FakeResponse response)
{
    public async Task ServeAsync(FakeFault fault, CancellationToken stop)
    {
        FakeResource resource = request.Resource!;
        var selector = FakeSelector.Parse(request.Query.GetValueOrDefault("labelSelector"),
            request.Query.GetValueOrDefault("fieldSelector"));
        long version = long.Parse(request.Query["resourceVersion"], CultureInfo.InvariantCulture);
        double seconds = double.Parse(request.Query.GetValueOrDefault("timeoutSeconds") ?? "3600", CultureInfo.InvariantCulture);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        end.CancelAfter(TimeSpan.FromSeconds(seconds));
        await response.BeginAsync(stop);
        if (fault.Status != 0)
        {
            await WriteErrorAsync(fault.Status, $"fault {fault.Status}", stop);
            await response.EndAsync(stop);
            return;
        }
        try
        {
            while (true)
            {
                // Taken before the changes are read, so that none falls between.
                Task changed = server.Cluster.Changed;
                if (server.Cluster.ChangesSince(resource, selector, ref version) is not { } changes)
                {
                    await WriteErrorAsync(410, $"too old resource version: {version}", stop);
                    break;
                }
                foreach ((string type, byte[] json) in changes)
                    await WriteEventAsync(type, json, end.Token);
                Task waited = await Task.WhenAny(changed, Task.Delay(server.Options.BookmarkEvery, end.Token));
                if (waited != changed)
                {
                    end.Token.ThrowIfCancellationRequested();
                    await WriteEventAsync("BOOKMARK", Bookmark(resource, version), end.Token);
                }
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            await WriteEventAsync("BOOKMARK", Bookmark(resource, version), stop);
        }
        await response.EndAsync(stop);
    }

    private static byte[] Bookmark(FakeResource resource, long version) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
        $"{{\"kind\":\"{resource.Kind}\",\"apiVersion\":\"{resource.ApiVersion}\"," +
        $"\"metadata\":{{\"resourceVersion\":\"{version}\",\"creationTimestamp\":null}}}}"));

    private Task WriteErrorAsync(int code, string message, CancellationToken stop) => WriteEventAsync(
        "ERROR",
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{{}},\"status\":\"Failure\"," +
            $"\"message\":\"{message}\",\"code\":{code}}}")),
        stop);

    private Task WriteEventAsync(string type, byte[] json, CancellationToken stop) =>
        response.WriteAsync((byte[])[.. Encoding.ASCII.GetBytes($"{{\"type\":\"{type}\",\"object\":"), .. json, .. "}\n"u8], stop);
}
