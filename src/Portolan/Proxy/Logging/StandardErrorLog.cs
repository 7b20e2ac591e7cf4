using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Portolan.Proxy.Logging;

/// <summary>
/// Writes log lines to standard error from a thread of its own. Whoever reads them may be slow, or gone with the pipe still open: nobody
/// who logs ever waits. Lines beyond a limit are dropped and counted, and the number is logged once there is room again.
/// </summary>
internal sealed class StandardErrorLog : ILoggerProvider
{
    // Some megabytes at most.
    private const int MostLines = 8192;

    // What a service manager or a terminal needs to take the last lines of an orderly end.
    private static readonly TimeSpan s_lastWait = TimeSpan.FromMilliseconds(500);

    private readonly ConsoleFormatter _formatter;
    private readonly Stream _output;
    private readonly Queue<string> _lines = [];
    private readonly object _gate = new();
    private readonly Thread _writer;
    private long _dropped;
    private bool _isEnding;

    public StandardErrorLog(ConsoleFormatter formatter, Stream output)
    {
        (_formatter, _output) = (formatter, output);
        _writer = new Thread(Write, maxStackSize: 256 << 10) { IsBackground = true, Name = "log" };
        _writer.Start();
    }

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

    /// <summary>Waits a moment for lines that are on their way, and no longer.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isEnding = true;
            Monitor.PulseAll(_gate);
        }
        _writer.Join(s_lastWait);
    }

    private string Format<TState>(in LogEntry<TState> entry)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        _formatter.Write(entry, scopeProvider: null, text);
        return text.ToString();
    }

    private void Add(string line)
    {
        lock (_gate)
        {
            if (_lines.Count >= MostLines)
            {
                _dropped++;
                return;
            }
            if (_dropped > 0)
                _lines.Enqueue(TakeNotice());
            _lines.Enqueue(line);
            Monitor.Pulse(_gate);
        }
    }

    private string TakeNotice()
    {
        string notice = string.Create(CultureInfo.InvariantCulture,
            $"log: {_dropped} lines were dropped here, because standard error was not read as fast as they came");
        _dropped = 0;
        return Format(new LogEntry<string>(LogLevel.Warning, typeof(StandardErrorLog).FullName!, 1, notice, null,
            static (text, _) => text));
    }

    private void Write()
    {
        while (Next() is { } line)
        {
            try
            {
                _output.Write(Encoding.UTF8.GetBytes(line));
                _output.Flush();
            }
            catch (IOException)
            {
                // The reader is gone, or the disk is full: that may change, and there is nobody to tell.
            }
        }
    }

    /// <summary>The next line; null at the end.</summary>
    private string? Next()
    {
        lock (_gate)
        {
            while (true)
            {
                if (_lines.TryDequeue(out string? line))
                    return line;
                if (_dropped > 0)
                    return TakeNotice();
                if (_isEnding)
                    return null;
                Monitor.Wait(_gate);
            }
        }
    }

    private sealed class Category(StandardErrorLog log, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            string line = log.Format(new LogEntry<TState>(logLevel, name, eventId, state, exception, formatter));
            if (line.Length > 0)
                log.Add(line);
        }
    }
}
