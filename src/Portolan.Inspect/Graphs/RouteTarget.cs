namespace Portolan.Inspect.Graphs;

/// <summary>A box that decisions lead to.</summary>
/// <param name="Kind">What it represents.</param>
/// <param name="Label">Its text; two with the same kind and text are one box.</param>
/// <param name="Rule">The rule or policy that decides there; null when it is the service's own.</param>
/// <param name="Owner">Who has probably written that rule.</param>
internal sealed record RouteTarget(GraphNodeKind Kind, string Label, string? Rule = null, string? Owner = null);
