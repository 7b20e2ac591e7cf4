using System.Text;
using CsCheck;

namespace Portolan.Testing.Dumps;

/// <summary>Damaged dumps and noise, for everything that reads rules or works on what was read.</summary>
public static class HostileDumps
{
    /// <summary>Real dumps and pastes of every kind: all that is in tests/data.</summary>
    private static readonly byte[][] s_dumped =
    [
        .. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "data"), "*", SearchOption.AllDirectories)
            .Where(file => Path.GetExtension(file) is ".txt" or ".json" or ".md").Order(StringComparer.Ordinal).Select(File.ReadAllBytes),
    ];

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
            "recent: SET ", "tcp spts:", "-A -t 10.0.0.1:80 -s rr\n", "-a -t 10.0.0.1:80 -r ", "TCP  10.0.0.1:80 rr\n", "  -> ", "FWM  ",
        "Name: s\nType: hash:ip\n", "Members:\n", "Prot LocalAddress:Port Scheduler Flags\n",
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
