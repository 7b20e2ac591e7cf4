using System.Globalization;
using System.Runtime.CompilerServices;
using Portolan.Netlink.Core;
using Portolan.Netlink.Uapi;

namespace Portolan.Netlink.NfTables;

/// <summary>What an <see cref="NfMonitor"/> listens to.</summary>
[Flags]
public enum NfMonitorTopics
{
    /// <summary>Changes of tables, chains, rules, sets and elements, and the end of each commit.</summary>
    Changes = 1,

    /// <summary>Steps of packets whose tracing is on.</summary>
    Traces = 2,
}

/// <summary>Listens for nf_tables events: who changes what, and the path of traced packets.</summary>
/// <remarks>
/// The kernel creates a notification for every changed element while any process listens for changes, which makes all commits
/// slower; a commit of more than a few thousand elements overruns the default buffer and causes <see cref="NfEventsLost"/>.
/// </remarks>
public sealed class NfMonitor : IDisposable
{
    /// <summary>A receive buffer for some ten thousand notifications.</summary>
    private const int ReceiveBufferBytes = 8 << 20;

    // nf_tables packs notifications into datagrams of at most a page or so; one rule can have 64 KiB.
    private const int BufferLength = 128 * 1024;

    private readonly NetlinkSocket _socket;

    private NfMonitor(NetlinkSocket socket) => _socket = socket;

    /// <summary>Starts listening: nothing that happens after this call is missed without an <see cref="NfEventsLost"/>.</summary>
    /// <param name="topics">What to listen to.</param>
    /// <param name="options">How to open the socket; the default receive buffer is 8 MiB.</param>
    /// <param name="ignoredPorts">Port ids (<see cref="NetlinkSocket.PortId"/>) whose changes neither are reported nor wake
    /// the listener: its own.</param>
    /// <exception cref="NetlinkException">The socket cannot be opened or may not listen.</exception>
    public static NfMonitor Open(
        NfMonitorTopics topics = NfMonitorTopics.Changes, NetlinkSocketOptions? options = null, params ReadOnlySpan<uint> ignoredPorts)
    {
        options ??= new NetlinkSocketOptions();
        if (options.ReceiveBufferBytes == 0)
            options = options with { ReceiveBufferBytes = ReceiveBufferBytes };
        NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter, options);
        try
        {
            if (!ignoredPorts.IsEmpty)
                socket.IgnoreSenders(ignoredPorts);
            if (topics.HasFlag(NfMonitorTopics.Changes))
                socket.Join(NfnetlinkHeader.NFNLGRP_NFTABLES);
            if (topics.HasFlag(NfMonitorTopics.Traces))
                socket.Join(NfnetlinkHeader.NFNLGRP_NFTRACE);
            return new NfMonitor(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The events as they arrive. To be enumerated once.</summary>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    /// <exception cref="NetlinkException">The socket cannot be read any more.</exception>
    public async IAsyncEnumerable<NfEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        byte[] buffer = new byte[BufferLength];
        var events = new List<NfEvent>();
        while (true)
        {
            int received = await _socket.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
            events.Clear();
            if (received < 0)
                events.Add(new NfEventsLost());
            else
                Decode(buffer.AsSpan(0, received), events);
            foreach (NfEvent happened in events)
                yield return happened;
        }
    }

    /// <summary>
    /// One text for each commit in which somebody changed what matters, such as "table ip x was deleted by process 123 (nft)", and one
    /// whenever the kernel lost notifications. To be enumerated once.
    /// </summary>
    /// <param name="describe">What an event changed, in words; null if it does not matter. Of several in a commit the last is told.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    /// <exception cref="NetlinkException">The socket cannot be read any more.</exception>
    public async IAsyncEnumerable<string> ReadCommitsAsync(Func<NfEvent, string?> describe,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(describe);
        string? touched = null;
        await foreach (NfEvent happened in ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            switch (happened)
            {
                case NfEventsLost:
                    touched = null;
                    yield return "notifications of nf_tables were lost";
                    break;
                case NfGenerationEvent { Generation: var generation } when touched is not null:
                    yield return string.Create(CultureInfo.InvariantCulture,
                        $"{touched} by process {generation.ThreadId} ({generation.ThreadName})");
                    touched = null;
                    break;
                default:
                    touched = describe(happened) ?? touched;
                    break;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    internal static void Decode(ReadOnlySpan<byte> datagram, List<NfEvent> events)
    {
        var messages = new MessageReader(datagram);
        while (messages.MoveNext())
        {
            if (NfEventDecoder.Read(messages.Type, messages.PortId, messages.Payload) is { } happened)
                events.Add(happened);
        }
    }
}
