using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Portolan.Inet;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.NfTables;

/// <summary>A part of an element's key or data. The kernel keeps each in registers of 4 bytes, one part after the other.</summary>
internal enum ElementField : byte
{
    /// <summary>A destination address, network byte order.</summary>
    Destination,

    /// <summary>A source address, network byte order; for a range its first address.</summary>
    Source,

    /// <summary>The number of a transport protocol: one byte, then zeros.</summary>
    Protocol,

    /// <summary>A destination port: two bytes in network byte order, then zeros.</summary>
    Port,

    /// <summary>The index of an endpoint, below the frontend's number of endpoints, host byte order.</summary>
    Index,

    /// <summary>An affinity id, or that of a service port (<see cref="AffinityIds"/>), host byte order.</summary>
    AffinityId,

    /// <summary>Flags and number of endpoints of a frontend (<see cref="PortolanFrontend.Value"/>), host byte order.</summary>
    Frontend,
}

/// <summary>The parts of an element; those its set does not have are empty.</summary>
internal record struct ElementFields
{
    /// <summary><see cref="ElementField.Destination"/>.</summary>
    internal InetAddress Destination { get; set; }

    /// <summary><see cref="ElementField.Source"/>.</summary>
    internal InetAddress Source { get; set; }

    /// <summary><see cref="ElementField.Protocol"/>.</summary>
    internal IpProtocol Protocol { get; set; }

    /// <summary><see cref="ElementField.Port"/>.</summary>
    internal ushort Port { get; set; }

    /// <summary><see cref="ElementField.Index"/>.</summary>
    internal uint Index { get; set; }

    /// <summary><see cref="ElementField.AffinityId"/>.</summary>
    internal uint AffinityId { get; set; }

    /// <summary><see cref="ElementField.Frontend"/>.</summary>
    internal uint Value { get; set; }

    /// <summary>The frontend that the parts name.</summary>
    internal readonly FrontendKey Frontend => new(Destination, Protocol, Port);

    /// <summary>The endpoint that the parts name.</summary>
    internal readonly InetEndpoint Endpoint => new(Destination, Port);
}

/// <summary>
/// The only place that defines what the keys and data of each set consist of: types for the kernel, registers of rules, bytes of elements
/// and the text of messages follow from it.
/// </summary>
internal static class ElementCodec
{
    private static readonly ImmutableArray<ElementField> s_address = [ElementField.Destination];
    private static readonly ImmutableArray<ElementField> s_pair = [ElementField.Source, ElementField.Destination];
    private static readonly ImmutableArray<ElementField> s_frontendAndIndex =
        [ElementField.Destination, ElementField.Protocol, ElementField.Port, ElementField.Index];
    private static readonly ImmutableArray<ElementField> s_frontendAndSource =
        [ElementField.Destination, ElementField.Protocol, ElementField.Port, ElementField.Source];
    private static readonly ImmutableArray<ElementField> s_endpoint = [ElementField.Destination, ElementField.Port];
    private static readonly ImmutableArray<ElementField> s_affinityId = [ElementField.AffinityId];
    private static readonly ImmutableArray<ElementField> s_affinityIdAndProtocol = [ElementField.AffinityId, ElementField.Protocol];
    private static readonly ImmutableArray<ElementField> s_client = [ElementField.Source, ElementField.AffinityId];
    private static readonly ImmutableArray<ElementField> s_value = [ElementField.Frontend];

    /// <summary>The parts of a set's keys, in order. Keys of verdict maps are numbers that the packet's priority may have.</summary>
    internal static ImmutableArray<ElementField> KeyOf(PortolanSet set) => set switch
    {
        PortolanSet.Endpoints or PortolanSet.NodePortEndpoints or PortolanSet.InsideEndpoints or PortolanSet.AffinityIds
            or PortolanSet.InsideAffinityIds => s_frontendAndIndex,
        PortolanSet.AffinityEndpoints => s_affinityIdAndProtocol,
        PortolanSet.AffinityClients => s_client,
        PortolanSet.ClusterIPs or PortolanSet.NodePortAddresses => s_address,
        PortolanSet.Hairpin => s_pair,
        PortolanSet.SourceRanges => s_frontendAndSource,
        >= PortolanSet.Kinds => s_value,
        _ => Frontend,
    };

