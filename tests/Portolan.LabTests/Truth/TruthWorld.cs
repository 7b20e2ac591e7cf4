using System.Globalization;
using Portolan.Inet;

namespace Portolan.LabTests.Truth;

/// <summary>The addresses that random rules and random packets are made of, in one family; some rules hit many packets, some few.</summary>
internal sealed class TruthWorld
{
    private readonly string _externalPrefix;
    private readonly string _podPrefix;
    private readonly string _format;

    private TruthWorld(IpFamily family, string externalPrefix, string podPrefix, string format) =>
        (Family, _externalPrefix, _podPrefix, _format) = (family, externalPrefix, podPrefix, format);

    internal static TruthWorld IPv4 { get; } = new(IpFamily.IPv4, "203.0.113.", "10.180.0.", "D")
    {
        Node = "192.168.0.2",
        PodRange = "10.180.0.0/24",
        Sources = ["203.0.113.0/24", "203.0.113.2/32", "203.0.113.0/26", "10.180.0.0/24", "10.180.0.200/32", "0.0.0.0/1", "192.168.0.2/32"],
        Destinations = ["172.30.0.0/16", "172.30.0.10/32", "192.168.0.2/32", "10.180.0.0/24", "198.51.100.0/24"],
        Ranges = ["10.180.0.0-203.0.113.40", "172.30.0.0-172.30.0.10", "192.168.0.0-192.168.0.255"],
        Targets = ["10.180.0.10", "10.180.0.11", "198.51.100.7", "192.168.0.2", "10.180.0.10-10.180.0.12", "198.51.100.16-198.51.100.23"],
        PacketDestinations = ["172.30.0.10", "172.30.0.11", "192.168.0.2", "10.180.0.10", "198.51.100.7"],
        Netmap = "10.180.0.0/24",
        SourceRange = "192.168.0.2-192.168.0.4",
        Rejects = ["icmp-port-unreachable", "icmp-net-unreachable", "icmp-host-unreachable", "icmp-proto-unreachable",
            "icmp-net-prohibited",
            "icmp-host-prohibited", "icmp-admin-prohibited"],
    };

    internal static TruthWorld IPv6 { get; } = new(IpFamily.IPv6, "2001:db8:203::", "fd00:10:180::", "x")
    {
        Node = "fd00:192::2",
        PodRange = "fd00:10:180::/64",
        Sources = ["2001:db8:203::/48", "2001:db8:203::2/128", "2001:db8:203::/122", "fd00:10:180::/64", "fd00:10:180::c8/128", "2000::/3",
            "fd00:192::2/128"],
        Destinations = ["fd00:172:30::/48", "fd00:172:30::10/128", "fd00:192::2/128", "fd00:10:180::/64", "2001:db8:100::/64"],
        Ranges = ["2001:db8:203::-2001:db8:203::40", "fd00:172:30::-fd00:172:30::10", "fd00:192::-fd00:192::ff"],
        Targets = ["fd00:10:180::10", "fd00:10:180::11", "2001:db8:100::7", "fd00:192::2", "fd00:10:180::10-fd00:10:180::12",
            "2001:db8:100::10-2001:db8:100::17"],
        PacketDestinations = ["fd00:172:30::10", "fd00:172:30::11", "fd00:192::2", "fd00:10:180::10", "2001:db8:100::7"],
        Netmap = "fd00:10:180::/112",
        SourceRange = "fd00:192::2-fd00:192::4",
        Rejects = ["icmp6-port-unreachable", "icmp6-no-route", "icmp6-addr-unreachable", "icmp6-adm-prohibited", "icmp6-policy-fail",
            "icmp6-reject-route"],
    };

    internal IpFamily Family { get; }

    internal bool IsIPv4 => Family == IpFamily.IPv4;

    internal required string Node { get; init; }

    internal required string PodRange { get; init; }

    internal required string[] Sources { get; init; }

    internal required string[] Destinations { get; init; }

    internal required string[] Ranges { get; init; }

    /// <summary>Addresses and ranges to translate destinations to.</summary>
    internal required string[] Targets { get; init; }

    internal required string[] PacketDestinations { get; init; }

    internal required string Netmap { get; init; }

    /// <summary>Addresses to translate sources to.</summary>
    internal required string SourceRange { get; init; }

    internal required string[] Rejects { get; init; }

    /// <summary>A node with an address of each family, and pods behind it.</summary>
    internal static TruthSite Site { get; } = new(
        [InetAddress.Parse(IPv4.Node), InetAddress.Parse(IPv6.Node)], [InetPrefix.Parse(IPv4.PodRange), InetPrefix.Parse(IPv6.PodRange)]);

    /// <summary>A client outside; the numbers below 16 are those that rules know.</summary>
    internal string External(int number) => _externalPrefix + number.ToString(_format, CultureInfo.InvariantCulture);

    /// <summary>A pod; rules know number 200.</summary>
    internal string Pod(int number) => _podPrefix + number.ToString(_format, CultureInfo.InvariantCulture);
}
