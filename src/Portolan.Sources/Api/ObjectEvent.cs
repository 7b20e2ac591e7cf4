namespace Portolan.Sources.Api;

/// <summary>Something an object's owner sees with `kubectl describe` (events.k8s.io/v1 Event).</summary>
/// <param name="Kind">Kind of the object: "Node" or "Service".</param>
/// <param name="Namespace">Its namespace; empty for a Node.</param>
/// <param name="Name">Its name.</param>
/// <param name="Reason">One word for programs: "FailedToStartServiceHealthcheck".</param>
/// <param name="Action">What was being done: "Listen".</param>
/// <param name="Note">A sentence for people; empty for none.</param>
/// <param name="IsWarning">Type Warning rather than Normal.</param>
public sealed record ObjectEvent(
    string Kind, string Namespace, string Name, string Reason, string Action, string Note, bool IsWarning);
