using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Services.Plan;

namespace Portolan.DataPlanes;

/// <summary>
/// Programs what this node serves into the kernel. One loop owns a plane and calls it from one thread at a time; planes share no base
/// class, only this contract.
/// </summary>
public interface IDataPlane : IDisposable
{
    /// <summary>"nftables", "iptables" or "ipvs", as KubeProxyConfiguration mode spells it.</summary>
    string Mode { get; }

    /// <summary>
    /// Brings the kernel in step with a change. The first call carries the whole picture: the plane then reads what the kernel holds and
    /// writes only the difference. Cost depends on the delta, not on what exists.
    /// </summary>
    /// <returns>What was done. Objects the kernel refused are held back by the plane and tried again by <see cref="Reconcile"/>.</returns>
    SyncReport Apply(TableDelta delta, NodeFacts node);

    /// <summary>Reads back what the kernel holds, compares it with everything applied so far, and writes the difference.</summary>
    SyncReport Reconcile();

    /// <summary>
    /// Raised, on any thread, when something else changed or removed the plane's rules; the text says who and what, where the kernel tells.
    /// The loop answers with <see cref="Reconcile"/>.
    /// </summary>
    event Action<string>? Disturbed;
}

/// <summary>Facts of this machine that frontends depend on. Replaced as a whole when an address appears or vanishes.</summary>
/// <param name="NodePortAddresses">
/// Local addresses that accept NodePort traffic, both families, chosen from the machine's addresses by nodePortAddresses. Sorted.
/// </param>
/// <param name="LocalAddresses">All addresses of the machine, both families. Sorted.</param>
public sealed record NodeFacts(ImmutableArray<InetAddress> NodePortAddresses, ImmutableArray<InetAddress> LocalAddresses)
{
    /// <summary>No addresses known.</summary>
    public static NodeFacts None { get; } = new([], []);

    /// <summary>
    /// True when nodePortAddresses leaves no IPv4 address out (loopback aside, which is in <see cref="NodePortAddresses"/> or not): rules may
    /// then ask whether an address is local in place of listing them.
    /// </summary>
    public bool NodePortsOnAllIPv4 { get; init; }

    /// <inheritdoc cref="NodePortsOnAllIPv4"/>
    public bool NodePortsOnAllIPv6 { get; init; }

    /// <summary>Equality by content.</summary>
    public bool Equals(NodeFacts? other) => other is not null && NodePortsOnAllIPv4 == other.NodePortsOnAllIPv4
        && NodePortsOnAllIPv6 == other.NodePortsOnAllIPv6 && NodePortAddresses.AsSpan().SequenceEqual(other.NodePortAddresses.AsSpan())
        && LocalAddresses.AsSpan().SequenceEqual(other.LocalAddresses.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(NodePortAddresses.Length, LocalAddresses.Length);
}

/// <summary>What one call to a plane did.</summary>
public sealed record SyncReport
{
    /// <summary>Nothing had to be done.</summary>
    public static SyncReport UpToDate { get; } = new();

    /// <summary>Number of kernel objects (elements, rules, chains, sets, or lines for iptables) added or changed.</summary>
    public int Written { get; init; }

    /// <summary>Number of kernel objects removed.</summary>
    public int Removed { get; init; }

    /// <summary>Number of transactions the kernel accepted.</summary>
    public int Transactions { get; init; }

    /// <summary>What the kernel (or a tool) refused, each named. Everything else went in.</summary>
    public ImmutableArray<Refusal> Refusals { get; init; } = [];

    /// <summary>What an operator should know of the machine's other rules, though everything went in; a sentence each.</summary>
    public ImmutableArray<string> Remarks { get; init; } = [];

    /// <summary>True when the kernel holds what was wanted, held-back objects aside.</summary>
    public bool IsInForce { get; init; } = true;
}

/// <summary>An object held back because the kernel refused it.</summary>
/// <param name="Subject">"Service shop/web, port http" or what else it was for.</param>
/// <param name="Change">What was tried, for example "add element endpoints { 172.30.0.10 . udp . 53 . 0 }".</param>
/// <param name="Reason">The kernel's or tool's answer, for example "ENOSPC: the set is full".</param>
public sealed record Refusal(string Subject, string Change, string Reason);
