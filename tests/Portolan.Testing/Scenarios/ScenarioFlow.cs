using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Testing.Scenarios;

/// <summary>Where a flow's packets start.</summary>
public enum FlowOrigin
{
    /// <summary>They enter the node on ext0.</summary>
    External,

    /// <summary>They enter the node on pod0.</summary>
    Pod,

    /// <summary>The node itself sends them.</summary>
    Node,
}

/// <summary>What a flow's packets are to a TCP connection.</summary>
public enum FlowConnection
{
    /// <summary>First packets, each by itself.</summary>
    None,

    /// <summary>A first packet, the answer, and the acknowledgement that makes it a connection.</summary>
    Opens,

    /// <summary>A segment of the connection that an earlier flow opened between the same addresses and ports.</summary>
    GoesOn,
}

/// <summary>Packets of one kind and what must happen to each of them.</summary>
public sealed record ScenarioFlow
{
    public required string Name { get; init; }

    public required FlowOrigin From { get; init; }

    /// <summary>Source addresses through which the packets rotate; empty when the node's kernel picks one.</summary>
    public required ImmutableArray<InetAddress> Sources { get; init; }

    /// <summary>Source port, or 0 for another one with every packet.</summary>
    public required ushort SourcePort { get; init; }

    public required InetAddress Destination { get; init; }

    /// <summary>Destination port; 0 for ICMP.</summary>
    public required ushort DestinationPort { get; init; }

    public required IpProtocol Protocol { get; init; }

    /// <summary>What is expected in modes that <see cref="ExpectByMode"/> does not name.</summary>
    public required Expectation? Expect { get; init; }

    public required ImmutableDictionary<ProxyMode, Expectation> ExpectByMode { get; init; }

    /// <summary>Number of packets asked for, or null for as many as the expectation needs.</summary>
    public required int? Tries { get; init; }

    /// <summary>All packets must reach one and the same destination.</summary>
    public required bool Sticky { get; init; }

    /// <summary>An earlier flow of the scenario whose one destination must be reached, or null.</summary>
    public required string? SameAs { get; init; }

    /// <summary>Connection tracking keeps what it knows when this flow starts.</summary>
    public required bool KeepConntrack { get; init; }

    /// <summary>The reply's way back is checked where the protocol allows it.</summary>
    public required bool CheckReply { get; init; }

    /// <summary>What its packets are to a connection.</summary>
    public FlowConnection Connection { get; init; }

    /// <summary>Modes in which the flow is run; empty means all.</summary>
    public required ImmutableArray<ProxyMode> Only { get; init; }

    /// <summary>An HTTP request from inside the node in place of packets, or null.</summary>
    public required HttpProbe? Http { get; init; }

    /// <summary>The line of the file where the flow starts.</summary>
    public required int Line { get; init; }

    public Expectation? ExpectationIn(ProxyMode mode) => ExpectByMode.TryGetValue(mode, out Expectation? own) ? own : Expect;

    public bool RunsIn(ProxyMode mode) => (Only.IsEmpty || Only.Contains(mode)) && (Http is not null || ExpectationIn(mode) is not null);

    /// <summary>How many packets it takes to judge the expectation.</summary>
    /// <remarks>
    /// A destination of n that is wanted by `spread` stays unhit after 24 n packets with a probability of n e^-24: it does not happen
    /// in the life of a test suite.
    /// </remarks>
    public int PacketsFor(Expectation expectation)
    {
        if (Tries is { } asked)
            return asked;
        int outcomes = expectation.Outcomes;
        int perOutcome = expectation.WantsSpread ? 24 : 12;
        return Math.Max(outcomes <= 1 ? 1 : outcomes * perOutcome, Sources.Length);
    }
}

/// <summary>An HTTP request and what must come back.</summary>
/// <param name="Url">The address, with an IP address as host.</param>
/// <param name="Status">The status code that is expected.</param>
/// <param name="Contains">Text that the body must hold, or null.</param>
/// <param name="Header">A header line "Name: value" that the answer must carry, or null.</param>
public sealed record HttpProbe(Uri Url, int Status, string? Contains, string? Header);
