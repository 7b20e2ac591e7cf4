using System.CommandLine;
using System.CommandLine.Completions;
using Portolan.Chart.Nodes;
using Portolan.Inspect.Programmed;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;

namespace Portolan.Chart;

/// <summary>The options that every command of the chart has.</summary>
internal sealed class ChartOptions(ChartSession session)
{
    internal ChartSession Session => session;

    internal Option<string[]> Rules { get; } = new("--rules", "-r")
    {
        Description = "A dump to read instead of the live kernel (iptables-save, iptables -nL, nft list ruleset, nft -j, ipset save, " +
            "ipvsadm -Sn, ip addr, ip route, ip rule; "
            + "the kind is recognised). May be repeated; '-' is standard input.",
        HelpName = "FILE",
    };

    internal Option<string?> Netns { get; } = new("--netns")
    {
        Description = "The network namespace to read live rules from.",
        HelpName = "NAME"
    };

    internal Option<string[]> LocalAddress { get; } = new("--local-address")
    {
        Description = "An address of this node, where no input shows them. May be repeated.",
        HelpName = "ADDRESS",
    };

    internal Option<bool> Verbose { get; } = new("--verbose", "-v")
    {
        Description = "Show on standard error which commands are run and which files are read; with --json, in the answer as well.",
    };

    internal NodeOptions Nodes { get; } = new();

    /// <summary>
    /// Names the file that the answer goes to, also when the command runs elsewhere; null when the command has no such option.
    /// </summary>
    internal Option<string?>? LocalFile { get; set; }

    /// <summary>The service the command asks about; null when it asks about none.</summary>
    internal Argument<string>? Asked { get; set; }

    internal Option<bool> Json { get; } = new("--json") { Description = "Print JSON (docs/chart-json.md)." };

    /// <summary>Completes names of services from the dumps on the command line; the live kernel is not read for a key press.</summary>
    internal void CompleteServices(Argument argument)
    {
        argument.CompletionSources.Add(ServicesInDumps);
        // After "--rules FILE" the parser may take a word as one more value of the option.
        Rules.CompletionSources.Add(ServicesInDumps);
    }

    private IEnumerable<CompletionItem> ServicesInDumps(CompletionContext context)
    {
        string[] files = context.ParseResult.GetValue(Rules) ?? [];
        try
        {
            Ruleset rules = RulesetReader.Read(files.Where(File.Exists).Select(file => new SourceText(file, File.ReadAllBytes(file))));
            return ServiceCatalogue.Read(rules).Services.Select(service => service.Service).OfType<string>().Distinct()
                .Select(name => new CompletionItem(name));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Sets what a command does: here, or on the node that the command line names.</summary>
    internal void Run(Command command, Func<ParseResult, ChartOutput, CancellationToken, Task<int>> here) =>
        command.SetAction((parsed, cancel) =>
        {
            ChartOutput chart = session.Output();
            return session.Held is null && NodeCommand.Concerns(parsed, this)
                ? NodeCommand.RunAsync(parsed, this, chart, cancel) : here(parsed, chart, cancel);
        });

    /// <inheritdoc cref="Run(Command, Func{ParseResult, ChartOutput, CancellationToken, Task{int}})"/>
    internal void Run(Command command, Func<ParseResult, ChartOutput, int> here) =>
        Run(command, (parsed, chart, _) => Task.FromResult(here(parsed, chart)));

    internal void AddTo(Command command)
    {
        command.Options.Add(Rules);
        command.Options.Add(Netns);
        command.Options.Add(LocalAddress);
        command.Options.Add(Json);
        command.Options.Add(Verbose);
        Nodes.AddTo(command);
    }

    /// <summary>Adds the options of a command that works on the live kernel only.</summary>
    internal void AddLiveTo(Command command)
    {
        command.Options.Add(Netns);
        command.Options.Add(Json);
        command.Options.Add(Verbose);
        Nodes.AddTo(command);
    }
}
