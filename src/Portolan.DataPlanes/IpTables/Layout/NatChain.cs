using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.IpTables.Layout;

/// <summary>A chain of the nat table that is written whole: what is in it depends on one service, or on none.</summary>
/// <param name="name">The chain's name.</param>
/// <remarks>
/// Rules are made when somebody asks for them: a first sync needs the names of all chains before the first rule, and the rules of all services
/// would not fit into the memory it may take. For the same reason a chain holds on to no more than its rules are made from.
/// </remarks>
internal abstract class NatChain(string name)
{
    public string Name { get; } = name;

    /// <summary>The service it is for; null for none.</summary>
    public abstract ObjectName? Owner { get; }

    /// <summary>All of its rules without "-A CHAIN ", made anew at each call.</summary>
    public abstract List<string> Rules();
}

/// <summary>A chain for one port of a service, whose rules a layout puts together.</summary>
internal sealed class PortChain(string name, PortPlan port, Func<List<string>> rules) : NatChain(name)
{
    public override ObjectName? Owner => port.Name.Service;

    public override List<string> Rules() => rules();
}

/// <summary>A chain whose rules depend on no service.</summary>
internal sealed class FixedChain(string name, string[] rules) : NatChain(name)
{
    public override ObjectName? Owner => null;

    public override List<string> Rules() => [.. rules];
}

/// <summary>KUBE-SEP-: translates to one endpoint of a port.</summary>
/// <param name="name">The chain's name.</param>
/// <param name="port">The port it is an endpoint of.</param>
/// <param name="endpoint">Address and port.</param>
/// <param name="isCommented">Its rules say whose they are.</param>
internal sealed class EndpointChain(string name, PortPlan port, InetEndpoint endpoint, bool isCommented) : NatChain(name)
{
    public InetEndpoint Endpoint { get; } = endpoint;

    public override ObjectName? Owner => port.Name.Service;

    public override List<string> Rules()
    {
        string? comment = isCommented ? port.Name.ToString() : null;
        return
        [
            // An endpoint that dials itself would answer itself: the reply has to come back through the node.
            new RuleSpec { Source = InetPrefix.Host(Endpoint.Address).ToString(), Comment = comment, Target = ChainName.MarkMasquerade }.ToString(),
            new RuleSpec
            {
                Protocol = port.Name.Protocol,
                Comment = comment,
                Match = port.AffinitySeconds > 0 ? $"-m recent --set --name {Name} --mask {HostMask(port.Family)} --rsource" : null,
                Target = $"DNAT --to-destination {Endpoint}",
            }.ToString(),
        ];
    }

    /// <summary>How `-m recent` tells apart clients of a family: each address for itself.</summary>
    public static string HostMask(IpFamily family) =>
        family == IpFamily.IPv4 ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
}
