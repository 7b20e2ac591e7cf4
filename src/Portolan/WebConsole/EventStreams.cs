using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Http;

namespace Portolan.WebConsole;

/// <summary>
/// Server-sent events for everybody who looks at the page. A viewer that does not read gets the newest events when it reads again, and
/// holds nobody else up.
/// </summary>
internal sealed class EventStreams
{
    // A page that has missed more asks for everything again.
    private const int MostWaiting = 64;
    private const int MostViewers = 32;
    private static readonly TimeSpan s_sign = TimeSpan.FromSeconds(15);

    private readonly Lock _gate = new();
    private readonly List<Channel<string>> _viewers = [];
    private TaskCompletionSource _someone = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>True while somebody looks.</summary>
    internal bool HasViewers
    {
        get
        {
            using Lock.Scope held = _gate.EnterScope();
            return _viewers.Count > 0;
        }
    }

    /// <summary>Completes when somebody looks.</summary>
    internal Task WaitForViewerAsync(CancellationToken cancel)
    {
        using Lock.Scope held = _gate.EnterScope();
        return _viewers.Count > 0 ? Task.CompletedTask : _someone.Task.WaitAsync(cancel);
    }

    /// <summary>Sends an event to all viewers.</summary>
    /// <param name="name">The event's name.</param>
    /// <param name="json">Its data: JSON in one line.</param>
    internal void Send(string name, string json)
    {
        using Lock.Scope held = _gate.EnterScope();
        foreach (Channel<string> viewer in _viewers)
            viewer.Writer.TryWrite(Frame(name, json));
    }

    /// <summary>An event as it is sent.</summary>
    internal static string Frame(string name, string json) => $"event: {name}\ndata: {json}\n\n";

    /// <summary>Opens a stream of events.</summary>
    internal static Task BeginAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        return context.Response.Body.FlushAsync(context.RequestAborted);
    }

    internal static async Task WriteAsync(HttpContext context, string frame)
    {
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(frame), context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    /// <summary>Answers with the events until the viewer goes away or the console ends.</summary>
    internal async Task FollowAsync(HttpContext context, string first, CancellationToken stop)
    {
        Channel<string> viewer = Channel.CreateBounded<string>(
            new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropOldest });
        using (_gate.EnterScope())
        {
            if (_viewers.Count >= MostViewers)
            {
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                return;
            }
            _viewers.Add(viewer);
            _someone.TrySetResult();
        }
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stop);
        try
        {
            await BeginAsync(context);
            await WriteAsync(context, first);
            while (true)
            {
                // A comment now and then: only by writing does one notice that the viewer is gone.
                Task<bool> next = viewer.Reader.WaitToReadAsync(end.Token).AsTask();
                if (await Task.WhenAny(next, Task.Delay(s_sign, end.Token)) != next)
                    await WriteAsync(context, ":\n\n");
                end.Token.ThrowIfCancellationRequested();
                while (viewer.Reader.TryRead(out string? frame))
                    await WriteAsync(context, frame);
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            // The viewer closed the page, or the console ends.
        }
        finally
        {
            using Lock.Scope held = _gate.EnterScope();
            _viewers.Remove(viewer);
            if (_viewers.Count == 0 && _someone.Task.IsCompleted)
                _someone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
