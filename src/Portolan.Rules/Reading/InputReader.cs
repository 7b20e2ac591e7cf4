using Portolan.Rules.Ipsets;
using Portolan.Rules.Iptables;
using Portolan.Rules.Nftables;

namespace Portolan.Rules.Reading;

/// <summary>Reads one input, which may hold listings of several kinds with prose between them.</summary>
internal sealed class InputReader(ReadContext context)
{
    private readonly ISectionReader[] _readers = [new SaveReader(context), new ListingReader(context), new NftTextReader(context), new NftJsonReader(context),
        new IpSetReader(context), new AddressReader(context)];

    /// <summary>True for a line that begins a listing of any kind: a section that is not finished has to make way for it.</summary>
    public static bool BeginsOther(ReadOnlySpan<char> line) =>
        SaveReader.Begins(line) || ListingReader.Begins(line) || NftTextReader.Begins(line) || IpSetReader.Begins(line);

    public void Read()
    {
        if (context.Source.Bytes.StartsWith((ReadOnlySpan<byte>)[0xff, 0xfe]) || context.Source.Bytes.StartsWith((ReadOnlySpan<byte>)[0xfe, 0xff]))
        {
            context.Problems.Partial(0, "the input is UTF-16; save it as UTF-8 and try again");
            return;
        }
        var line = new LineCursor(context.Source);
        ISectionReader? section = null;
        while (line.MoveNext())
        {
            if (section is not null && section.Take(line))
                continue;
            section?.End();
            section = Begin(line);
            if (section is null)
                TakeProse(line);
        }
        section?.End();
        if (context.Tables.Count == 0 && context.IpSets.Count == 0 && context.Interfaces is null)
            SayNothingFound();
    }

    private void SayNothingFound() => context.Problems.Partial(0, context.Source.Bytes.IsEmpty
        ? "the input is empty"
        : "nothing here looks like rules: expected the output of iptables-save, iptables -L, nft list ruleset, nft -j list ruleset, ipset save or ip -j addr");

    private ISectionReader? Begin(LineCursor line) => Array.Find(_readers, reader => reader.Take(line));

    private void TakeProse(LineCursor line)
    {
        if (line.Line.Contains("-legacy tables present", StringComparison.Ordinal))
            context.Problems.Note(line.Number, "iptables says that there are iptables-legacy rules too: both back-ends are in use");
        else if (IptablesHint.Read(line.Line) is { } hint)
            context.Hint = hint;
    }
}
