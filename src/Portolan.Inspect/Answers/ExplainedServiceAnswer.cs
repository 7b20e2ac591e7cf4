using System.Collections.Immutable;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Answers;

/// <summary>The explanation of one service port.</summary>
/// <param name="Service">The service port: "namespace/name:port".</param>
/// <param name="Protocol">The protocol.</param>
/// <param name="Facts">The facts about it that need no packet, a line each.</param>
/// <param name="Paths">The paths to it.</param>
public sealed record ExplainedServiceAnswer(
    string Service, IpProtocol Protocol, ImmutableArray<string> Facts, ImmutableArray<ExplainedPathAnswer> Paths)
{
    /// <summary>The answer for the paths of one service port.</summary>
    public static ExplainedServiceAnswer Of(ProgrammedService service, IEnumerable<ExplainedPath> paths)
    {
        ArgumentNullException.ThrowIfNull(service);
        return new ExplainedServiceAnswer(service.DisplayName, service.Protocol, [.. ExplainText.Facts(service)],
            [.. paths.Select(path => ExplainedPathAnswer.Of(service, path))]);
    }
}
