using Portolan.Inet;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Services.Node;

namespace Portolan.DataPlanes.Contract;

/// <summary>How rules of nf_tables recognise packets from pods, in every plane that writes some.</summary>
internal static class PodConditions
{
    /// <summary>
    /// Conditions on packets from pods: for pods one of them holds, for others all of the inverted ones. None without a detector.
    /// </summary>
    /// <param name="detector">How they are recognised.</param>
    /// <param name="family">The family.</param>
    /// <param name="isPod">False for the inverted ones.</param>
    internal static IEnumerable<NfExpression[]> Of(LocalDetector detector, IpFamily family, bool isPod) => detector.Mode switch
    {
        LocalDetection.Cidrs => detector.Cidrs.Where(cidr => cidr.Family == family)
            .Select(cidr => NfStatements.SourceIn(cidr, inverted: !isPod)),
        LocalDetection.Interface => [NfStatements.InputInterface(detector.Interface, isPrefix: false, inverted: !isPod)],
        LocalDetection.InterfacePrefix => [NfStatements.InputInterface(detector.Interface, isPrefix: true, inverted: !isPod)],
        _ => [],
    };
}
