using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Sources.Objects;

/// <summary>Reads the entries of a Service's and of an EndpointSlice's ports.</summary>
internal static class PortReader
{
    /// <summary>
    /// A core/v1 ServicePort that can be served: number in range, protocol known, name not taken by one of <paramref name="others"/>.
    /// </summary>
    public static bool TryReadServicePort(
        ref ObjectJson json, StringPool pool, ImmutableArray<ServicePortObject>.Builder others, out ServicePortObject port)
    {
        port = default;
        if (!json.EnterObject())
            return false;
        ObjectJson entry = json;
        string name = "";
        IpProtocol protocol = IpProtocol.Tcp;
        int? number = null;
        bool hasNumber = false;
        int nodePort = 0;
        bool hasName = true;
        while (json.NextProperty())
        {
            if (json.Is("name"u8))
            {
                hasName = TryReadName(ref json, pool, out name);
            }
            else if (json.Is("protocol"u8))
            {
                protocol = ReadProtocol(ref json);
            }
            else if (json.Is("port"u8))
            {
                hasNumber = true;
                number = json.Integer(1, 65535, "the port is not served");
            }
            else if (json.Is("nodePort"u8))
            {
                nodePort = json.Integer(0, 65535, "the port is not served as a node port") ?? 0;
            }
            else
            {
                json.Skip();
            }
        }
        if (!hasNumber)
            entry.Note("has no port number; the port is not served");
        if (number is not { } portNumber || protocol == IpProtocol.None || !hasName)
            return false;
        if (others.Any(other => other.Name == name && other.Protocol == protocol))
        {
            entry.Note($"a second port named '{name}' for {protocol.ToRuleText()}; the port is not served");
            return false;
        }
        port = new ServicePortObject(name, protocol, (ushort)portNumber, (ushort)nodePort);
        return true;
    }

    /// <summary>A discovery/v1 EndpointPort with a number; one without (nil means any port) is passed over quietly.</summary>
    public static bool TryReadSlicePort(ref ObjectJson json, StringPool pool, out SlicePortObject port)
    {
        port = default;
        if (!json.EnterObject())
            return false;
        string name = "";
        IpProtocol protocol = IpProtocol.Tcp;
        int? number = null;
        bool hasName = true;
        while (json.NextProperty())
        {
            if (json.Is("name"u8))
                hasName = TryReadName(ref json, pool, out name);
            else if (json.Is("protocol"u8))
                protocol = ReadProtocol(ref json);
            else if (json.Is("port"u8))
                number = json.Integer(1, 65535, "the port is left out");
            else
                json.Skip();
        }
        if (number is not { } portNumber || protocol == IpProtocol.None || !hasName)
            return false;
        port = new SlicePortObject(name, protocol, (ushort)portNumber);
        return true;
    }

    // Port names are DNS labels (core/v1) and end in rule comments and metric labels: what cannot be one is refused, as for object names.
    private static bool TryReadName(ref ObjectJson json, StringPool pool, out string name)
    {
        name = json.PooledString(pool) ?? "";
        if (name.Length == 0 || Metadata.IsUsableName(name))
            return true;
        json.Note("is not a valid Kubernetes port name; the port is left out");
        return false;
    }

    private static IpProtocol ReadProtocol(ref ObjectJson json)
    {
        if (json.StringIs("TCP"u8))
            return IpProtocol.Tcp;
        if (json.StringIs("UDP"u8))
            return IpProtocol.Udp;
        if (json.StringIs("SCTP"u8))
            return IpProtocol.Sctp;
        if (json.String() is not { Length: > 0 } text)
            return IpProtocol.Tcp;
        json.Note($"'{Text.Printable(text)}' is not TCP, UDP or SCTP; the port is left out");
        return IpProtocol.None;
    }
}
