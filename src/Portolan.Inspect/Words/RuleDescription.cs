using Portolan.Inspect.Words;
using Portolan.Rules;

namespace Portolan.Inspect;

/// <summary>Rules in our words.</summary>
public static class RuleDescription
{
    /// <summary>"tcp, destination 172.30.5.207, port 443: goes to KUBE-SVC-..., which picks one of all endpoints of default/testsvc".</summary>
    public static string Of(Rule rule, ChainGuide guide)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(guide);
        string conditions = RuleWords.Conditions(rule);
        return $"{(conditions.Length == 0 ? "every packet" : conditions)}: {RuleWords.Action(rule, guide)}";
    }
}
