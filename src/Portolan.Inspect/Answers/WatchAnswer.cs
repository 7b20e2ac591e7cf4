namespace Portolan.Inspect.Answers;

/// <summary>A traced step of a real packet at which no rule is known: a return, a policy, or a rule that changed meanwhile.</summary>
/// <param name="Packet">The packet's number, from 1.</param>
/// <param name="Kind">"rule", "return" or "policy".</param>
/// <param name="Hook">At which hook, in lower case; null when it is not known.</param>
/// <param name="Table">The table's name.</param>
/// <param name="Chain">The chain's name.</param>
/// <param name="Verdict">The verdict; null when the kernel reported none.</param>
public sealed record WatchStep(int Packet, string Kind, string? Hook, string Table, string Chain, string? Verdict);

/// <summary>A traced step of a real packet at a known rule.</summary>
/// <param name="Packet">The packet's number, from 1.</param>
/// <param name="Kind">"rule".</param>
/// <param name="Hook">At which hook, in lower case; null when it is not known.</param>
/// <param name="Table">The table's name.</param>
/// <param name="Chain">The chain's name.</param>
/// <param name="Verdict">The verdict; null when the kernel reported none.</param>
/// <param name="Rule">The rule's number in its chain, from 1.</param>
/// <param name="Service">The service that the rule belongs to; null for none.</param>
/// <param name="Text">The rule as its tool prints it.</param>
public sealed record WatchRuleStep(
    int Packet, string Kind, string? Hook, string Table, string Chain, string? Verdict, int Rule, string? Service, string Text);

/// <summary>The end of a real packet's path.</summary>
/// <param name="Packet">The packet's number, from 1.</param>
/// <param name="Kind">"end".</param>
/// <param name="Verdict">As in <see cref="TraceOutcome"/>.</param>
/// <param name="Protocol">"tcp", "udp", ...; null, like addresses, when the kernel showed no headers.</param>
/// <param name="From">The source as the packet came.</param>
/// <param name="To">The destination as the packet came.</param>
/// <param name="Source">The source as it went.</param>
/// <param name="Destination">The destination as it went.</param>
/// <param name="Service">The service; null when none is known.</param>
/// <param name="Masquerade">Whether the source became an address of this node.</param>
/// <param name="Text">The same in words.</param>
public sealed record WatchEnd(
    int Packet,
    string Kind,
    string? Verdict,
    string? Protocol,
    string? From,
    string? To,
    string? Source,
    string? Destination,
    string? Service,
    bool Masquerade,
    string Text);
