using System.Text;
using CsCheck;

namespace Portolan.Testing.Dumps;

/// <summary>Damaged dumps and noise, for everything that reads rules or works on what was read.</summary>
public static class HostileDumps
{
    private static readonly string[] s_seeds =
    [
        "article.md",
        "harbor/kube-proxy-1.20/iptables-nat-nL.txt",
        "harbor/kube-proxy-1.36/nft-list-ruleset.txt",
        "harbor/kube-proxy-1.36/nft-list-ruleset.json",
        "rules/iptables-nft-save-c.txt",
        "rules/iptables-nft-nvL--line-numbers.txt",
        "rules/ip6tables-nft-save.txt",
        "rules/ip6tables-legacy-nvL.txt",
        "rules/nft-sample.txt",
        "rules/nft-sample.json",
        "rules/nft-of-iptables.txt",
        "rules/ipset-save.txt",
        "rules/ip-addr.json",
        "rules/recent-lists.txt",
        "rules/nft-of-iptables.json",
        "harbor/kube-proxy-1.36/iptables-save.txt",
        "harbor/kube-proxy-1.36/iptables-nat-nvL-line-numbers.txt",
        "harbor/kube-proxy-1.36/iptables-filter-nL.txt",
        "harbor/kube-proxy-1.20/iptables-save.txt",
        "portolan/nft-1.1.7.txt",
        "portolan/nft-1.1.7.json",
    ];

    /// <summary>Real dumps of every kind.</summary>
    private static readonly byte[][] s_dumped =
        [.. s_seeds.Select(name => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", name)))];

    // What readers look for: thrown into the middle of other things it finds the way into them.
    private static readonly byte[][] s_pieces = [.. new[]
    {
        "\n", "\r\n", " ", "\"", "\\", "{", "}", "[", "]", "(", ")", ",", ";", ":", ".", "/", "!", "-", "--", "*", "@", "#", "0x", "/0",
        "*nat\n", "COMMIT\n", "-A X -m ", " -j ", "-m recent --name ", " --comment \"", "Chain X (1 references)\n",
            "Chain INPUT (policy ACCEPT)\n",
        "target     prot opt source               destination\n", "......\n", "/* ", " */", "table ip x {\n", "chain y {\n", "set z {\n",
            "elements = { ",
        " map ", " vmap { ", "jhash ", "( ", "numgen random mod ", "dnat to ", " . ", "create s hash:ip\n", "add s ", "{\"nftables\": [",
            "[{\"ifindex\":",
        "\"elem\":", "null", "99999999999999999999", "\u00e9", "\0", "\u2026", "statistic mode random probability ", "limit: avg ",
            "recent: SET ", "tcp spts:",
    }.Select(Encoding.UTF8.GetBytes)];

    private static Gen<byte[]> OneOf(byte[][] choices) => Gen.Int[0, choices.Length - 1].Select(index => choices[index]);

    /// <summary>Random bytes, or pieces of all languages in random order.</summary>
    public static Gen<byte[]> Noise { get; } = Gen.OneOf(
        Gen.Byte.Array[0, 400],
        OneOf(s_pieces).Array[0, 60].Select(pieces => pieces.SelectMany(piece => piece).ToArray()));

    /// <summary>A window of a real dump with random edits.</summary>
    public static Gen<byte[]> Damaged { get; } =
        Gen.Select(OneOf(s_dumped), Gen.Int[0, int.MaxValue], Gen.Int[200, 6000],
            Gen.Select(Gen.Int[0, int.MaxValue], Gen.Int[0, 40], Gen.OneOf(Noise, OneOf(s_pieces))).Array[0, 12])
        .Select((dump, from, length, edits) =>
        {
            // A window of the dump that begins at a line, so that the part is still one of its kind; JSON from its beginning.
            int start = dump[0] is (byte)'{' or (byte)'[' ? 0 : dump.AsSpan(0, from % dump.Length).LastIndexOf((byte)'\n') + 1;
            var bytes = dump.AsSpan(start, Math.Min(length, dump.Length - start)).ToArray().ToList();
            foreach ((int at, int removed, byte[] inserted) in edits)
            {
                int where = bytes.Count == 0 ? 0 : at % bytes.Count;
                bytes.RemoveRange(where, Math.Min(removed, bytes.Count - where));
                bytes.InsertRange(where, inserted);
            }
            return bytes.ToArray();
        });

    /// <summary>A real dump, whole.</summary>
    public static Gen<byte[]> Whole { get; } = OneOf(s_dumped);

    /// <summary>Multiplies the runs of fuzz tests: PORTOLAN_FUZZ_FACTOR in the environment.</summary>
    public static int Factor { get; } = int.TryParse(Environment.GetEnvironmentVariable("PORTOLAN_FUZZ_FACTOR"), out int factor)
        ? factor : 1;
}
