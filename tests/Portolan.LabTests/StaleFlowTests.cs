using System.Net;
using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Testing.Scenarios;
using Portolan.Testing.Traffic;

namespace Portolan.LabTests;

/// <summary>
/// UDP flows whose service, endpoint or frontend goes: the kernel would send their packets on to where they went before for as long as the
/// sender sends (kubernetes/kubernetes#139628, #139629, #141371).
/// </summary>
public sealed class StaleFlowTests
{
    private const ushort NodePort = 30053;
    private static readonly IPEndPoint s_external = new(IPAddress.Parse("203.0.113.53"), 80);
    private static readonly IPEndPoint s_nodePort = new(NodeInABox.NodeAddressV4.ToIPAddress(), NodePort);

    public static TheoryData<string, bool> Cases { get; } = new(
        from variant in (string[])["nftables", "iptables nft modern linear", "iptables legacy modern tree", "iptables nft classic linear"]
        from isAway in (bool[])[false, true]
        select (variant, isAway));

    [Theory(DisableParallelization = true)]
    [MemberData(nameof(Cases))]
    public async Task Flows_of_a_service_that_is_deleted_end(string variant, bool isAway)
    {
        using ServiceInABox service = await StartAsync(variant);
        Change(service, isAway, () => service.Delete(Dns()));

        await EndsAsync(service, ServiceInABox.Udp(IpFamily.IPv4));
        await EndsAsync(service, s_external);
        await EndsAsync(service, s_nodePort);
    }

    [Theory(DisableParallelization = true)]
    [MemberData(nameof(Cases))]
    public async Task Flows_to_a_last_endpoint_end_when_it_goes(string variant, bool isAway)
    {
        using ServiceInABox service = await StartAsync(variant);
        Change(service, isAway, () => service.ServeFrom([]));

        await EndsAsync(service, ServiceInABox.Udp(IpFamily.IPv4));
        await EndsAsync(service, s_external);
        await EndsAsync(service, s_nodePort);
    }

    [Theory(DisableParallelization = true)]
    [MemberData(nameof(Cases))]
    public async Task Flows_by_an_external_IP_or_node_port_that_is_taken_away_end_and_others_stay(string variant, bool isAway)
    {
        using ServiceInABox service = await StartAsync(variant);
        Change(service, isAway, () => service.Apply(Dns()));

        await EndsAsync(service, s_external);
        await EndsAsync(service, s_nodePort);
        Assert.NotEqual(0, CountTranslated(service, ServiceInABox.Udp(IpFamily.IPv4)));
    }

    private static async Task<ServiceInABox> StartAsync(string variant)
    {
        Lab.SkipWithoutNamespaces();
        var service = new ServiceInABox(pods: 1, variant);
        try
        {
            JsonObject dns = Dns();
            dns["spec"]!["type"] = "NodePort";
            dns["spec"]!["externalIPs"] = new JsonArray(s_external.Address.ToString());
            dns["spec"]!["ports"]![0]!["nodePort"] = (int)NodePort;
            service.Apply(dns);
            await service.StartAsync();
            foreach (IPEndPoint dialled in (IPEndPoint[])[ServiceInABox.Udp(IpFamily.IPv4), s_external, s_nodePort])
            {
                await service.UntilAsync(
                    () => NamedClient.AskByDatagramAsync(service.Box.ClientSockets, dialled, TimeSpan.FromSeconds(1)),
                    ServiceInABox.Patience);
                Assert.NotEqual(0, CountTranslated(service, dialled));
            }
            return service;
        }
        catch
        {
            service.Dispose();
            throw;
        }
    }

    private static void Change(ServiceInABox service, bool isAway, Action change)
    {
        if (isAway)
            service.Stop(kill: true);
        change();
        if (isAway)
            service.StartOnly();
    }

    private static Task<TimeSpan> EndsAsync(ServiceInABox service, IPEndPoint dialled) => service.UntilAsync(
        () => Task.FromResult($"{CountTranslated(service, dialled)} flows to {dialled}"), TimeSpan.FromSeconds(20),
        static count => count.StartsWith("0 ", StringComparison.Ordinal));

    private static int CountTranslated(ServiceInABox service, IPEndPoint dialled) => TrackedConnections.To(
        service.Box.Node, IpProtocol.Udp, new InetEndpoint(InetAddress.From(dialled.Address), (ushort)dialled.Port))
        .Count(static flow => TrackedConnections.IsTranslated(flow));

    private static JsonObject Dns() => KubernetesObjects.Service("shop", "dns",
        [InetAddress.From(ServiceInABox.Udp(IpFamily.IPv4).Address), InetAddress.From(ServiceInABox.Udp(IpFamily.IPv6).Address)],
        ServiceInABox.Udp(IpFamily.IPv4).Port, "UDP");
}
