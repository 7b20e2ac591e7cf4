namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>Remembers the last tools that were run: what they commit is not a change by others. May be used from any thread.</summary>
internal sealed class OwnTools
{
    // A notification may be read some time after its process has ended; much later the process id may have been reused.
    private const int Remembered = 64;

    private readonly Lock _gate = new();
    private readonly Queue<uint> _order = [];
    private readonly HashSet<uint> _ids = [];

    /// <summary>Number of runs so far.</summary>
    public long Runs { get; private set; }

    public void Add(int process)
    {
        lock (_gate)
        {
            Runs++;
            if (!_ids.Add((uint)process))
                return;
            _order.Enqueue((uint)process);
            if (_order.Count > Remembered)
                _ids.Remove(_order.Dequeue());
        }
    }

    /// <summary>
    /// Whether a netlink port is one of theirs: the kernel assigns the first netlink socket of a process its process id in its own
    /// PID namespace, which the tools, our children, share with us (netlink_autobind).
    /// </summary>
    public bool Owns(uint port)
    {
        lock (_gate)
            return _ids.Contains(port);
    }
}
