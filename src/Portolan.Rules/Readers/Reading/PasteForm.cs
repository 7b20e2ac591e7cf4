using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Portolan.Rules.Model;
using Portolan.Rules.Readers.Iptables;
using Portolan.Rules.Readers.Ipvs;
using Portolan.Rules.Readers.Nftables;

namespace Portolan.Rules.Readers.Reading;

/// <summary>
/// Undoes what mails, forums and terminals do to rules: quotation, indentation, line numbers of grep and cat, prompts
/// and log prefixes before a rule, shell commands, HTML entities, typographic quotes, wrapped lines, several rules on one line.
/// Unmodified tool output is left untouched.
/// </summary>
internal sealed partial class PasteForm
{
    // Such damage comes from pasting by hand, which has a limit; a dump of a large node need not be copied to look for it.
    private const int LargestPaste = 4 << 20;

    private const int LongestRule = 4096;

    private List<(int Line, string Text)> _lines = [];
    private readonly SortedDictionary<int, string> _notes = [];
    private readonly HashSet<string> _reported = new(StringComparer.Ordinal);
    private string? _table;

    private PasteForm()
    {
    }

    /// <summary>The input as its tool wrote it, with the original line numbers; the source itself when nothing is
    /// damaged.</summary>
    /// <param name="source">The input, UTF-8.</param>
    /// <param name="notes">What was undone, each once, by line.</param>
    public static SourceText Undo(SourceText source, out IReadOnlyDictionary<int, string> notes)
    {
        notes = new Dictionary<int, string>();
        if (source.Bytes.Length > LargestPaste || IsJson(source.Bytes))
            return source;
        string[] lines = source.GetText(0, source.Bytes.Length).Split('\n');
        var form = new PasteForm();
        for (int i = 0; i < lines.Length; i++)
            form.Take(i + 1, lines[i].TrimEnd('\r'));
        form.Join();
        form.Part();
        form._lines = OrphanRows.Place(form._lines, form.Note);
        if (form._reported.Count == 0)
            return source;
        notes = form._notes;
        return new SourceText(source.Name, Encoding.UTF8.GetBytes(string.Join('\n', form._lines.Select(line => line.Text))),
            [.. form._lines.Select(line => line.Line)]);
    }

    private static bool IsJson(ReadOnlySpan<byte> bytes) => bytes.TrimStart(" \t\r\n\uFEFF"u8) is [(byte)'{' or (byte)'[', ..] and var text
        && text[..Math.Min(text.Length, 64)].IndexOf((byte)'"') >= 0 && text[..Math.Min(text.Length, 64)].IndexOf("] -A "u8) < 0;

    private void Note(int line, string what)
    {
        if (_reported.Add(what) && !_notes.TryAdd(line, what))
            _notes[line] += "; " + what;
    }

    /// <summary>Repairs a single line.</summary>
    private void Take(int line, string text)
    {
        string original = text;
        if (text.Contains('&') && Entities().IsMatch(text))
        {
            text = WebUtility.HtmlDecode(text);
            Note(line, "HTML entities were decoded");
        }
        if (text.AsSpan().IndexOfAny('\u201c', '\u201d', '\u00a0') >= 0 || text.AsSpan().IndexOfAny('\u2013', '\u2014') >= 0)
        {
            string plain = text.Replace('\u201c', '"').Replace('\u201d', '"').Replace('\u00a0', ' ');
            plain = Dashes().Replace(plain, static dash => dash.Value.Contains('\u2014') ? "--" : "-");
            if (plain != text && (LooksLikeRule(plain) || Begins(plain)))
            {
                text = plain;
                Note(line, "typographic quotes, dashes and spaces were replaced by plain ones");
            }
        }
        if (text is ['>', ..] && Quotation().Match(text) is { Success: true } quotation)
        {
            text = text[quotation.Length..];
            if (Begins(text.Trim()))
                Note(line, "quote marks ('>') were removed");
        }
        if (text.Contains('`') && text.Trim().Trim('`') is var bare && (Begins(bare) || LooksLikeRule(bare)))
        {
            text = bare;
            Note(line, "backticks were removed");
        }
        if (Begins(text))
        {
            _lines.Add((line, text));
            return;
        }
        if (Begins(text.Trim()) && !SetLine().IsMatch(text.Trim()))
        {
            // nft indents the content of its tables; the headers of all listings begin at the margin.
            if (text.Length > text.TrimStart().Length)
                Note(line, "indentation was removed");
            _lines.Add((line, text.Trim()));
            return;
        }
        if (Numbered().Match(text) is { Success: true } number && Begins(text[number.Length..].TrimStart()))
        {
            Note(line, "line numbers were removed");
            _lines.Add((line, text[number.Length..].TrimStart()));
            return;
        }
        if (RuleIn().Match(text) is { Success: true } found && LooksLikeRule(text[found.Index..].TrimStart('`', ' ')))
        {
            TakeInner(line, text[..found.Index], text[found.Index..].TrimStart('`', ' '));
            return;
        }
        _lines.Add((line, text.Length > 0 ? text : original));
    }

