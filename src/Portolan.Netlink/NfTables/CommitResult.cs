using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Portolan.Netlink.Core;

namespace Portolan.Netlink.NfTables;

/// <summary>The outcome of a transaction.</summary>
public enum CommitOutcome
{
    /// <summary>All of it is in force, from one instant on.</summary>
    Committed,

    /// <summary>The kernel refused at least one message: no change was made.</summary>
    Refused,

    /// <summary>It is longer than the send buffer allows and was not sent: split it (<see cref="NetlinkSocket.SendLimitBytes"/>).</summary>
    TooLarge,

    /// <summary>Another process changed nf_tables after the generation the transaction was based on: no change was made.</summary>
    GenerationChanged,

    /// <summary>The kernel's answer was lost (ENOBUFS): it may or may not be in force. Read the tables to find out.</summary>
    Unknown,
}

/// <summary>One message of a transaction the kernel refused.</summary>
/// <param name="Subject">
/// The caller's number for the message or element at fault; <see cref="NfTransaction.NoSubject"/> for the whole batch.
/// </param>
/// <param name="MessageIndex">The message, counted from 0; -1 for the whole batch.</param>
/// <param name="ElementIndex">
/// The element of the message's list at fault, counted from 0 within the message; -1 if it is none of them.
/// </param>
/// <param name="Errno">What the kernel answered.</param>
/// <param name="KernelMessage">The kernel's own message, if there was one.</param>
/// <param name="Offset">Bytes from the start of the message to the attribute at fault, if the kernel reported it; otherwise -1.</param>
public sealed record CommitRefusal(int Subject, int MessageIndex, int ElementIndex, Errno Errno, string? KernelMessage, int Offset)
{
    /// <summary>The requested change, "add rule 3 to chain nat of table ip shop"; null for the whole batch.</summary>
    public string? Change { get; init; }

    /// <summary>"ENOENT (No such file or directory) at offset 212, element 3 of the list".</summary>
    public override string ToString()
    {
        var text = new StringBuilder(Errno.ToString());
        if (Offset >= 0)
            text.Append(CultureInfo.InvariantCulture, $" at offset {Offset}");
        if (ElementIndex >= 0)
            text.Append(CultureInfo.InvariantCulture, $", element {ElementIndex + 1} of the list");
        return KernelMessage is null ? text.ToString() : text.Append(": ").Append(KernelMessage).ToString();
    }
}

/// <summary>The kernel's answer to a transaction, which it commits as a whole or not at all.</summary>
public sealed class CommitResult
{
    internal CommitResult(CommitOutcome outcome, ImmutableArray<CommitRefusal> refusals = default, int sendLimitBytes = 0)
    {
        Outcome = outcome;
        Refusals = refusals.IsDefault ? [] : refusals;
        SendLimitBytes = sendLimitBytes;
    }

    /// <summary>The outcome.</summary>
    public CommitOutcome Outcome { get; }

    /// <summary>
    /// What the kernel refused, in the order of the transaction. The kernel processes every message, but within a message stops at the
    /// first element at fault. A refusal may follow from an earlier one (a rule in a chain that was refused). Of hundreds of refusals only
    /// the first are here: the receive buffer holds no more.
    /// </summary>
    public ImmutableArray<CommitRefusal> Refusals { get; }

    /// <summary>The longest transaction, in bytes, that the socket allows; only for <see cref="CommitOutcome.TooLarge"/>.</summary>
    public int SendLimitBytes { get; }

    /// <summary>True if all of it is in force.</summary>
    public bool IsCommitted => Outcome == CommitOutcome.Committed;

    internal static CommitResult Committed { get; } = new(CommitOutcome.Committed);

    internal static CommitResult Unknown { get; } = new(CommitOutcome.Unknown);
}
