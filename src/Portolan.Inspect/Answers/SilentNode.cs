namespace Portolan.Inspect.Answers;

/// <summary>A node that did not answer.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Reason">Why.</param>
public sealed record SilentNode(string Node, string Reason);
