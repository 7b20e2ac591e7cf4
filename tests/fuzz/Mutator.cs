using System.Text;

namespace Portolan.Fuzz;

/// <summary>Damages real dumps: a window of one, edited at random places, sometimes with a window of another behind it.</summary>
internal sealed class Mutator
{
    private const int LargestWindow = 6000;

    private static readonly string[] s_pieces =
    [
        "\n", "\r\n", " ", "\t", "\"", "\\", "{", "}", "[", "]", "(", ")", ",", ";", ":", ".", "/", "!", "-", "--", "*", "@", "#", "0x",
            "/0", ">",
        "&quot;", "`", "\u201c", "\u202e", "*nat\n", "COMMIT\n", "-A X -m ", " -j ", "-A KUBE-SERVICES ", "-j KUBE-SVC-A", "--to ", "1-0",
        "-m recent --name ", " --comment \"", "Chain X (1 references)\n", "Chain INPUT (policy ACCEPT)\n", "......\n", "/* ", " */",
        "table ip x {\n", "table ip nat {\n", "chain y {\n", "set z {\n", "elements = { ", " map ", " vmap { ", "jhash ", "xt match \"x\" ",
        "numgen random mod ", "dnat to ", "fd00::1", "10.0.0.9-10.0.0.1", " . ", " & 0x1", "create KUBE-CLUSTER-IP hash:ip,port\n",
            "add s ",
        "{\"nftables\": [", "[{\"ifindex\":", "\"elem\":", "null", "99999999999999999999", "\u00e9", "\0", "\u2026",
        "statistic mode random probability ", "limit: avg ", "recent: SET ", "tcp spts:",
    ];

    private readonly byte[][] _dumps;
    private readonly Random _random;

    internal Mutator(string data, int seed)
    {
        _random = new Random(seed);
        _dumps = [.. Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories)
            .Where(file => Path.GetExtension(file) is ".txt" or ".json" or ".md").Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
    }

    internal byte[] Next()
    {
        List<byte> input = [.. Window()];
        if (_random.Next(4) == 0)
            input.AddRange(Window());
        for (int edits = _random.Next(12); edits > 0; edits--)
            Edit(input);
        return [.. input];
    }

    private byte[] Window()
    {
        byte[] dump = _dumps[_random.Next(_dumps.Length)];
        int start = _random.Next(3) == 0 ? 0 : _random.Next(dump.Length);
        // As many windows between 10 and 100 bytes as between 500 and 5000: what a reader takes a text for is decided in its first lines.
        int length = (int)Math.Pow(LargestWindow, _random.NextDouble());
        return dump[start..Math.Min(dump.Length, start + length)];
    }

    private void Edit(List<byte> input)
    {
        int at = _random.Next(input.Count + 1);
        int length = Math.Min(input.Count - at, _random.Next(40));
        switch (_random.Next(6))
        {
            case 0:
                input.RemoveRange(at, length);
                break;
            case 1:
                input.InsertRange(at, Encoding.UTF8.GetBytes(s_pieces[_random.Next(s_pieces.Length)]));
                break;
            case 2:
                input.InsertRange(_random.Next(input.Count + 1), input.GetRange(at, length));
                break;
            case 3 when at < input.Count:
                input[at] = (byte)_random.Next(256);
                break;
            case 4 when at < input.Count:
                // A digit for another keeps numbers and names, and changes what they say.
                input[at] = (byte)('0' + _random.Next(10));
                break;
            default:
                for (int times = _random.Next(200); times > 0 && length > 0; times -= 20)
                    input.InsertRange(at, input.GetRange(at, length));
                break;
        }
    }
}
