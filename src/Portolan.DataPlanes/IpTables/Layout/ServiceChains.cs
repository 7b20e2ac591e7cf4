using Portolan.DataPlanes.IpTables.Model;
using Portolan.Inet;
using Portolan.Rules.Dialects;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>A chain for one port of a service, whose rules a layout puts together.</summary>
internal sealed class PortChain(string name, PortPlan port, Func<IReadOnlyList<IpRule>> rules) : RuleChain(ChainId.Nat(name))
{
    public override ObjectName? Owner => port.Name.Service;

    public override IReadOnlyList<IpRule> Rules() => rules();
}

/// <summary>KUBE-SEP-: translates to one endpoint of a port.</summary>
/// <param name="name">The chain's name.</param>
/// <param name="port">The port it is an endpoint of.</param>
/// <param name="endpoint">Address and port.</param>
/// <param name="isCommented">Its rules say whose they are.</param>
internal sealed class EndpointChain(string name, PortPlan port, InetEndpoint endpoint, bool isCommented) : RuleChain(ChainId.Nat(name))
{
    private static readonly JumpTarget s_mark = new(KubeProxyIptables.MarkMasquerade);

    public InetEndpoint Endpoint { get; } = endpoint;

    public override ObjectName? Owner => port.Name.Service;

    public override IReadOnlyList<IpRule> Rules()
    {
        string? comment = isCommented ? port.Name.ToString() : null;
        return
        [
            // An endpoint that connects to itself would answer itself: the reply has to come back through the node.
            new() { Source = PrefixMatch.Host(Endpoint.Address), Comment = comment, Target = s_mark },
            new()
            {
                Protocol = port.Name.Protocol,
                Comment = comment,
                Match = port.AffinitySeconds > 0 ? new RecentMatch(Name, Seconds: 0, port.Family) : null,
                Target = new DestinationTarget(Endpoint),
            },
        ];
    }
}
