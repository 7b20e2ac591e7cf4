using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Causes;

/// <summary>
/// Walks of answers, for many questions: what a simulator has found out of long chains and large sets is kept for all whose client is known
/// to be on this node or not.
/// </summary>
internal sealed class ReplyWalks(Ruleset rules, NodeAddresses node)
{
    // Clients whose place only the question tells are few; each has a simulator of its own.
    private const int Most = 32;

    private readonly PacketSimulator _usual = new(rules, node);
    private readonly Dictionary<(bool IsFromNode, InetAddress Client), PacketSimulator> _others = [];

    /// <summary>What becomes of the answer to a request.</summary>
    internal TraceResult Of(PacketSpec request, PacketSpec answer)
    {
        NodeAddresses after = ReplyTranslation.NodeAfter(request, node);
        if (ReferenceEquals(after, node))
            return _usual.Trace(answer);
        (bool, InetAddress) key = (request.IsFromNode, request.Source);
        if (!_others.TryGetValue(key, out PacketSimulator? simulator))
        {
            if (_others.Count >= Most)
                _others.Clear();
            _others[key] = simulator = new PacketSimulator(rules, after);
        }
        return simulator.Trace(answer);
    }
}
