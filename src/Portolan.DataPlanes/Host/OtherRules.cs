using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;

namespace Portolan.DataPlanes.Host;

/// <summary>
/// Rules of service proxies other than this process: of Portolan's other modes, and of a kube-proxy that ran here before. They are
/// removed once the new rules are in force, because two proxies' rules translate the same packets.
/// </summary>
public static class OtherRules
{
    /// <summary>Lets every kind of plane remove what it wrote; if one fails, the others still run.</summary>
    /// <param name="providers">All kinds of planes.</param>
    /// <param name="inForce">The plane whose rules stay; null to remove everything Portolan ever wrote.</param>
    public static CleanUpResult Remove(IEnumerable<IDataPlaneProvider> providers, IDataPlane? inForce)
    {
        ArgumentNullException.ThrowIfNull(providers);
        List<string> removed = [];
        List<CleanUpFailure> failures = [];
        foreach (IDataPlaneProvider provider in providers)
        {
            try
            {
                removed.AddRange(provider.CleanUp(inForce));
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                failures.Add(new(provider.Mode, failure.Message));
            }
        }
        return new([.. removed], [.. failures]);
    }
}

/// <summary>The result of a clean-up.</summary>
/// <param name="Removed">One entry for each thing removed.</param>
/// <param name="Failures">The modes whose rules could not be removed.</param>
public sealed record CleanUpResult(ImmutableArray<string> Removed, ImmutableArray<CleanUpFailure> Failures);

/// <summary>Rules that could not be removed.</summary>
/// <param name="Mode">The mode that wrote them.</param>
/// <param name="Reason">Why, for the operator.</param>
public sealed record CleanUpFailure(string Mode, string Reason)
{
    /// <summary>"iptables-nft-save cannot be started (mode iptables)".</summary>
    public override string ToString() => $"{Reason} (mode {Mode})";
}
