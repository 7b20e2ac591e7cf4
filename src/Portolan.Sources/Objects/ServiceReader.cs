using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Sources.Objects;

/// <summary>Reads core/v1 Service.</summary>
internal sealed class ServiceReader(ProblemNotes notes, StringPool pool)
{
    // core/v1 ClientIPConfig: the default is three hours, the most is a day.
    private const int DefaultAffinitySeconds = 10_800;
    private const int LongestAffinitySeconds = 86_400;

    public ClusterEvent? Read(ref ObjectJson json, out Metadata metadata)
    {
        metadata = default;
        var spec = default(Spec);
        ImmutableArray<InetAddress> loadBalancerIPs = [];
        if (!json.EnterObject())
            return null;
        while (json.NextProperty())
        {
            if (json.Is("metadata"u8))
                metadata.Read(ref json, pool);
            else if (json.Is("spec"u8))
                spec = ReadSpec(ref json);
            else if (json.Is("status"u8))
                loadBalancerIPs = ReadStatus(ref json);
            else
                json.Skip();
        }
        return new ClusterEvent.ServiceSet(Build(metadata, spec, loadBalancerIPs));
    }

    private ServiceObject Build(in Metadata metadata, in Spec spec, ImmutableArray<InetAddress> loadBalancerIPs)
    {
        ImmutableArray<InetAddress> clusterIPs = spec.ClusterIPs.IsDefaultOrEmpty ? spec.ClusterIP : spec.ClusterIPs;
        ObjectName name = metadata.NameOf(ObjectKind.Service);
        bool isHeadless = metadata.IsHeadless || spec.IsHeadless || clusterIPs.IsDefaultOrEmpty;
        if (spec.Ports.IsDefaultOrEmpty && !spec.HasUnusablePorts && spec.Type != ServiceType.ExternalName && !isHeadless)
            notes.Add("spec.ports", "the service has no ports; nothing is served for it");
        return new ServiceObject
        {
            Name = name,
            Uid = metadata.Uid ?? "",
            Created = metadata.Created,
            Type = spec.Type,
            IsHeadless = isHeadless,
            HasOtherProxy = metadata.HasOtherProxy,
            ClusterIPs = OrEmpty(clusterIPs),
            Ports = OrEmpty(spec.Ports),
            ExternalIPs = OrEmpty(spec.ExternalIPs),
            LoadBalancerIPs = loadBalancerIPs,
            SourceRanges = OrEmpty(spec.SourceRanges),
            HasUnreadableIPv4Range = spec.HasUnreadableIPv4Range,
            HasUnreadableIPv6Range = spec.HasUnreadableIPv6Range,
            InternalPolicyLocal = spec.InternalPolicyLocal,
            ExternalPolicyLocal = spec.ExternalPolicyLocal,
            AffinitySeconds = spec.HasAffinity ? spec.AffinitySeconds ?? DefaultAffinitySeconds : 0,
            HealthCheckNodePort = spec.HealthCheckNodePort,
            IpvsScheduler = metadata.IpvsScheduler ?? "",
            Problems = notes.For("Service", name.ToString()),
        };
    }

    private static ImmutableArray<T> OrEmpty<T>(ImmutableArray<T> values) => values.IsDefault ? [] : values;

