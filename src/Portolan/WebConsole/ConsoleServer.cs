using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Portolan.Inspect.Answers;
using Portolan.Rules.Model;
using Portolan.Sources;

namespace Portolan.WebConsole;

/// <summary>
/// Serves the console: the page's files, and answers of the chart as JSON. Read-only; the one thing that anybody may send is a file to be
/// looked at. Each address is described in docs/console.md.
/// </summary>
internal sealed class ConsoleServer : IDisposable
{
    /// <summary>The parameter that names a dropped file.</summary>
    internal const string SourceKey = "source";

    /// <summary>The parameter that names one of several nodes.</summary>
    internal const string NodeKey = "node";

    private const string Api = "/api/";
    private const string Ask = "/api/ask/";
    private const int LongestWatch = 60;

    private static readonly JsonDocument s_noAnswer = JsonDocument.Parse("null");

    private readonly ConsoleSetup _setup;
    private readonly RequestGuard _guard;
    private readonly DroppedFiles _dropped;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stop;
    private readonly System.Runtime.CompilerServices.ConditionalWeakTable<ConsoleInput, HomeCache> _homes = [];
    private long _revision = 1;

    /// <param name="setup">What the console shows.</param>
    /// <param name="guard">Who may ask.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends the streams of events.</param>
    internal ConsoleServer(ConsoleSetup setup, RequestGuard guard, TimeProvider time, CancellationToken stop)
    {
        (_setup, _guard, _time, _stop) = (setup, guard, time, stop);
        _dropped = new DroppedFiles(time);
    }

    /// <summary>Everybody who looks at the page.</summary>
    internal EventStreams Viewers { get; } = new();

    /// <summary>The input has changed: whoever looks asks again.</summary>
    internal void Changed()
    {
        long revision = Interlocked.Increment(ref _revision);
        Viewers.Send("revision", RevisionJson(revision));
    }

    public void Dispose() => _dropped.Dispose();

    /// <summary>Answers one request.</summary>
    internal async Task HandleAsync(HttpContext context)
    {
        try
        {
            if (await _guard.AdmitAsync(context))
                await AnswerAsync(context);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException && context.RequestAborted.IsCancellationRequested)
        {
            // The page was closed meanwhile.
        }
    }

