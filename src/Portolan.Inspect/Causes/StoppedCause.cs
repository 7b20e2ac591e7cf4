namespace Portolan.Inspect.Causes;

/// <summary>A rule or policy of somebody else drops or rejects the packet on its way to an endpoint.</summary>
internal sealed class StoppedCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        if (question.Walk.Obstacles.FirstOrDefault(item => item.Kind is ObstacleKind.Dropped or ObstacleKind.Rejected) is not { } obstacle)
            return null;
        var found = new CauseFound(obstacle.Place is null ? "policy-drop" : "stopped-by-rule",
            obstacle.Kind == ObstacleKind.Dropped ? "dropped" : "rejected", obstacle.Text,
            obstacle.IsBeforeIpvs(question.Service)
                ? $"accept packets to the service in {obstacle.Chain.Name}: in mode ipvs they are for this machine, and IPVS takes them " +
                    "behind it (kubernetes#98465)"
                : obstacle.Place is null
                ? $"accept what is for and from pods in {obstacle.Chain.Name}, or set the policy to ACCEPT"
                : $"accept what is for and from pods in {obstacle.Chain.Name} before that rule");
        return (obstacle.Place is { } place ? found.At(place) : found with { PlaceText = obstacle.PlaceText, Writer = obstacle.Owner }) with
        {
            When = string.Join(" or ", obstacle.When),
        };
    }
}
