using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Iptables;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Ipvs;

/// <summary>
/// Reads virtual servers of IPVS as ipvsadm prints them: the table of "ipvsadm -Ln", and the options of "ipvsadm -Sn" (ipvsadm-save),
/// also as commands of a script.
/// </summary>
internal sealed class VirtualServerReader(ReadContext context) : ISectionReader
{
    private readonly Dictionary<string, ServerBuilder> _servers = new(StringComparer.Ordinal);
    private readonly List<ServerBuilder> _order = [];
    private ServerBuilder? _current;
    private bool _inTable;
    private bool _hasOtherColumns;
    private bool _namesReported;

    /// <summary>True for a line that begins a listing, or one of a listing's virtual servers.</summary>
    public static bool Begins(ReadOnlySpan<char> line)
    {
        if (line.StartsWith("IP Virtual Server version ") || line.StartsWith("Prot LocalAddress:Port"))
            return true;
        ReadOnlySpan<char> options = WithoutProgram(line);
        return options.StartsWith("-A -t ") || options.StartsWith("-A -u ") || options.StartsWith("-A -f ")
            || options.StartsWith("-A --") || options.StartsWith("--add-service ") || IsServerOption(options) || IsRow(line);
    }

    public bool Take(LineCursor line)
    {
        ReadOnlySpan<char> text = line.Line.Trim();
        if (text.IsEmpty)
            return _inTable;
        if (text.StartsWith("IP Virtual Server version "))
        {
            (_inTable, _hasOtherColumns, _current) = (true, false, null);
            return true;
        }
        if (text.StartsWith("Prot LocalAddress:Port"))
        {
            _inTable = true;
            _hasOtherColumns = !text.Contains(" Scheduler ", StringComparison.Ordinal);
            // A table without rows says that there are no virtual servers.
            if (!_hasOtherColumns)
                context.VirtualServers ??= [];
            else
            {
                context.SawUselessListing = true;
                context.Problems.Partial(line.Number, "this listing of ipvsadm shows neither schedulers nor weights, and its virtual "
                    + "servers are left out: use the output of 'ipvsadm -Ln' without other options");
            }
            return true;
        }
        if (text.StartsWith("->"))
            return TakeRow(text["->".Length..], line);
        if (_inTable && _hasOtherColumns && IsProtocol(text))
            return true;
        if (IsRow(text) || (_inTable && IsProtocol(text)))
            return TakeTableServer(text, line);
        ReadOnlySpan<char> options = WithoutProgram(text);
        if (Begins(options))
        {
            TakeOptions(options, line);
            return true;
        }
        return false;
    }

    public void End()
    {
        foreach (ServerBuilder server in _order)
            (context.VirtualServers ??= []).Add(server.Build());
        _servers.Clear();
        _order.Clear();
        (_current, _inTable, _hasOtherColumns) = (null, false, false);
    }

    /// <summary>A command's options: "ipvsadm -A -t ...".</summary>
    private static ReadOnlySpan<char> WithoutProgram(ReadOnlySpan<char> line)
    {
        line = line.TrimStart();
        int at = line.IndexOf("ipvsadm ");
        // "# ipvsadm -A", "sudo /sbin/ipvsadm -A".
        return at >= 0 && !line[..at].Contains('-') ? line[(at + "ipvsadm ".Length)..].TrimStart() : line;
    }

    private static bool IsServerOption(ReadOnlySpan<char> options) => options.StartsWith("-a -t ") || options.StartsWith("-a -u ")
        || options.StartsWith("-a -f ") || options.StartsWith("-a --") || options.StartsWith("--add-server ");

    private static bool IsProtocol(ReadOnlySpan<char> text) =>
        text.StartsWith("TCP ") || text.StartsWith("UDP ") || text.StartsWith("SCTP ") || text.StartsWith("FWM ");

