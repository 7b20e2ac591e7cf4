using System.CommandLine;
using System.Diagnostics;
using System.Text;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;

namespace Portolan.Chart;

/// <summary>portolan graph: the picture of a service's rules.</summary>
internal static class GraphCommand
{
    internal static Command Create()
    {
        var options = new ChartOptions();
        var name = new Argument<string?>("service") { Description = "The service: namespace/name.", Arity = ArgumentArity.ZeroOrOne };
        var all = new Option<bool>("--all") { Description = "Draw the skeleton of all hooks and service chains, with counts." };
        var format = new Option<string>("--format", "-f") { Description = "The format of the picture.", DefaultValueFactory = _ => "text" };
        format.AcceptOnlyFromAmong("mermaid", "dot", "svg", "text");
        var file = new Option<string?>("--output", "-o")
        {
            Description = "The file to write to instead of standard output.",
            HelpName = "FILE",
        };
        var command =
            new Command("graph",
            "Draw the path of a service's packets: shared chains once, marks beside the path, arrows with conditions and effective "
            + "probabilities, endpoints at the end.\n\nExample: portolan graph default/testsvc --format svg -o testsvc.svg")
        {
            name, all, format, file,
        };
        options.CompleteServices(name);
        options.AddTo(command);
        options.LocalFile = file;
        options.Run(command, parsed =>
        {
            var chart = new ChartOutput();
            string? service = parsed.GetValue(name);
            if (service is null && !parsed.GetValue(all))
            {
                chart.Error("Which service? Give its name, or --all for the skeleton.");
                return ExitStatus.CouldNotRun;
            }
            if (ChartInput.Read(parsed, options, chart) is not { } input)
                return ExitStatus.CouldNotRun;
            ServiceGraph graph;
            if (parsed.GetValue(all))
            {
                graph = GraphBuilder.OfAll(input.Rules, input.Guide);
            }
            else
            {
                IReadOnlyList<ProgrammedService> ports = input.Find(service!, null, chart);
                if (ports.Count == 0)
                    return ExitStatus.Findings;
                graph = GraphBuilder.OfService(service!, ports, input.Rules, input.Guide);
            }
            if (parsed.GetValue(options.Json))
            {
                ChartOutput.Json(GraphAnswer.Of(graph, input.ReportedInput), AnswersJsonContext.Default.GraphAnswer);
                return input.AnsweredStatus;
            }
            string text = parsed.GetValue(format) switch
            {
                "mermaid" => GraphWriter.ToMermaid(graph),
                "dot" => GraphWriter.ToDot(graph),
                "svg" => Svg(graph),
                _ => GraphWriter.ToText(graph),
            };
            return Write(text, parsed.GetValue(file), chart) ? input.AnsweredStatus : ExitStatus.CouldNotRun;
        });
        return command;
    }

    private static bool Write(string text, string? file, ChartOutput chart)
    {
        if (file is null)
        {
            ChartOutput.Raw(Encoding.UTF8.GetBytes(text));
            return true;
        }
        try
        {
            File.WriteAllText(file, text);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            chart.Error($"{file}: cannot be written: {error.Message}");
            return false;
        }
    }

    /// <summary>Graphviz lays out better than we do; without it, or when it fails, our own layout serves.</summary>
    private static string Svg(ServiceGraph graph)
    {
        if (LiveRules.Find("dot") is not { } dot)
            return SvgLayout.Draw(graph);
        using var process =
            Process.Start(new ProcessStartInfo(dot, ["-Tsvg"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                UseShellExecute = false
            })!;
        Task<string> svg = process.StandardOutput.ReadToEndAsync();
        process.StandardInput.Write(GraphWriter.ToDot(graph));
        process.StandardInput.Close();
        if (!process.WaitForExit(TimeSpan.FromSeconds(30)))
            process.Kill();
        return process.HasExited && process.ExitCode == 0 ? svg.Result : SvgLayout.Draw(graph);
    }
}
