using Portolan.DataPlanes.Contract;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables;

/// <summary>
/// An <see cref="IpTablesPlane"/> that looks by itself, every <see cref="IpTablesPlane.CheckPeriod"/>, whether somebody changed its rules.
/// </summary>
public sealed class PeriodicChecks : IDataPlane
{
    private readonly Lock _gate = new();
    private readonly IpTablesPlane _plane;
    private readonly ITimer _timer;

    /// <summary>Takes a plane over.</summary>
    public PeriodicChecks(IpTablesPlane plane, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(plane);
        ArgumentNullException.ThrowIfNull(time);
        _plane = plane;
        _timer = time.CreateTimer(_ => Check(), null, plane.CheckPeriod, plane.CheckPeriod);
    }

    /// <inheritdoc/>
    public event Action<string>? ExternallyModified;

    /// <inheritdoc/>
    public string Mode => _plane.Mode;

    /// <summary>The plane itself.</summary>
    public IpTablesPlane Plane => _plane;

    /// <inheritdoc/>
    public SyncReport Apply(TableDelta delta, NodeFacts node)
    {
        lock (_gate)
            return _plane.Apply(delta, node);
    }

    /// <inheritdoc/>
    public SyncReport Reconcile()
    {
        lock (_gate)
            return _plane.Reconcile();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer.Dispose();
        _plane.Dispose();
    }

    private void Check()
    {
        // A sync is at work: it sees for itself.
        if (!_gate.TryEnter())
            return;
        string? finding;
        try
        {
            finding = _plane.Check();
        }
        finally
        {
            _gate.Exit();
        }
        if (finding is not null)
            ExternallyModified?.Invoke(finding);
    }
}
