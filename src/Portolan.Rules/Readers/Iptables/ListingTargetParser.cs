using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Iptables;

/// <summary>Reads the target's options, which a listing prints after the matches.</summary>
internal static class ListingTargetParser
{
    /// <summary>Reads the next part of the target's text; false when the next word does not belong to the target.</summary>
    public static bool TryRead(ref WordReader words, string? name, ListingTarget target)
    {
        if (name is null || !words.TryRead(out ReadOnlySpan<char> word))
            return false;
        if (word is "[goto]")
        {
            target.IsGoto = true;
            return true;
        }
        switch (name)
        {
            case "DNAT" or "SNAT" or "MASQUERADE" or "REDIRECT":
                return TryReadNat(word, ref words, target);
            case "NETMAP":
                if (!word.StartsWith("to:") || !Scalar.TryPrefix(word[3..], out InetPrefix prefix))
                    return false;
                target.Statement = new NetmapStatement(prefix);
                return true;
            case "REJECT":
                if (word is not "reject-with" || !words.TryRead(out ReadOnlySpan<char> with) || Names.Reject(with) is not { } reject)
                    return false;
                target.Statement = new RejectStatement(reject);
                return true;
            case "MARK":
                return word is "MARK" && TryReadMark(ref words, target);
            case "CONNMARK":
                return word is "CONNMARK" && TryReadConnmark(ref words, target);
            case "CT":
                return TryReadConntrack(word, ref words, target);
            case "LOG" or "NFLOG":
                return TryReadLog(word, ref words, target);
        }
        if (!word.SequenceEqual(name) || !(Names.PassesOn(name) || Names.IsOtherTarget(name)))
            return false;
        target.Text = words.Rest.ToString();
        words.SkipToEnd();
        return true;
    }

    private static bool TryReadNat(scoped ReadOnlySpan<char> word, ref WordReader words, ListingTarget target)
    {
        if (NatArguments.Flag(word) is var flag and not NatFlags.None)
        {
            target.Flags |= flag;
            return true;
        }
        if (word.StartsWith("to:"))
        {
            if (!NatArguments.TryAddresses(word[3..], out NatRange range))
                return false;
            target.Range = range;
            return true;
        }
        if (word is not ("redir" or "masq") || !words.TryRead(out ReadOnlySpan<char> ports) || ports is not ("ports" or "ports:")
            || !words.TryRead(out ReadOnlySpan<char> value) || !NatArguments.TryPorts(value, new(default, default), out NatRange read))
            return false;
        target.Range = read;
        return true;
    }

    /// <summary>"or 0x4000", "and 0xff", "xor 0x4000", "set 0x1", "xset 0x3/0xff".</summary>
    private static bool TryReadMark(ref WordReader words, ListingTarget target)
    {
        if (!words.TryRead(out ReadOnlySpan<char> operation) || !words.TryRead(out ReadOnlySpan<char> text)
            || !Scalar.TryMasked(text, out uint value, out uint mask))
            return false;
        target.Statement = operation switch
        {
            "or" => new MarkStatement(value, value),
            "and" => new MarkStatement(0, ~value),
            "xor" => new MarkStatement(value, 0),
            "set" or "xset" => new MarkStatement(value, mask),
            _ => null,
        };
        return target.Statement is not null;
    }

    /// <summary>
    /// As MARK, and "save nfmask 0xff ctmask ~0xf", "restore ctmask 0xf0 nfmask ~0xff": the masks as they are in the kernel.
    /// </summary>
    private static bool TryReadConnmark(ref WordReader words, ListingTarget target)
    {
        if (!words.TryRead(out ReadOnlySpan<char> operation))
            return false;
        if (operation is "save" or "restore")
        {
            uint packetMask = uint.MaxValue, ctMask = uint.MaxValue;
            while (words.Peek() is "nfmask" or "ctmask" or "mask")
            {
                words.TryRead(out ReadOnlySpan<char> which);
                if (!words.TryRead(out ReadOnlySpan<char> text) || !Scalar.TryUInt32(text.TrimStart('~'), out uint mask))
                    return false;
                if (which is "nfmask" or "mask")
                    packetMask = mask;
                if (which is "ctmask" or "mask")
                    ctMask = mask;
            }
            target.Statement = new ConnmarkStatement(
                operation is "save" ? ConnmarkOperation.Save : ConnmarkOperation.Restore, 0, ctMask, packetMask);
            return true;
        }
        if (!words.TryRead(out ReadOnlySpan<char> argument) || !Scalar.TryMasked(argument, out uint value, out uint set))
            return false;
        target.Statement = operation switch
        {
            "or" => new ConnmarkStatement(ConnmarkOperation.Set, value, value, uint.MaxValue),
            "and" => new ConnmarkStatement(ConnmarkOperation.Set, 0, ~value, uint.MaxValue),
            "xor" => new ConnmarkStatement(ConnmarkOperation.Set, value, 0, uint.MaxValue),
            "set" or "xset" => new ConnmarkStatement(ConnmarkOperation.Set, value, set, uint.MaxValue),
            _ => null,
        };
        return target.Statement is not null;
    }

    /// <summary>"NOTRACK", "CT notrack" or "CT zone 5 helper ftp".</summary>
    private static bool TryReadConntrack(scoped ReadOnlySpan<char> word, ref WordReader words, ListingTarget target)
    {
        if (word is "NOTRACK" || (word is "CT" && words.Peek() is "notrack"))
        {
            words.SkipToEnd();
            target.Statement = new NotrackStatement();
            return true;
        }
        if (word is not "CT")
            return false;
        ushort? zone = null;
        string? helper = null;
        var options = new System.Text.StringBuilder();
        while (words.TryRead(out ReadOnlySpan<char> option))
        {
            if (!words.TryRead(out ReadOnlySpan<char> value))
                return false;
            options.Append(options.Length == 0 ? "" : " ").Append("--").Append(option).Append(' ').Append(value);
            if (option is "zone" && Scalar.TryUInt16(value, out ushort number))
                zone = number;
            else if (option is "helper")
                helper = value.ToString();
        }
        target.Statement = new ConntrackTemplateStatement(zone, helper, options.ToString());
        return true;
    }

    /// <summary>LOG flags 0 level 4 prefix "dropped: "; nflog-prefix "a b" nflog-group 5.</summary>
    private static bool TryReadLog(scoped ReadOnlySpan<char> word, ref WordReader words, ListingTarget target)
    {
        var log = target.Statement as LogStatement ?? new(string.Empty, null);
        switch (word)
        {
            case "LOG":
                break;
            case "flags" or "level" or "nflog-size" or "nflog-threshold" or "nflog-range":
                words.TryRead(out _);
                break;
            case "prefix" or "nflog-prefix" when words.TryRead(out ReadOnlySpan<char> prefix):
                log = log with { Prefix = prefix.ToString() };
                break;
            case "nflog-group" when words.TryRead(out ReadOnlySpan<char> text) && Scalar.TryUInt16(text, out ushort group):
                log = log with { Group = group };
                break;
            default:
                return false;
        }
        target.Statement = log;
        return true;
    }
}
