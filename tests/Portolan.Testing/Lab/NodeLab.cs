using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using Portolan.Inet;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Packets;

namespace Portolan.Testing.Lab;

/// <summary>
/// A node in a network namespace with two TUN devices, ext0 towards the world and pod0 towards its pods. Any packet can be put on either
/// and is read where it comes out.
/// </summary>
/// <remarks>
/// All work runs on the namespace's thread. The kernel deals with a packet inside the write to the device, so its outcome is there when
/// the write returns; only what goes over the loopback device may come a moment later.
/// </remarks>
public sealed class NodeLab : IDisposable
{
    public const string ExternalDevice = "ext0";
    public const string PodDevice = "pod0";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly TunDevice _external;
    private readonly TunDevice _pod;
    private readonly LocalDelivery _delivery;
    private readonly ConntrackFlush _conntrack;
    private readonly byte[] _buffer = new byte[65536];
    private readonly HashSet<InetAddress> _podRoutes = [];
    private readonly HashSet<InetAddress> _addresses = [];
    private uint _token;

    /// <summary>Makes the node.</summary>
    /// <param name="name">For messages.</param>
    /// <param name="addresses">Addresses of ext0, in order.</param>
    /// <param name="podPrefixes">Ranges routed to pod0.</param>
    public NodeLab(string name, ImmutableArray<InetAddress> addresses, ImmutableArray<InetPrefix> podPrefixes)
    {
        Namespace = new NetworkNamespace(name);
        try
        {
            (_external, _pod) = Namespace.Run(() => (new TunDevice(ExternalDevice), new TunDevice(PodDevice)));
            Configure(addresses, podPrefixes);
            _delivery = Namespace.Run(static () => new LocalDelivery());
            _conntrack = Namespace.Run(static () => new ConntrackFlush());
        }
        catch
        {
            Namespace.Dispose();
            throw;
        }
    }

    public NetworkNamespace Namespace { get; }

    /// <summary>The node's addresses on ext0.</summary>
    public IReadOnlySet<InetAddress> Addresses => _addresses;

    internal TunDevice External => _external;

    internal TunDevice Pod => _pod;

    /// <summary>A token that no packet of this lab has had.</summary>
    internal uint NextToken() => ++_token;

    public void AddAddresses(IEnumerable<InetAddress> addresses)
    {
        var commands = new StringBuilder();
        AddAddresses(commands, addresses);
        Batch(commands);
        WaitForLocalRoutes();
    }

    public void RemoveAddresses(IEnumerable<InetAddress> addresses)
    {
        var commands = new StringBuilder();
        foreach (InetAddress address in addresses.Where(_addresses.Remove))
            commands.Append(Inv($"address del {InetPrefix.Host(address)} dev {ExternalDevice}\n"));
        Batch(commands);
    }

    /// <summary>Routes the addresses of pods on this node to pod0, whatever range they are in.</summary>
    public void RouteToPods(IEnumerable<InetAddress> addresses)
    {
        var commands = new StringBuilder();
        foreach (InetAddress address in addresses)
        {
            if (!_addresses.Contains(address) && _podRoutes.Add(address))
                commands.Append(Inv($"route replace {InetPrefix.Host(address)} dev {PodDevice}\n"));
        }
        Batch(commands);
    }

    /// <summary>Forgets all tracked connections.</summary>
    public void FlushConntrack() => Namespace.Run(_conntrack.Run);

    /// <summary>Takes all rules out of the kernel, whoever wrote them and through whichever interface.</summary>
    public void ForgetRules() => Namespace.Run(static () =>
    {
        Tool.Run("nft", ["flush", "ruleset"]);
        foreach (string family in (ReadOnlySpan<string>)["ip", "ip6"])
        {
            // Tables of the older interface; nft does not see them. The file is there only when the kernel has that interface.
            string names = $"/proc/thread-self/net/{family}_tables_names";
            foreach (string table in File.Exists(names) ? File.ReadAllLines(names) : [])
            {
                Tool.Run($"{family}tables-legacy", ["-w", "-t", table, "-F"]);
                Tool.Run($"{family}tables-legacy", ["-w", "-t", table, "-X"]);
            }
        }
    });

    /// <summary>The kernel's present rules, for a report.</summary>
    public string DescribeRules() => Namespace.Run(static () => Tool.TryRun("nft", ["list", "ruleset"]).Output);

    /// <summary>Takes everything that has come out since the last call, without waiting.</summary>
    internal void Drain(Action<string, SeenPacket> seen)
    {
        foreach (TunDevice device in (ReadOnlySpan<TunDevice>)[_external, _pod])
        {
            for (int length = device.Take(_buffer); length > 0; length = device.Take(_buffer))
            {
                if (SeenPacket.TryRead(_buffer.AsSpan(0, length), out SeenPacket? packet))
                    seen(device.Name, packet!);
            }
        }
        _delivery.Drain(packet => seen(string.Empty, packet));
    }

