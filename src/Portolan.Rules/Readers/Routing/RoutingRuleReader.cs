using Portolan.Inet;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Iptables;
using Portolan.Rules.Readers.Reading;

namespace Portolan.Rules.Readers.Routing;

/// <summary>Reads the output of "ip rule", as text and as JSON.</summary>
internal sealed class RoutingRuleReader(ReadContext context) : ISectionReader
{
    private readonly List<string?> _tables = [];

    public bool Take(LineCursor line)
    {
        if (JsonText.BeginsWith(context.Source, line, '[', "\"priority\""u8) && JsonText.BeginsWith(context.Source, line, '[', "\"src\""u8))
        {
            End();
            JsonText.ReadObjects(context, line, default, (item, _, _) => _tables.Add(item.Text("table")));
            return true;
        }
        var words = new WordReader(line.Line);
        // "32766:	from all lookup main"
        if (!words.TryReadPlain(out ReadOnlySpan<char> number) || number is not [.. var digits, ':'] || digits.IsEmpty
            || digits.ContainsAnyExceptInRange('0', '9') || !words.TryReadPlain(out ReadOnlySpan<char> from)
            || !(from is "from" || (from is "not" && words.TryReadPlain(out from) && from is "from")))
            return false;
        // The next list, of the other family.
        if (digits is "0")
            End();
        string? table = null;
        while (words.TryReadPlain(out ReadOnlySpan<char> word))
        {
            if (word is "lookup" or "table" && words.TryReadPlain(out ReadOnlySpan<char> name))
                table = context.Pool.Get(name);
        }
        _tables.Add(table);
        return true;
    }

    public void End()
    {
        // The kernel's own three rules for IPv4, two for IPv6: only the first list has the table "default".
        IpFamily family = _tables.Contains("default") ? IpFamily.IPv4 : IpFamily.IPv6;
        foreach (string? table in _tables)
            context.RoutingRules.Add(new RoutingRule(family, table));
        _tables.Clear();
    }
}
