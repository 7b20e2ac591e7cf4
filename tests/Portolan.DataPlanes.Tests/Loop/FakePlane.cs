using System.Threading.Channels;
using Portolan.DataPlanes.Contract;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Tests.Loop;

/// <summary>What the loop asked of the plane; Delta is null for a reconcile.</summary>
internal sealed record PlaneCall(TableDelta? Delta)
{
    public IEnumerable<string> Services => Delta is null
        ? [] : Delta.Services.Select(change => change.Service.Name).Order(StringComparer.Ordinal);
}

/// <summary>A plane that tells what it is asked and answers as it is told.</summary>
internal sealed class FakePlane : IDataPlane
{
    private readonly Channel<PlaneCall> _calls = Channel.CreateUnbounded<PlaneCall>();

    /// <summary>How to answer; a plain success unless set.</summary>
    public Func<PlaneCall, SyncReport> Answer { get; set; } = _ => new SyncReport { Written = 1, Transactions = 1 };

    public string Mode => "fake";

    public event Action<string>? ExternallyModified;

    public PlaneSchedule Schedule { get; init; } = new(TimeSpan.FromSeconds(30));

    /// <summary>What the cheap look finds.</summary>
    public Func<string?> Finding { get; set; } = static () => null;

    public SyncReport Apply(TableDelta delta) => Take(new PlaneCall(delta));

    public SyncReport Reconcile() => Take(new PlaneCall((TableDelta?)null));

    public string? Check() => Finding();

    public void ModifyExternally(string what) => ExternallyModified?.Invoke(what);

    /// <summary>The next thing the loop asked for.</summary>
    public ValueTask<PlaneCall> NextCallAsync() => _calls.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public bool HasMoreCalls => _calls.Reader.Count > 0;

    public void Dispose()
    {
    }

    private SyncReport Take(PlaneCall call)
    {
        try
        {
            return Answer(call);
        }
        finally
        {
            _calls.Writer.TryWrite(call);
        }
    }
}
