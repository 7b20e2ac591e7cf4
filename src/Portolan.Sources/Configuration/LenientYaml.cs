using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Portolan.Sources.Configuration;

/// <summary>
/// YAML as kube-proxy reads it when strict reading fails: of a key that comes twice the last value holds, documents without content are
/// passed over, and what comes behind the first one with content is not read.
/// </summary>
internal static class LenientYaml
{
    /// <summary>The first document with content, when it is a mapping.</summary>
    /// <param name="text">The file.</param>
    /// <param name="notes">Takes a warning for each key that comes twice, and for a document that is not read.</param>
    /// <exception cref="YamlException">It is no YAML.</exception>
    public static YamlMappingNode? Read(TextReader text, ConfigNotes notes)
    {
        List<ParsingEvent> events = [];
        var parser = new Parser(text);
        while (parser.MoveNext())
            events.Add(parser.Current!);
        var kept = new List<ParsingEvent>(events.Count);
        int at = 0;
        while (at < events.Count)
            at = events[at] is NodeEvent ? CopyNode(events, at, kept, notes) : Copy(events, at, kept);
        var yaml = new YamlStream();
        yaml.Load(new Replay(kept));
        YamlDocument[] documents = [.. yaml.Documents.Where(static document => !IsEmpty(document.RootNode))];
        if (documents.Length > 1)
            notes.AddWarning(documents[1].RootNode.Start.Line, "document 2", "is not read: a configuration is one document");
        return documents.FirstOrDefault()?.RootNode as YamlMappingNode;
    }

    private static bool IsEmpty(YamlNode root) => root is YamlScalarNode { Style: ScalarStyle.Plain, Value: "" or "~" or "null" };

    private static int Copy(List<ParsingEvent> events, int at, List<ParsingEvent> kept)
    {
        kept.Add(events[at]);
        return at + 1;
    }

    private static int CopyNode(List<ParsingEvent> events, int at, List<ParsingEvent> kept, ConfigNotes notes)
    {
        switch (events[at])
        {
            case MappingStart:
                return CopyMapping(events, at, kept, notes);
            case SequenceStart:
                at = Copy(events, at, kept);
                while (events[at] is not SequenceEnd)
                    at = CopyNode(events, at, kept, notes);
                return Copy(events, at, kept);
            default:
                return Copy(events, at, kept);
        }
    }

    private static int CopyMapping(List<ParsingEvent> events, int at, List<ParsingEvent> kept, ConfigNotes notes)
    {
        at = Copy(events, at, kept);
        // Where each key's entry begins among the events that are kept.
        var entries = new OrderedDictionary<string, List<ParsingEvent>>(StringComparer.Ordinal);
        for (int unnamed = 0; events[at] is not MappingEnd;)
        {
            List<ParsingEvent> entry = [];
            string key = events[at] is Scalar scalar ? scalar.Value : $"\0{unnamed++}";
            long line = events[at].Start.Line;
            at = CopyNode(events, at, entry, notes);
            at = CopyNode(events, at, entry, notes);
            if (entries.Remove(key))
                notes.AddWarning(line, Objects.Text.Printable(key), "comes twice; the value of this line holds");
            entries[key] = entry;
        }
        foreach (List<ParsingEvent> entry in entries.Values)
            kept.AddRange(entry);
        return Copy(events, at, kept);
    }

    private sealed class Replay(List<ParsingEvent> events) : IParser
    {
        private int _next;

        public ParsingEvent? Current { get; private set; }

        public bool MoveNext()
        {
            Current = _next < events.Count ? events[_next++] : null;
            return Current is not null;
        }
    }
}
