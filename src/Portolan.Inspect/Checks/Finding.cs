using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Checks;

/// <summary>How bad a finding is.</summary>
public enum FindingSeverity : byte
{
    /// <summary>Worth knowing: left-overs, redundancy.</summary>
    Note,

    /// <summary>Traffic may go another way than the cluster means it to.</summary>
    Warning,

    /// <summary>Traffic goes wrong.</summary>
    Error,
}

/// <summary>Something that is wrong with the rules.</summary>
/// <param name="Severity">How bad.</param>
/// <param name="Code">A short name that does not change: "missing-chain".</param>
/// <param name="Subject">What it is about: a service, a chain.</param>
/// <param name="Place">The rule, where there is one.</param>
/// <param name="Explanation">What is wrong and what it does to traffic.</param>
/// <param name="Advice">What to do.</param>
public sealed record Finding(FindingSeverity Severity, string Code, string Subject, RuleRef? Place, string Explanation, string Advice);
