namespace Portolan.Inspect.Causes;

/// <summary>Somebody else's rule answers for the address first.</summary>
internal sealed class TakenEarlierCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        if (question.Walk.Obstacles.FirstOrDefault(item => item.Kind is ObstacleKind.Taken or ObstacleKind.Passed or ObstacleKind.Untracked)
            is not { } obstacle)
            return null;
        (string code, string mend) = obstacle.Kind == ObstacleKind.Untracked
            ? ("untracked", "with NodeLocal DNSCache this is meant: a program on this node has to answer at the address")
            : ("taken-earlier", "make its owner leave the address alone, or the rules of the proxy come first");
        return new CauseFound(code, obstacle.Kind == ObstacleKind.Taken ? "goes elsewhere" : "not translated", obstacle.Text, mend)
            .At(obstacle.Place);
    }
}
