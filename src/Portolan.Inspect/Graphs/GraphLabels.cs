using System.Globalization;
using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Graphs;

/// <summary>The texts on boxes and arrows.</summary>
internal static class GraphLabels
{
    // Pictures list a few of many; the answer in JSON has them all.
    private const int MostListed = 4;
    private const int WidestBox = 30;
    private const int WidestArrow = 36;

    internal static string PlaceName(ClientPlace place) => place switch
    {
        ClientPlace.Pod => "pods",
        ClientPlace.Node => "this node",
        _ => "outside",
    };

    /// <summary>Which clients an arrow is for, of those that come to the box it leaves: "from pods, this node"; empty for all.</summary>
    internal static string Clients(IReadOnlyCollection<GraphClient> taking, IReadOnlyCollection<GraphClient> all)
    {
        if (taking.Count == all.Count)
            return string.Empty;
        var words = new List<string>();
        bool isOnePlace = all.Select(static client => client.Place).Distinct().Count() == 1;
        foreach (ClientPlace place in (ClientPlace[])[ClientPlace.Pod, ClientPlace.Node, ClientPlace.Outside])
        {
            GraphClient[] some = [.. taking.Where(client => client.Place == place)];
            if (some.Length == 0)
                continue;
            GraphClient[] others = [.. all.Where(client => client.Place == place).Except(some)];
            if (others.Length == 0)
                words.Add(PlaceName(place));
            else if (Array.Exists(some, static client => client.IsRest))
                words.Add(isOnePlace ? "other sources" : $"other {(place == ClientPlace.Outside ? "sources outside" : PlaceName(place))}");
            else
                words.Add(List([.. some.SelectMany(static client => client.Ranges).Select(static range => RangeText(range))]));
        }
        return $"from {string.Join(", ", words)}";
    }

    /// <summary>The text of an arrow, in one line.</summary>
    /// <param name="clients">Whom it concerns.</param>
    /// <param name="edge">What else it says.</param>
    /// <param name="isHairpinSaid">The box it leaves says what an endpoint gets that gets itself.</param>
    internal static string Arrow(string clients, GraphEdge edge, bool isHairpinSaid)
    {
        var lines = new List<string>();
        if (clients.Length > 0)
            lines.Add(clients);
        if (edge.When is { IsEmpty: false } when)
            lines.Add("if " + string.Join(" or if ", when));
        if (edge.Share is { } share)
            lines.Add(ShareText.Of(share));
        if (edge.OnTheWayTo is { IsEmpty: false } stopped)
            lines.Add(stopped.Length == 1 ? $"on the way to {stopped[0]}"
                : $"on the way to one of {stopped.Length.ToString(CultureInfo.InvariantCulture)}");
        if (edge.Masquerade == MasqueradeMark.Yes)
            lines.Add("masqueraded");
        else if (edge.Masquerade == MasqueradeMark.Unknown)
            lines.Add("marked for masquerading");
        if (edge.Source is { } source)
            lines.Add($"source becomes {source}");
        if (edge.Hairpin == MasqueradeMark.Yes && !isHairpinSaid)
            lines.Add("hairpin: masqueraded");
        else if (edge.Hairpin == MasqueradeMark.Unknown)
            lines.Add("hairpin: marked for masquerading");
        return string.Join(", ", lines);
    }

    /// <summary>The text of a frontend.</summary>
    internal static string Frontend(ProgrammedService service, ProgrammedFrontend frontend, IReadOnlyList<string> addresses, bool hasPorts)
    {
        // A virtual server for all ports of an address has port 0 as well.
        if (frontend.Port == 0 && service.EntryChain is { } entry)
            return $"{entry}\nhow packets come here is not in the input";
        string kind = Explainer.KindText(frontend.Kind);
        string port = frontend.Port.ToString(CultureInfo.InvariantCulture);
        string protocol = service.Protocol == IpProtocol.Tcp ? string.Empty : $"/{service.Protocol.ToRuleText()}";
        string first = hasPorts && service.Port.Length > 0 ? $"{service.Port}: {kind}" : kind;
        if (frontend.Kind != ProgrammedKind.NodePort)
            return $"{first}\n{string.Join("\n", Some(addresses).Select(text => text + protocol))}";
        string family = service.Family == IpFamily.IPv6 ? " (IPv6)" : string.Empty;
        string places = addresses is [var only] && only.StartsWith('*')
            ? family : $"\n{Wrap("at " + List([.. addresses.Select(static text => text.LastIndexOf(':') is >= 0 and var colon
                ? text[..colon] : text)]))}";
        return $"{first} {port}{protocol}{places}";
    }

    /// <summary>Breaks a sentence so that a box stays narrow: boxes as wide as a sentence make the picture unreadable.</summary>
    internal static string Wrap(string words) => Wrap(words, WidestBox);

    /// <summary>The same for the text of an arrow.</summary>
    internal static string WrapArrow(string words) => Wrap(words, WidestArrow);

    private static string Wrap(string words, int widest)
    {
        var text = new StringBuilder(words.Length + 8);
        int column = 0;
        foreach (string word in words.Split(' '))
        {
            if (column > 0 && column + 1 + word.Length > widest)
            {
                text.Append('\n');
                column = 0;
            }
            else if (column > 0)
            {
                text.Append(' ');
                column++;
            }
            text.Append(word);
            column += word.Length;
        }
        return text.ToString();
    }

    private static string RangeText(InetPrefix range) =>
        range.Length == range.Address.Length * 8 ? range.Address.ToString() : range.ToString();

    private static string List(IReadOnlyList<string> items)
    {
        var text = new StringBuilder();
        int index = 0;
        foreach (string item in Some(items))
            text.Append(index++ == 0 ? string.Empty : ", ").Append(item);
        return text.ToString();
    }

    private static IEnumerable<string> Some(IReadOnlyList<string> items) => items.Count <= MostListed ? items
        : items.Take(MostListed - 1).Append($"and {(items.Count - MostListed + 1).ToString(CultureInfo.InvariantCulture)} more");
}
