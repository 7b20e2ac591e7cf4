using Portolan.Sources.Objects;

namespace Portolan.Sources.Api;

/// <summary>Reads all objects of one kind, page by page, as a stream.</summary>
internal static class ObjectLister
{
    private const int PageSize = 500;

    /// <summary>Lists a kind into a sink; returns the list's resource version, from which a watch continues.</summary>
    /// <param name="client">The connection to the server.</param>
    /// <param name="resource">The kind.</param>
    /// <param name="from">Resource version to list from: "0" for whatever the server has at hand, "" for its newest state.</param>
    /// <param name="timings">How long a list may pause.</param>
    /// <param name="time">The clock.</param>
    /// <param name="reader">Reads the objects.</param>
    /// <param name="sink">Takes them.</param>
    /// <param name="cancel">Ends the list.</param>
    /// <exception cref="ApiException">The server refuses, or has forgotten the list between two pages.</exception>
    public static async Task<string> ListAsync(
        ApiClient client, ApiResource resource, string from, ApiTimings timings, TimeProvider time, ObjectReader reader, ObjectSink sink,
            CancellationToken cancel)
    {
        sink.BeginList();
        string version = "";
        string continueToken = "";
        do
        {
            await using Stream body =
                await client.GetAsync(resource.ListUri(PageSize, from, continueToken), cancel).ConfigureAwait(false);
            using var watchdog = new IdleWatchdog(timings.ListIdle, time, cancel);
            var frames = new JsonFramer(body, FrameLayout.List);
            continueToken = "";
            for (FrameKind kind; (kind = await watchdog.ReadAsync(frames).ConfigureAwait(false)) != FrameKind.None;)
            {
                if (kind == FrameKind.Item)
                    await sink.TakeAsync(reader.Read(resource.Kind, frames.Frame), cancel).ConfigureAwait(false);
                else
                    (version, continueToken) = ListMetadata.Read(frames.Frame);
            }
        }
        while (continueToken.Length > 0);
        if (version.Length == 0)
            throw new InvalidDataException("a list without metadata.resourceVersion");
        await sink.EndListAsync(cancel).ConfigureAwait(false);
        return version;
    }
}