    /// <summary>A rule after something else: a shell command, a prompt, a log prefix.</summary>
    private void TakeInner(int line, string before, string rule)
    {
        if (IptablesHint.Read(before) is { } hint)
        {
            string table = hint.Table ?? "filter";
            string program = hint.Family == TableFamily.Ip6 ? "ip6tables" : "iptables";
            Note(line, "commands that add rules were read as the rules they add");
            if (_table != $"{program} {table}")
                _lines.Add((line, $"# {program} -t {table} -S"));
            _table = $"{program} {table}";
        }
        else
        {
            Note(line, "text before rules on the same line was removed");
        }
        _lines.Add((line, rule));
    }

    /// <summary>Joins lines of rules that a mail program or a terminal has wrapped.</summary>
    private void Join()
    {
        int width = 0, broken = 0;
        for (int i = 1; i < _lines.Count; i++)
        {
            if (!IsRest(i))
                continue;
            broken++;
            width = Math.Max(width, _lines[i - 1].Text.Length);
        }
        List<(int Line, string Text)> joined = [_lines[0]];
        for (int i = 1; i < _lines.Count; i++)
        {
            (int line, string head) = joined[^1];
            string rest = _lines[i].Text;
            if (!IsRest(i) || head.Length > LongestRule || !WasBroken(_lines[i - 1].Text, rest, width, broken))
            {
                joined.Add(_lines[i]);
                continue;
            }
            bool isHard = _lines[i - 1].Text.Length == width || head.EndsWith(' ') || rest.StartsWith(' ');
            Note(_lines[i].Line, "wrapped lines were joined");
            joined[^1] = (line, isHard ? head + rest : $"{head} {rest}");
        }
        _lines = joined;
    }

    private bool IsRest(int index) => LooksLikeRule(_lines[index - 1].Text) && _lines[index].Text is { } text
        && text.Trim().Length > 0 && text.TrimStart()[0] != '#' && !Begins(text) && !text.Contains("iptables", StringComparison.Ordinal)
        && !text.StartsWith("```", StringComparison.Ordinal);

    private static bool WasBroken(string head, string rest, int width, int broken)
    {
        if (IsUnfinished(head))
            return true;
        if (broken < 2)
            return false;
        int space = rest.TrimStart().IndexOf(' ');
        int word = space < 0 ? rest.Trim().Length : space;
        return head.Length == width || head.Length + 1 + word > width;
    }

    /// <summary>True for a rule with an open quotation, without a target, or whose last word needs an argument.</summary>
    private static bool IsUnfinished(string rule)
    {
        int quotes = 0;
        for (int i = 0; i < rule.Length; i++)
            quotes += rule[i] == '"' && (i == 0 || rule[i - 1] != '\\') ? 1 : 0;
        string last = rule.TrimEnd()[(rule.TrimEnd().LastIndexOf(' ') + 1)..];
        return quotes % 2 == 1 || last is ['-', ..] and not "--random-fully" and not "--random" and not "--persistent" and not "--notrack"
            and not "--rsource" and not "--rdest" and not "--set" and not "--remove" and not "--reap" and not "--save-mark"
            and not "--restore-mark";
    }

