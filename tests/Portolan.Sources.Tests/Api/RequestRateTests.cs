using Portolan.Sources.Api;

namespace Portolan.Sources.Tests.Api;

/// <summary>clientConnection.qps and burst.</summary>
public sealed class RequestRateTests
{
    [Fact]
    public void A_burst_is_let_through_at_once_and_then_so_many_a_second()
    {
        var time = new SteppedTime();
        var rate = new RequestRate(5, 10, time);

        Task[] first = [.. Enumerable.Range(0, 10).Select(_ => rate.WaitAsync(Cancel))];
        Task[] later = [.. Enumerable.Range(0, 3).Select(_ => rate.WaitAsync(Cancel))];

        Assert.All(first, static wait => Assert.True(wait.IsCompleted));
        Assert.All(later, static wait => Assert.False(wait.IsCompleted));
        Assert.Equal([TimeSpan.FromSeconds(0.2), TimeSpan.FromSeconds(0.4), TimeSpan.FromSeconds(0.6)], time.Waits);
    }

    [Fact]
    public void Time_without_requests_fills_the_burst_again_and_no_further()
    {
        var time = new SteppedTime();
        var rate = new RequestRate(2, 3, time);
        for (int i = 0; i < 3; i++)
            Assert.True(rate.WaitAsync(Cancel).IsCompleted);

        time.Now += TimeSpan.FromMinutes(1);

        for (int i = 0; i < 3; i++)
            Assert.True(rate.WaitAsync(Cancel).IsCompleted);
        Assert.False(rate.WaitAsync(Cancel).IsCompleted);
    }

    [Fact]
    public void Below_zero_there_is_no_limit()
    {
        var rate = new RequestRate(-1, 1, new SteppedTime());

        for (int i = 0; i < 1000; i++)
            Assert.True(rate.WaitAsync(Cancel).IsCompleted);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private sealed class SteppedTime : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public List<TimeSpan> Waits { get; } = [];

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Waits.Add(dueTime);
            return System.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
