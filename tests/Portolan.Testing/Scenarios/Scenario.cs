using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Portolan.Inet;

namespace Portolan.Testing.Scenarios;

/// <summary>The proxy modes of KubeProxyConfiguration that a scenario can speak of.</summary>
public enum ProxyMode
{
    NfTables,
    IpTables,
    Ipvs,
}

/// <summary>Names of <see cref="ProxyMode"/> as the configuration file and the scenario files spell them.</summary>
public static class ProxyModes
{
    public static string ToConfigText(this ProxyMode mode) => mode switch
    {
        ProxyMode.NfTables => "nftables",
        ProxyMode.IpTables => "iptables",
        _ => "ipvs",
    };

    public static bool TryParse(string text, out ProxyMode mode)
    {
        foreach (ProxyMode candidate in Enum.GetValues<ProxyMode>())
        {
            if (candidate.ToConfigText() == text)
            {
                mode = candidate;
                return true;
            }
        }
        mode = default;
        return false;
    }
}

/// <summary>
/// A cluster seen from one node, how it changes, and what must happen to packets on the way. See tests/scenarios/FORMAT.md.
/// </summary>
/// <remarks>Plain data: the lab runs it with real packets, a rule simulator can run the same flows without a kernel.</remarks>
public sealed record Scenario
{
    /// <summary>The file's name without folder and extension.</summary>
    public required string File { get; init; }

    public required string Name { get; init; }

    /// <summary>Modes the scenario makes sense in; empty means all.</summary>
    public required ImmutableArray<ProxyMode> Modes { get; init; }

    public required ScenarioNode Node { get; init; }

    /// <summary>Objects that exist before the proxy starts.</summary>
    public required ImmutableArray<JsonObject> Objects { get; init; }

    /// <summary>What the scenario sets in KubeProxyConfiguration, to be merged over the lab's defaults.</summary>
    public required JsonObject ProxyConfig { get; init; }

    public required ImmutableArray<ScenarioStep> Steps { get; init; }

    /// <summary>
    /// Whether a mode can be tried with it. Mode iptables has node ports on loopback in IPv4 alone, so there a twin in IPv6 has nothing to
    /// be compared with.
    /// </summary>
    public bool MakesSenseIn(ProxyMode mode) => (Modes.IsEmpty || Modes.Contains(mode)) && !(mode == ProxyMode.IpTables
        && Steps.Any(static step => step.Flows.Any(static flow => flow.Destination is { Family: IpFamily.IPv6, IsLoopback: true })));

    public override string ToString() => $"{File}/{Name}";
}

/// <summary>The node on which the proxy runs.</summary>
/// <param name="Name">Node.metadata.name.</param>
/// <param name="Addresses">All addresses of the interface ext0, in order.</param>
/// <param name="InternalAddresses">Node.status.addresses of type InternalIP.</param>
/// <param name="PodPrefixes">Ranges routed to pod0, and Node.spec.podCIDRs.</param>
/// <param name="Labels">Node.metadata.labels.</param>
/// <param name="Annotations">Node.metadata.annotations.</param>
public sealed record ScenarioNode(
    string Name,
    ImmutableArray<InetAddress> Addresses,
    ImmutableArray<InetAddress> InternalAddresses,
    ImmutableArray<InetPrefix> PodPrefixes,
    ImmutableSortedDictionary<string, string> Labels,
    ImmutableSortedDictionary<string, string> Annotations);

/// <summary>What happens to the proxy's process at a step.</summary>
public enum ProxyAction
{
    /// <summary>It goes on as it was.</summary>
    None,

    /// <summary>Ended with SIGTERM before the changes, and not started again.</summary>
    Stop,

    /// <summary>Ended with SIGKILL before the changes, and not started again.</summary>
    Kill,

    /// <summary>Started after the changes.</summary>
    Start,

    /// <summary>Ended with SIGTERM before the changes, started after them.</summary>
    Restart,

    /// <summary>Ended with SIGKILL before the changes, started after them.</summary>
    Crash,

    /// <summary>Ended with SIGKILL before the changes, started after them in a kernel without any rule.</summary>
    Afresh,
}

/// <summary>Changes to the cluster and to the proxy's process, then flows.</summary>
public sealed record ScenarioStep
{
    public required string Name { get; init; }

    public required ImmutableArray<JsonObject> Apply { get; init; }

    public required ImmutableArray<ObjectKey> Delete { get; init; }

    /// <summary>Addresses that ext0 gains with this step.</summary>
    public required ImmutableArray<InetAddress> AddAddresses { get; init; }

    /// <summary>Addresses that ext0 loses with this step.</summary>
    public required ImmutableArray<InetAddress> RemoveAddresses { get; init; }

    /// <summary>Rules of somebody else, in the language of nft, from this step on; null for those of the step before.</summary>
    public required string? ForeignRules { get; init; }

    public required ProxyAction Proxy { get; init; }

    /// <summary>The mode in which the proxy is started from this step on, or null for the one before.</summary>
    public required ProxyMode? ProxyMode { get; init; }

    /// <summary>Time between the step's changes and its flows.</summary>
    public required TimeSpan Wait { get; init; }

    public required ImmutableArray<ScenarioFlow> Flows { get; init; }
}

/// <summary>Names one object of the cluster; the namespace is empty for kinds that have none.</summary>
public readonly record struct ObjectKey(string Kind, string Namespace, string Name)
{
    public override string ToString() => Namespace.Length == 0 ? $"{Kind}/{Name}" : $"{Kind}/{Namespace}/{Name}";
}
