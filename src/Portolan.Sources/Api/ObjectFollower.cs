using System.Net;
using Portolan.Sources.Objects;

namespace Portolan.Sources.Api;

/// <summary>
/// Keeps up with one kind of object: lists it, then watches from the list's version on, takes a broken watch up where it ended, and lists
/// again when the server has forgotten that far back. What has been sent always adds up to one state of the server.
/// </summary>
internal sealed class ObjectFollower(
    ApiResource resource,
    ApiSession session,
    ApiHealth health,
    ObjectSink sink,
    ApiTimings timings,
    TimeProvider time,
    Random random)
{
    // If the server keeps rejecting a watch for some other reason, requesting it again does not help.
    private const int RefusalsBeforeList = 3;

    private readonly ObjectReader _reader = new();
    private readonly Backoff _backoff = new(timings, time, random);
    private readonly TaskCompletionSource _listed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Where to list from ("0": whatever the server has at hand; "": its newest state), and where to watch from (null: list first).
    private string _listFrom = "0";
    private string? _watchFrom;
    private int _refusals;
    private int _failures;

    /// <summary>Completes when the first list is complete and sent, or when it is clear that this kind is not available.</summary>
    public Task Listed => _listed.Task;

    public async Task RunAsync(CancellationToken cancel)
    {
        while (true)
        {
            ApiClient client = session.Client;
            try
            {
                if (_watchFrom is null)
                    await ListAsync(client, cancel).ConfigureAwait(false);
                else
                    await WatchAsync(client, cancel).ConfigureAwait(false);
            }
            catch (ApiException refusal)
            {
                await RefusedAsync(client, refusal, cancel).ConfigureAwait(false);
            }
            catch (Exception failure) when (ApiFailures.IsOfTheConnection(failure))
            {
                // A connection that breaks while we are asked to end is part of the ending.
                cancel.ThrowIfCancellationRequested();
                // Connections end for many reasons, and the next one usually works: a watch that breaks is news when it cannot be resumed.
                if (_watchFrom is null || ++_failures > 1)
                    health.Failed(resource, ApiFailures.CauseOf(failure), ApiFailures.Describe(failure, client.Server));
                if (ApiFailures.IsOfTls(failure))
                    Renew(client);
                await _backoff.WaitAsync(null, cancel).ConfigureAwait(false);
            }
        }
    }

    private async Task ListAsync(ApiClient client, CancellationToken cancel)
    {
        string version = await ObjectLister.ListAsync(client, resource, _listFrom, timings, time, _reader, sink, cancel)
            .ConfigureAwait(false);
        _listFrom = version;
        _watchFrom = version;
        Worked(client);
        _listed.TrySetResult();
    }

    private async Task WatchAsync(ApiClient client, CancellationToken cancel)
    {
        int seconds = Math.Max(1, (int)(timings.WatchTime.TotalSeconds * (1 + random.NextDouble())));
        long began = time.GetTimestamp();
        bool isOpen = false;
        bool hasNews = false;
        try
        {
            await using Stream body = await client.GetAsync(resource.WatchUri(_watchFrom!, seconds), cancel).ConfigureAwait(false);
            isOpen = true;
            Worked(client);
            using var watchdog = new IdleWatchdog(timings.WatchIdle, time, cancel);
            var frames = new JsonFramer(body, FrameLayout.Stream);
            while (await watchdog.ReadAsync(frames).ConfigureAwait(false) != FrameKind.None)
            {
                await ApplyAsync(WatchEvent.Read(frames.Frame, resource.Kind, _reader), cancel).ConfigureAwait(false);
                hasNews = true;
            }
        }
        catch (TimeoutException) when (isOpen)
        {
            // Silent, but the connection may be alive: reopened at the same resource version, which costs one request.
        }
        finally
        {
            // Only a watch that brought something, or lived, shows that all is well: a list alone may go round in circles with it.
            if (hasNews || time.GetElapsedTime(began) > timings.LongestRetry)
            {
                _backoff.Reset();
                _refusals = 0;
            }
        }
        // Servers close watches at their time. One that closes them at once must not be asked in a tight loop.
        if (!hasNews && time.GetElapsedTime(began) < timings.FirstRetry)
            await _backoff.WaitAsync(null, cancel).ConfigureAwait(false);
    }

    private async Task ApplyAsync(WatchEvent change, CancellationToken cancel)
    {
        switch (change.Type)
        {
            case WatchEventType.Set:
                await sink.TakeAsync(change.Object, cancel).ConfigureAwait(false);
                break;
            case WatchEventType.Deleted:
                await sink.ForgetAsync(change.Object, cancel).ConfigureAwait(false);
                break;
            case WatchEventType.Error:
                throw change.Error!;
        }
        // After passing it on: a change that was not passed on is requested again.
        if (change.Object.ResourceVersion is { Length: > 0 } version)
            _watchFrom = version;
    }

    private async Task RefusedAsync(ApiClient client, ApiException refusal, CancellationToken cancel)
    {
        if (refusal.IsExpired || refusal.IsAhead)
        {
            // Neither is trouble: the list brings what is missing. Only a watch that fell behind may take what the server has at hand.
            _listFrom = refusal.IsExpired && _watchFrom is not null ? _watchFrom : "";
            _watchFrom = null;
        }
        else if (refusal.Status == HttpStatusCode.NotFound && !resource.IsRequired)
        {
            // An API server before 1.33 has no ServiceCIDR; after an upgrade it has.
            Worked(client);
            await GoOnWithoutAsync(cancel).ConfigureAwait(false);
            await Task.Delay(timings.UnavailableRetry, time, cancel).ConfigureAwait(false);
            return;
        }
        else
        {
            health.Failed(resource, ApiFailures.CauseOf(refusal, resource), ApiFailures.Describe(refusal, resource, client.Server));
            if (refusal.Status == HttpStatusCode.Unauthorized)
                Renew(client);
            if (refusal.Status == HttpStatusCode.Forbidden && !resource.IsRequired)
                await GoOnWithoutAsync(cancel).ConfigureAwait(false);
            if (_watchFrom is not null && refusal.Status != HttpStatusCode.TooManyRequests && ++_refusals >= RefusalsBeforeList)
                _watchFrom = null;
        }
        await _backoff.WaitAsync(refusal.RetryAfter, cancel).ConfigureAwait(false);
    }

    private void Worked(ApiClient client)
    {
        _failures = 0;
        health.Worked(resource, client.Server);
    }

    private async Task GoOnWithoutAsync(CancellationToken cancel)
    {
        if (_listed.Task.IsCompleted)
            return;
        sink.BeginList();
        await sink.EndListAsync(cancel).ConfigureAwait(false);
        _listed.TrySetResult();
    }

    private void Renew(ApiClient refused)
    {
        try
        {
            session.Renew(refused);
        }
        catch (SourceException unusable)
        {
            health.Failed(resource, "configuration", unusable.Message);
        }
    }
}
