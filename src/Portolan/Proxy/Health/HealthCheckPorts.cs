using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Contract;
using Portolan.Http;
using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Services.Node;
using Portolan.Services.Plans;

namespace Portolan.Proxy.Health;

/// <summary>
/// The listeners of services with a healthCheckNodePort, on the addresses that take NodePorts: load balancers check there whether this node
/// has endpoints (kube-proxy: healthcheck.ServiceHealthServer).
/// </summary>
/// <remarks>Follows the loop on the loop's thread; requests are answered, and busy addresses retried, on any thread.</remarks>
internal sealed partial class HealthCheckPorts : IDisposable
{
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(30);

    private readonly HttpServer _server;
    private readonly ProxyHealth _health;
    private readonly ProxyEvents _events;
    private readonly ILogger _logger;
    private readonly ITimer _retry;
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<ObjectName, HealthCheckPlan> _plans = new();
    private readonly Dictionary<Listener, IDisposable> _open = [];
    private readonly HashSet<Listener> _failed = [];
    private AddressPlan _node = AddressPlan.None;

    public HealthCheckPorts(HttpServer server, ProxyHealth health, ProxyEvents events, ILogger<HealthCheckPorts> logger, TimeProvider time)
    {
        (_server, _health, _events, _logger) = (server, health, events, logger);
        _retry = time.CreateTimer(_ => TryFailedAgain(), null, s_retry, s_retry);
    }

    /// <inheritdoc/>
    public void Dispose() => _retry.Dispose();

    /// <summary>Applies what a step of the loop changed.</summary>
    public void Follow(SyncRecord record)
    {
        using Lock.Scope held = _gate.EnterScope();
        bool isChanged = record.Node.Addresses != _node;
        _node = record.Node.Addresses;
        foreach (ServiceChange change in record.Delta.Services)
        {
            HealthCheckPlan? plan = change.Plan?.HealthCheck;
            if (_plans.GetValueOrDefault(change.Service) == plan)
                continue;
            isChanged = true;
            if (plan is null)
                _plans.TryRemove(change.Service, out _);
            else
                _plans[change.Service] = plan;
        }
        if (isChanged)
            OpenAndClose();
    }

    // An address that another process held may be free by now.
    private void TryFailedAgain()
    {
        using Lock.Scope held = _gate.EnterScope();
        try
        {
            if (_failed.Count > 0)
                OpenAndClose();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // On a timer's thread it would end the process. The timer fires again.
            LogRetryFailed(failure.Message);
        }
    }

    private void OpenAndClose()
    {
        HashSet<Listener> wanted = [.. _plans.SelectMany(plan => ListenersOf(plan.Key, plan.Value))];
        foreach (Listener unwanted in _open.Keys.Where(listener => !wanted.Contains(listener)).ToArray())
        {
            _open.Remove(unwanted, out IDisposable? socket);
            socket?.Dispose();
        }
        _failed.IntersectWith(wanted);
        foreach (Listener listener in wanted.Where(listener => !_open.ContainsKey(listener)))
        {
            try
            {
                _open.Add(listener, _server.Listen(listener.Address, context => AnswerAsync(context, listener), hasOwnPlaces: false));
                _failed.Remove(listener);
            }
            catch (SocketException failure)
            {
                if (!_failed.Add(listener))
                    continue;
                LogNotListening(listener.Service, listener.Address, failure.Message);
                _events.NotListening(listener.Service, listener.Address, failure.Message);
            }
        }
    }

    private IEnumerable<Listener> ListenersOf(ObjectName service, HealthCheckPlan plan)
    {
        if (plan.ReadyLocalIPv4 is not null)
        {
            foreach (IPAddress address in AddressesOf(IpFamily.IPv4, _node.NodePortsOnAllIPv4, IPAddress.Any))
                yield return new Listener(service, IpFamily.IPv4, new IPEndPoint(address, plan.Port));
        }
        if (plan.ReadyLocalIPv6 is not null)
        {
            foreach (IPAddress address in AddressesOf(IpFamily.IPv6, _node.NodePortsOnAllIPv6, IPAddress.IPv6Any))
                yield return new Listener(service, IpFamily.IPv6, new IPEndPoint(address, plan.Port));
        }
    }

    private IEnumerable<IPAddress> AddressesOf(IpFamily family, bool isAll, IPAddress all) =>
        isAll ? [all] : _node.NodePortAddresses.Where(address => address.Family == family).Select(address => address.ToIPAddress());

    private async Task AnswerAsync(HttpContext context, Listener listener)
    {
        _plans.TryGetValue(listener.Service, out HealthCheckPlan? plan);
        int endpoints = (listener.Family == IpFamily.IPv4 ? plan?.ReadyLocalIPv4 : plan?.ReadyLocalIPv6) ?? 0;
        bool isHealthy = _health.IsHealthy;
        int code = endpoints > 0 && isHealthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers["X-Load-Balancing-Endpoint-Weight"] = endpoints.ToString(CultureInfo.InvariantCulture);
        // Byte for byte what kube-proxy answers: health checks of load balancers compare text.
        await Answers.JsonAsync(context, code,
            $"{{\n\t\"service\": {{\n\t\t\"namespace\": \"{listener.Service.Namespace}\",\n" +
            $"\t\t\"name\": \"{listener.Service.Name}\"\n\t}},\n" +
            $"\t\"localEndpoints\": {endpoints.ToString(CultureInfo.InvariantCulture)},\n" +
            $"\t\"serviceProxyHealthy\": {(isHealthy ? "true" : "false")}\n}}").ConfigureAwait(false);
    }

    [LoggerMessage(2001, LogLevel.Warning,
        "Service {Service}, spec.healthCheckNodePort: cannot listen on {Address} ({Reason}), so its load balancer sees this node as " +
        "down; will retry every 30 s")]
    private partial void LogNotListening(ObjectName service, IPEndPoint address, string reason);

    [LoggerMessage(2002, LogLevel.Error, "health check ports: listeners could not be updated ({Reason}); will retry in 30 s")]
    private partial void LogRetryFailed(string reason);

    private sealed record Listener(ObjectName Service, IpFamily Family, IPEndPoint Address);
}
