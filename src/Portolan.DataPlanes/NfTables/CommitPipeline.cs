using Portolan.Netlink.NfTables;

namespace Portolan.DataPlanes.NfTables;

/// <summary>
/// Commits transactions in order, each in the background while the next is being written: a large load then takes as long as the kernel's
/// part or ours, whichever is longer, and not both.
/// </summary>
/// <remarks>Owned by one thread. After a refusal nothing more is sent.</remarks>
internal sealed class CommitPipeline(INfTablesKernel kernel) : IDisposable
{
    private NfTransaction _current = new();
    private NfTransaction _sent = new();
    private Task<CommitResult>? _underWay;

    /// <summary>The transaction to write into; another one after each <see cref="Send"/>.</summary>
    internal NfTransaction Current => _current;

    /// <summary>Number of transactions in force.</summary>
    internal int Committed { get; private set; }

    /// <summary>The kernel's answer to the transaction it refused; null if none was refused.</summary>
    internal CommitResult? Refused { get; private set; }

    /// <summary>Sends the current transaction to the kernel, after the previous one is committed.</summary>
    /// <returns>False if the previous one was refused; the current one is not sent then.</returns>
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

    /// <summary>Counts transactions that were committed without the pipeline.</summary>
    internal void CountOthers(int committed) => Committed += committed;

    /// <summary>Sends the current transaction and waits until all are in force; false if one was refused.</summary>
    internal bool Finish() => Send() && Wait();

    /// <inheritdoc/>
    public void Dispose()
    {
        // After an exception: the kernel may still be reading what was sent.
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
