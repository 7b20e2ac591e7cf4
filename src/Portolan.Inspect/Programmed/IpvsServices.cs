using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Programmed;

/// <summary>
/// The addresses that kube-proxy serves in ipvs mode, by the ipsets it fills. No rule shows their services and endpoints.
/// </summary>
internal static class IpvsServices
{
    internal static IEnumerable<ProgrammedService> Read(Ruleset ruleset)
    {
        foreach (IpSet set in ruleset.IpSets.Values.OrderBy(set => set.Name, StringComparer.Ordinal))
        {
            (ProgrammedKind Kind, bool IsLocal)? known = KubeProxyIpvs.RoleOf(set.Name) switch
            {
                KubeIpvsSetRole.ClusterIPs => (ProgrammedKind.ClusterIP, false),
                KubeIpvsSetRole.LoadBalancers => (ProgrammedKind.LoadBalancer, false),
                KubeIpvsSetRole.ExternalIPs => (ProgrammedKind.ExternalIP, false),
                KubeIpvsSetRole.NodePorts => (ProgrammedKind.NodePort, false),
                _ => null,
            };
            if (known is not { } frontend)
                continue;
            foreach (IpSetEntry entry in set.Entries)
            {
                if (Of(entry, set, frontend.Kind) is { } service)
                    yield return service;
            }
        }
    }

    private static ProgrammedService? Of(IpSetEntry entry, IpSet set, ProgrammedKind kind)
    {
        (InetAddress Address, IpSetPort Port)? key = entry.Parts switch
        {
            [IpSetAddress address, IpSetPort port, ..] => (address.First, port),
            [IpSetPort port] => (default, port),
            _ => null,
        };
        if (key is not { } known || (kind == ProgrammedKind.NodePort) != (known.Address.Family == IpFamily.None))
            return null;
        // bitmap:port stores no protocol; the set's name says it.
        IpProtocol protocol = known.Port.Protocol != IpProtocol.None ? known.Port.Protocol
            : set.Name.Contains("UDP", StringComparison.Ordinal) ? IpProtocol.Udp : IpProtocol.Tcp;
        var frontend = new ProgrammedFrontend
        {
            Kind = kind,
            Address = known.Address,
            Port = known.Port.First,
            State = ProgrammedState.Unknown,
        };
        return new ProgrammedService
        {
            Id = frontend.Text,
            Protocol = protocol,
            Family = set.Family,
            Writer = RuleWriter.KubeProxyIpvs,
            Frontends = [frontend],
            Endpoints = [],
        };
    }
}
