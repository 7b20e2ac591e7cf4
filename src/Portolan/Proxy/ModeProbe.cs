namespace Portolan.Proxy;

/// <summary>What asking this machine about a mode brought.</summary>
/// <param name="Mode">"nftables" or "iptables".</param>
/// <param name="Missing">What is missing for it, one line; null when nothing is.</param>
internal sealed record ModeProbe(string Mode, string? Missing);
