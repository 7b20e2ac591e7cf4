using System.Collections.Immutable;
using System.Globalization;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.DataPlanes.NfTables;

/// <summary>Names and types of a family's table, its sets and maps: what operators and other tools see.</summary>
internal static class TableSchema
{
    internal const string TableName = "portolan";

    /// <summary>Changes with any change of types or meaning that an older or newer Portolan could not read; then the table is replaced.</summary>
    internal const int Layout = 1;

    /// <summary>
    /// Clients remembered per affinity timeout. kube-proxy allows 65,535 per endpoint; here one set serves all services with that timeout.
    /// When it is full, new clients are served without affinity.
    /// </summary>
    internal const uint AffinityClients = 1 << 20;

    internal static NfTableId Table(IpFamily family) => new(family.ToNfFamily(), TableName);

    internal static string TableComment { get; } =
        $"portolan {typeof(TableSchema).Assembly.GetName().Version?.ToString(3)} layout {Layout.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>The name of a set; variants of a kind carry their number.</summary>
    internal static string Name(ElementSet set, int variant = 0) => set switch
    {
        ElementSet.Endpoints => "endpoints",
        ElementSet.NodePortEndpoints => "node-port-endpoints",
        ElementSet.NodePortAddresses => "node-port-addresses",
        ElementSet.InsideEndpoints => "inside-endpoints",
        ElementSet.AffinityIds => "affinity-ids",
        ElementSet.InsideAffinityIds => "inside-affinity-ids",
        ElementSet.AffinityEndpoints => "affinity-endpoints",
        ElementSet.ClusterIPs => "cluster-ips",
        ElementSet.Masquerade => "masquerade-always",
        ElementSet.ExternalLocal => "external-local",
        ElementSet.NoEndpoints => "no-endpoints",
        ElementSet.NoLocalEndpoints => "no-local-endpoints",
        ElementSet.SourceRestricted => "source-restricted",
        ElementSet.SourceRanges => FormattableString.Invariant($"source-ranges-{variant}"),
        ElementSet.AffinityFrontends => FormattableString.Invariant($"affinity-frontends-{variant}"),
        ElementSet.Hairpin => "hairpin",
        ElementSet.Counters => "frontend-counters",
        ElementSet.SourceDropped => "source-dropped",
        _ => throw new ArgumentOutOfRangeException(nameof(set)),
    };

    /// <summary>The kind a set's name stands for; false for the dynamic sets and for names that are not ours.</summary>
    internal static bool TryParseName(string name, out ElementSet set, out int variant)
    {
        foreach (ElementSet candidate in Enum.GetValues<ElementSet>())
        {
            set = candidate;
            if (candidate is not (ElementSet.SourceRanges or ElementSet.AffinityFrontends))
            {
                variant = 0;
                if (name == Name(candidate))
                    return true;
                continue;
            }
            string stem = Name(candidate, 0)[..^1];
            if (name.StartsWith(stem, StringComparison.Ordinal)
                && int.TryParse(name.AsSpan(stem.Length), NumberStyles.None, CultureInfo.InvariantCulture, out variant)
                && name == Name(candidate, variant))
                return true;
        }
        (set, variant) = (default, 0);
        return false;
    }

    /// <summary>The dynamic set in which the kernel remembers clients of one affinity timeout.</summary>
    internal static string ClientsName(int seconds) => FormattableString.Invariant($"affinity-{seconds}");

    /// <summary>The set or map as the kernel is told to make it.</summary>
    /// <param name="family">The table's family.</param>
    /// <param name="set">The kind.</param>
    /// <param name="variant">Prefix length or seconds, for kinds that have one.</param>
    /// <param name="withCounters">Whether frontends that are refused or dropped count the packets.</param>
    internal static NfSet Definition(IpFamily family, ElementSet set, int variant = 0, bool withCounters = false)
    {
        ImmutableArray<ElementField> keyParts = ElementCodec.KeyOf(set), dataParts = ElementCodec.DataOf(set);
        PartTypes key = TypesOf(keyParts, family);
        var definition = new NfSet(Table(family), Name(set, variant), key.Type)
        {
            UserData = new NfSetUserData { KeyByteOrder = key.ByteOrder, KeyTypeof = key.Typeof, Comment = Comment(set) },
        };
        if (!dataParts.IsEmpty)
        {
            PartTypes data = TypesOf(dataParts, family);
            return definition with
            {
                Flags = NfSetFlags.Map,
                Data = data.Type,
                UserData = definition.UserData with { DataByteOrder = data.ByteOrder, DataTypeof = data.Typeof },
            };
        }
        return set is ElementSet.Counters or ElementSet.SourceDropped
            || (withCounters && set is ElementSet.NoEndpoints or ElementSet.NoLocalEndpoints)
            ? Counted(definition)
            : definition;
    }

