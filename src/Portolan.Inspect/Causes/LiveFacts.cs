using System.Collections.Immutable;
using System.Text.Json;
using System.Text.RegularExpressions;
using Portolan.Inet;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Causes;

/// <summary>What a running node knows of endpoints: its neighbours, its connections and what became of its own, and its routes.</summary>
public sealed partial record LiveFacts
{
    private readonly Dictionary<InetAddress, string> _neighbours = [];
    private readonly Dictionary<InetEndpoint, int> _unanswered = [];
    private readonly Dictionary<InetEndpoint, int> _answered = [];

    /// <summary>Nothing is known.</summary>
    public static LiveFacts None { get; } = new(default, string.Empty);

    /// <summary>Reads what tools print; what is not understood is left out.</summary>
    /// <param name="neighbours">The output of "ip -j neigh".</param>
    /// <param name="connections">The output of "conntrack -L".</param>
    public LiveFacts(ReadOnlyMemory<byte> neighbours, string connections)
    {
        ArgumentNullException.ThrowIfNull(connections);
        ReadNeighbours(neighbours);
        foreach (string line in connections.Split('\n'))
            ReadConnection(line);
    }

    /// <summary>The node's routes.</summary>
    public Routes Routes { get; init; } = Routes.Unknown;

    /// <summary>What became of connections that this node opened to endpoints itself, just now.</summary>
    public IReadOnlyDictionary<InetEndpoint, ProbeResult> Probes { get; init; } = ImmutableDictionary<InetEndpoint, ProbeResult>.Empty;

    /// <summary>
    /// True for a neighbour that does not answer: ARP or neighbour discovery has failed. While it is under way (INCOMPLETE) nothing is
    /// known.
    /// </summary>
    internal bool IsSilentNeighbour(InetAddress address) => _neighbours.GetValueOrDefault(address) == "FAILED";

    /// <summary>
    /// True for an address that a connection may be opened to: where a neighbour has just been looked for in vain, that would only begin
    /// the search again.
    /// </summary>
    public bool MayBeTried(InetAddress address) => _neighbours.GetValueOrDefault(address) is not ("FAILED" or "INCOMPLETE");

    /// <summary>Connections through a service to an endpoint that it never answered, where it answered none, or none any more.</summary>
    internal int Unanswered(InetEndpoint endpoint) =>
        _answered.ContainsKey(endpoint) && Probes.GetValueOrDefault(endpoint) != ProbeResult.Silent ? 0
        : _unanswered.GetValueOrDefault(endpoint);

    /// <summary>Connections to an endpoint that it answered.</summary>
    internal int Answered(InetEndpoint endpoint) => _answered.GetValueOrDefault(endpoint);

    private void ReadNeighbours(ReadOnlyMemory<byte> json)
    {
        if (json.IsEmpty)
            return;
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Array)
                return;
            foreach (JsonElement entry in document.RootElement.EnumerateArray())
            {
                if (entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty("dst", out JsonElement to)
                    && InetAddress.TryParse(to.ToString(), out InetAddress address)
                    && entry.TryGetProperty("state", out JsonElement state) && state.ValueKind == JsonValueKind.Array)
                    _neighbours[address] = state.EnumerateArray().FirstOrDefault().ToString();
            }
        }
        catch (JsonException)
        {
            // Without the table nothing is known of neighbours.
        }
    }

    // "tcp 6 118 SYN_SENT src=10.0.0.9 dst=10.96.0.7 sport=4000 dport=80 [UNREPLIED] src=10.244.1.5 dst=10.0.0.9 sport=8080 dport=4000".
    private void ReadConnection(string line)
    {
        MatchCollection replies = Side().Matches(line);
        if (replies.Count < 2 || !InetAddress.TryParse(replies[1].Groups[1].Value, out InetAddress address)
            || !ushort.TryParse(replies[1].Groups[3].Value, out ushort port))
            return;
        var endpoint = new InetEndpoint(address, port);
        bool isUnanswered = line.Contains("[UNREPLIED]", StringComparison.Ordinal);
        // What was not translated was for the endpoint itself, as this program's own attempts are: they say nothing of clients.
        if (isUnanswered && replies[0].Groups[2].Value == replies[1].Groups[1].Value)
            return;
        Dictionary<InetEndpoint, int> count = isUnanswered ? _unanswered : _answered;
        count[endpoint] = count.GetValueOrDefault(endpoint) + 1;
    }

    [GeneratedRegex(@"src=(\S+) dst=(\S+) sport=(\d+)", RegexOptions.CultureInvariant)]
    private static partial Regex Side();
}