    private async Task AnswerAsync(HttpContext context)
    {
        string path = context.Request.Path.Value ?? "/";
        if (!path.StartsWith(Api, StringComparison.Ordinal))
        {
            if (await PageFiles.TrySendAsync(context, path))
                return;
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            await ConsoleAnswers.TextAsync(context, PageFiles.ArePresent ? "404 page not found" : ConsoleCommand.NoPage);
            return;
        }
        if (path == "/api/drop")
        {
            await TakeFileAsync(context);
            return;
        }
        if (HttpMethods.IsPost(context.Request.Method))
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status405MethodNotAllowed, "Only a file can be sent here.");
            return;
        }
        if (InputOf(context.Request) is not { } input)
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status404NotFound, context.Request.Query.ContainsKey(SourceKey)
                ? "The dropped file has been forgotten: files are kept in memory for half an hour. Drop it again."
                : "The console does not know this node.");
            return;
        }
        await (path switch
        {
            "/api/state" => ConsoleAnswers.JsonAsync(context, State(input)),
            "/api/home" => HomeAsync(context, input),
            "/api/costs" => CostsAsync(context, input),
            "/api/objects" => ObjectsAsync(context, input),
            "/api/matrix" => MatrixAsync(context),
            "/api/timeline" => TimelineAsync(context),
            "/api/events" => Viewers.FollowAsync(context,
                EventStreams.Frame("revision", RevisionJson(Interlocked.Read(ref _revision))), _stop),
            "/api/watch" => WatchAsync(context, input),
            _ when path.StartsWith(Ask, StringComparison.Ordinal) => AskAsync(context, input, path[Ask.Length..]),
            _ => ConsoleAnswers.ErrorAsync(context, StatusCodes.Status404NotFound, "There is nothing at this address."),
        });
    }

    private ConsoleInput? InputOf(HttpRequest request)
    {
        if (request.Query[SourceKey] is [{ } source])
            return _dropped.Find(source);
        if (request.Query[NodeKey] is [{ } node])
            return _setup.Nodes.FirstOrDefault(item => item.Name == node).Input;
        return _setup.Input;
    }

    private ReadOnlyMemory<byte> State(ConsoleInput input) => ConsoleAnswers.Object(writer =>
    {
        writer.WriteNumber("revision", Interlocked.Read(ref _revision));
        writer.WriteString("kind", input.Kind);
        writer.WriteString("title", input.Title);
        writer.WriteString("version", typeof(ConsoleServer).Assembly.GetName().Version?.ToString(3));
        writer.WriteString("readAt", input.ReadAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        writer.WriteStartArray("nodes");
        foreach ((string name, _) in _setup.Nodes)
            writer.WriteStringValue(name);
        writer.WriteEndArray();
        writer.WriteBoolean("hasCluster", input.HasCluster);
        writer.WriteBoolean("canWatch", input.Questions is IWatch);
        writer.WriteBoolean("hasTimeline", _setup.Timeline is not null);
        writer.WriteString("command", input.Questions.InputOf("why"));
        writer.WritePropertyName("input");
        if (input.Account is { } account)
            JsonSerializer.Serialize(writer, account, AnswersJsonContext.Default.AnswerInput);
        else
            writer.WriteNullValue();
    });

    private async Task HomeAsync(HttpContext context, ConsoleInput input)
    {
        HomeCache home = _homes.GetValue(input, asked => new HomeCache(asked.Questions, Refreshed));
        await ConsoleAnswers.JsonAsync(context, await home.GetAsync(Interlocked.Read(ref _revision), _stop));
    }

    // The same state, of which more is known.
    private void Refreshed() => Viewers.Send("revision", RevisionJson(Interlocked.Read(ref _revision)));

    private static async Task AskAsync(HttpContext context, ConsoleInput input, string name)
    {
        string error = AskedCommand.Unknown;
        // What waits for packets has an address of its own.
        if (name == "watch" || AskedCommand.Read(name, context.Request.Query, out error) is not { } command)
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status400BadRequest, error);
            return;
        }
        Answered answer = await input.Questions.AskAsync(command.Arguments, context.RequestAborted);
        // Unknown outcomes nest.
        var deep = new JsonDocumentOptions { MaxDepth = 512 };
        using JsonDocument? parsed = answer.Json.IsEmpty ? null : JsonDocument.Parse(answer.Json, deep);
        string shown = input.Questions.InputOf(name) is { Length: > 0 } more ? $"{command.Text} {more}" : command.Text;
        await ConsoleAnswers.JsonAsync(context, ConsoleAnswers.Object(writer =>
        {
            writer.WriteString("command", shown);
            writer.WriteNumber("status", answer.Status);
            writer.WriteStartArray("messages");
            foreach (string message in answer.Messages)
                writer.WriteStringValue(message);
            writer.WriteEndArray();
            writer.WritePropertyName("answer");
            (parsed ?? s_noAnswer).WriteTo(writer);
        }));
    }

    private static async Task CostsAsync(HttpContext context, ConsoleInput input)
    {
        Answered answer = await input.Questions.AskAsync(["services"], context.RequestAborted);
        if (answer.Json.IsEmpty)
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status503ServiceUnavailable, string.Join(" ", answer.Messages));
            return;
        }
        using JsonDocument services = JsonDocument.Parse(answer.Json);
        await ConsoleAnswers.JsonAsync(context, Costs.Of(services.RootElement));
    }

    private async Task ObjectsAsync(HttpContext context, ConsoleInput input)
    {
        string? service = context.Request.Query["service"];
        string? yaml = null;
        try
        {
            if (service is not null && input.HasCluster && _setup.Objects is { } objects)
                yaml = await objects(service, context.RequestAborted);
        }
        catch (SourceException refusal)
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status502BadGateway, refusal.Message);
            return;
        }
        if (yaml is null)
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status404NotFound, input.HasCluster
                ? "The cluster has no such service." : "The console was not told where the cluster's objects are.");
            return;
        }
        string[] parts = service!.Split('/', 2);
        await ConsoleAnswers.JsonAsync(context, ConsoleAnswers.Object(writer =>
        {
            writer.WriteString("yaml", yaml);
            writer.WriteString("command", ShellText.Of(["kubectl", "get", "service", parts[^1], "-n", parts[0], "-o", "yaml"]) + " && "
                + ShellText.Of(["kubectl", "get", "endpointslices", "-n", parts[0], "-l", $"kubernetes.io/service-name={parts[^1]}", "-o",
                    "yaml"]));
        }));
    }

    private async Task MatrixAsync(HttpContext context)
    {
        if (_setup.Nodes.Count < 2)
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status404NotFound,
                "One node alone cannot be compared: start the console with --node NAME for each of several.");
            return;
        }
        await ConsoleAnswers.JsonAsync(context, await NodeMatrix.AskAsync(_setup.Nodes, context.RequestAborted));
    }

    private Task TimelineAsync(HttpContext context) => _setup.Timeline is { } timeline
        ? ConsoleAnswers.JsonAsync(context, timeline())
        : ConsoleAnswers.ErrorAsync(context, StatusCodes.Status404NotFound,
            "What happened is known to a running proxy: 'portolan proxy --console 127.0.0.1:8484' shows it.");

    private async Task WatchAsync(HttpContext context, ConsoleInput input)
    {
        if (input.Questions is not IWatch watch || AskedCommand.Read("watch", context.Request.Query, out string error) is not { } command)
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status400BadRequest,
                "Real packets can be waited for on a live node only.");
            return;
        }
        // It puts a table of its own into the kernel: not for a page of another site.
        if (!RequestGuard.IsOfOwnPage(context.Request))
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status403Forbidden, "Only the console's own page may ask this.");
            return;
        }
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stop);
        await EventStreams.BeginAsync(context);
        using var one = new SemaphoreSlim(1);
        int status = await watch.WatchAsync(
            [.. AskedCommand.With(command.Arguments, ["--count=1", $"--seconds={LongestWatch.ToString(CultureInfo.InvariantCulture)}"])],
            async (line, isMessage) =>
            {
                await one.WaitAsync(end.Token);
                try
                {
                    await EventStreams.WriteAsync(context, EventOf(line, isMessage));
                }
                finally
                {
                    one.Release();
                }
            }, end.Token);
        await EventStreams.WriteAsync(context, EventStreams.Frame("end",
            $$"""{"status":{{status.ToString(CultureInfo.InvariantCulture)}}}"""));
    }

    private static string EventOf(string line, bool isMessage)
    {
        if (isMessage || !line.StartsWith('{'))
        {
            return EventStreams.Frame("message", Encoding.UTF8.GetString(ConsoleAnswers.Object(writer =>
                writer.WriteString("text", string.Join(' ', Answered.Lines(line)))).Span));
        }
        using JsonDocument json = JsonDocument.Parse(line);
        return EventStreams.Frame(json.RootElement.TryGetProperty("kind", out _) ? "step" : "packet", line);
    }

    private async Task TakeFileAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (!HttpMethods.IsPost(request.Method))
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status405MethodNotAllowed, "A file is sent with POST.");
            return;
        }
        // Before anything is answered: what is not read would end the connection before the answer.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = DroppedFiles.Longest;
        if (!RequestGuard.IsOfOwnPage(request))
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status403Forbidden, "Only the console's own page may send files.");
            return;
        }
        if (request.ContentLength > DroppedFiles.Longest)
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status413PayloadTooLarge,
                "The file is longer than 64 MiB. 'portolan console --rules FILE' reads larger ones.");
            return;
        }
        byte[] bytes;
        try
        {
            using var body = new MemoryStream((int)(request.ContentLength ?? 0));
            await request.Body.CopyToAsync(body, context.RequestAborted);
            bytes = body.Length == body.Capacity ? body.GetBuffer() : body.ToArray();
        }
        catch (BadHttpRequestException refused)
        {
            await ConsoleAnswers.ErrorAsync(context, refused.StatusCode, "The file is longer than 64 MiB, or came incomplete.");
            return;
        }
        string name = NameOf(request);
        (ConsoleInput? input, IReadOnlyList<string> messages, int services) = await Task.Run(() => _setup.Open(name, bytes));
        if (input is null)
        {
            await ConsoleAnswers.ErrorAsync(context, StatusCodes.Status400BadRequest, messages.Count > 0 ? string.Join(" ", messages)
                : "No rules were found in it.");
            return;
        }
        string id = _dropped.Add(input);
        await ConsoleAnswers.JsonAsync(context, ConsoleAnswers.Object(writer =>
        {
            writer.WriteString("source", id);
            writer.WriteString("name", name);
            writer.WriteNumber("bytes", bytes.Length);
            writer.WriteNumber("services", services);
            writer.WriteStartArray("messages");
            foreach (string message in messages)
                writer.WriteStringValue(message);
            writer.WriteEndArray();
        }));
    }

    // Only shown.
    private static string NameOf(HttpRequest request)
    {
        string name = Uri.UnescapeDataString(request.Headers["X-File-Name"].ToString());
        name = ShownText.Of(Path.GetFileName(name));
        return name.Length is > 0 and <= 200 ? name : "dropped text";
    }

    private static string RevisionJson(long revision) => $$"""{"revision":{{revision.ToString(CultureInfo.InvariantCulture)}}}""";
}
