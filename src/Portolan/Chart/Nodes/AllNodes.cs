using System.Collections.Concurrent;
using System.CommandLine;
using System.Globalization;
using System.Text;
using Portolan.Chart.Renderers;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Causes;
using Portolan.Sources;
using Portolan.Sources.Nodes;

namespace Portolan.Chart.Nodes;

/// <summary>Asks every node the same and groups what they say.</summary>
internal static class AllNodes
{
    // Answers are kilobytes; a node that sends without end must not fill this machine's memory.
    private const int LargestAnswer = 8 << 20;
    private const int LongestError = 2048;

    internal static async Task<int> AskAsync(
        NodePods pods, ParseResult parsed, ChartOptions options, ChartOutput chart, CancellationToken cancel)
    {
        string? what = options.Asked is { } asked ? parsed.GetValue(asked) : null;
        NodeList list = await pods.ListAsync(cancel);
        byte[]? facts = await NodeCommand.FactsAsync(pods, parsed, options, chart, cancel);
        var patience = TimeSpan.FromSeconds(parsed.GetValue(options.Nodes.Patience));
        var replies = new ConcurrentBag<NodeReply>();
        using (var progress = ProgressLine.Start($"asking {list.Nodes.Length.ToString(CultureInfo.InvariantCulture)} nodes"))
        {
            await Parallel.ForEachAsync(list.Nodes,
                new ParallelOptions { MaxDegreeOfParallelism = parsed.GetValue(options.Nodes.Parallel), CancellationToken = cancel },
                async (one, ending) => replies.Add(one.Pod is { NotRunning: null } pod
                    ? await ReplyAsync(pods, pod,
                        NodeCommand.CommandFor(parsed, options, [options.Json, options.Verbose], null, facts, one.Node),
                        facts ?? [], patience, what, ending)
                    : NodeReply.Silent(one.Node, one.Pod is { } stopped
                        ? $"{stopped} does not run: {stopped.NotRunning}" : "no pod of the proxy runs there")));
        }
        var answer = NodesAnswer.Of(what, [.. replies], list.Limit);
        if (parsed.GetValue(options.Json))
            chart.Json(answer, AnswersJsonContext.Default.NodesAnswer);
        else
            NodesRenderer.Print(answer, chart);
        return answer.Answered == 0 ? ExitStatus.CouldNotRun
            : answer.Groups.Any(static group => group.State == DiagnosisState.Fails) ? ExitStatus.Findings
            : answer.Answered < answer.Asked || answer.Limit is not null
                || answer.Groups.Any(static group => group.State == DiagnosisState.Unknown) ? ExitStatus.Partial : ExitStatus.Ok;
    }

    private static async Task<NodeReply> ReplyAsync(
        NodePods pods, ProxyPod pod, List<string> command, byte[] input, TimeSpan patience, string? what,
        CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(patience);
        var output = new MemoryStream();
        var errors = new StringBuilder();
        bool isTooLong = false;
        ExecResult result;
        try
        {
            result = await pods.RunAsync(pod, [command[0], command[1], command[2], "--json", .. command[3..]], input, (bytes, isError) =>
            {
                if (isError && errors.Length < LongestError)
                    errors.Append(Encoding.UTF8.GetString(bytes));
                else if (!isError && output.Length + bytes.Length <= LargestAnswer)
                    output.Write(bytes);
                else if (!isError && !isTooLong)
                {
                    isTooLong = true;
                    limit.Cancel();
                }
            }, limit.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return NodeReply.Silent(pod.Node, isTooLong ? "its answer is longer than answers are"
                : $"no answer within {patience.TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture)} s");
        }
        catch (SourceException refusal)
        {
            return NodeReply.Silent(pod.Node, refusal.Message);
        }
        string said = LastLine(errors.ToString());
        if (NodeCommand.VersionHint(pod, result.Status, errors.ToString()) is { } hint)
            return NodeReply.Silent(pod.Node, hint);
        return result.Status switch
        {
            null => NodeReply.Silent(pod.Node, NodeCommand.WhyNoStatus(pod, result)),
            ExitStatus.Findings when output.Length == 0 => NotServed(pod, what ?? pod.Node, said),
            ExitStatus.Ok or ExitStatus.Findings or ExitStatus.Partial =>
                NodeReply.Read(pod.Node, output.GetBuffer().AsMemory(0, (int)output.Length), result.Status == ExitStatus.Partial),
            { } status => NodeReply.Silent(pod.Node, said.Length > 0 ? said
                : $"portolan there ended with status {status.ToString(CultureInfo.InvariantCulture)}"),
        };
    }

    private static NodeReply NotServed(ProxyPod pod, string what, string said) => new(pod.Node,
    [
        new NodeItem
        {
            Subject = what,
            State = DiagnosisState.Fails,
            Verdict = NodesAnswer.NotServed,
            Code = "not-in-rules",
            Cause = said,
            Mend = null,
        },
    ], null);

    private static string LastLine(string errors)
    {
        const string prefix = "portolan: ";
        string line = errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault() ?? "";
        return line.StartsWith(prefix, StringComparison.Ordinal) ? line[prefix.Length..] : line;
    }
}
