using Portolan.Inspect.Simulation;

namespace Portolan.Inspect.Checks;

/// <summary>How bad a finding is.</summary>
public enum FindingSeverity : byte
{
    /// <summary>Worth knowing: leftovers, redundancy.</summary>
    Note,

    /// <summary>Traffic may not go where the cluster wants it.</summary>
    Warning,

    /// <summary>Traffic goes wrong.</summary>
    Error,
}

/// <summary>Something that is wrong with the rules.</summary>
/// <param name="Severity">How bad it is.</param>
/// <param name="Code">A stable short name: "missing-chain".</param>
/// <param name="Subject">What it is about: a service, a chain.</param>
/// <param name="Place">The rule, where there is one.</param>
/// <param name="Explanation">What is wrong and what it does to traffic.</param>
/// <param name="Advice">What to do.</param>
public sealed record Finding(FindingSeverity Severity, string Code, string Subject, RuleRef? Place, string Explanation, string Advice);
