using System.Text.Json;

namespace Portolan.WebConsole;

/// <summary>
/// The first screen of one input: at once what the rules show, and as soon as it has been worked out what <c>why</c> says of each service.
/// Worked out once for all viewers, and again when the input has changed.
/// </summary>
internal sealed class HomeCache(IQuestions questions, Action refreshed) : IDisposable
{
    // Asking again takes a processor for a moment: not more of it than a tenth.
    private const int LeastPause = 9;

    private readonly SemaphoreSlim _gate = new(1);
    private long _askedFor = -1;
    private ReadOnlyMemory<byte> _home;
    private Task _verdicts = Task.CompletedTask;

    /// <summary>The screen for a state of the input.</summary>
    /// <param name="revision">Grows when the input has changed.</param>
    /// <param name="stop">Ends the console.</param>
    internal async Task<ReadOnlyMemory<byte>> GetAsync(long revision, CancellationToken stop)
    {
        await _gate.WaitAsync(stop);
        try
        {
            if (_askedFor == revision)
                return _home;
            // What is known of the state before stays on the screen until there is more of this one.
            if (!_home.IsEmpty && !_verdicts.IsCompleted)
                return _home;
            if (_home.IsEmpty)
                _home = Screen(revision, isComplete: false, await questions.AskAsync(["services"], stop));
            _askedFor = revision;
            _verdicts = Task.Run(() => AskVerdictsAsync(revision, stop), stop);
            return _home;
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose() => _gate.Dispose();

    private async Task AskVerdictsAsync(long revision, CancellationToken stop)
    {
        long start = Environment.TickCount64;
        Answered answer = await questions.AskAsync(["services", "--why"], stop);
        // Rows without verdicts are better than none.
        _home = answer.Json.IsEmpty ? Told(revision, answer) : Screen(revision, isComplete: true, answer);
        refreshed();
        await Task.Delay(TimeSpan.FromMilliseconds(LeastPause * (Environment.TickCount64 - start)), stop);
    }

    // The screen as it is, with what went wrong.
    private ReadOnlyMemory<byte> Told(long revision, Answered answer)
    {
        using JsonDocument old = JsonDocument.Parse(_home);
        return ConsoleAnswers.Object(writer =>
        {
            WriteHead(writer, revision, isComplete: true, answer);
            old.RootElement.GetProperty("notes").WriteTo(Named(writer, "notes"));
            old.RootElement.GetProperty("rows").WriteTo(Named(writer, "rows"));
        });
    }

    private static Utf8JsonWriter Named(Utf8JsonWriter writer, string name)
    {
        writer.WritePropertyName(name);
        return writer;
    }

    private static void WriteHead(Utf8JsonWriter writer, long revision, bool isComplete, Answered answer)
    {
        writer.WriteNumber("revision", revision);
        writer.WriteBoolean("isComplete", isComplete);
        writer.WriteStartArray("messages");
        foreach (string message in answer.Messages)
            writer.WriteStringValue(message);
        writer.WriteEndArray();
    }

    private static ReadOnlyMemory<byte> Screen(long revision, bool isComplete, Answered answer) => ConsoleAnswers.Object(writer =>
    {
        WriteHead(writer, revision, isComplete, answer);
        if (answer.Json.IsEmpty)
        {
            writer.WriteStartArray("notes");
            writer.WriteEndArray();
            writer.WriteStartArray("rows");
            writer.WriteEndArray();
            return;
        }
        using JsonDocument services = JsonDocument.Parse(answer.Json);
        HomeRows.Write(writer, services.RootElement);
    });
}
