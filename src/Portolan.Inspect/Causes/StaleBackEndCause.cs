using Portolan.Inet;
using Portolan.Inspect.Programmed;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Causes;

/// <summary>
/// Two back-ends have rules for the service, with other endpoints: a proxy left those of one when it went over to the other. At one hook
/// and priority the kernel calls the chain first that came last (nf_hook_entries_grow, net/netfilter/core.c), which no listing shows.
/// </summary>
internal sealed class StaleBackEndCause : Cause
{
    private const int MostNamed = 3;

    internal override CauseFound? Find(WhyCase question)
    {
        ProgrammedService one = question.Service;
        if (EndpointsOf(one) is not { } own)
            return null;
        ProgrammedService? other = question.Rivals.FirstOrDefault(rival => EndpointsOf(rival) is { } theirs && !theirs.SetEquals(own));
        if (other is null)
            return null;
        HashSet<InetEndpoint> others = EndpointsOf(other)!;
        string text = $"two back-ends have rules for it: {NameOf(one)} sends it to {Text(own)}, {NameOf(other)} to {Text(others)}";
        if (question.ServiceObject is { } service)
        {
            HashSet<InetAddress> current = [.. question.Cluster!.SlicesOf(service.Name).SelectMany(slice => slice.Endpoints)
                .Select(endpoint => endpoint.Address)];
            string[] stale = [.. new[] { (one, own), (other, others) }
                .Where(item => item.Item2.Any(endpoint => !current.Contains(endpoint.Address))).Select(item => NameOf(item.Item1))];
            if (stale is [var left])
                text += $"; {left} is stale: the slices do not have what it leads to";
        }
        return new CauseFound("stale-back-end", "served by two back-ends", text,
            "remove what a proxy left in one of them: its log, or iptables --version in its container, names the back-end it uses; " +
                "`portolan proxy --cleanup` removes all of them while no proxy runs");
    }

    private static string NameOf(ProgrammedService service) => service switch
    {
        { Writer: RuleWriter.Portolan } => "Portolan's table",
        { Writer: RuleWriter.KubeProxyNftables } => "kube-proxy's table of mode nftables",
        { Writer: RuleWriter.KubeProxyIptables } => BackEndOf(service) switch
        {
            RuleBackend.IptablesNft => "iptables (nft)",
            RuleBackend.IptablesLegacy => "iptables (legacy)",
            _ => "iptables",
        },
        { Writer: RuleWriter.KubeProxyIpvs or RuleWriter.PortolanIpvs or RuleWriter.Ipvs } => "ipvs",
        _ => "userspace mode",
    };

    private static RuleBackend? BackEndOf(ProgrammedService service) =>
        service.Frontends.Select(frontend => frontend.Place?.Table.Backend).FirstOrDefault(backend => backend is not null);

    // Null when the input does not show all of them.
    private static HashSet<InetEndpoint>? EndpointsOf(ProgrammedService service)
    {
        ProgrammedEndpoint[] all = [.. service.Endpoints.Concat(service.Frontends.SelectMany(frontend => frontend.Endpoints))];
        return Array.TrueForAll(all, endpoint => endpoint.Address.Family != IpFamily.None)
            ? [.. all.Select(endpoint => new InetEndpoint(endpoint.Address, endpoint.Port))] : null;
    }

    private static string Text(HashSet<InetEndpoint> endpoints) => endpoints.Count == 0 ? "no endpoint"
        : string.Join(", ", endpoints.Order().Take(MostNamed)) + (endpoints.Count > MostNamed ? ", ..." : string.Empty);
}