    /// <summary>Splits lines that contain several rules.</summary>
    private void Part()
    {
        List<(int Line, string Text)> parted = [];
        foreach ((int line, string text) in _lines)
        {
            int from = 0;
            if (LooksLikeRule(text))
            {
                foreach (int next in NextRules(text))
                {
                    Note(line, "several rules on one line were split");
                    parted.Add((line, text[from..next].TrimEnd()));
                    from = next;
                }
            }
            parted.Add((line, from == 0 ? text : text[from..]));
        }
        _lines = parted;
    }

    /// <summary>Where further rules of a line begin, outside of quotation marks, after a rule with a target.</summary>
    private static IEnumerable<int> NextRules(string text)
    {
        bool quoted = false, goes = false;
        for (int i = 1; i + 3 < text.Length; i++)
        {
            if (text[i] == '"' && text[i - 1] != '\\')
                quoted = !quoted;
            if (quoted || text[i] != '-' || text[i - 1] != ' ' || text[i + 2] != ' ')
                continue;
            goes |= text[i + 1] is 'j' or 'g';
            if (text[i + 1] != 'A' || !goes)
                continue;
            goes = false;
            yield return i;
        }
    }

    /// <summary>True for an unindented line that can only belong to a listing of rules.</summary>
    private static bool Begins(string text)
    {
        if (VirtualServerReader.Begins(text))
            return true;
        if (text is ['-', 'A', ' ', ..] or ['[', ..])
            return LooksLikeRule(text);
        return text switch
        {
            ['*', ..] when Names.IsTable(text.AsSpan(1).TrimEnd()) => true,
            [':', ..] when Declaration().IsMatch(text) => true,
            ['-', 'N' or 'P', ' ', ..] => true,
            "COMMIT" => true,
            ['#', ..] when text.StartsWith("# Generated by ", StringComparison.Ordinal)
                || text.StartsWith("# Completed on ", StringComparison.Ordinal)
                || text.StartsWith("# Warning: ", StringComparison.Ordinal) => true,
            ['C', ..] when ListingReader.Begins(text) => true,
            ['t', ..] when NftTextReader.Begins(text) => true,
            ['c' or 'a', ..] when SetLine().IsMatch(text) => true,
            _ => false,
        };
    }

    private static bool LooksLikeRule(string text) => Rule().IsMatch(text);

    [GeneratedRegex(@"&(quot|gt|lt|amp|nbsp|#39|#x27);", RegexOptions.CultureInvariant)]
    private static partial Regex Entities();

    [GeneratedRegex(@"(?<=^|\s)[\u2013\u2014](?=[A-Za-z\-])", RegexOptions.CultureInvariant)]
    private static partial Regex Dashes();

    [GeneratedRegex(@"^(> ?)+", RegexOptions.CultureInvariant)]
    private static partial Regex Quotation();

    // "12:", "12-", "  12\t", "dump.txt:12:", "dump.txt:".
    [GeneratedRegex(@"^\s*([\w./-]+:)?(\d+[:\-\t ]|(?<=[\w./-]+:))", RegexOptions.CultureInvariant)]
    private static partial Regex Numbered();

    [GeneratedRegex(@"(?<=[\s:>|$%#`+])-A (?!-)[A-Za-z0-9_:.\-]+ |(?<=[\s:>|])\[\d+:\d+\] -A ", RegexOptions.CultureInvariant)]
    private static partial Regex RuleIn();

    [GeneratedRegex(@"^(\[\d+:\d+\] )?-A (?!-)[A-Za-z0-9_:.\-]+( |$)", RegexOptions.CultureInvariant)]
    private static partial Regex Rule();

    [GeneratedRegex(@"^:\S+ (-|ACCEPT|DROP)( \[\d+:\d+\])?\s*$", RegexOptions.CultureInvariant)]
    private static partial Regex Declaration();

    [GeneratedRegex(@"^(create \S+ (hash|bitmap|list):|add \S+ \S)", RegexOptions.CultureInvariant)]
    private static partial Regex SetLine();
}
