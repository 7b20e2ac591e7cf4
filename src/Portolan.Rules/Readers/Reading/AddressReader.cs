using System.Text.Json;
using Portolan.Inet;
using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Reading;

/// <summary>Reads the output of "ip -j addr".</summary>
internal sealed class AddressReader(ReadContext context) : ISectionReader
{
    public bool Take(LineCursor line)
    {
        if (!JsonText.BeginsWith(context.Source, line, '[', "\"ifindex\""u8))
            return false;
        context.Interfaces ??= [];
        JsonText.ReadObjects(context, line, default, TakeInterface);
        return true;
    }

    public void End()
    {
    }

    private void TakeInterface(JsonElement item, int offset, int length)
    {
        // ip prints an empty object for each interface that its filter leaves out.
        if (item.Text("ifname") is not { } name)
            return;
        var addresses = new List<InterfaceAddress>();
        if (item.TryGetProperty("addr_info", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement entry in list.EnumerateArray())
            {
                if (!InetAddress.TryParse(entry.Text("local"), out InetAddress local))
                    continue;
                byte length8 = entry.Number("prefixlen") is { } bits && bits <= local.Length * 8 ? (byte)bits : (byte)(local.Length * 8);
                addresses.Add(new(local, length8, Address(entry, "broadcast"), Address(entry, "address"), entry.Text("scope") ?? "global"));
            }
        }
        string[] flags = item.TryGetProperty("flags", out JsonElement words) ? [.. words.Texts()] : [];
        context.Interfaces!.Add(new((int)Math.Min(item.Number("ifindex") ?? 0, int.MaxValue), name,
            flags.Contains("UP"), flags.Contains("LOOPBACK"), [.. addresses]));
    }

    private static InetAddress Address(JsonElement entry, string key) =>
        InetAddress.TryParse(entry.Text(key), out InetAddress address) ? address : default;
}
