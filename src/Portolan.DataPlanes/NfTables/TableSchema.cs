using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>Names and types of a family's table, its sets and maps, as operators and other tools see them.</summary>
internal static class TableSchema
{
    /// <summary>
    /// Clients remembered per affinity timeout. kube-proxy allows 65,535 per endpoint; here one set serves all services with that timeout.
    /// When it is full, new clients are served without affinity.
    /// </summary>
    internal const uint AffinityClients = 1 << 20;

    /// <summary>Capacity of a verdict map: its hash table is created for that many elements and does not grow.</summary>
    private const uint MaxVerdicts = 4096;

    internal static NfTableId Table(IpFamily family) => new(family.ToNfFamily(), PortolanTables.TableName);

    internal static string TableComment { get; } = PortolanTables.CommentOf(typeof(TableSchema).Assembly.GetName().Version);

    /// <summary>The name of a set; names of variants contain their number.</summary>
    internal static string Name(PortolanSet set, int variant = 0) => PortolanTables.Current.NameOf(set, variant);

    /// <summary>The set or map as it is created in the kernel.</summary>
    /// <param name="family">The table's family.</param>
    /// <param name="set">The kind.</param>
    /// <param name="variant">Prefix length or seconds, for kinds that have one.</param>
    /// <param name="withCounters">Whether packets to frontends that reject or drop are counted.</param>
    internal static NfSet Definition(IpFamily family, PortolanSet set, int variant = 0, bool withCounters = false)
    {
        ImmutableArray<ElementField> keyParts = ElementCodec.KeyOf(set), dataParts = ElementCodec.DataOf(set);
        PartTypes key = TypesOf(keyParts, family, isMap: !dataParts.IsEmpty);
        var definition = new NfSet(Table(family), Name(set, variant), key.Type)
        {
            UserData = new NfSetUserData { KeyByteOrder = key.ByteOrder, KeyTypeof = key.Typeof, Comment = Comment(set) },
        };
        if (set >= PortolanSet.Kinds)
            return definition with { Flags = NfSetFlags.Map, Data = NfDataType.Verdict, Size = MaxVerdicts };
        if (!dataParts.IsEmpty)
        {
            PartTypes data = TypesOf(dataParts, family, isMap: true);
            definition = definition with
            {
                Flags = NfSetFlags.Map,
                Data = data.Type,
                UserData = definition.UserData with { DataByteOrder = data.ByteOrder, DataTypeof = data.Typeof },
            };
        }
        if (set == PortolanSet.AffinityClients)
        {
            return definition with
            {
                Flags = NfSetFlags.Map | NfSetFlags.Dynamic | NfSetFlags.Timeout,
                Timeout = TimeSpan.FromSeconds(variant),
                Size = AffinityClients,
            };
        }
        return withCounters && set is PortolanSet.Counters or PortolanSet.SourceDropped or PortolanSet.NoEndpoints
            or PortolanSet.NoLocalEndpoints
            ? definition with { Flags = NfSetFlags.Expressions, Expressions = [new NfCounter()] }
            : definition;
    }

    /// <summary>The types of keys or data with these parts, for the kernel and for nft.</summary>
    private static PartTypes TypesOf(ImmutableArray<ElementField> parts, IpFamily family, bool isMap)
    {
        if (parts is [var only])
        {
            return only == ElementField.Destination
                ? new(TypeOf(only, family), NetworkOrder, null)
                : new(TrafficClass, HostOrder, isMap ? TypeofOf(only, family) : null);
        }
        NfDataType type = NfDataType.Concatenation([.. parts.Select(part => TypeOf(part, family))]);
        // nft has no type for an index, and requires keys and data of a map both as types or both as typeof (1.0.6 aborts otherwise).
        NfTypeof names = isMap || parts.Contains(ElementField.Source)
            ? NfTypeof.Concatenation([.. parts.Select(part => TypeofOf(part, family))])
            : NfTypeof.ConcatenationByType;
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

    private const uint Mixed = 0;
    private const uint HostOrder = 1;
    private const uint NetworkOrder = 2;

    // nft's datatype TYPE_CLASSID, the type of "meta priority".
    private static NfDataType TrafficClass => new(23, 4);

    private static string Comment(PortolanSet set) => set switch
    {
        PortolanSet.Frontends => "frontend : flags and number of endpoints",
        PortolanSet.NodePortFrontends => "the same for NodePorts, at every address in node-port-addresses",
        PortolanSet.InsideFrontends => "the same for pods and this node, where outside clients get local endpoints only",
        PortolanSet.Endpoints => "frontend and index : endpoint",
        PortolanSet.NodePortEndpoints => "the same for NodePorts",
        PortolanSet.NodePortAddresses => "addresses of this node that take NodePort traffic",
        PortolanSet.InsideEndpoints => "the same for pods and this node, where outside clients get local endpoints only",
        PortolanSet.AffinityPorts => "frontend : number of its service port",
        PortolanSet.AffinityIds => "frontend and index : affinity id of the endpoint",
        PortolanSet.InsideAffinityIds => "the same for pods and this node, where outside clients get local endpoints only",
        PortolanSet.AffinityEndpoints => "affinity id : endpoint",
        PortolanSet.AffinityClients => "client and number of the service port : affinity id of its endpoint",
        PortolanSet.ClusterIPs => "cluster IPs in use",
        PortolanSet.NoEndpoints => "frontends rejected for lack of endpoints",
        PortolanSet.NoLocalEndpoints => "frontends dropped for lack of endpoints on this node",
        PortolanSet.SourceRanges => "frontend and source range that may use it",
        PortolanSet.AffinityFrontends => "frontends with this affinity timeout in seconds",
        PortolanSet.Hairpin => "endpoints of this node talking to themselves",
        PortolanSet.SourceDropped => "new connections from outside the source ranges",
        PortolanSet.Counters => "new connections",
        PortolanSet.Picks or PortolanSet.NodePortPicks or PortolanSet.AffinityCounts or PortolanSet.NodePortAffinityCounts
            or PortolanSet.InsideAffinityCounts
            or PortolanSet.NodePortInsideAffinityCounts => "number of endpoints : chain that picks one",
        _ => "flags and number of endpoints : chain that serves such frontends",
    };
}
