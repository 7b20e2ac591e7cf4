using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Sources.Objects;

/// <summary>Reads discovery.k8s.io/v1 EndpointSlice.</summary>
internal sealed class EndpointSliceReader(ProblemNotes notes, StringPool pool)
{
    private readonly Dictionary<string, ImmutableArray<string>> _singles = new(StringComparer.Ordinal);

    public ClusterEvent? Read(ref ObjectJson json, out Metadata metadata)
    {
        metadata = default;
        if (!json.EnterObject())
            return null;
        // The order of fields is the writer's: what the endpoints mean depends on addressType, which may stand behind them.
        ObjectJson whole = json;
        IpFamily family = ReadAddressType(ref whole, out bool isFqdn);
        ImmutableArray<SlicePortObject> ports = [];
        ImmutableArray<EndpointObject> endpoints = [];
        while (json.NextProperty())
        {
            if (json.Is("metadata"u8))
                metadata.Read(ref json, pool);
            else if (json.Is("ports"u8))
                ports = ReadPorts(ref json);
            else if (json.Is("endpoints"u8) && family != IpFamily.None)
                endpoints = ReadEndpoints(ref json, family);
            else
                json.Skip();
        }
        if (metadata.IsHeadless || metadata.HasOtherProxy)
        {
            notes.Clear();
            return null;
        }
        if (family == IpFamily.None)
        {
            notes.Add("addressType", isFqdn
                ? "is FQDN, which no service proxy serves; the slice is ignored"
                : "is neither IPv4 nor IPv6; the slice is ignored");
            return null;
        }
        ObjectName name = metadata.NameOf(ObjectKind.EndpointSlice);
        return new ClusterEvent.SliceSet(new EndpointSliceObject
        {
            Name = name,
            ServiceName = metadata.ServiceName ?? "",
            Family = family,
            Ports = ports,
            Endpoints = endpoints,
            LastChangeTrigger = metadata.LastChangeTrigger,
            Problems = notes.For("EndpointSlice", name.ToString()),
        });
    }

    private static IpFamily ReadAddressType(ref ObjectJson json, out bool isFqdn)
    {
        isFqdn = false;
        while (json.NextProperty())
        {
            if (!json.Is("addressType"u8))
            {
                json.Skip();
                continue;
            }
            string? type = json.String();
            isFqdn = type == "FQDN";
            return type switch { "IPv4" => IpFamily.IPv4, "IPv6" => IpFamily.IPv6, _ => IpFamily.None };
        }
        return IpFamily.None;
    }

    private ImmutableArray<SlicePortObject> ReadPorts(ref ObjectJson json)
    {
        if (!json.EnterArray())
            return [];
        ImmutableArray<SlicePortObject>.Builder ports = ImmutableArray.CreateBuilder<SlicePortObject>(1);
        while (json.NextElement())
        {
            if (PortReader.TryReadSlicePort(ref json, pool, out SlicePortObject port))
                ports.Add(port);
        }
        return ports.DrainToImmutable();
    }

    private ImmutableArray<EndpointObject> ReadEndpoints(ref ObjectJson json, IpFamily family)
    {
        if (!json.EnterArray())
            return [];
        ImmutableArray<EndpointObject>.Builder endpoints = ImmutableArray.CreateBuilder<EndpointObject>(4);
        while (json.NextElement())
        {
            if (TryReadEndpoint(ref json, family, out EndpointObject endpoint))
                endpoints.Add(endpoint);
        }
        return endpoints.DrainToImmutable();
    }

