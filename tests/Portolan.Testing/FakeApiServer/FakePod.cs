using System.Text.Json;

namespace Portolan.Testing.FakeApiServer;

/// <summary>A pod of the proxy's DaemonSet, in which commands can be run.</summary>
public sealed record FakePod(string Name, string Node)
{
    public string Namespace { get; init; } = "kube-system";

    public string Container { get; init; } = "portolan";

    /// <summary>Value of the label k8s-app.</summary>
    public string Label { get; init; } = "portolan";

    public bool IsReady { get; init; } = true;

    public bool IsEnding { get; init; }

    /// <summary>Reason and message of a container that waits; null for one that runs.</summary>
    public (string Reason, string Message)? Waiting { get; init; }

    /// <summary>What a command does; one that ends well by default.</summary>
    public Func<FakeExec, Task> Exec { get; init; } = static exec => exec.EndAsync(0);

    /// <summary>The subprotocol of the server.</summary>
    public string Protocol { get; init; } = "v5.channel.k8s.io";

    internal bool Matches(string? labelSelector, string? node)
    {
        // "k8s-app in (portolan, kube-proxy)" or "k8s-app=portolan".
        string[] labels = (labelSelector ?? Label)
            .Split(["k8s-app", " in ", "(", ")", ",", "=", " "], StringSplitOptions.RemoveEmptyEntries);
        return labels.Contains(Label) && (node is null || node == $"spec.nodeName={Node}");
    }

    /// <summary>The object as a list of pods has it.</summary>
    internal string ToJson()
    {
        string state = Waiting is { } why
            ? $$"""{"waiting":{"reason":{{JsonSerializer.Serialize(why.Reason)}},"message":{{JsonSerializer.Serialize(why.Message)}} } }"""
            : """{"running":{"startedAt":"2026-01-01T00:00:00Z"}}""";
        string ending = IsEnding ? ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"" : "";
        string ready = IsReady ? "True" : "False";
        return $$$"""
            {"metadata":{"name":"{{{Name}}}","namespace":"{{{Namespace}}}","labels":{"k8s-app":"{{{Label}}}" }{{{ending}}} },
             "spec":{"nodeName":"{{{Node}}}","containers":[{"name":"helper"},{"name":"{{{Container}}}"}]},
             "status":{"phase":"Running","conditions":[{"type":"Ready","status":"{{{ready}}}"}],
             "containerStatuses":[{"name":"{{{Container}}}","state":{{{state}}} }]}}
            """;
    }
}
