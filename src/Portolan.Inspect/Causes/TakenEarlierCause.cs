namespace Portolan.Inspect.Causes;

/// <summary>Somebody else's rule, or one of a back-end that the proxy left, answers for the address first.</summary>
internal sealed class TakenEarlierCause : Cause
{
    internal override CauseFound? Find(WhyCase question)
    {
        if (question.Walk.Obstacles.FirstOrDefault(item => item.Kind is ObstacleKind.Taken or ObstacleKind.Passed or ObstacleKind.Untracked)
            is not { } obstacle)
            return null;
        bool isStale = obstacle.Kind == ObstacleKind.Taken && obstacle.Owner is "kube-proxy" or "Portolan";
        (string code, string mend) = obstacle.Kind == ObstacleKind.Untracked
            ? ("untracked", "with NodeLocal DNSCache this is meant: a program on this node has to answer at the address")
            : isStale ? ("stale-back-end", "the rule is of a back-end that the proxy does not use any more: flush its KUBE chains there " +
                "(iptables --version in the proxy's container names the one it uses)")
            : ("taken-earlier", "make its owner leave the address alone, or the rules of the proxy come first");
        return new CauseFound(code, obstacle.Kind == ObstacleKind.Taken ? "goes elsewhere" : "not translated", obstacle.Text, mend)
            .At(obstacle.Place);
    }
}
