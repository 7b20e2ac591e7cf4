namespace Portolan.Inspect.Answers;

/// <summary>A step of a real packet in words.</summary>
/// <param name="Where">"nat KUBE-SERVICES rule 3".</param>
/// <param name="Why">What the rule requires of the packet.</param>
/// <param name="What">What it does; may be empty.</param>
public sealed record WatchStepText(string Where, string Why, string What);
