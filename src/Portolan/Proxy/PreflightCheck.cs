namespace Portolan.Proxy;

/// <summary>How a check before the start came out.</summary>
internal enum PreflightResult
{
    /// <summary>As it should be.</summary>
    Fine,

    /// <summary>Something an operator should know; nothing keeps the proxy from working.</summary>
    Note,

    /// <summary>The proxy would not serve.</summary>
    Bad,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Result">How it came out.</param>
/// <param name="Subject">What was looked at: "capabilities".</param>
/// <param name="Text">What was found, and what to do about it.</param>
internal sealed record PreflightCheck(PreflightResult Result, string Subject, string Text);