    private Spec ReadSpec(ref ObjectJson json)
    {
        var spec = default(Spec);
        if (!json.EnterObject())
            return spec;
        while (json.NextProperty())
        {
            if (json.Is("type"u8))
                spec.Type = ReadType(ref json);
            else if (json.Is("clusterIP"u8))
                ReadClusterIP(ref json, ref spec);
            else if (json.Is("clusterIPs"u8))
                ReadClusterIPs(ref json, ref spec);
            else if (json.Is("ports"u8))
                ReadPorts(ref json, ref spec);
            else if (json.Is("externalIPs"u8))
                spec.ExternalIPs = ReadExternalIPs(ref json);
            else if (json.Is("loadBalancerSourceRanges"u8))
                ReadSourceRanges(ref json, ref spec);
            else if (json.Is("internalTrafficPolicy"u8))
                spec.InternalPolicyLocal = ReadPolicy(ref json);
            else if (json.Is("externalTrafficPolicy"u8))
                spec.ExternalPolicyLocal = ReadPolicy(ref json);
            else if (json.Is("sessionAffinity"u8))
                spec.HasAffinity = ReadAffinity(ref json);
            else if (json.Is("sessionAffinityConfig"u8))
                spec.AffinitySeconds = ReadAffinitySeconds(ref json);
            else if (json.Is("healthCheckNodePort"u8))
                spec.HealthCheckNodePort = (ushort)(json.Integer(0, 65535, "no health check port is opened") ?? 0);
            else
                json.Skip();
        }
        return spec;
    }

    private static ServiceType ReadType(ref ObjectJson json)
    {
        string? type = json.String();
        switch (type)
        {
            case null or "" or "ClusterIP":
                return ServiceType.ClusterIP;
            case "NodePort":
                return ServiceType.NodePort;
            case "LoadBalancer":
                return ServiceType.LoadBalancer;
            case "ExternalName":
                return ServiceType.ExternalName;
            default:
                json.Note($"'{Text.Printable(type)}' is not a service type; taken as ClusterIP");
                return ServiceType.ClusterIP;
        }
    }

    private static void ReadClusterIP(ref ObjectJson json, ref Spec spec)
    {
        if (json.StringIs("None"u8))
            spec.IsHeadless = true;
        else if (TryClusterIP(ref json, out InetAddress address))
            spec.ClusterIP = [address];
    }

    private static void ReadClusterIPs(ref ObjectJson json, ref Spec spec)
    {
        if (!json.EnterArray())
            return;
        ImmutableArray<InetAddress>.Builder? addresses = null;
        while (json.NextElement())
        {
            if (json.StringIs("None"u8))
            {
                spec.IsHeadless = true;
            }
            else if (TryClusterIP(ref json, out InetAddress address))
            {
                addresses ??= ImmutableArray.CreateBuilder<InetAddress>(1);
                if (addresses.Any(other => other.Family == address.Family))
                    json.Note($"a second cluster IP of family {address.Family}; ignored");
                else
                    addresses.Add(address);
            }
        }
        spec.ClusterIPs = addresses?.DrainToImmutable() ?? [];
    }

    private static bool TryClusterIP(ref ObjectJson json, out InetAddress address) =>
        json.TryAddress("nothing is served there", out address) && !IsSpecial(ref json, address, linkLocalToo: false);

    /// <summary>A rule for one of these would take traffic away from the node itself.</summary>
    private static bool IsSpecial(ref ObjectJson json, InetAddress address, bool linkLocalToo)
    {
        if (SpecialAddress.NameOf(address) is not { } special || (!linkLocalToo && address.IsLinkLocal))
            return false;
        json.Note($"{address} is {special}; nothing is served there");
        return true;
    }

    private void ReadPorts(ref ObjectJson json, ref Spec spec)
    {
        if (!json.EnterArray())
            return;
        ImmutableArray<ServicePortObject>.Builder ports = ImmutableArray.CreateBuilder<ServicePortObject>(1);
        while (json.NextElement())
        {
            if (PortReader.TryReadServicePort(ref json, pool, ports, out ServicePortObject port))
                ports.Add(port);
            else
                spec.HasUnusablePorts = true;
        }
        spec.Ports = ports.DrainToImmutable();
    }

    private static ImmutableArray<InetAddress> ReadExternalIPs(ref ObjectJson json)
    {
        if (!json.EnterArray())
            return [];
        ImmutableArray<InetAddress>.Builder addresses = ImmutableArray.CreateBuilder<InetAddress>();
        while (json.NextElement())
        {
            // core/v1 validation refuses the same ones for external IPs.
            if (json.TryAddress("nothing is served there", out InetAddress address) && !IsSpecial(ref json, address, linkLocalToo: true))
                addresses.Add(address);
        }
        return addresses.DrainToImmutable();
    }

