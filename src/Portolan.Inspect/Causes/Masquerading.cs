using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Causes;

/// <summary>Why a packet was not masqueraded.</summary>
internal static class Masquerading
{
    /// <summary>
    /// The rule of somebody else that ended the packet's walk through the nat rules of postrouting before one that masquerades; null when
    /// none did.
    /// </summary>
    internal static RuleRef? ExemptedBy(Outcome end)
    {
        RuleRef? last = end.Path.LastOrDefault(step => step.Hook == Hook.Postrouting && step.Place is { } place && IsNat(place))?.Place;
        return last is { Rule.Target: VerdictStatement { Verdict.Kind: VerdictKind.Accept } } && !RuleOwners.IsOfProxy(last) ? last : null;
    }

    private static bool IsNat(RuleRef place) => place.Table.Backend == RuleBackend.Nftables || place.Table.Name == "nat";
}