    /// <summary>The parts of a map's data, in order; none in sets and verdict maps.</summary>
    internal static ImmutableArray<ElementField> DataOf(PortolanSet set) => set switch
    {
        PortolanSet.Frontends or PortolanSet.NodePortFrontends or PortolanSet.InsideFrontends => s_value,
        PortolanSet.Endpoints or PortolanSet.NodePortEndpoints or PortolanSet.InsideEndpoints
            or PortolanSet.AffinityEndpoints => s_endpoint,
        PortolanSet.AffinityPorts or PortolanSet.AffinityIds or PortolanSet.InsideAffinityIds or PortolanSet.AffinityClients =>
            s_affinityId,
        _ => [],
    };

    /// <summary>The parts that name a frontend.</summary>
    internal static ImmutableArray<ElementField> Frontend { get; } = [ElementField.Destination, ElementField.Protocol, ElementField.Port];

    /// <summary>Creates an element.</summary>
    /// <param name="set">The set.</param>
    /// <param name="variant">Its variant, if it has several.</param>
    /// <param name="key">The parts of the key.</param>
    /// <param name="data">The parts of the data, of a map.</param>
    internal static Element Encode(PortolanSet set, in ElementFields key, in ElementFields data = default, int variant = 0)
    {
        var element = new Element { Set = set, Variant = variant };
        element.KeyLength = (byte)Write(KeyOf(set), key, element.KeyBuffer);
        element.DataLength = (byte)Write(DataOf(set), data, element.DataBuffer);
        return element;
    }

    /// <summary>Overwrites the index in a key: it is the last part of all keys that have one.</summary>
    internal static void SetIndex(ref Element element, uint index) =>
        MemoryMarshal.Write(element.KeyBuffer[(element.KeyLength - sizeof(uint))..], index);

    /// <summary>Writes other data into an element of a map.</summary>
    internal static void SetData(ref Element element, in ElementFields data) =>
        element.DataLength = (byte)Write(DataOf(element.Set), data, element.DataBuffer);

    /// <summary>Reads a key; false if its length is not that of the set's keys.</summary>
    internal static bool TryReadKey(PortolanSet set, ReadOnlySpan<byte> key, out ElementFields fields) =>
        TryRead(KeyOf(set), key, out fields);

    /// <summary>Reads data; false if its length is not that of the map's data.</summary>
    internal static bool TryReadData(PortolanSet set, ReadOnlySpan<byte> data, out ElementFields fields) =>
        TryRead(DataOf(set), data, out fields);

    /// <summary>A key as nft prints it, for messages: "172.30.0.10 . udp . 53 . 0".</summary>
    internal static string Describe(PortolanSet set, int variant, ReadOnlySpan<byte> key)
    {
        ImmutableArray<ElementField> parts = KeyOf(set);
        if (!TryRead(parts, key, out ElementFields fields))
            return Convert.ToHexStringLower(key);
        var text = new StringBuilder();
        foreach (ElementField part in parts)
        {
            text.Append(text.Length == 0 ? "" : " . ");
            _ = part switch
            {
                ElementField.Destination => text.Append(fields.Destination),
                ElementField.Source when set == PortolanSet.SourceRanges =>
                    text.Append(CultureInfo.InvariantCulture, $"{fields.Source}/{variant}"),
                ElementField.Source => text.Append(fields.Source),
                ElementField.Protocol => text.Append(fields.Protocol.ToRuleText()),
                ElementField.Port => text.Append(fields.Port),
                ElementField.Index => text.Append(fields.Index),
                ElementField.AffinityId => text.Append(Class(fields.AffinityId)),
                _ => text.Append(Class(fields.Value)),
            };
        }
        return text.ToString();
    }

