using Portolan.Inet;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;

namespace Portolan.Chart;

/// <summary>Source and destination of a traced packet, from what the user called them.</summary>
/// <param name="Source">The source address.</param>
/// <param name="Destination">The destination address, of the same family.</param>
/// <param name="Protocol">The protocol.</param>
/// <param name="Port">The destination port; null when none is given.</param>
internal sealed record PacketEnds(InetAddress Source, InetAddress Destination, IpProtocol Protocol, ushort? Port)
{
    /// <summary>Finds the addresses; null after an error that says what there is instead.</summary>
    internal static PacketEnds? Of(string source, string destination, string? protocol, ushort? port, ChartInput input, Routes routes,
        IReadOnlyCollection<InetPrefix> podRanges, ChartOutput chart)
    {
        IpProtocol transport = IpProtocol.Tcp;
        if (protocol is not null && !IpProtocols.TryParse(protocol, out transport))
        {
            return Fail(chart, $"--proto: '{protocol}' is not a protocol. Known: tcp, udp, sctp, icmp, icmpv6, or a number from 1 to 255.");
        }
        if (!ServiceNames.TryClient(source, "--src", chart, out ClientPlace[] places, out InetAddress? address))
            return null;
        var walker = new FrontendWalker(input.Rules, input.Services, input.Node, [.. podRanges], routes);
        ProgrammedService service;
        ProgrammedFrontend frontend;
        if (InetAddress.TryParse(destination, out InetAddress to))
        {
            service = Nobody(to.Family, transport);
            frontend = new ProgrammedFrontend { Kind = ProgrammedKind.ClusterIP, Address = to, Port = port ?? 0 };
        }
        else
        {
            if (Choose(destination, protocol is null ? null : transport, port, address?.Family, input, chart) is not { } found)
                return null;
            (service, frontend) = found;
            (to, transport, port) = (walker.DestinationOf(service, frontend), service.Protocol, frontend.Port);
        }
        if ((address ?? walker.SourceOf(places[0], service, frontend)) is not { } from)
            return Fail(chart, $"--src: the input shows no address of a {source}: give one, or --pod-cidr.");
        if (from.Family != to.Family)
            return Fail(chart, "--src and --dst are of different families.");
        return new PacketEnds(from, to, transport == IpProtocol.Icmp && to.Family == IpFamily.IPv6 ? IpProtocol.IcmpV6 : transport, port);
    }

    private static (ProgrammedService, ProgrammedFrontend)? Choose(string name, IpProtocol? protocol, ushort? port, IpFamily? family,
        ChartInput input, ChartOutput chart)
    {
        List<(ProgrammedService Service, ProgrammedFrontend[] Frontends)> all = ServiceNames.Find(name, input);
        if (all.Count == 0)
        {
            if (input.Find(ServiceNames.NameOf(name), null, chart).Count > 0)
                chart.Error($"--dst: '{name}' has no frontends in the input.");
            return null;
        }
        (ProgrammedService Service, ProgrammedFrontend Frontend)[] fitting =
        [
            .. all.Where(item => (protocol is null || item.Service.Protocol == protocol)
                    && (family is null || item.Service.Family == family))
                .SelectMany(item => item.Frontends.Where(frontend => (port is null || frontend.Port == port) && frontend.Port != 0)
                    .Take(1).Select(frontend => (item.Service, frontend))).OrderBy(item => item.Service.Family),
        ];
        if (fitting.Length == 0)
        {
            chart.Error($"--dst: {name} has no frontend of that protocol, port and family. It has "
                + $"{string.Join(", ", all.SelectMany(item => item.Frontends).Select(frontend => frontend.Text).Distinct())}.");
            return null;
        }
        string[] ports = [.. fitting.Select(item => item.Service.DisplayName).Distinct()];
        if (ports.Length == 1)
            return fitting[0];
        chart.Error($"--dst: '{name}' has several ports: give --dport, or one of {string.Join(", ", ports)}.");
        return null;
    }

    private static ProgrammedService Nobody(IpFamily family, IpProtocol protocol) => new()
    {
        Id = string.Empty,
        Protocol = protocol,
        Family = family,
        Writer = RuleWriter.KubeProxyIptables,
        Frontends = [],
        Endpoints = [],
    };

    private static PacketEnds? Fail(ChartOutput chart, string error)
    {
        chart.Error(error);
        return null;
    }
}
