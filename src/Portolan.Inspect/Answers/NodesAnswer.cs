using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Serialization;
using Portolan.Inspect.Causes;

namespace Portolan.Inspect.Answers;

/// <summary>The answer of all nodes to one question, grouped by what they say.</summary>
public sealed record NodesAnswer
{
    // A line that names five hundred nodes says less than one that names ten.
    private const int MostNames = 10;

    /// <summary>What was asked about: the service; null for all of the rules.</summary>
    public required string? What { get; init; }

    /// <summary>The whole in one line: "497 nodes serve it, 3 drop it: node-7, node-9, node-12".</summary>
    public required string Summary { get; init; }

    /// <summary>How many nodes were asked.</summary>
    public required int Asked { get; init; }

    /// <summary>How many of them answered.</summary>
    public required int Answered { get; init; }

    /// <summary>The nodes that answered, those that fail first, then those that do not know, then by number.</summary>
    public required ImmutableArray<NodeGroup> Groups { get; init; }

    /// <summary>The nodes that did not: nothing is known of them.</summary>
    public required ImmutableArray<SilentNode> Silent { get; init; }

    /// <summary>What limits the answer, such as nodes that are not known; null when nothing does.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Limit { get; init; }

    /// <summary>Groups the nodes' replies.</summary>
    /// <param name="what">The service that was asked about; null for <c>check</c>.</param>
    /// <param name="replies">One for each node.</param>
    /// <param name="limit">What limits the answer; null when nothing does.</param>
    public static NodesAnswer Of(string? what, IReadOnlyList<NodeReply> replies, string? limit = null)
    {
        ArgumentNullException.ThrowIfNull(replies);
        NodeReply[] answered = [.. replies.Where(static reply => reply.Failure is null)];
        ImmutableArray<NodeGroup> groups =
        [
            .. answered.GroupBy(KeyOf).Select(group => GroupOf(group, what is null))
                .OrderBy(static group => group.State).ThenByDescending(static group => group.Nodes.Length)
                .ThenBy(static group => group.Nodes[0], StringComparer.Ordinal),
        ];
        ImmutableArray<SilentNode> silent =
        [
            .. replies.Where(static reply => reply.Failure is not null).Select(static reply => new SilentNode(reply.Node, reply.Failure!))
                .OrderBy(static node => node.Node, StringComparer.Ordinal),
        ];
        return new NodesAnswer
        {
            What = what,
            Summary = SummaryOf(groups, silent),
            Asked = replies.Count,
            Answered = answered.Length,
            Groups = groups,
            Silent = silent,
            Limit = limit,
        };
    }

    /// <summary>"node-a, node-b and 12 more".</summary>
    public static string Names(IReadOnlyList<string> nodes)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        return nodes.Count <= MostNames + 1 ? string.Join(", ", nodes)
            : $"{string.Join(", ", nodes.Take(MostNames))} and {Number(nodes.Count - MostNames)} more";
    }

    private static string KeyOf(NodeReply reply) => string.Join('\n', reply.Items.Select(static item => item.Key.ToString())
        .Distinct().Order(StringComparer.Ordinal)) + (reply.IsPartial ? "\npartial" : "");

    private static NodeGroup GroupOf(IEnumerable<NodeReply> same, bool isCheck)
    {
        NodeReply[] replies = [.. same.OrderBy(static reply => reply.Node, StringComparer.Ordinal)];
        NodeReply first = replies[0];
        DiagnosisState state = first.Items.IsEmpty ? DiagnosisState.Works : first.Items.Min(static item => item.State);
        if (state == DiagnosisState.Works && first.IsPartial)
            state = DiagnosisState.Unknown;
        bool isTheSame = Array.TrueForAll(replies, reply => reply.Items.SequenceEqual(first.Items));
        return new NodeGroup
        {
            State = state,
            Does = isCheck ? FindingsOf(first, state) : DeedOf(first, state),
            Nodes = [.. replies.Select(static reply => reply.Node)],
            Items = [.. first.Items.Where(static item => item.State != DiagnosisState.Works)],
            WordsOf = isTheSame || state == DiagnosisState.Works ? null : first.Node,
        };
    }

    private static string FindingsOf(NodeReply reply, DiagnosisState state) => state switch
    {
        DiagnosisState.Works => "have no findings",
        DiagnosisState.Unknown => "have no findings in what could be read",
        _ => reply.Items.Length == 1 ? "have 1 finding" : $"have {Number(reply.Items.Length)} findings",
    };

    private static string DeedOf(NodeReply reply, DiagnosisState state)
    {
        if (state == DiagnosisState.Works)
            return "serve it";
        NodeItem[] worst = [.. reply.Items.Where(item => item.State == state)];
        if (state == DiagnosisState.Unknown)
            return worst.Length == 0 ? "serve it as far as they could read their rules" : "cannot say";
        string deed = worst[0].Verdict switch
        {
            "dropped" => "drop it",
            "rejected" => "reject it",
            "goes elsewhere" => "send it elsewhere",
            "unanswered" => "get no answer from it",
            "not translated" => "do not translate it",
            NotServed => NotServed,
            var other => $"say '{other}'",
        };
        // What holds for some clients only says for whom.
        string[] places = [.. worst.Select(static item => item.Place).OfType<string>().Distinct()];
        bool isForAll = places.Length == 0 || reply.Items.All(item => item.State == state);
        return isForAll ? deed : $"{deed} {string.Join(" and ", places)}";
    }

    /// <summary>The verdict of a node whose rules do not have the service.</summary>
    public const string NotServed = "have no rules for it";

    private static string SummaryOf(ImmutableArray<NodeGroup> groups, ImmutableArray<SilentNode> silent)
    {
        var parts = new List<string>();
        string noun = " nodes";
        // Those that work come first: a reader wants to know how large the trouble is.
        foreach (var deed in groups.GroupBy(static group => group.Does).OrderByDescending(static deed => deed.First().State))
        {
            string[] nodes = [.. deed.SelectMany(static group => group.Nodes).Order(StringComparer.Ordinal)];
            string text = $"{Number(nodes.Length)}{(nodes.Length == 1 && noun.Length > 0 ? " node" : noun)} " +
                $"{ForOne(deed.Key, nodes.Length)}";
            parts.Add(deed.First().State == DiagnosisState.Works ? text : $"{text}: {Names(nodes)}");
            noun = "";
        }
        if (!silent.IsEmpty)
            parts.Add($"{Number(silent.Length)} did not answer: {Names([.. silent.Select(static node => node.Node)])}");
        return parts.Count == 0 ? "no node was asked" : string.Join(parts.Exists(static part => part.Contains(':')) ? "; " : ", ", parts);
    }

    // "1 drops it".
    private static string ForOne(string deed, int count)
    {
        if (count != 1)
            return deed;
        (string, string)[] verbs =
        [
            ("have ", "has "), ("serve ", "serves "), ("drop ", "drops "), ("reject ", "rejects "), ("send ", "sends "), ("get ", "gets "),
            ("do not ", "does not "), ("say ", "says "), ("they could read their", "it could read its"),
        ];
        foreach ((string many, string one) in verbs)
            deed = deed.Replace(many, one, StringComparison.Ordinal);
        return deed;
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
