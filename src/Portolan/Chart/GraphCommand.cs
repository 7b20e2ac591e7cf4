using System.CommandLine;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;

namespace Portolan.Chart;

/// <summary>portolan graph: the picture of what decides about a service's packets, or of its chains.</summary>
internal static class GraphCommand
{
    // Of more, no picture can be read; Graphviz takes minutes for some hundreds.
    private const int MostPorts = 150;

    internal static Command Create(ChartSession session)
    {
        var options = new ChartOptions(session);
        var names = new Argument<string[]>("service")
        {
            Description = "The services: namespace/name, or namespace/name:port.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var all = new Option<bool>("--all")
        {
            Description = "Draw all services; with --chains, the skeleton of all hooks and service chains, with counts.",
        };
        var space = new Option<string?>("--namespace", "-n") { Description = "Draw the services of this namespace.", HelpName = "NAME" };
        var chains = new Option<bool>("--chains")
        {
            Description = "Draw the chains themselves, with the rules' conditions, instead of the decisions they make.",
        };
        var podCidr = new Option<string[]>("--pod-cidr")
        {
            Description = "A range of pod addresses, where the rules name none; can be repeated.",
            HelpName = "CIDR",
        };
        var format = new Option<string>("--format", "-f")
        {
            Description = "The format of the picture; svg and png are laid out by Graphviz.",
            DefaultValueFactory = _ => "text",
        };
        format.AcceptOnlyFromAmong("text", "mermaid", "dot", "svg", "png");
        var file = new Option<string?>("--output", "-o")
        {
            Description = "The file to write to instead of standard output.",
            HelpName = "FILE",
        };
        var command =
            new Command("graph", "Draw what decides about a service's packets: clients, frontends, source ranges, policies, affinity, "
            + "rules of others that come first, and the endpoints with their effective shares. What is dropped or rejected is red, what "
            + "is masqueraded amber; what depends on something unknown is dashed and says on what.\n\n"
            + "Examples:\n  portolan graph default/testsvc\n  portolan graph default/testsvc --format svg -o testsvc.svg\n"
            + "  portolan graph default/testsvc --chains --format mermaid")
        {
            names, all, space, chains, podCidr, format, file,
        };
        options.CompleteServices(names);
        options.AddTo(command);
        options.LocalFile = file;
        options.Run(command, (parsed, chart) =>
        {
            string[] asked = parsed.GetValue(names) ?? [];
            string? only = parsed.GetValue(space);
            if (asked.Length == 0 && only is null && !parsed.GetValue(all))
            {
                chart.Error("Which service? Give its name, -n NAMESPACE, or --all.");
                return ExitStatus.CouldNotRun;
            }
            if (ClusterInput.PodRanges(parsed.GetValue(podCidr) ?? [], chart) is not { } podRanges
                || ChartInput.Read(parsed, options, chart) is not { } input)
                return ExitStatus.CouldNotRun;
            bool isSkeleton = parsed.GetValue(chains) && asked.Length == 0 && only is null;
            IReadOnlyList<ProgrammedService> ports = isSkeleton ? [] : PortsOf(asked, only, input, chart);
            if (ports.Count == 0 && !isSkeleton)
                return ExitStatus.Findings;
            string shape = parsed.GetValue(options.Json) ? "json" : parsed.GetValue(format)!;
            if (ports.Count > MostPorts && shape is not ("text" or "json"))
            {
                chart.Error($"{ports.Count.ToString(CultureInfo.InvariantCulture)} service ports are too many for one picture. Name the "
                    + "services, or a namespace with -n; --chains --all draws the skeleton; text and --json draw any number.");
                return ExitStatus.CouldNotRun;
            }
            string title = asked.Length > 0 ? string.Join(", ", asked) : only is not null ? $"services of {only}" : "all services";
            Routes routes = input.IsLive ? LiveRules.ReadRoutes(parsed.GetValue(options.Netns)) : Routes.Of(input.Rules);
            ServiceGraph graph = isSkeleton ? ChainGraphBuilder.OfAll(input.Rules, input.Guide)
                : parsed.GetValue(chains) ? ChainGraphBuilder.OfService(title, ports, input.Rules, input.Guide)
                : new DecisionGraphBuilder(input.Rules, input.Services, input.Node, input.Guide, [.. podRanges], routes)
                    .Build(title, ports);
            if (shape == "json")
            {
                chart.Json(GraphAnswer.Of(graph, input.ReportedInput), AnswersJsonContext.Default.GraphAnswer);
                return input.AnsweredStatus;
            }
            return Picture(graph, shape, chart) is { } picture && Write(picture, parsed.GetValue(file), chart) ? input.AnsweredStatus
                : ExitStatus.CouldNotRun;
        });
        return command;
    }

    private static IReadOnlyList<ProgrammedService> PortsOf(string[] names, string? space, ChartInput input, ChartOutput chart)
    {
        if (names.Length > 0)
        {
            var found = new List<ProgrammedService>();
            foreach (string name in names)
            {
                IReadOnlyList<ProgrammedService> ports = input.Find(name, null, chart);
                if (ports.Count == 0)
                    return [];
                found.AddRange(ports.Except(found));
            }
            return found;
        }
        ImmutableArray<ProgrammedService> services = input.Services.Services;
        if (space is not null)
            services = [.. services.Where(service => service.Service?.StartsWith(space + "/", StringComparison.Ordinal) == true)];
        if (services.IsEmpty)
            chart.Error(space is null ? "The rules have no service." : $"The rules have no service in namespace '{space}'.");
        return services;
    }

    private static byte[]? Picture(ServiceGraph graph, string format, ChartOutput chart) => format switch
    {
        "mermaid" => Encoding.UTF8.GetBytes(GraphWriter.ToMermaid(graph)),
        "dot" => Encoding.UTF8.GetBytes(GraphWriter.ToDot(graph)),
        "svg" or "png" => Graphviz.Draw(GraphWriter.ToDot(graph), format, chart),
        _ => Encoding.UTF8.GetBytes(GraphWriter.ToText(graph)),
    };

    private static bool Write(byte[] picture, string? file, ChartOutput chart)
    {
        if (file is null)
        {
            chart.Raw(picture);
            return true;
        }
        try
        {
            File.WriteAllBytes(file, picture);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            chart.Error($"{file}: cannot be written: {error.Message}");
            return false;
        }
    }
}
