using System.Collections.Immutable;

namespace Portolan.Inspect.Answers;

/// <summary>The steps of one end that the other ends of its group do not share.</summary>
/// <param name="Destination">The destination at that end.</param>
/// <param name="Steps">The steps.</param>
public sealed record OutcomeBranchAnswer(string Destination, ImmutableArray<PathStepAnswer> Steps);
