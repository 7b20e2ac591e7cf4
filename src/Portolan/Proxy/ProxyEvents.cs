using System.Net;
using Portolan.DataPlanes.Contract;
using Portolan.Services.Cluster;
using Portolan.Sources.Api;

namespace Portolan.Proxy;

/// <summary>The events the proxy writes: kube-proxy's, and one for a service that the kernel refused.</summary>
/// <param name="recorder">Takes them; null without an API server.</param>
/// <param name="node">The Node's name.</param>
internal sealed class ProxyEvents(EventRecorder? recorder, string node)
{
    /// <summary>The proxy has started.</summary>
    public void Started() => recorder?.Record(new("Node", "", node, "Starting", "StartKubeProxy", "", IsWarning: false));

    /// <summary>A page cannot be listened on.</summary>
    public void NotListening(string field, IPEndPoint address, string reason) => recorder?.Record(field == "metricsBindAddress"
        ? new("Node", "", node, "FailedToStartMetricServer", "StartMetricServer", $"{field} {address}: {reason}", IsWarning: true)
        : new("Node", "", node, "FailedToStartProxierHealthcheck", "StartKubeProxy", $"{field} {address}: {reason}", IsWarning: true));

    /// <summary>A service's health check port cannot be listened on.</summary>
    public void NotListening(ObjectName service, IPEndPoint address, string reason) => recorder?.Record(new(
        "Service", service.Namespace, service.Name, "FailedToStartServiceHealthcheck", "Listen",
        $"node {node} failed to start healthcheck \"{service}\" on port {address.Port}: {reason}", IsWarning: true));

    /// <summary>Takes a step of the loop: what the kernel refused of a service, and node ports that cannot be used.</summary>
    public void Follow(SyncRecord record)
    {
        if (recorder is null)
            return;
        foreach (Refusal refusal in record.Report.Refusals)
        {
            if (refusal.Service is not { } service)
                continue;
            recorder.Record(new("Service", service.Namespace, service.Name, "ServiceQuarantined", "Sync",
                $"node {node} does not serve the newest state of this service: {refusal.Reason}", IsWarning: true));
        }
        foreach (Problem problem in record.Delta.NewProblems)
        {
            if (problem is not { NodePortOf: { } service })
                continue;
            recorder.Record(new("Service", service.Namespace, service.Name, "NodePortNotUsable", "Sync",
                $"node {node}: {problem.Field}: {problem.Message}", IsWarning: true));
        }
    }
}
