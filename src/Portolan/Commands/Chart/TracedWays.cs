using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Portolan.Inet;
using Portolan.Inspect;
using Portolan.Netlink.NfTables;
using Portolan.Rules;
using Spectre.Console;

namespace Portolan.Commands.Chart;

/// <summary>Prints traced packets step by step, with the rules' text and service beside the kernel's numbers.</summary>
internal sealed class TracedWays(ChartInput input, NfReader reader, ChartOutput chart, bool json)
{
    private readonly Dictionary<(NfTableId Table, string Chain), List<ulong>> _handles = [];
    private readonly HashSet<uint> _packets = [];
    private uint _last;

    /// <summary>How many packets have been seen.</summary>
    internal int Packets => _packets.Count;

    internal void Add(NfTraceEvent step)
    {
        bool isNew = _packets.Add(step.Id);
        if (step.Table.Name.StartsWith("portolan-watch-", StringComparison.Ordinal))
            return;
        RulePlace? place = Find(step);
        if (json)
        {
            PrintJson(step, place);
            return;
        }
        if (isNew || step.Id != _last)
        {
            chart.Line();
            chart.Line($"packet {step.Id.ToString("x", CultureInfo.InvariantCulture)}{Headers(step)}", new Style(decoration: Decoration.Bold));
        }
        _last = step.Id;
        chart.Line("  " + Describe(step, place));
    }

    private string Describe(NfTraceEvent step, RulePlace? place)
    {
        string where = $"{step.Table.Name} {step.Chain}";
        if (step.Kind == NfTraceKind.Policy)
            return $"{where}: end of the chain, policy {step.Policy.ToString()!.ToLowerInvariant()}";
        if (step.RuleHandle == 0)
            return $"{where}: end of the chain";
        string service = place is not null && input.Guide.ServiceOf(place) is { } name ? $" [{name}]" : string.Empty;
        string rule = place is null ? $"handle {step.RuleHandle.ToString(CultureInfo.InvariantCulture)}"
            : $"rule {(place.Index + 1).ToString(CultureInfo.InvariantCulture)}: {RuleDescription.Of(place.Rule, input.Guide)}";
        return $"{where} {rule}{service} ({step.Verdict})";
    }

    /// <summary>The rule a handle stands for: by its place in the chain, which is the same in every listing.</summary>
    private RulePlace? Find(NfTraceEvent step)
    {
        if (step.RuleHandle == 0)
            return null;
        TableFamily family = step.Table.Family switch { NfFamily.IPv4 => TableFamily.Ip, NfFamily.IPv6 => TableFamily.Ip6, _ => TableFamily.Inet };
        RuleTable? table = input.Rules.Tables.FirstOrDefault(item => item.Family == family && item.Name == step.Table.Name && item.Backend != RuleBackend.IptablesLegacy);
        if (table?.FindChain(step.Chain) is not { } chain)
            return null;
        if (!_handles.TryGetValue((step.Table, step.Chain), out List<ulong>? handles))
            _handles[(step.Table, step.Chain)] = handles = [.. reader.ReadRules(step.Table, step.Chain).Select(rule => rule.Handle)];
        int index = handles.IndexOf(step.RuleHandle);
        return index >= 0 && handles.Count == chain.Rules.Length ? new RulePlace(table, chain, index) : null;
    }

    private static string Headers(NfTraceEvent step)
    {
        ReadOnlySpan<byte> network = step.NetworkHeader.Span, transport = step.TransportHeader.Span;
        bool isV4 = step.PacketFamily == NfFamily.IPv4 || (network.Length >= 20 && network[0] >> 4 == 4);
        int offset = isV4 ? 12 : 8, length = isV4 ? 4 : 16;
        if (network.Length < offset + 2 * length
            || !InetAddress.TryFromBytes(network.Slice(offset, length), out InetAddress source)
            || !InetAddress.TryFromBytes(network.Slice(offset + length, length), out InetAddress destination))
            return string.Empty;
        var protocol = (IpProtocol)network[isV4 ? 9 : 6];
        if (protocol is not (IpProtocol.Tcp or IpProtocol.Udp or IpProtocol.Sctp) || transport.Length < 4)
            return $": {protocol.ToRuleText()} {source} -> {destination}";
        return $": {protocol.ToRuleText()} {new InetEndpoint(source, BinaryPrimitives.ReadUInt16BigEndian(transport))} -> "
            + new InetEndpoint(destination, BinaryPrimitives.ReadUInt16BigEndian(transport[2..]));
    }

    private void PrintJson(NfTraceEvent step, RulePlace? place)
    {
        using var line = new MemoryStream();
        using (var writer = new Utf8JsonWriter(line))
        {
            writer.WriteStartObject();
            writer.WriteNumber("packet", step.Id);
            writer.WriteString("kind", step.Kind.ToString().ToLowerInvariant());
            writer.WriteString("table", step.Table.Name);
            writer.WriteString("chain", step.Chain);
            writer.WriteString("verdict", step.Verdict?.ToString() ?? step.Policy?.ToString().ToLowerInvariant());
            if (place is not null)
            {
                writer.WriteNumber("rule", place.Index + 1);
                writer.WriteString("service", input.Guide.ServiceOf(place));
                writer.WriteString("text", RuleText.Of(place.Rule));
            }
            writer.WriteEndObject();
        }
        Console.Out.WriteLine(System.Text.Encoding.UTF8.GetString(line.ToArray()));
    }
}
