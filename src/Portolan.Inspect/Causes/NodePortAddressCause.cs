using Portolan.Inet;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Causes;

/// <summary>A node port is dialled at an address of the node that nodePortAddresses leaves out.</summary>
internal sealed class NodePortAddressCause : Cause
{
    // More would only make the sentence longer.
    private const int MostNamed = 3;

    internal override CauseFound? Find(WhyCase question)
    {
        PacketSpec packet = question.Walk.Trace.Packet;
        if (question.Frontend is not { Kind: ProgrammedKind.NodePort, Address.Family: not IpFamily.None }
            || !question.Walk.Obstacles.IsEmpty || question.Ends.Any(end => end.IsTranslated || end.Verdict != OutcomeVerdict.Local))
            return null;
        var simulator = new PacketSimulator(question.Rules, question.Node);
        InetAddress[] served =
        [
            .. question.Node.Known.Where(address => address.Family == packet.Family && address is { IsLoopback: false, IsLinkLocal: false })
                .Order().Where(address => simulator.Trace(packet with { Destination = address }).Outcomes.All(end => end.IsTranslated))
                .Take(MostNamed),
        ];
        string elsewhere = served.Length == 0 ? string.Empty : $", but at {string.Join(", ", served)}";
        return new CauseFound("node-port-address", "not translated",
            $"node ports are not served at {packet.Destination}{elsewhere}: nodePortAddresses leaves it out",
            $"dial {(served.Length == 0 ? "an address that nodePortAddresses contains" : served[0])}, or add a range with " +
                $"{packet.Destination} to nodePortAddresses in the proxy's configuration and restart it");
    }
}
