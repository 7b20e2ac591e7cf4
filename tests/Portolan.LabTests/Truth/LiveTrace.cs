using System.Globalization;
using System.Text.Json;
using Portolan.Inet;
using Portolan.Inspect.Simulation;
using Portolan.Testing.Namespaces;

namespace Portolan.LabTests.Truth;

/// <summary>What "portolan trace" says on the node itself, which reads rules and addresses by its own means.</summary>
internal static class LiveTrace
{
    /// <summary>Asks the program; runs on the lab's thread. The ends come in one order.</summary>
    internal static string Ask(PacketSpec packet)
    {
        string[] command = [.. Lab.RequirePortolan(), "trace", "--json", "--src", packet.Source.ToString(), "--dst",
            packet.Destination.ToString(),
            "--proto", packet.Protocol.ToRuleText().ToLowerInvariant(), .. Option("--sport", packet.SourcePort),
                .. Option("--dport", packet.DestinationPort),
            .. Option("--in", packet.InInterface), .. Option("--out", packet.OutInterface),
                .. packet.IsFromNode ? (string[])["--from-node"] : [],
            .. packet.Protocol == IpProtocol.Tcp ? Option("--tcp-flags", packet.TcpFlags.ToString().Replace(" ", string.Empty,
                StringComparison.Ordinal).ToLowerInvariant()) : [],
            .. packet.IcmpType is { } type ? Option("--icmp-type", string.Create(CultureInfo.InvariantCulture,
                $"{type}/{packet.IcmpCode}")) : [],
            .. Option("--uid", packet.UserId), .. Option("--gid", packet.GroupId),
                .. packet.IsLaterFragment ? (string[])["--fragment"] : [],
            "--affinity", packet.ClientIsFresh ? "fresh" : "unknown"];
        (int status, string output, string errors) = Tool.TryRun(command[0], command[1..]);
        if (status != 0)
            return string.Create(CultureInfo.InvariantCulture, $"status {status}: {errors}");
        using JsonDocument document = JsonDocument.Parse(output);
        return Join(document.RootElement.GetProperty("outcomes").EnumerateArray().Select(static outcome => Describe(
            outcome.GetProperty("verdict").GetString()!, outcome.GetProperty("destination").GetString()!,
            outcome.GetProperty("masquerade").GetBoolean(), outcome.GetProperty("probability").GetDouble())));
    }

    /// <summary>The same of a trace in this process.</summary>
    internal static string Describe(TraceResult trace) => Join(trace.Outcomes.Select(static outcome => Describe(
        outcome.Verdict.ToString().ToLowerInvariant(), outcome.DestinationText, outcome.IsMasqueraded, outcome.Probability)));

    private static string Describe(string verdict, string destination, bool isMasqueraded, double probability) =>
        string.Create(CultureInfo.InvariantCulture,
        $"{verdict} {destination}{(isMasqueraded ? " masqueraded" : "")} {probability:0.000000}");

    private static string Join(IEnumerable<string> ends) => string.Join(" or ", ends.Order(StringComparer.Ordinal));

    private static string[] Option(string name, object? value) =>
        value is null ? [] : [name, Convert.ToString(value, CultureInfo.InvariantCulture)!];
}
