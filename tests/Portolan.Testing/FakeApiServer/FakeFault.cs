namespace Portolan.Testing.FakeApiServer;

/// <summary>A request as a fault decides by it.</summary>
public sealed record FakeRequest(FakeResource? Resource, string Path, IReadOnlyDictionary<string, string> Query, string? Authorization)
{
    /// <summary>The namespace in the path; null without one.</summary>
    public string? Namespace { get; init; }

    public bool IsWatch => Query.GetValueOrDefault("watch") is "true" or "1";
}

/// <summary>What goes wrong with one request; each property is one kind of trouble.</summary>
public sealed record FakeFault
{
    /// <summary>Answer with this HTTP status and a Status object.</summary>
    public int Status { get; init; }

    /// <summary>What such an answer says; null for a text of the fake's own.</summary>
    public string? Message { get; init; }

    /// <summary>Retry-After of such an answer, in seconds; null for none.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>In a watch: tell 410 in the stream, as API servers do, where <see cref="Status"/> is 410.</summary>
    public bool InStream { get; init; }

    /// <summary>Take the request and never answer.</summary>
    public bool Silent { get; init; }

    /// <summary>Cut the connection after this many bytes of the body.</summary>
    public int? CutAfter { get; init; }

    /// <summary>Go silent, with the connection open, after this many bytes of the body.</summary>
    public int? StallAfter { get; init; }

    /// <summary>Put these bytes into the body behind the first event or page.</summary>
    public byte[]? Garbage { get; init; }

    /// <summary>Wait before answering.</summary>
    public TimeSpan Delay { get; init; }
}
