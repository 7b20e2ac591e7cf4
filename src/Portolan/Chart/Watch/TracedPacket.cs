using Portolan.Netlink.NfTables;

namespace Portolan.Chart.Watch;

/// <summary>How a traced packet's path through the rules ended.</summary>
internal enum TracedEnd : byte
{
    /// <summary>Its end is not known.</summary>
    Open,

    /// <summary>It left the node.</summary>
    Left,

    /// <summary>It was delivered to this node.</summary>
    Delivered,

    /// <summary>A rule or policy discarded it.</summary>
    Dropped,
}

/// <summary>One traced packet: its steps so far, and its headers as it came in and as it left.</summary>
/// <param name="id">The kernel's number for it; reused for later packets.</param>
/// <param name="started">When its first step arrived, in the clock's ticks.</param>
internal sealed class TracedPacket(uint id, long started)
{
    // A packet passes a few dozen rules; one whose number is reused without an end must not grow for ever.
    private const int MostSteps = 4096;

    private readonly List<NfTraceEvent> _steps = [];

    internal uint Id { get; } = id;

    /// <summary>When its last step arrived.</summary>
    internal long LastStep { get; private set; } = started;

    internal IReadOnlyList<NfTraceEvent> Steps => _steps;

    internal PacketHeaders? Before { get; private set; }

    internal PacketHeaders? After { get; private set; }

    internal uint InputInterface { get; private set; }

    internal TracedEnd End { get; private set; }

    internal void Add(NfTraceEvent step, long now)
    {
        LastStep = now;
        if (PacketHeaders.Of(step) is { } headers)
        {
            Before ??= headers;
            After = headers;
            InputInterface = InputInterface == 0 ? step.InputInterface : InputInterface;
        }
        bool isOurs = step.Table.Name.StartsWith(WatchedPackets.TablePrefix, StringComparison.Ordinal);
        if (isOurs)
        {
            End = step.Chain
                switch
            { WatchedPackets.LeftChain => TracedEnd.Left, WatchedPackets.DeliveredChain => TracedEnd.Delivered, _ => End };
            return;
        }
        if (_steps.Count < MostSteps)
            _steps.Add(step);
        if (step.Verdict is { Code: NfVerdictCode.Drop } || step is { Kind: NfTraceKind.Policy, Policy: NfPolicy.Drop })
            End = TracedEnd.Dropped;
    }
}
