using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Services.Planning;

namespace Portolan.Inspect.Checks;

/// <summary>The input of a check.</summary>
/// <param name="Rules">The rules.</param>
/// <param name="Services">The services they serve.</param>
/// <param name="Node">What is known of the node's addresses.</param>
/// <param name="Guide">Names of chains.</param>
public sealed record CheckInput(Ruleset Rules, ServiceCatalogue Services, NodeAddresses Node, ChainGuide Guide)
{
    /// <summary>What this node should serve according to the cluster, drained; null when that is not known.</summary>
    public ServiceTable? Cluster { get; init; }

    /// <summary>The ranges of pod addresses the cluster uses; empty when they are not known.</summary>
    public ImmutableArray<InetPrefix> PodRanges { get; init; } = [];

    /// <summary>True when the rules are all that the node has, so that a family without rules has none; false for dumps.</summary>
    public bool IsWholeNode { get; init; }
}

/// <summary>What a check found, and what it could not check.</summary>
/// <param name="Findings">The findings, worst first.</param>
/// <param name="Limits">What was not checked and why; a clean result does not cover it.</param>
public sealed record CheckResult(ImmutableArray<Finding> Findings, ImmutableArray<string> Limits);