    /// <summary>Number of 4-byte registers of a part.</summary>
    internal static int SlotsOf(ElementField field, IpFamily family) =>
        field is ElementField.Destination or ElementField.Source ? InetAddress.LengthOf(family) / 4 : 1;

    // As nft prints a priority: "5001:5".
    private static string Class(uint number) => string.Create(CultureInfo.InvariantCulture, $"{number >> 16:x}:{number & 0xffff:x}");

    private static int Write(ImmutableArray<ElementField> parts, in ElementFields fields, Span<byte> into)
    {
        int length = 0;
        foreach (ElementField part in parts)
        {
            Span<byte> rest = into[length..];
            switch (part)
            {
                case ElementField.Destination:
                    length += fields.Destination.WriteBytes(rest);
                    continue;
                case ElementField.Source:
                    length += fields.Source.WriteBytes(rest);
                    continue;
                case ElementField.Protocol:
                    rest[0] = (byte)fields.Protocol;
                    break;
                case ElementField.Port:
                    BinaryPrimitives.WriteUInt16BigEndian(rest, fields.Port);
                    break;
                case ElementField.Index:
                    MemoryMarshal.Write(rest, fields.Index);
                    break;
                case ElementField.AffinityId:
                    MemoryMarshal.Write(rest, fields.AffinityId);
                    break;
                default:
                    MemoryMarshal.Write(rest, fields.Value);
                    break;
            }
            length += 4;
        }
        return length;
    }

    private static bool TryRead(ImmutableArray<ElementField> parts, ReadOnlySpan<byte> bytes, out ElementFields fields)
    {
        fields = default;
        int addresses = 0;
        foreach (ElementField part in parts)
            addresses += part is ElementField.Destination or ElementField.Source ? 1 : 0;
        // The family follows from the length: all addresses are of the table's family.
        int addressLength = addresses == 0 ? 0 : (bytes.Length - (parts.Length - addresses) * 4) / addresses;
        foreach (ElementField part in parts)
        {
            int length = part is ElementField.Destination or ElementField.Source ? addressLength : 4;
            if (length <= 0 || bytes.Length < length)
                return false;
            ReadOnlySpan<byte> own = bytes[..length];
            bytes = bytes[length..];
            switch (part)
            {
                case ElementField.Destination or ElementField.Source:
                    if (!InetAddress.TryFromBytes(own, out InetAddress address))
                        return false;
                    if (part == ElementField.Destination)
                        fields.Destination = address;
                    else
                        fields.Source = address;
                    break;
                case ElementField.Protocol:
                    fields.Protocol = (IpProtocol)own[0];
                    break;
                case ElementField.Port:
                    fields.Port = BinaryPrimitives.ReadUInt16BigEndian(own);
                    break;
                case ElementField.Index:
                    fields.Index = MemoryMarshal.Read<uint>(own);
                    break;
                case ElementField.AffinityId:
                    fields.AffinityId = MemoryMarshal.Read<uint>(own);
                    break;
                default:
                    fields.Value = MemoryMarshal.Read<uint>(own);
                    break;
            }
        }
        return bytes.IsEmpty;
    }
}

/// <summary>A frontend as it is in keys: NodePorts have the unspecified address, whatever addresses the node has.</summary>
/// <param name="Address">The address that clients connect to.</param>
/// <param name="Protocol">The transport protocol.</param>
/// <param name="Port">The port that clients connect to.</param>
internal readonly record struct FrontendKey(InetAddress Address, IpProtocol Protocol, ushort Port)
{
    /// <summary>The parts of the frontend's key, for the codec.</summary>
    internal ElementFields Fields => new() { Destination = Address, Protocol = Protocol, Port = Port };
}
