namespace Portolan.DataPlanes.IpTables.Tools;

/// <summary>Remembers the last tools that were run: what they commit is no change by others. May be used from any thread.</summary>
internal sealed class OwnTools
{
    // A notification of the kernel may be read when its process has ended a while ago; a number that long forgotten may be somebody else's.
    private const int Remembered = 64;

    private readonly Lock _gate = new();
    private readonly Queue<uint> _order = [];
    private readonly HashSet<uint> _ids = [];

    /// <summary>How many runs there have been.</summary>
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
    /// Whether a netlink port is one of theirs: the kernel gives the first netlink socket of a process the process's number in its own
    /// namespace of processes, which the tools, our children, share with us (netlink_autobind).
    /// </summary>
    public bool Owns(uint port)
    {
        lock (_gate)
            return _ids.Contains(port);
    }
}
