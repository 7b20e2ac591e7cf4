using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Services.Tests.Builders;

/// <summary>Cluster objects for tests, written as briefly as they are thought of.</summary>
internal static class Objects
{
    public const string ThisNode = "test-node";

    public static ObjectName Name(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        return new(text[..slash], text[(slash + 1)..]);
    }

    public static ImmutableArray<InetAddress> Addresses(params string[] texts) => [.. texts.Select(text => InetAddress.Parse(text))];

    public static ImmutableArray<InetPrefix> Prefixes(params string[] texts) => [.. texts.Select(text => InetPrefix.Parse(text))];

    /// <summary>A ClusterIP service with one unnamed TCP port 80.</summary>
    public static ServiceObject Service(string name, params string[] clusterIPs) =>
        new() { Name = Name(name), ClusterIPs = Addresses(clusterIPs), Ports = [Port(80)] };

    public static ServicePortObject Port(ushort port, ushort nodePort = 0, string name = "", IpProtocol protocol = IpProtocol.Tcp) =>
        new(name, protocol, port, nodePort);

    /// <summary>A slice "ns/name" of the service "ns/of" whose unnamed TCP port is 80, unless told otherwise.</summary>
    public static EndpointSliceObject Slice(string name, string of, params EndpointObject[] endpoints) => new()
    {
        Name = Name(name),
        ServiceName = Name(of).Name,
        Family = endpoints.Length == 0 ? IpFamily.IPv4 : endpoints[0].Address.Family,
        Ports = [SlicePort(80)],
        Endpoints = [.. endpoints],
    };

    public static SlicePortObject SlicePort(ushort port, string name = "", IpProtocol protocol = IpProtocol.Tcp) =>
        new(name, protocol, port);

    /// <summary>A ready endpoint on this node.</summary>
    public static EndpointObject Here(string address) => On(ThisNode, address);

    /// <summary>A ready endpoint on another node.</summary>
    public static EndpointObject Elsewhere(string address) => On("node-1", address);

    public static EndpointObject On(string? node, string address) =>
        new(InetAddress.Parse(address), EndpointConditions.Ready | EndpointConditions.Serving, node, [], []);

    /// <summary>Still serving while it terminates.</summary>
    public static EndpointObject Draining(this EndpointObject endpoint) =>
        endpoint with { Conditions = EndpointConditions.Serving | EndpointConditions.Terminating };

    public static EndpointObject With(this EndpointObject endpoint, EndpointConditions conditions) =>
        endpoint with { Conditions = conditions };

    public static EndpointObject ForZones(this EndpointObject endpoint, params string[] zones) => endpoint with { ForZones = [.. zones] };

    public static EndpointObject ForNodes(this EndpointObject endpoint, params string[] nodes) => endpoint with { ForNodes = [.. nodes] };

    public static NodeObject TheNode(string zone = "", params string[] addresses) =>
        new() { Name = ThisNode, Zone = zone, Addresses = Addresses(addresses) };
}
