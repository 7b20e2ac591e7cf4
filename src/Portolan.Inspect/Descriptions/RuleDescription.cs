using Portolan.Rules.Model;

namespace Portolan.Inspect.Descriptions;

/// <summary>Rules in plain words.</summary>
public static class RuleDescription
{
    /// <summary>
    /// "tcp, destination 172.30.5.207, port 443: goes to KUBE-SVC-..., which picks one of all endpoints of default/testsvc".
    /// </summary>
    public static string Of(Rule rule, ChainGuide guide)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(guide);
        string conditions = Conditions(rule);
        return $"{(conditions.Length == 0 ? "every packet" : conditions)}: {Action(rule, guide)}";
    }

    /// <summary>What the rule requires of a packet; empty when it takes every packet.</summary>
    public static string Conditions(Rule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return RuleDescriptions.Conditions(rule);
    }

    /// <summary>What the rule does, in words that follow "the rule".</summary>
    public static string Action(Rule rule, ChainGuide guide)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(guide);
        return RuleDescriptions.Action(rule, guide);
    }
}