    private static void ReadSourceRanges(ref ObjectJson json, ref Spec spec)
    {
        if (!json.EnterArray())
            return;
        ImmutableArray<InetPrefix>.Builder ranges = ImmutableArray.CreateBuilder<InetPrefix>();
        while (json.NextElement())
        {
            if (json.TryPrefix("it admits no source", out InetPrefix range, out bool looksLikeIPv6))
                ranges.Add(range);
            else if (looksLikeIPv6)
                spec.HasUnreadableIPv6Range = true;
            else
                spec.HasUnreadableIPv4Range = true;
        }
        spec.SourceRanges = ranges.DrainToImmutable();
    }

    private static bool ReadPolicy(ref ObjectJson json)
    {
        string? policy = json.String();
        if (policy is not (null or "" or "Cluster" or "Local"))
            json.Note($"'{Text.Printable(policy)}' is not a traffic policy; taken as Cluster");
        return policy == "Local";
    }

    private static bool ReadAffinity(ref ObjectJson json)
    {
        string? affinity = json.String();
        if (affinity is not (null or "" or "None" or "ClientIP"))
            json.Note($"'{Text.Printable(affinity)}' is not a session affinity; taken as None");
        return affinity == "ClientIP";
    }

    private static int? ReadAffinitySeconds(ref ObjectJson json)
    {
        int? seconds = null;
        if (!json.EnterObject())
            return null;
        while (json.NextProperty("clientIP"u8))
        {
            if (!json.EnterObject())
                continue;
            while (json.NextProperty("timeoutSeconds"u8))
                seconds = json.Integer(1, LongestAffinitySeconds, $"{DefaultAffinitySeconds} is used");
        }
        return seconds;
    }

    private static ImmutableArray<InetAddress> ReadStatus(ref ObjectJson json)
    {
        ImmutableArray<InetAddress> addresses = [];
        if (!json.EnterObject())
            return addresses;
        while (json.NextProperty("loadBalancer"u8))
        {
            if (!json.EnterObject())
                continue;
            while (json.NextProperty("ingress"u8))
                addresses = ReadIngress(ref json);
        }
        return addresses;
    }

    private static ImmutableArray<InetAddress> ReadIngress(ref ObjectJson json)
    {
        if (!json.EnterArray())
            return [];
        ImmutableArray<InetAddress>.Builder addresses = ImmutableArray.CreateBuilder<InetAddress>();
        while (json.NextElement())
        {
            InetAddress address = default;
            // core/v1 LoadBalancerIngress.ipMode: unset and VIP are ours; Proxy means that the load balancer delivers to the pods itself.
            bool isVirtual = true;
            if (!json.EnterObject())
                continue;
            while (json.NextProperty())
            {
                if (json.Is("ip"u8))
                {
                    if (json.TryAddress("nothing is served there", out InetAddress found)
                        && !IsSpecial(ref json, found, linkLocalToo: false))
                        address = found;
                }
                else if (json.Is("ipMode"u8))
                {
                    isVirtual = json.String() is null or "VIP";
                }
                else
                {
                    json.Skip();
                }
            }
            if (isVirtual && address.Family != IpFamily.None)
                addresses.Add(address);
        }
        return addresses.DrainToImmutable();
    }

    private struct Spec
    {
        public ServiceType Type;
        public bool IsHeadless;
        public ImmutableArray<InetAddress> ClusterIP;
        public ImmutableArray<InetAddress> ClusterIPs;
        public ImmutableArray<ServicePortObject> Ports;
        public bool HasUnusablePorts;
        public ImmutableArray<InetAddress> ExternalIPs;
        public ImmutableArray<InetPrefix> SourceRanges;
        public bool HasUnreadableIPv4Range;
        public bool HasUnreadableIPv6Range;
        public bool InternalPolicyLocal;
        public bool ExternalPolicyLocal;
        public bool HasAffinity;
        public int? AffinitySeconds;
        public ushort HealthCheckNodePort;
    }
}
