using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>Reads the targets of iptables-extensions(8) with their options, as iptables-save writes them.</summary>
internal static class SaveTargetParser
{
    /// <summary>False when the target is not modelled, or when its options are not understood; nothing is read then.</summary>
    public static bool TryRead(ReadOnlySpan<char> name, ref WordReader words, out Statement? target)
    {
        WordReader options = words;
        target = name switch
        {
            "ACCEPT" => StatementCache.Accept,
            "DROP" => StatementCache.Drop,
            "RETURN" => StatementCache.Return,
            "QUEUE" => new VerdictStatement(new Verdict(VerdictKind.Queue)),
            "REJECT" => ReadReject(ref options),
            "DNAT" => ReadNat(NatKind.Destination, ref options),
            "SNAT" => ReadNat(NatKind.Source, ref options),
            "MASQUERADE" => ReadNat(NatKind.Masquerade, ref options),
            "REDIRECT" => ReadNat(NatKind.Redirect, ref options),
            "NETMAP" => ReadNetmap(ref options),
            "MARK" => ReadMark(ref options),
            "CONNMARK" => ReadConnmark(ref options),
            "NOTRACK" => new NotrackStatement(),
            "CT" => ReadConntrack(ref options),
            "LOG" or "NFLOG" => ReadLog(ref options),
            "TRACE" => new TraceStatement(),
            _ => null,
        };
        if (target is null || !options.AtEnd)
        {
            // A target with options of another version: the caller keeps it as text.
            target = null;
            return false;
        }
        words = options;
        return true;
    }

    private static RejectStatement? ReadReject(ref WordReader options)
    {
        if (options.AtEnd)
            return new(RejectWith.PortUnreachable);
        return options.TryRead(out ReadOnlySpan<char> option) && option is "--reject-with"
            && options.TryRead(out ReadOnlySpan<char> value) && Names.Reject(value) is { } with ? new(with) : null;
    }

    private static NatStatement? ReadNat(NatKind kind, ref WordReader options)
    {
        NatRange? range = null;
        var flags = NatFlags.None;
        while (options.TryRead(out ReadOnlySpan<char> option))
        {
            if (NatArguments.Flag(option) is var flag and not NatFlags.None)
            {
                flags |= flag;
                continue;
            }
            bool wantsPorts = option is "--to-ports" or "--to-port";
            if (!wantsPorts && option is not ("--to-destination" or "--to-source"))
                return null;
            if (!options.TryRead(out ReadOnlySpan<char> value))
                return null;
            NatRange read;
            if (!(wantsPorts ? NatArguments.TryPorts(value, new(default, default), out read) : NatArguments.TryAddresses(value, out read)))
                return null;
            range = read;
        }
        return range is null && kind is NatKind.Destination or NatKind.Source && range is null ? null : new(kind, range, flags);
    }

    private static NetmapStatement? ReadNetmap(ref WordReader options) =>
        options.TryRead(out ReadOnlySpan<char> option) && option is "--to" && options.TryRead(out ReadOnlySpan<char> value)
            && Scalar.TryPrefix(value, out InetPrefix prefix) ? new(prefix) : null;

    private static MarkStatement? ReadMark(ref WordReader options)
    {
        if (!options.TryRead(out ReadOnlySpan<char> option) || !options.TryRead(out ReadOnlySpan<char> text)
            || !Scalar.TryMasked(text, out uint value, out uint mask))
            return null;
        return option switch
        {
            "--set-xmark" => new(value, mask),
            "--set-mark" => new(value, value | mask),
            "--or-mark" => new(value, value),
            "--and-mark" => new(0, ~value),
            "--xor-mark" => new(value, 0),
            _ => null,
        };
    }

    private static ConnmarkStatement? ReadConnmark(ref WordReader options)
    {
        if (!options.TryRead(out ReadOnlySpan<char> operation))
            return null;
        if (operation is "--save-mark" or "--restore-mark")
        {
            uint packetMask = uint.MaxValue, ctMask = uint.MaxValue;
            while (options.TryRead(out ReadOnlySpan<char> option))
            {
                if (!options.TryRead(out ReadOnlySpan<char> mask) || !Scalar.TryUInt32(mask, out uint number))
                    return null;
                if (option is "--nfmask" or "--mask")
                    packetMask = number;
                if (option is "--ctmask" or "--mask")
                    ctMask = number;
                if (option is not ("--nfmask" or "--ctmask" or "--mask"))
                    return null;
            }
            return new(operation is "--save-mark" ? ConnmarkOperation.Save : ConnmarkOperation.Restore, 0, ctMask, packetMask);
        }
        if (!options.TryRead(out ReadOnlySpan<char> text) || !Scalar.TryMasked(text, out uint value, out uint set))
            return null;
        return operation switch
        {
            "--set-xmark" => new(ConnmarkOperation.Set, value, set, uint.MaxValue),
            "--set-mark" => new(ConnmarkOperation.Set, value, value | set, uint.MaxValue),
            "--or-mark" => new(ConnmarkOperation.Set, value, value, uint.MaxValue),
            "--and-mark" => new(ConnmarkOperation.Set, 0, ~value, uint.MaxValue),
            "--xor-mark" => new(ConnmarkOperation.Set, value, 0, uint.MaxValue),
            _ => null,
        };
    }

    private static Statement? ReadConntrack(ref WordReader options)
    {
        string all = options.Rest.ToString();
        if (all is "--notrack")
        {
            options.SkipToEnd();
            return new NotrackStatement();
        }
        ushort? zone = null;
        string? helper = null;
        while (options.TryRead(out ReadOnlySpan<char> option))
        {
            if (!options.TryRead(out ReadOnlySpan<char> value))
                return null;
            if (option is "--zone" && Scalar.TryUInt16(value, out ushort number))
                zone = number;
            else if (option is "--helper")
                helper = value.ToString();
        }
        return new ConntrackTemplateStatement(zone, helper, all);
    }

    private static LogStatement? ReadLog(ref WordReader options)
    {
        string prefix = string.Empty;
        ushort? group = null;
        while (options.TryRead(out ReadOnlySpan<char> option))
        {
            if (option is "--log-tcp-sequence" or "--log-tcp-options" or "--log-ip-options" or "--log-uid" or "--log-macdecode")
                continue;
            if (!options.TryRead(out ReadOnlySpan<char> value))
                return null;
            if (option is "--log-prefix" or "--nflog-prefix")
                prefix = value.ToString();
            else if (option is "--nflog-group" && Scalar.TryUInt16(value, out ushort number))
                group = number;
        }
        return new(prefix, group);
    }
}