    private bool TryReadEndpoint(ref ObjectJson json, IpFamily family, out EndpointObject endpoint)
    {
        endpoint = default;
        if (!json.EnterObject())
            return false;
        ObjectJson entry = json;
        InetAddress address = default;
        bool hasAddress = false;
        EndpointConditions conditions = EndpointConditions.Ready | EndpointConditions.Serving;
        string? nodeName = null;
        ImmutableArray<string> forZones = [];
        ImmutableArray<string> forNodes = [];
        while (json.NextProperty())
        {
            if (json.Is("addresses"u8))
                address = ReadAddresses(ref json, family, out hasAddress);
            else if (json.Is("conditions"u8))
                conditions = ReadConditions(ref json);
            else if (json.Is("nodeName"u8))
                nodeName = json.PooledString(pool);
            else if (json.Is("hints"u8))
                ReadHints(ref json, out forZones, out forNodes);
            else
                json.Skip();
        }
        if (!hasAddress)
            entry.Note("has no address; the endpoint is left out");
        if (address.Family == IpFamily.None)
            return false;
        endpoint = new EndpointObject(address, conditions, nodeName is "" ? null : nodeName, forZones, forNodes);
        return true;
    }

    private static InetAddress ReadAddresses(ref ObjectJson json, IpFamily family, out bool hasAddress)
    {
        InetAddress first = default;
        hasAddress = false;
        if (!json.EnterArray())
            return first;
        while (json.NextElement())
        {
            // discovery/v1: addresses are fungible and clients use the first; the others need not even be readable.
            if (hasAddress)
                json.Skip();
            else
                first = ReadAddress(ref json, family);
            hasAddress = true;
        }
        return first;
    }

    private static InetAddress ReadAddress(ref ObjectJson json, IpFamily family)
    {
        const string Otherwise = "the endpoint is left out";
        if (json.StringIs(""u8))
        {
            json.Note($"is empty; {Otherwise}");
            return default;
        }
        if (!json.TryAddress(Otherwise, out InetAddress address))
            return default;
        if (address.Family != family)
            json.Note($"{address} is not an address of the slice's addressType {family}; {Otherwise}");
        else if (SpecialAddress.NameOf(address) is { } special)
            json.Note($"{address} is {special}; {Otherwise}");
        else
            return address;
        return default;
    }

    // discovery/v1 EndpointConditions: nil ready and serving are to be read as true, nil terminating as false.
    private static EndpointConditions ReadConditions(ref ObjectJson json)
    {
        bool ready = true;
        bool serving = true;
        bool terminating = false;
        if (json.EnterObject())
        {
            while (json.NextProperty())
            {
                if (json.Is("ready"u8))
                    ready = json.Boolean() ?? true;
                else if (json.Is("serving"u8))
                    serving = json.Boolean() ?? true;
                else if (json.Is("terminating"u8))
                    terminating = json.Boolean() ?? false;
                else
                    json.Skip();
            }
        }
        return (ready ? EndpointConditions.Ready : 0) | (serving ? EndpointConditions.Serving : 0)
            | (terminating ? EndpointConditions.Terminating : 0);
    }

    private void ReadHints(ref ObjectJson json, out ImmutableArray<string> forZones, out ImmutableArray<string> forNodes)
    {
        forZones = [];
        forNodes = [];
        if (!json.EnterObject())
            return;
        while (json.NextProperty())
        {
            if (json.Is("forZones"u8))
                forZones = ReadHintNames(ref json);
            else if (json.Is("forNodes"u8))
                forNodes = ReadHintNames(ref json);
            else
                json.Skip();
        }
    }

    private ImmutableArray<string> ReadHintNames(ref ObjectJson json)
    {
        if (!json.EnterArray())
            return [];
        string? only = null;
        List<string>? several = null;
        while (json.NextElement())
        {
            if (!json.EnterObject())
                continue;
            string? name = null;
            while (json.NextProperty("name"u8))
                name = json.PooledString(pool);
            if (name is null)
                continue;
            if (only is null)
                only = name;
            else
                (several ??= [only]).Add(name);
        }
        return several is not null ? [.. several] : only is not null ? Single(only) : [];
    }

    // Nearly all hints name one zone: one array per zone instead of one per endpoint.
    private ImmutableArray<string> Single(string name)
    {
        if (_singles.TryGetValue(name, out ImmutableArray<string> known))
            return known;
        if (_singles.Count >= 1000)
            _singles.Clear();
        return _singles[name] = [name];
    }
}