    /// <summary>How the kernel and nft are told of keys or data with these parts.</summary>
    private static PartTypes TypesOf(ImmutableArray<ElementField> parts, IpFamily family)
    {
        if (parts is [var only])
            return only == ElementField.AffinityId ? new(TrafficClass, HostOrder, TypeofOf(only, family)) : new(TypeOf(only, family), NetworkOrder, null);
        NfDataType type = NfDataType.Concatenation([.. parts.Select(part => TypeOf(part, family))]);
        // Only the names of the parts tell nft how to print them, where their types do not.
        NfTypeof names = parts.SequenceEqual(ElementCodec.Frontend)
            ? NfTypeof.ConcatenationByType
            : NfTypeof.Concatenation([.. parts.Select(part => TypeofOf(part, family))]);
        return new(type, Mixed, names);
    }

    private static NfDataType TypeOf(ElementField part, IpFamily family) => part switch
    {
        ElementField.Destination or ElementField.Source => NfDataType.Address(family),
        ElementField.Protocol => NfDataType.InetProtocol,
        ElementField.Port => NfDataType.InetService,
        ElementField.Index => NfDataType.Integer(4),
        _ => TrafficClass,
    };

    private static NfTypeof TypeofOf(ElementField part, IpFamily family) => part switch
    {
        ElementField.Destination => family == IpFamily.IPv4 ? NfTypeof.IPv4Destination : NfTypeof.IPv6Destination,
        ElementField.Source => family == IpFamily.IPv4 ? NfTypeof.IPv4Source : NfTypeof.IPv6Source,
        ElementField.Protocol => NfTypeof.Meta(NfMetaKey.TransportProtocol),
        ElementField.Port => NfTypeof.TransportDestinationPort,
        // The modulus is only for nft to print; every rule has its own.
        ElementField.Index => NfTypeof.NumberGenerator(NfNumberGeneratorKind.Random, 65536),
        _ => NfTypeof.Meta(NfMetaKey.Priority),
    };

    private readonly record struct PartTypes(NfDataType Type, uint ByteOrder, NfTypeof? Typeof);

    private static NfSet Counted(NfSet set) => set with { Flags = NfSetFlags.Expressions, Expressions = [new NfCounter()] };

    /// <summary>The dynamic set of clients of one affinity timeout.</summary>
    internal static NfSet Clients(IpFamily family, int seconds)
    {
        PartTypes key = TypesOf(ElementCodec.Client, family);
        return new(Table(family), ClientsName(seconds), key.Type)
        {
            Flags = NfSetFlags.Dynamic | NfSetFlags.Timeout,
            Timeout = TimeSpan.FromSeconds(seconds),
            Size = AffinityClients,
            UserData = new NfSetUserData
            {
                KeyByteOrder = key.ByteOrder,
                KeyTypeof = key.Typeof,
                Comment = "clients and the affinity id of their endpoint",
            },
        };
    }

    private const uint Mixed = 0;
    private const uint HostOrder = 1;
    private const uint NetworkOrder = 2;

    // nft's datatype TYPE_CLASSID, the type of "meta priority".
    private static NfDataType TrafficClass => new(23, 4);

    private static string Comment(ElementSet set) => set switch
    {
        ElementSet.Endpoints => "frontend and index : endpoint",
        ElementSet.NodePortEndpoints => "the same for NodePorts, at every address in node-port-addresses",
        ElementSet.NodePortAddresses => "addresses of this node that take NodePort traffic",
        ElementSet.InsideEndpoints => "the same for pods and this node, where outside clients get local endpoints only",
        ElementSet.AffinityIds => "frontend and index : affinity id of the endpoint",
        ElementSet.InsideAffinityIds => "the same for pods and this node, where outside clients get local endpoints only",
        ElementSet.AffinityEndpoints => "affinity id : endpoint",
        ElementSet.ClusterIPs => "cluster IPs in use",
        ElementSet.Masquerade => "frontends whose clients are masqueraded",
        ElementSet.ExternalLocal => "external frontends with externalTrafficPolicy Local",
        ElementSet.NoEndpoints => "frontends refused for lack of endpoints",
        ElementSet.NoLocalEndpoints => "frontends dropped for lack of endpoints on this node",
        ElementSet.SourceRestricted => "frontends with loadBalancerSourceRanges",
        ElementSet.SourceRanges => "frontend and source range that may use it",
        ElementSet.AffinityFrontends => "frontends with this affinity timeout in seconds",
        ElementSet.Hairpin => "endpoints of this node talking to themselves",
        ElementSet.SourceDropped => "new connections from outside the source ranges",
        _ => "new connections",
    };
}
