using System.Globalization;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Dialects;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Programmed;

/// <summary>Reads services from the chains that kube-proxy wrote in userspace mode: each leads to a port of kube-proxy itself.</summary>
internal static class UserspaceServices
{
    internal static IEnumerable<ProgrammedService> Read(RuleTable nat)
    {
        IpFamily family = nat.Family == TableFamily.Ip ? IpFamily.IPv4 : IpFamily.IPv6;
        var builders = new Dictionary<(string, IpProtocol), ProgrammedServiceBuilder>();
        foreach (string name in (ReadOnlySpan<string>)[KubeProxyUserspace.Portals, KubeProxyUserspace.NodePorts])
        {
            if (nat.FindChain(name) is not { } chain)
                continue;
            for (int index = 0; index < chain.Rules.Length; index++)
                Add(builders, new RuleRef(nat, chain, index), family);
        }
        return builders.Values.Select(builder => builder.Build());
    }

    private static void Add(Dictionary<(string, IpProtocol), ProgrammedServiceBuilder> builders, RuleRef place, IpFamily family)
    {
        var key = RuleKey.Of(place.Rule);
        if (key.Port is not { } port || place.Rule.Target is not NatStatement { Range: { HasPorts: true } range })
            return;
        string name = ServiceText.NameIn(place.Rule.Comment) ?? place.Chain.Name;
        if (!builders.TryGetValue((name, key.Protocol), out ProgrammedServiceBuilder? builder))
        {
            builders[(name, key.Protocol)] = builder = new ProgrammedServiceBuilder(name, key.Protocol, family,
                RuleWriter.KubeProxyUserspace)
            { Name = ServiceText.NameIn(place.Rule.Comment) };
        }
        var endpoint = new ProgrammedEndpoint(default, 0, 1,
            string.Create(CultureInfo.InvariantCulture, $"port {range.FirstPort} of kube-proxy on this node"), string.Empty);
        builder.Add(new ProgrammedFrontend
        {
            Kind = key.Destination is null ? ProgrammedKind.NodePort : ProgrammedKind.ClusterIP,
            Address = key.Destination ?? default,
            Port = port,
            Endpoints = [endpoint],
            State = ProgrammedState.Served,
            Place = place,
        });
    }
}
