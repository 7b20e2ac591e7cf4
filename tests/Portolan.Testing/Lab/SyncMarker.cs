using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Portolan.Inet;
using Portolan.Testing.Packets;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Lab;

/// <summary>
/// Knows from packets alone when all changes so far are in the kernel: a service of its own, changed after everything else, whose
/// endpoint's port is a number that rises with every step.
/// </summary>
internal sealed class SyncMarker(NodeLab lab, FlowRunner runner, ProxyUnderTest proxy)
{
    private const ushort ServicePort = 9;
    private const ushort FirstNumber = 1001;

    private static readonly ObjectKey s_service = new("Service", "portolan-lab", "marker");
    private static readonly InetEndpoint s_clientV4 = InetEndpointOf("203.0.113.250", 0);
    private static readonly InetEndpoint s_clientV6 = InetEndpointOf("2001:db8:cafe::fa", 0);
    private static readonly InetEndpoint s_serviceV4 = InetEndpointOf("172.30.255.250", ServicePort);
    private static readonly InetEndpoint s_serviceV6 = InetEndpointOf("fd00:172:30::fffa", ServicePort);
    private static readonly InetAddress s_endpointV4 = InetAddress.Parse("198.18.0.1");
    private static readonly InetAddress s_endpointV6 = InetAddress.Parse("2001:db8:fa::1");

    private ushort _number = FirstNumber - 1;
    private int _clientPort = 1024;

    /// <summary>Announces a new number.</summary>
    public void Raise()
    {
        _number++;
        if (_number == FirstNumber)
            Apply(KubernetesObjects.Service(s_service.Namespace, s_service.Name, [s_serviceV4.Address, s_serviceV6.Address], ServicePort));
        foreach (InetAddress endpoint in (ReadOnlySpan<InetAddress>)[s_endpointV4, s_endpointV6])
            Apply(KubernetesObjects.Slice(s_service.Namespace, s_service.Name, endpoint.Family, [endpoint], _number, node: null));
    }

    /// <summary>Waits until all changes so far are in the kernel.</summary>
    /// <param name="mode">
    /// In mode iptables each table is a transaction of its own: the nat table, where the marker is, comes before what goes from the filter
    /// table; mode ipvs removes servers after it has added others. Syncs follow one another, so that one more number in force means that
    /// the sync of the one before has ended.
    /// </param>
    /// <param name="patience">How long one number may take.</param>
    /// <returns>Null, or what happened instead until the time was over.</returns>
    public string? Wait(ProxyMode mode, TimeSpan patience)
    {
        if (WaitForNumber(patience) is { } fault)
            return fault;
        if (mode == ProxyMode.NfTables)
            return null;
        Raise();
        return WaitForNumber(patience);
    }

    /// <summary>Waits until packets to the marker service arrive at the present number, in each family that the node has.</summary>
    private string? WaitForNumber(TimeSpan patience)
    {
        foreach (IpFamily family in lab.Addresses.Select(static address => address.Family).Distinct().ToList())
        {
            long started = Stopwatch.GetTimestamp();
            PacketOutcome outcome;
            while (!HasArrived(outcome = Ask(family)))
            {
                if (Stopwatch.GetElapsedTime(started) > patience)
                    return $"the last change is not in force after {patience.TotalSeconds} s: the lab's own service leads {outcome}, "
                        + $"while its endpoint's port is {_number}";
                Thread.Sleep(TimeSpan.FromMilliseconds(2));
            }
        }
        return null;
    }

    private bool HasArrived(PacketOutcome outcome) => outcome.End == PacketEnd.Forwarded && outcome.Destination.Port == _number;

    private PacketOutcome Ask(IpFamily family)
    {
        // Each question from another port, as answers of connection tracking would be old ones.
        _clientPort = _clientPort >= 19999 ? 1024 : _clientPort + 1;
        bool six = family == IpFamily.IPv6;
        ImmutableArray<Probe> probe = [new((six ? s_clientV6 : s_clientV4) with { Port = (ushort)_clientPort },
            six ? s_serviceV6 : s_serviceV4, IpProtocol.Tcp, lab.NextToken())];
        return runner.Inject(FlowOrigin.External, probe, checkReply: false, TimeSpan.FromMilliseconds(5)).Single();
    }

    private void Apply(JsonObject value) => proxy.Apply(ClusterObjects.KeyOf(value), value);

    private static InetEndpoint InetEndpointOf(string address, ushort port) => new(InetAddress.Parse(address), port);
}
