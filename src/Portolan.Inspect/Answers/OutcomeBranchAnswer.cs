using System.Collections.Immutable;

namespace Portolan.Inspect.Answers;

/// <summary>The steps that one end of a group does not share with the others.</summary>
/// <param name="Destination">The destination at that end.</param>
/// <param name="Steps">The steps.</param>
public sealed record OutcomeBranchAnswer(string Destination, ImmutableArray<PathStepAnswer> Steps);
