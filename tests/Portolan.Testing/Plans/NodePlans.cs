using Portolan.Services.Node;
using Portolan.Services.Planning;
using Portolan.Services.Plans;

namespace Portolan.Testing.Plans;

/// <summary>Deltas of a node whose addresses a test chooses, whatever the configuration would make of them.</summary>
public static class NodePlans
{
    /// <summary>What changed since the last drain, for a node with these addresses now.</summary>
    public static TableDelta DrainAt(this ServiceTable table, AddressPlan addresses)
    {
        ArgumentNullException.ThrowIfNull(table);
        TableDelta delta = table.Drain();
        return delta with { Node = table.NodePlan with { Addresses = addresses } };
    }

    /// <summary>A whole picture, for a node with these addresses.</summary>
    public static TableDelta At(this TableDelta whole, AddressPlan addresses)
    {
        ArgumentNullException.ThrowIfNull(whole);
        return whole with { Node = (whole.Node ?? NodePlan.None) with { Addresses = addresses } };
    }
}
