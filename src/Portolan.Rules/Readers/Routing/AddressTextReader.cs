using System.Globalization;
using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Iptables;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Routing;

/// <summary>Reads the output of "ip addr" as text, with one address per line ("-o") too.</summary>
internal sealed class AddressTextReader(ReadContext context) : ISectionReader
{
    private readonly List<Interface> _interfaces = [];

    public bool Take(LineCursor line)
    {
        var words = new WordReader(line.Line);
        if (!words.TryReadPlain(out ReadOnlySpan<char> first))
            return false;
        if (first is [.. var digits, ':'] && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int index))
            return words.TryReadPlain(out ReadOnlySpan<char> name) && TakeInterface(index, name, ref words);
        if (_interfaces.Count == 0)
            return false;
        if (first is "inet" or "inet6")
        {
            TakeAddress(_interfaces[^1], ref words);
            return true;
        }
        return first.StartsWith("link/") || first is "valid_lft" or "altname" or "RX:" or "TX:"
            || !first.ContainsAnyExceptInRange('0', '9');
    }

    public void End()
    {
        if (_interfaces.Count == 0)
            return;
        context.Interfaces ??= [];
        context.Interfaces.AddRange(_interfaces.Select(static item =>
            new NetInterface(item.Index, item.Name, item.IsUp, item.IsLoopback, [.. item.Addresses])));
        _interfaces.Clear();
    }

    /// <summary>"2: eth0@if5: &lt;BROADCAST,UP&gt; mtu 1500 ...", or "2: eth0    inet 10.0.0.5/24 ..." with -o.</summary>
    private bool TakeInterface(int index, ReadOnlySpan<char> name, ref WordReader words)
    {
        if (!words.TryReadPlain(out ReadOnlySpan<char> next))
            return false;
        if (name is [.. var header, ':'] && next is ['<', .. var flags, '>'] && words.TryReadPlain(out ReadOnlySpan<char> mtu)
            && mtu is "mtu")
        {
            int at = header.IndexOf('@');
            var found = new Interface(index, context.Pool.Get(at < 0 ? header : header[..at]));
            foreach (Range flag in flags.Split(','))
            {
                found.IsUp |= flags[flag] is "UP";
                found.IsLoopback |= flags[flag] is "LOOPBACK";
            }
            _interfaces.Add(found);
            return true;
        }
        if (next is not ("inet" or "inet6"))
            return false;
        if (_interfaces.Count == 0 || _interfaces[^1].Index != index)
            // Flags are not shown: an interface with an address is usually up.
            _interfaces.Add(new Interface(index, context.Pool.Get(name)) { IsUp = true, IsLoopback = name is "lo" });
        TakeAddress(_interfaces[^1], ref words);
        return true;
    }

    /// <summary>"10.0.0.5/24 brd 10.0.0.255 scope global eth0", "10.1.1.1 peer 10.1.1.2/32 scope global".</summary>
    private void TakeAddress(Interface of, ref WordReader words)
    {
        if (!words.TryReadPlain(out ReadOnlySpan<char> text) || !TryAddress(text, out InetAddress local, out byte length))
            return;
        InetAddress broadcast = default, peer = default;
        string scope = "global";
        while (words.TryReadPlain(out ReadOnlySpan<char> word))
        {
            if (word is not ("brd" or "peer" or "scope") || !words.TryReadPlain(out ReadOnlySpan<char> value))
                continue;
            if (word is "scope")
                scope = context.Pool.Get(value);
            else if (word is "brd")
                broadcast = InetAddress.TryParse(value, out InetAddress all) ? all : default;
            else if (TryAddress(value, out peer, out byte onLink))
                length = onLink;
        }
        of.Addresses.Add(new InterfaceAddress(local, length, broadcast, peer, scope));
    }

    private static bool TryAddress(ReadOnlySpan<char> text, out InetAddress address, out byte length)
    {
        int slash = text.IndexOf('/');
        length = 0;
        if (!InetAddress.TryParse(slash < 0 ? text : text[..slash], out address))
            return false;
        length = (byte)(address.Length * 8);
        return slash < 0 || (byte.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out length)
            && length <= address.Length * 8);
    }

    private sealed class Interface(int index, string name)
    {
        public int Index { get; } = index;

        public string Name { get; } = name;

        public bool IsUp { get; set; }

        public bool IsLoopback { get; set; }

        public List<InterfaceAddress> Addresses { get; } = [];
    }
}
