using System.CommandLine;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Checks;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;

namespace Portolan.Chart;

/// <summary>The input of a chart command: the rules, from dumps or the live kernel, and what is derived from them.</summary>
internal sealed class ChartInput
{
    private ChartInput(Ruleset rules, NodeAddresses node, RuleReading reading, bool isTold)
    {
        (Rules, IsLive) = (rules, reading is { Kind: InputKind.Live, IsWhole: true });
        ReportedInput = isTold ? reading.Account(rules.Problems) : null;
        AnsweredStatus = reading.IsWhole && !rules.IsPartial ? ExitStatus.Ok : ExitStatus.Partial;
        Services = ServiceCatalogue.Read(rules);
        Node = RemoteAddresses.Apply(node, rules, Services);
        Guide = new ChainGuide(Services);
    }

    internal Ruleset Rules { get; }

    internal NodeAddresses Node { get; }

    internal ServiceCatalogue Services { get; private set; }

    internal ChainGuide Guide { get; private set; }

    /// <summary>True when the rules are all that the kernel has; false for dumps, and when a tool that lists rules failed.</summary>
    internal bool IsLive { get; }

    /// <summary>
    /// What was run or opened, for the answer: always for live rules; for dumps, which the user named, on request.
    /// </summary>
    internal AnswerInput? ReportedInput { get; }

    /// <summary>The exit status of a command that could answer.</summary>
    internal int AnsweredStatus { get; }

    /// <summary>Reads what the options name and prints what could not be read; null when there are no rules.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="options">The chart's options.</param>
    /// <param name="output">Where problems are printed.</param>
    /// <param name="canBeEmpty">True for a command that can answer for a kernel without rules.</param>
    internal static ChartInput? Read(ParseResult parsed, ChartOptions options, ChartOutput output, bool canBeEmpty = false)
    {
        if (options.Session.Held is { } held)
            return held.Rules.Again();
        using ProgressLine? progress = ProgressLine.Start("reading rules");
        string[] files = parsed.GetValue(options.Rules) ?? [];
        bool isLive = files.Length == 0;
        // Live rules may be read again and again, by watch; a dump is read once.
        if (!isLive)
            CollectLater();
        if (!isLive && parsed.GetValue(options.Netns) is not null)
        {
            output.Error("--netns reads live rules and --rules a dump: give one of them.");
            return null;
        }
        RuleReading reading = isLive ? LiveRules.Read(parsed.GetValue(options.Netns)) : RuleFiles.Read(files);
        bool isVerbose = parsed.GetValue(options.Verbose);
        Report(reading, isVerbose, output);
        return LocalAddresses(parsed, options, output) is { } given ? Of(reading, given, isVerbose, output, canBeEmpty) : null;
    }

    /// <summary>The addresses of --local-address; null after an error.</summary>
    internal static List<InetAddress>? LocalAddresses(ParseResult parsed, ChartOptions options, ChartOutput output)
    {
        var given = new List<InetAddress>();
        foreach (string text in parsed.GetValue(options.LocalAddress) ?? [])
        {
            if (!InetAddress.TryParse(text, out InetAddress address))
            {
                output.Error($"--local-address: '{text}' is not an IP address.");
                return null;
            }
            given.Add(address);
        }
        return given;
    }