    /// <summary>Waits until something may have come out; false when nothing did in time.</summary>
    internal bool WaitForOutput(TimeSpan timeout)
    {
        LinuxCalls.PollDescriptor[] descriptors = [.. _delivery.Descriptors.Append(_external.Descriptor).Append(_pod.Descriptor)
            .Select(static descriptor => new LinuxCalls.PollDescriptor { Descriptor = descriptor, Events = LinuxCalls.POLLIN })];
        return LinuxCalls.Poll(descriptors, (nuint)descriptors.Length, (int)timeout.TotalMilliseconds) > 0;
    }

    public void Dispose()
    {
        _delivery.Dispose();
        _conntrack.Dispose();
        _external.Dispose();
        _pod.Dispose();
        Namespace.Dispose();
    }

    private void Configure(ImmutableArray<InetAddress> addresses, ImmutableArray<InetPrefix> podPrefixes)
    {
        foreach ((string name, string value) in (ReadOnlySpan<(string, string)>)[
            ("net.ipv4.ip_forward", "1"),
            ("net.ipv6.conf.all.forwarding", "1"),
            // Packets with any source come from either side, also with the node's own addresses.
            ("net.ipv4.conf.all.rp_filter", "0"),
            ("net.ipv4.conf.default.rp_filter", "0"),
            ("net.ipv4.conf.all.accept_local", "1"),
            ("net.ipv4.conf.all.send_redirects", "0"),
            ("net.ipv4.conf.default.send_redirects", "0"),
            // Refusals must be seen one by one: no limit on their rate.
            ("net.ipv4.icmp_ratelimit", "0"),
            ("net.ipv6.icmp.ratelimit", "0"),
            // No neighbour discovery, no duplicate address detection: nothing but the lab's packets on the devices.
            ("net.ipv6.conf.all.accept_ra", "0"),
            ("net.ipv6.conf.default.accept_ra", "0"),
            ("net.ipv6.conf.all.accept_dad", "0"),
            ("net.ipv6.conf.default.accept_dad", "0")])
            Namespace.SetSysctl(name, value);
        foreach (string device in (ReadOnlySpan<string>)[ExternalDevice, PodDevice])
        {
            Namespace.SetSysctl($"net/ipv4/conf/{device}/rp_filter", "0");
            Namespace.SetSysctl($"net/ipv4/conf/{device}/send_redirects", "0");
            Namespace.SetSysctl($"net/ipv6/conf/{device}/addr_gen_mode", "1");
        }
        var commands = new StringBuilder($"link set {ExternalDevice} up\nlink set {PodDevice} up\n");
        AddAddresses(commands, addresses);
        commands.Append(Inv($"route add default dev {ExternalDevice}\nroute add ::/0 dev {ExternalDevice}\n"));
        foreach (InetPrefix prefix in podPrefixes)
            commands.Append(Inv($"route add {prefix} dev {PodDevice}\n"));
        Batch(commands);
        WaitForLocalRoutes();
    }

    private void AddAddresses(StringBuilder commands, IEnumerable<InetAddress> addresses)
    {
        foreach (InetAddress address in addresses.Where(_addresses.Add))
            commands.Append(Inv($"address add {InetPrefix.Host(address)} dev {ExternalDevice}{NoDad(address)}\n"));
    }

    // The kernel makes an IPv6 address's local route in a work queue (addrconf_dad_work), with nodad too: until then it forwards packets to
    // it.
    private void WaitForLocalRoutes()
    {
        string[] wanted = [.. _addresses.Where(static address => address.Family == IpFamily.IPv6).Select(static address =>
        {
            Span<byte> bytes = stackalloc byte[16];
            address.WriteBytes(bytes);
            return Convert.ToHexStringLower(bytes) + " 80 ";
        })];
        long started = Stopwatch.GetTimestamp();
        while (wanted.Length > 0)
        {
            // Address, prefix length, six more columns, flags; RTF_LOCAL is the highest (linux/ipv6_route.h).
            string[] local = Namespace.Run(static () => File.ReadAllLines("/proc/thread-self/net/ipv6_route"))
                .Where(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[8][0] >= '8').ToArray();
            if (Array.TrueForAll(wanted, address => Array.Exists(local, line => line.StartsWith(address, StringComparison.Ordinal))))
                return;
            if (Stopwatch.GetElapsedTime(started) > s_patience)
                throw new InvalidOperationException($"The kernel does not make the addresses {string.Join(' ', _addresses)} its own.");
            Thread.Sleep(TimeSpan.FromMilliseconds(1));
        }
    }

    private void Batch(StringBuilder commands)
    {
        if (commands.Length > 0)
            Namespace.Ip(commands.ToString());
    }

    private static string NoDad(InetAddress address) => address.Family == IpFamily.IPv6 ? " nodad" : string.Empty;

    private static string Inv(FormattableString text) => FormattableString.Invariant(text);
}
