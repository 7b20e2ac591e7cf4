using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Portolan.Inet;

namespace Portolan.Inspect.Answers;

/// <summary>Where a real packet went, the last answer of <c>watch</c> for each packet.</summary>
public sealed record WatchPacketAnswer
{
    /// <summary>The packet's number, from 1.</summary>
    public required int Packet { get; init; }

    /// <summary>Always "end", unlike the steps.</summary>
    public string Kind { get; init; } = "end";

    /// <summary>How it ended: "forward", "local", "drop", "reject" or "unknown".</summary>
    public required string Verdict { get; init; }

    /// <summary>The protocol; null when the kernel showed no headers. The same holds for the next four.</summary>
    public required IpProtocol? Protocol { get; init; }

    /// <summary>The source as the packet came.</summary>
    public required string? From { get; init; }

    /// <summary>The destination as the packet came.</summary>
    public required string? To { get; init; }

    /// <summary>The source as the packet left.</summary>
    public required string? Source { get; init; }

    /// <summary>The destination as the packet left.</summary>
    public required string? Destination { get; init; }

    /// <summary>The service port that served, rejected or dropped it, or null.</summary>
    public required string? Service { get; init; }

    /// <summary>True when its source became an address of this node.</summary>
    public required bool Masquerade { get; init; }

    /// <summary>The same in words.</summary>
    public required string Text { get; init; }

    /// <summary>The packet's steps.</summary>
    [JsonIgnore]
    public ImmutableArray<WatchStepAnswer> Steps { get; init; } = [];
}
