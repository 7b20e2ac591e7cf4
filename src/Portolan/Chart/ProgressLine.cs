namespace Portolan.Chart;

/// <summary>A line on a terminal's standard error while an operation takes longer than half a second; removed afterwards.</summary>
internal sealed class ProgressLine : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Timer _timer;
    private readonly string _text;
    private bool _isShown;
    private bool _isOver;

    private ProgressLine(string text)
    {
        _text = text;
        _timer = new Timer(_ => Show(), null, TimeSpan.FromMilliseconds(500), Timeout.InfiniteTimeSpan);
    }

    internal static ProgressLine? Start(string text) => Console.IsErrorRedirected ? null : new ProgressLine(text);

    public void Dispose()
    {
        lock (_lock)
        {
            _isOver = true;
            if (_isShown)
                Console.Error.Write("\r\u001b[K");
        }
        _timer.Dispose();
    }

    private void Show()
    {
        lock (_lock)
        {
            if (_isOver)
                return;
            _isShown = true;
            Console.Error.Write($"{_text} ...");
        }
    }
}
