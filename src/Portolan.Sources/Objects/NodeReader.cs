using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Cluster;

namespace Portolan.Sources.Objects;

/// <summary>Reads core/v1 Node and networking.k8s.io/v1 ServiceCIDR.</summary>
internal sealed class NodeReader(ProblemNotes notes, StringPool pool)
{
    // The taint the cluster autoscaler puts on a node it is about to remove (autoscaler, ToBeDeletedTaint).
    private static ReadOnlySpan<byte> DeletionTaint => "ToBeDeletedByClusterAutoscaler"u8;

    public ClusterEvent? Read(ref ObjectJson json, out Metadata metadata)
    {
        metadata = default;
        ImmutableArray<InetAddress> addresses = [];
        ImmutableArray<InetPrefix> podCidrs = [];
        bool isTainted = false;
        if (!json.EnterObject())
            return null;
        while (json.NextProperty())
        {
            if (json.Is("metadata"u8))
                metadata.Read(ref json, pool);
            else if (json.Is("spec"u8))
                ReadSpec(ref json, out podCidrs, out isTainted);
            else if (json.Is("status"u8))
                addresses = ReadStatus(ref json);
            else
                json.Skip();
        }
        ObjectName name = metadata.NameOf(ObjectKind.Node);
        return new ClusterEvent.NodeSet(new NodeObject
        {
            Name = name.Name,
            Zone = metadata.Zone ?? "",
            Addresses = addresses,
            PodCidrs = podCidrs,
            IsBeingDeleted = isTainted || metadata.IsBeingDeleted,
            Problems = notes.For("Node", name.ToString()),
        });
    }

    public ClusterEvent? ReadServiceCidr(ref ObjectJson json, out Metadata metadata)
    {
        metadata = default;
        ImmutableArray<InetPrefix> cidrs = [];
        if (!json.EnterObject())
            return null;
        while (json.NextProperty())
        {
            if (json.Is("metadata"u8))
                metadata.Read(ref json, pool);
            else if (json.Is("spec"u8))
                cidrs = ReadServiceCidrSpec(ref json);
            else
                json.Skip();
        }
        ObjectName name = metadata.NameOf(ObjectKind.ServiceCidr);
        return new ClusterEvent.ServiceCidrSet(new ServiceCidrObject
        {
            Name = name.Name,
            Cidrs = cidrs,
            Problems = notes.For("ServiceCIDR", name.ToString()),
        });
    }

    private static ImmutableArray<InetPrefix> ReadServiceCidrSpec(ref ObjectJson json)
    {
        ImmutableArray<InetPrefix> cidrs = [];
        if (!json.EnterObject())
            return cidrs;
        while (json.NextProperty("cidrs"u8))
            cidrs = ReadPrefixes(ref json);
        return cidrs;
    }

    private static void ReadSpec(ref ObjectJson json, out ImmutableArray<InetPrefix> podCidrs, out bool isTainted)
    {
        podCidrs = [];
        isTainted = false;
        ImmutableArray<InetPrefix> podCidr = [];
        if (!json.EnterObject())
            return;
        while (json.NextProperty())
        {
            if (json.Is("podCIDRs"u8))
                podCidrs = ReadPrefixes(ref json);
            else if (json.Is("podCIDR"u8))
                podCidr = json.TryPrefix("ignored", out InetPrefix prefix, out _) ? [prefix] : [];
            else if (json.Is("taints"u8))
                isTainted = ReadTaints(ref json);
            else
                json.Skip();
        }
        if (podCidrs.IsEmpty)
            podCidrs = podCidr;
    }

    private static ImmutableArray<InetPrefix> ReadPrefixes(ref ObjectJson json)
    {
        if (!json.EnterArray())
            return [];
        ImmutableArray<InetPrefix>.Builder prefixes = ImmutableArray.CreateBuilder<InetPrefix>(1);
        while (json.NextElement())
        {
            if (json.TryPrefix("ignored", out InetPrefix prefix, out _))
                prefixes.Add(prefix);
        }
        return prefixes.DrainToImmutable();
    }

    private static bool ReadTaints(ref ObjectJson json)
    {
        bool found = false;
        if (!json.EnterArray())
            return false;
        while (json.NextElement())
        {
            if (!json.EnterObject())
                continue;
            while (json.NextProperty("key"u8))
                found |= json.StringIs(DeletionTaint);
        }
        return found;
    }

    private static ImmutableArray<InetAddress> ReadStatus(ref ObjectJson json)
    {
        ImmutableArray<InetAddress> addresses = [];
        if (!json.EnterObject())
            return addresses;
        while (json.NextProperty("addresses"u8))
            addresses = ReadAddresses(ref json);
        return addresses;
    }

    // kube-proxy takes a node's InternalIPs before its ExternalIPs (pkg/util/node, GetNodeHostIPs).
    private static ImmutableArray<InetAddress> ReadAddresses(ref ObjectJson json)
    {
        var internalIPs = new List<InetAddress>(2);
        var externalIPs = new List<InetAddress>();
        if (!json.EnterArray())
            return [];
        while (json.NextElement())
        {
            if (!json.EnterObject())
                continue;
            string? type = null;
            ObjectJson addressField = default;
            bool hasAddress = false;
            while (json.NextProperty())
            {
                if (json.Is("type"u8))
                {
                    type = json.String();
                }
                else if (json.Is("address"u8))
                {
                    // Host names are in the same list: whether this must be an IP address depends on the type.
                    addressField = json;
                    hasAddress = true;
                    json.Skip();
                }
                else
                {
                    json.Skip();
                }
            }
            if (hasAddress && type is "InternalIP" or "ExternalIP" && addressField.TryAddress("ignored", out InetAddress address))
                (type == "InternalIP" ? internalIPs : externalIPs).Add(address);
        }
        return [.. internalIPs, .. externalIPs];
    }
}
