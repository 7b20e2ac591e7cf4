using Portolan.Netlink.NfTables;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// Commits transactions in order, each in the background while the next is being written: a large load then takes as long as the kernel's
/// part or ours, whichever is longer, and not both.
/// </summary>
/// <remarks>Owned by one thread. Once a transaction was refused nothing more is sent.</remarks>
internal sealed class CommitPipeline(INfTablesKernel kernel) : IDisposable
{
    private NfTransaction _current = new();
    private NfTransaction _sent = new();
    private Task<CommitResult>? _underWay;

    /// <summary>The transaction to write into; another one after each <see cref="Send"/>.</summary>
    internal NfTransaction Current => _current;

    /// <summary>Number of transactions in force.</summary>
    internal int Committed { get; private set; }

    /// <summary>What the kernel said to the transaction it refused; null while there is none.</summary>
    internal CommitResult? Refused { get; private set; }

    /// <summary>Hands the current transaction to the kernel, after the one before has gone in.</summary>
    /// <returns>False when that one was refused; the current one is not sent then.</returns>
    internal bool Send()
    {
        if (!Wait())
            return false;
        if (_current.IsEmpty)
            return true;
        (_current, _sent) = (_sent, _current);
        NfTransaction sent = _sent;
        _underWay = Task.Run(() => kernel.Commit(sent));
        _current.Reset();
        return true;
    }

    /// <summary>Hands over the current transaction and waits until all are in force; false when one was refused.</summary>
    internal bool Finish() => Send() && Wait();

    /// <inheritdoc/>
    public void Dispose()
    {
        // Left early by an exception: the kernel still reads what was sent.
        ((IAsyncResult?)_underWay)?.AsyncWaitHandle.WaitOne();
        _current.Dispose();
        _sent.Dispose();
    }

    private bool Wait()
    {
        CommitResult? result = _underWay?.GetAwaiter().GetResult();
        _underWay = null;
        if (result is { IsCommitted: true })
            Committed++;
        else if (result is not null)
            Refused = result;
        return Refused is null;
    }
}
