using System.Threading.Channels;
using Portolan.DataPlanes.Contract;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Tests.Loop;

/// <summary>What the loop asked of the plane; Delta is null for a comparison.</summary>
internal sealed record PlaneCall(TableDelta? Delta, NodeFacts? Node)
{
    public IEnumerable<string> Services => Delta is null ? [] : Delta.Services.Select(change => change.Service.Name).Order(StringComparer.Ordinal);
}

/// <summary>A plane that tells what it is asked and answers as it is told.</summary>
internal sealed class FakePlane : IDataPlane
{
    private readonly Channel<PlaneCall> _calls = Channel.CreateUnbounded<PlaneCall>();

    /// <summary>How to answer; a plain success unless set.</summary>
    public Func<PlaneCall, SyncReport> Answer { get; set; } = _ => new SyncReport { Written = 1, Transactions = 1 };

    public string Mode => "fake";

    public event Action<string>? ExternallyModified;

    public SyncReport Apply(TableDelta delta, NodeFacts node) => Take(new PlaneCall(delta, node));

    public SyncReport Reconcile() => Take(new PlaneCall(null, null));

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
