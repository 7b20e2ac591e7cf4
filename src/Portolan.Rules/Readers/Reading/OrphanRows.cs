using System.Globalization;
using System.Text.RegularExpressions;
using Portolan.Rules.Dialects;
using Portolan.Rules.Readers.Iptables;

namespace Portolan.Rules.Readers.Reading;

/// <summary>
/// Rows of "iptables -L" without their chain's header, as grep prints them: kube-proxy's are assigned to chains by their targets and
/// comments. Rows of other programs are reported.
/// </summary>
internal sealed partial class OrphanRows
{
    private readonly List<Row> _rows = [];
    private readonly Dictionary<string, string> _all = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _external = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Service, string Endpoint), string> _endpoints = [];
    private bool _namesEndpoints;

    /// <summary>The lines, with headers added to the rows that had none.</summary>
    /// <param name="lines">The lines of the input.</param>
    /// <param name="note">Reports what was done, with the line number.</param>
    public static List<(int Line, string Text)> Place(List<(int Line, string Text)> lines, Action<int, string> note)
    {
        var placed = new List<(int Line, string Text)>(lines.Count);
        OrphanRows? rows = null;
        bool inChain = false, isEnded = false;
        foreach ((int line, string text) in lines)
        {
            Match? row = text.Length is > 20 and < 2000 ? RowShape().Match(text) : null;
            if (!inChain && row is { Success: true })
            {
                (rows ??= new OrphanRows()).Add(line, text, row);
                continue;
            }
            bool isAround = string.IsNullOrWhiteSpace(text) || ListingColumns.Read(text) is not null;
            if (rows is not null && !isAround)
            {
                rows.Write(placed, note);
                rows = null;
            }
            // Inside a chain any line may be a row, also one without a target; after the empty line that ends it only what looks like one.
            bool begins = ListingReader.Begins(text);
            inChain = begins || (inChain && (!isEnded || row is { Success: true } || isAround || text.TrimStart() is ['#' or '.' or '[',
                ..]));
            isEnded = !begins && (isEnded || string.IsNullOrWhiteSpace(text));
            placed.Add((line, text));
        }
        rows?.Write(placed, note);
        return placed;
    }

    private void Add(int line, string text, Match shape)
    {
        string comment = Comment().Match(text) is { Success: true } found ? found.Groups[1].Value : string.Empty;
        var parsed = KubeProxyIptablesComment.Parse(comment);
        var row = new Row(line, text, shape.Groups["target"].Value, shape.Groups["src"].Value, shape.Groups["dst"].Value,
            shape.Groups["rest"].Value, parsed.ServicePort, parsed.Endpoint, shape.Groups["pk"].Success, shape.Groups["num"].Success);
        _rows.Add(row);
        if (row.Service is not { } service)
            return;
        KubeChainRole role = KubeProxyIptables.RoleOf(row.Target);
        if (role is KubeChainRole.ClusterEndpoints)
        {
            _all.TryAdd(service, row.Target);
        }
        else if (role.IsServicePort())
        {
            _external.TryAdd(service, row.Target);
        }
        else if (role == KubeChainRole.Endpoint && row.Endpoint is { } endpoint)
        {
            _namesEndpoints = true;
            _endpoints.TryAdd((service, endpoint), row.Target);
            _endpoints.TryAdd((service, endpoint[..Math.Max(endpoint.LastIndexOf(':'), 0)]), row.Target);
        }
    }

    private void Write(List<(int Line, string Text)> placed, Action<int, string> note)
    {
        var lost = new List<Row>();
        foreach (var group in _rows.GroupBy(row => (Chain: ChainOf(row), row.HasCounters, row.HasNumber)))
        {
            if (group.Key.Chain is not { } chain)
            {
                lost.AddRange(group);
                continue;
            }
            int line = group.First().Line;
            placed.Add((line, $"Chain {chain} (without its header)"));
            placed.Add((line, (group.Key.HasNumber ? "num " : "") + (group.Key.HasCounters
                ? "pkts bytes target prot opt in out source destination" : "target prot opt source destination")));
            placed.AddRange(group.Select(row => (row.Line, row.Text)));
        }
        if (lost.Count < _rows.Count)
        {
            note(_rows[0].Line,
                "rows of 'iptables -L' come without their chain's header; they were assigned to chains by their targets and comments");
        }
        if (lost.Count > 0)
        {
            note(lost[0].Line, string.Create(CultureInfo.InvariantCulture,
                $"{lost.Count} rows of 'iptables -L' without their chain's header were left out, the first is ")
                + ProblemLog.Quote(lost[0].Text.Trim()));
        }
        // The rest belongs to another chain.
        placed.Add((_rows[^1].Line, string.Empty));
    }

    private string? ChainOf(Row row)
    {
        KubeChainRole role = KubeProxyIptables.RoleOf(row.Target);
        bool hasPort = row.Rest.Contains("dpt:", StringComparison.Ordinal);
        string? all = row.Service is { } service ? _all.GetValueOrDefault(service) : null;
        string? external = row.Service is { } name ? _external.GetValueOrDefault(name) : null;
        if (role.IsServicePort())
            return IsOneAddress(row.Destination) ? KubeProxyIptables.Services : hasPort ? KubeProxyIptables.NodePorts : external;
        switch (role)
        {
            case KubeChainRole.Endpoint:
                return row.Rest.Contains("Balancing rule", StringComparison.Ordinal) ? external : all;
            case KubeChainRole.MarkMasquerade:
                if (IsOneAddress(row.Destination))
                    return _namesEndpoints && all is not null ? all : KubeProxyIptables.Services;
                if (hasPort)
                    return KubeProxyIptables.NodePorts;
                return IsOneAddress(row.Source) ? EndpointChain(row.Service, row.Source) : external;
            case KubeChainRole.MarkDrop:
                return external;
        }
        return row.Target == "DNAT" && Translated().Match(row.Rest) is { Success: true } to
            ? EndpointChain(row.Service, to.Groups[1].Value) : null;
    }

    private string? EndpointChain(string? service, string endpoint) =>
        service is null ? null : _endpoints.GetValueOrDefault((service, endpoint));

    private static bool IsOneAddress(string text) =>
        text.Length > 0 && text[0] != '!' && !text.Contains('/', StringComparison.Ordinal) && text != "anywhere";

    private sealed record Row(int Line, string Text, string Target, string Source, string Destination, string Rest, string? Service,
        string? Endpoint, bool HasCounters, bool HasNumber);

    [GeneratedRegex(@"^\s*(?<num>\d{1,6}\s+(?=\d+[KMGT]?\s+\d+[KMGT]?\s))?"
        + @"((?<pk>\d+[KMGT]?)\s+\d+[KMGT]?\s+)?(?<target>[A-Za-z][\w.:\-]*)\s+"
        + @"!?(all|tcp|udp|sctp|icmp|icmpv6|ipv6-icmp|\d{1,3})\s+((--|-f|!f)\s+)?(?(pk)\S+\s+\S+\s+)"
        + @"(?<src>!?(anywhere|[0-9a-fA-F.:]+(/[0-9.]+)?))\s+(?<dst>!?(anywhere|[0-9a-fA-F.:]+(/[0-9.]+)?))(?<rest>\s.*)?$",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex RowShape();

    [GeneratedRegex(@"/\* (.*?) \*/", RegexOptions.CultureInvariant)]
    private static partial Regex Comment();

    [GeneratedRegex(@" to:(\S+)", RegexOptions.CultureInvariant)]
    private static partial Regex Translated();
}
