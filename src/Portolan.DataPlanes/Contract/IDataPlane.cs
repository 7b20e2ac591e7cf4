using System.Collections.Immutable;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.DataPlanes.Contract;

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
    event Action<string>? ExternallyModified;
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
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>True when the kernel holds what was wanted, held-back objects aside.</summary>
    public bool IsInForce { get; init; } = true;
}

/// <summary>An object held back because the kernel refused it.</summary>
/// <param name="Subject">"Service shop/web, port http" or what else it was for.</param>
/// <param name="Change">What was tried, for example "add element endpoints { 172.30.0.10 . udp . 53 . 0 }".</param>
/// <param name="Reason">The kernel's or tool's answer, for example "ENOSPC: the set is full".</param>
public sealed record Refusal(string Subject, string Change, string Reason);