    /// <summary>A virtual server of the table, recognised without the table's header.</summary>
    private static bool IsRow(ReadOnlySpan<char> text)
    {
        if (!IsProtocol(text))
            return false;
        var words = new WordReader(text);
        words.TryReadPlain(out ReadOnlySpan<char> protocol);
        return words.TryReadPlain(out ReadOnlySpan<char> key)
            && (protocol is "FWM" ? uint.TryParse(key, out _) : InetEndpoint.TryParse(key, out _))
            && words.TryReadPlain(out ReadOnlySpan<char> scheduler) && char.IsAsciiLetterLower(scheduler[0]);
    }

    /// <summary>"TCP  10.96.0.1:443 rr persistent 10800", "FWM  1 IPv6 wlc".</summary>
    private bool TakeTableServer(ReadOnlySpan<char> text, LineCursor line)
    {
        (_inTable, _current) = (true, null);
        var words = new WordReader(text);
        words.TryReadPlain(out ReadOnlySpan<char> kind);
        if (!words.TryReadPlain(out ReadOnlySpan<char> key))
            return Misread(text, line);
        var server = new ServerBuilder(line.Span);
        if (kind is "FWM")
        {
            if (!Scalar.TryUInt32(key, out uint mark))
                return Misread(text, line);
            server.Mark = mark;
            if (words.Peek() is "IPv6")
            {
                words.TryReadPlain(out _);
                server.Family = IpFamily.IPv6;
            }
        }
        else if (!TrySetAddress(server, kind switch { "TCP" => IpProtocol.Tcp, "UDP" => IpProtocol.Udp, _ => IpProtocol.Sctp }, key))
        {
            return ReportNames(text, line);
        }
        if (!words.TryReadPlain(out ReadOnlySpan<char> scheduler))
            return Misread(text, line);
        server.Scheduler = context.Pool.Get(scheduler);
        while (words.TryReadPlain(out ReadOnlySpan<char> word))
        {
            if (word is ['(', .., ')'])
                server.Flags.AddRange(word[1..^1].ToString().Split(','));
            else if (word is "ops")
                server.IsOnePacket = true;
            else if (word is "persistent" && words.TryReadPlain(out ReadOnlySpan<char> seconds) && Scalar.TryUInt32(seconds, out uint time))
                server.Persistence = TimeSpan.FromSeconds(time);
            else if (word is "mask" or "pe")
                words.TryReadPlain(out _);
        }
        if (!line.HasLineEnd)
            server.IsIncomplete = true;
        Begin(server, line);
        return true;
    }

    /// <summary>"10.244.1.2:8443  Masq  1  0  0" behind the arrow.</summary>
    private bool TakeRow(ReadOnlySpan<char> text, LineCursor line)
    {
        if (text.TrimStart().StartsWith("RemoteAddress:Port"))
            return _inTable;
        // Of a virtual server that was left out, or of another table.
        if (_current is not { } server)
            return _inTable;
        var words = new WordReader(text);
        if (words.TryReadPlain(out ReadOnlySpan<char> address) && words.TryReadPlain(out ReadOnlySpan<char> way)
            && words.TryReadPlain(out ReadOnlySpan<char> weight) && InetEndpoint.TryParse(address, out InetEndpoint endpoint)
            && MethodOf(way) is { } method && Scalar.TryUInt32(weight, out uint number) && IsWhole(ref words, line))
        {
            server.Add(new RealServer(endpoint.Address, endpoint.Port, method, number));
            return true;
        }
        server.IsIncomplete = true;
        if (address.Contains(':') && !InetEndpoint.TryParse(address, out _))
            return ReportNames(text, line);
        context.Problems.Partial(line.Number,
            $"{ProblemLog.Quote(text)} is not a real server of {server.Name}, or is cut off; it is left out");
        return true;
    }

    // Behind the weight stand the numbers of connections.
    private static bool IsWhole(ref WordReader words, LineCursor line) => !line.IsCut && (line.HasLineEnd
        || (words.TryReadPlain(out _) && words.TryReadPlain(out _)));

