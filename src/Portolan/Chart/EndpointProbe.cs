using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Portolan.Inet;
using Portolan.Inspect.Causes;

namespace Portolan.Chart;

/// <summary>Opens TCP connections to endpoints and closes them at once, as the kubelet's TCP probes do.</summary>
internal static class EndpointProbe
{
    // The kernel of a host answers a SYN by itself: what takes longer is far away or absent.
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(600);

    /// <summary>What became of a connection to each endpoint; none for those that this node has no route to.</summary>
    internal static async Task<ImmutableDictionary<InetEndpoint, ProbeResult>> RunAsync(IEnumerable<InetEndpoint> endpoints,
        CancellationToken cancel)
    {
        (InetEndpoint Endpoint, ProbeResult Result)[] results = await Task.WhenAll(endpoints.Distinct()
            .Select(async endpoint => (endpoint, await ConnectAsync(endpoint, cancel))));
        return results.Where(item => item.Result != ProbeResult.None).ToImmutableDictionary(item => item.Endpoint, item => item.Result);
    }

    private static async Task<ProbeResult> ConnectAsync(InetEndpoint endpoint, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(s_patience);
        try
        {
            IPAddress address = endpoint.Address.ToIPAddress();
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(address, endpoint.Port, patience.Token);
            return ProbeResult.Accepted;
        }
        catch (OperationCanceledException)
        {
            cancel.ThrowIfCancellationRequested();
            return ProbeResult.Silent;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.ConnectionRefused ? ProbeResult.Refused : ProbeResult.None;
        }
    }
}