    /// <summary>What follows from what was read; null after an error when there are no rules in it.</summary>
    /// <param name="reading">What was read.</param>
    /// <param name="local">Addresses of the node that no input shows.</param>
    /// <param name="isVerbose">True to have it told in the answer what was read.</param>
    /// <param name="output">Where problems are printed.</param>
    /// <param name="canBeEmpty">True for a command that can answer for a kernel without rules.</param>
    internal static ChartInput? Of(RuleReading reading, IReadOnlyCollection<InetAddress> local, bool isVerbose,
        ChartOutput output, bool canBeEmpty)
    {
        bool isLive = reading.Kind == InputKind.Live;
        if (reading.Texts.IsEmpty)
        {
            if (isLive)
            {
                output.Error($"No rules could be read: neither iptables-save nor nft produced any ({string.Join("; ", reading.Lines())}). "
                    + "A dump can be given with --rules FILE.");
            }
            return null;
        }
        Ruleset rules = RulesetReader.Read(reading.Texts).WithoutTranslations();
        // That nft shows the tables of iptables-nft too is worth a note for a dump; for a live kernel it would be noise.
        foreach (ReadProblem problem in rules.Problems.Where(problem => !isLive || problem.Severity == ReadSeverity.Partial))
            output.Message(problem.ToString());
        if (rules.Tables.IsEmpty && rules.VirtualServers is null && !ProxyModes.IsIpvs(rules) && !(isLive && reading.IsWhole && canBeEmpty))
        {
            output.Error(!isLive
                ? $"No rules were found in {string.Join(", ", reading.Sources.Select(source => source.Name))}."
                : $"The kernel has no rules in this network namespace, or they could not be read; reading them needs root " +
                    $"({string.Join("; ", reading.Lines())}). "
                    + "A dump can be given with --rules FILE.");
            return null;
        }
        if (WriterChecks.AreBothBackendsInUse(rules))
            output.Warning("BOTH back-ends of iptables, legacy and nft, hold service rules. The kernel applies both, and one of them is " +
                "stale: see 'portolan check'.");
        NodeAddresses node = new NodeAddresses(rules.Interfaces is { } interfaces ? interfaces : null, local).WithLocalRoutes(rules.Routes);
        return new ChartInput(rules, node, reading, isVerbose || isLive);
    }

    /// <summary>The same input for one more question, which may name its services otherwise.</summary>
    internal ChartInput Again() => (ChartInput)MemberwiseClone();

    /// <summary>Gives services without names those that the cluster has for them.</summary>
    internal void Name(Func<ServiceCatalogue, ServiceCatalogue> named)
    {
        Services = named(Services);
        Guide = new ChainGuide(Services);
    }

    /// <summary>The services of a name; none after an error that suggests similar names.</summary>
    internal IReadOnlyList<ProgrammedService> Find(string name, string? port, ChartOutput output)
    {
        IReadOnlyList<ProgrammedService> found = Services.Find(name, port);
        if (found.Count > 0)
            return found;
        IReadOnlyList<ProgrammedService> anyPort = port is null ? [] : Services.Find(name);
        if (anyPort.Count > 0)
        {
            IEnumerable<string> ports = anyPort.Select(service => service.Port.Length > 0 ? service.Port : PortNumber(service)).Distinct();
            output.Error($"{name} has no port '{port}'. Its ports: {string.Join(", ", ports)}.");
            return [];
        }
        var suggestions = Services.Suggest(name);
        output.Error($"The rules have no service '{name}'." + (suggestions.IsEmpty
            ? " 'portolan services' lists the services they have."
            : $" Did you mean {string.Join(" or ", suggestions)}?"));
        return [];
    }

    /// <summary>Prints what could not be read, and with -v everything that was.</summary>
    private static void Report(RuleReading reading, bool isVerbose, ChartOutput output)
    {
        foreach (InputSource source in reading.Sources.Where(source => source is { Error: not null, IsNotInstalled: false }))
        {
            if (reading.Kind == InputKind.Live)
                output.Message($"{source.Name} {source.Error}; its rules are missing.");
            else
                output.Error($"{source.Name}: {source.Error}{(reading.Sources.Length > 1 ? "; the other inputs are used" : string.Empty)}");
        }
        if (!isVerbose)
            return;
        foreach (string line in reading.Lines())
            output.Message(line);
    }

    private static string PortNumber(ProgrammedService service) =>
        service.Frontends.FirstOrDefault()?.Port.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "?";

    /// <summary>
    /// Almost all that reading a dump allocates is kept: garbage collections in between would scan it repeatedly and free next to
    /// nothing. The runtime resumes collecting once this much has been allocated.
    /// </summary>
    private static void CollectLater()
    {
        const long budget = 128L << 20;
        try
        {
            GC.TryStartNoGCRegion(budget);
        }
        catch (Exception tooLittle) when (tooLittle is ArgumentOutOfRangeException or InsufficientMemoryException or OutOfMemoryException)
        {
            // A container with little memory: collections run as usual.
        }
    }
}