    /// <summary>"-A -t 10.96.0.1:443 -s rr -p 10800", "-a -t 10.96.0.1:443 -r 10.244.1.2:8443 -m -w 1".</summary>
    private void TakeOptions(ReadOnlySpan<char> text, LineCursor line)
    {
        var server = new ServerBuilder(line.Span) { Scheduler = ServerBuilder.DefaultScheduler };
        bool isReal = false, isUnderstood = line is { HasLineEnd: true, IsCut: false };
        InetEndpoint? real = null;
        ForwardingMethod method = ForwardingMethod.DirectRouting;
        uint weight = 1;
        var words = new WordReader(text);
        while (words.TryReadPlain(out ReadOnlySpan<char> option))
        {
            switch (option)
            {
                case "-A" or "--add-service": continue;
                case "-a" or "--add-server": isReal = true; continue;
                case "-m" or "--masquerading": method = ForwardingMethod.Masquerading; continue;
                case "-g" or "--gatewaying": method = ForwardingMethod.DirectRouting; continue;
                case "-i" or "--ipip": method = ForwardingMethod.Tunnelling; continue;
                // ipvsadm cannot say it; the program's own reading of a kernel does.
                case "--local": method = ForwardingMethod.Local; continue;
                case "-o" or "--ops": server.IsOnePacket = true; continue;
                case "-6" or "--ipv6": server.Family = IpFamily.IPv6; continue;
                case "-p" or "--persistent":
                    // ipvsadm's own default, where no time is given.
                    bool isGiven = Scalar.TryUInt32(words.Peek(), out uint seconds);
                    if (isGiven)
                        words.TryReadPlain(out _);
                    server.Persistence = TimeSpan.FromSeconds(isGiven ? seconds : 300);
                    continue;
            }
            if (option is not ['-', ..] || !words.TryReadPlain(out ReadOnlySpan<char> value))
            {
                isUnderstood = false;
                break;
            }
            switch (option)
            {
                case "-t" or "--tcp-service": isUnderstood &= TrySetAddress(server, IpProtocol.Tcp, value); break;
                case "-u" or "--udp-service": isUnderstood &= TrySetAddress(server, IpProtocol.Udp, value); break;
                case "--sctp-service": isUnderstood &= TrySetAddress(server, IpProtocol.Sctp, value); break;
                case "-f" or "--fwmark-service":
                    isUnderstood &= Scalar.TryUInt32(value, out uint mark);
                    server.Mark = mark;
                    break;
                case "-s" or "--scheduler": server.Scheduler = context.Pool.Get(value); break;
                case "-b" or "--sched-flags": server.Flags.AddRange(value.ToString().Split(',')); break;
                case "-w" or "--weight": isUnderstood &= Scalar.TryUInt32(value, out weight); break;
                case "-r" or "--real-server": real = RealEndpoint(value, server); break;
                // Netmask of persistence, thresholds, engines, tunnels: they do not change where a first packet may go.
                case "-M" or "--netmask" or "-x" or "--u-threshold" or "-y" or "--l-threshold" or "--pe": break;
                default: isUnderstood &= option.StartsWith("--tun-"); break;
            }
        }
        isUnderstood &= server.Mark is not null || server.Address.Family != IpFamily.None;
        if (!isReal)
        {
            if (isUnderstood)
                Begin(server, line);
            else
                Misread(text, line);
            return;
        }
        ServerBuilder? known = server.Mark is null && server.Address.Family == IpFamily.None ? null
            : _servers.GetValueOrDefault(server.Name);
        if (isUnderstood && real is { } endpoint)
        {
            if (known is null)
            {
                (server.Scheduler, server.IsIncomplete) = (string.Empty, true);
                Begin(server, line);
                context.Problems.Partial(line.Number, $"virtual server {server.Name} is not listed before its real server");
            }
            (known ?? server).Add(new RealServer(endpoint.Address, endpoint.Port, method, weight));
            return;
        }
        known?.IsIncomplete = true;
        context.Problems.Partial(line.Number, $"{ProblemLog.Quote(text)} was not understood or is cut off; it is left out");
    }

