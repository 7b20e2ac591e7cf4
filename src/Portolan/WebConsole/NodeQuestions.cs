using System.Text;
using Portolan.Chart;
using Portolan.Chart.Nodes;
using Portolan.Sources;
using Portolan.Sources.Nodes;

namespace Portolan.WebConsole;

/// <summary>Answers about a node of the cluster: each question is a command in the proxy's pod there, as with <c>--node</c>.</summary>
internal sealed class NodeQuestions(NodePods pods, string node) : IQuestions, IWatch
{
    private const int LargestAnswer = 64 << 20;
    private static readonly TimeSpan s_longestRun = TimeSpan.FromSeconds(90);

    public string InputOf(string command) => ShellText.Of([$"--node={node}"]);

    public async Task<Answered> AskAsync(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(s_longestRun);
        using var answer = new MemoryStream();
        var errors = new StringBuilder();
        try
        {
            ProxyPod pod = await pods.FindAsync(node, limit.Token);
            byte[] facts = await FactsAsync(arguments, limit.Token);
            ExecResult result = await pods.RunAsync(pod, CommandFor(arguments, facts), facts, (bytes, isError) =>
            {
                if (isError)
                    errors.Append(Encoding.UTF8.GetString(bytes));
                else if (answer.Length + bytes.Length <= LargestAnswer)
                    answer.Write(bytes);
            }, limit.Token);
            string? hint = NodeCommand.VersionHint(pod, result.Status, errors.ToString());
            return result.Status is { } status && hint is null
                ? new Answered(status, answer.ToArray(), Answered.Lines(errors.ToString()))
                : new Answered(ExitStatus.CouldNotRun, default, [hint ?? NodeCommand.WhyNoStatus(pod, result)]);
        }
        catch (SourceException refusal)
        {
            return new Answered(ExitStatus.CouldNotRun, default, [refusal.Message]);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new Answered(ExitStatus.CouldNotRun, default, [$"{node} did not answer within {s_longestRun.TotalSeconds} s"]);
        }
    }

    public async Task<int> WatchAsync(IReadOnlyList<string> arguments, Func<string, bool, Task> line, CancellationToken cancel)
    {
        try
        {
            ProxyPod pod = await pods.FindAsync(node, cancel);
            var rests = new Dictionary<bool, StringBuilder> { [true] = new(), [false] = new() };
            var lines = new List<Task>();
            ExecResult result = await pods.RunAsync(pod, CommandFor(arguments, []), default, (bytes, isError) =>
            {
                StringBuilder rest = rests[isError].Append(Encoding.UTF8.GetString(bytes));
                string[] parts = rest.ToString().Split('\n');
                foreach (string whole in parts[..^1])
                    lines.Add(line(whole, isError));
                rest.Clear().Append(parts[^1]);
            }, cancel);
            await Task.WhenAll(lines);
            return result.Status ?? ExitStatus.CouldNotRun;
        }
        catch (SourceException refusal)
        {
            await line(refusal.Message, true);
            return ExitStatus.CouldNotRun;
        }
    }

    private List<string> CommandFor(IReadOnlyList<string> arguments, byte[] facts) =>
        NodeCommand.CommandFor([.. AskedCommand.With(arguments, ["--json"])], facts, node);

    // What the cluster has for the service, which a node's pod may not be allowed to read.
    private async Task<byte[]> FactsAsync(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        try
        {
            return arguments is not ["why", .., { } what] ? []
                : await ClusterExtract.OfServiceAsync(pods, NodeCommand.ServiceNameOf(what), cancel);
        }
        catch (SourceException)
        {
            // The rules alone answer too.
            return [];
        }
    }
}
