using System.Globalization;
using System.Text;

namespace Portolan.Testing.FakeApiServer;

/// <summary>Answers a list request, whole or page by page.</summary>
internal sealed class FakeList(FakeServer server, FakeRequest request)
{
    public async Task ServeAsync(Stream stream, FakeResponse response, CancellationToken stop)
    {
        FakeResource resource = request.Resource!;
        var selector = FakeSelector.Parse(request.Query.GetValueOrDefault("labelSelector"),
            request.Query.GetValueOrDefault("fieldSelector"));
        IReadOnlyList<FakeObject> all = server.Cluster.Snapshot(resource, selector, out long version);
        string after = "";
        if (request.Query.GetValueOrDefault("continue") is { Length: > 0 } token)
        {
            // "version:key"; later pages show the state of the first one, and cannot once it is compacted.
            string[] parts = token.Split(':', 2);
            long first = long.Parse(parts[0], CultureInfo.InvariantCulture);
            long since = first;
            if (server.Cluster.ChangesSince(resource, FakeSelector.All, ref since) is not { Count: 0 })
            {
                await FakeResponse.WriteStatusAsync(stream, 410, "The provided continue parameter is too old", null, stop);
                return;
            }
            (after, version) = (parts[1], first);
        }
        else if (long.TryParse(request.Query.GetValueOrDefault("resourceVersion"), CultureInfo.InvariantCulture, out long wanted)
            && wanted > version)
        {
            await FakeResponse.WriteStatusAsync(stream, 504, $"Too large resource version: {wanted}, current: {version}", null, stop);
            return;
        }
        int limit = int.TryParse(request.Query.GetValueOrDefault("limit"), CultureInfo.InvariantCulture, out int asked) && asked > 0
            ? Math.Min(asked, server.Options.LargestPage)
            : int.MaxValue;
        List<FakeObject> page = [.. all.Where(found => (request.Namespace is null || found.Namespace == request.Namespace)
            && string.CompareOrdinal(found.Key, after) > 0).Take(limit)];
        bool hasMore = page.Count > 0 && page.Count == limit && string.CompareOrdinal(all[^1].Key, page[^1].Key) > 0;
        string next = hasMore ? string.Create(CultureInfo.InvariantCulture, $",\"continue\":\"{version}:{page[^1].Key}\"") : "";

        await response.BeginAsync(stop);
        var buffer = new MemoryStream();
        buffer.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $$"""{"kind":"{{resource.Kind}}List","apiVersion":"{{resource.ApiVersion}}","metadata":{"resourceVersion":"{{version}}"{{next}}},"items":[""")));
        for (int i = 0; i < page.Count; i++)
        {
            if (i > 0)
                buffer.WriteByte((byte)',');
            buffer.Write(page[i].Json);
            if (buffer.Length > 32 << 10)
            {
                await response.WriteAsync(buffer.ToArray(), stop);
                buffer.SetLength(0);
            }
        }
        buffer.Write("]}\n"u8);
        await response.WriteAsync(buffer.ToArray(), stop);
        await response.EndAsync(stop);
    }
}