    /// <summary>A real server without a port has that of its virtual server.</summary>
    private static InetEndpoint? RealEndpoint(ReadOnlySpan<char> text, ServerBuilder server) =>
        InetEndpoint.TryParse(text, out InetEndpoint endpoint) ? endpoint
        : InetAddress.TryParse(text.Trim("[]"), out InetAddress address) ? new InetEndpoint(address, server.Port) : null;

    private static bool TrySetAddress(ServerBuilder server, IpProtocol protocol, ReadOnlySpan<char> text)
    {
        if (!InetEndpoint.TryParse(text, out InetEndpoint endpoint))
            return false;
        (server.Address, server.Port, server.Protocol, server.Family) =
            (endpoint.Address, endpoint.Port, protocol, endpoint.Address.Family);
        return true;
    }

    private static ForwardingMethod? MethodOf(ReadOnlySpan<char> word) => word switch
    {
        "Masq" => ForwardingMethod.Masquerading,
        "Route" => ForwardingMethod.DirectRouting,
        "Tunnel" => ForwardingMethod.Tunnelling,
        "Local" => ForwardingMethod.Local,
        _ => null,
    };

    private void Begin(ServerBuilder server, LineCursor line)
    {
        context.VirtualServers ??= [];
        _current = server;
        if (_servers.TryAdd(server.Name, server))
        {
            _order.Add(server);
            return;
        }
        _current = _servers[server.Name];
        context.Problems.Partial(line.Number, $"virtual server {server.Name} is listed twice; its real servers are merged");
    }

    private bool Misread(ReadOnlySpan<char> text, LineCursor line)
    {
        context.VirtualServers ??= [];
        context.Problems.Partial(line.Number, $"{ProblemLog.Quote(text)} is not a virtual server, or is cut off; it is left out");
        return true;
    }

    /// <summary>Without -n ipvsadm prints names of hosts and ports.</summary>
    private bool ReportNames(ReadOnlySpan<char> text, LineCursor line)
    {
        if (!_namesReported)
            context.Problems.Partial(line.Number, $"{ProblemLog.Quote(text)} has a name in place of an address or a port; what has names "
                + "is left out: use 'ipvsadm -Ln'");
        _namesReported = true;
        return true;
    }

    /// <summary>A virtual server while it is read.</summary>
    private sealed class ServerBuilder(SourceSpan source)
    {
        /// <summary>What ipvsadm takes where no scheduler is given.</summary>
        internal const string DefaultScheduler = "wlc";

        private readonly List<RealServer> _servers = [];

        internal InetAddress Address { get; set; }

        internal ushort Port { get; set; }

        internal IpProtocol Protocol { get; set; }

        internal uint? Mark { get; set; }

        internal IpFamily Family { get; set; } = IpFamily.IPv4;

        internal string Scheduler { get; set; } = string.Empty;

        internal List<string> Flags { get; } = [];

        internal TimeSpan? Persistence { get; set; }

        internal bool IsOnePacket { get; set; }

        internal bool IsIncomplete { get; set; }

        internal string Name => new VirtualServer
        {
            Address = Address,
            Port = Port,
            Protocol = Protocol,
            Mark = Mark,
            Family = Family,
            Scheduler = Scheduler
        }.Name;

        internal void Add(RealServer server) => _servers.Add(server);

        internal VirtualServer Build() => new()
        {
            Address = Address,
            Port = Port,
            Protocol = Protocol,
            Mark = Mark,
            Family = Family,
            Scheduler = Scheduler,
            SchedulerFlags = [.. Flags],
            Persistence = Persistence,
            IsOnePacket = IsOnePacket,
            Servers = [.. _servers],
            IsIncomplete = IsIncomplete,
            Source = source,
        };
    }
}
