using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;
using Portolan.Rules.Readers;

namespace Portolan.Chart;

/// <summary>Reads the rules of the running kernel with the tools that print them, and records what it ran.</summary>
internal static class LiveRules
{
    private const string NotInstalled = "not installed";
    private const string NeedsIp = "was not run: --netns needs the program 'ip' (package iproute2), which is not in PATH";

    private static readonly TimeSpan s_longestRun = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Both variants of iptables are run, as each sees only its own rules; plain iptables-save where the variants are not
    /// installed by name.
    /// </summary>
    private static readonly Listing[] s_listings =
    [
        new(["iptables-nft-save", "iptables-save"], ["-c"]),
        new(["iptables-legacy-save"], ["-c"]) { TablesInUse = "/proc/net/ip_tables_names" },
        new(["ip6tables-nft-save", "ip6tables-save"], ["-c"]),
        new(["ip6tables-legacy-save"], ["-c"]) { TablesInUse = "/proc/net/ip6_tables_names" },
        new(["nft"], ["-j", "list", "ruleset"]),
        new(["ipset"], ["save"]),
        new(["ip"], ["-j", "addr"]),
        // Which clients the recent match remembers. Without that module there is no folder, and no client is remembered.
        new(["grep"], ["-rEs", "^(src=|now at |jiffies: )", "/proc/net/xt_recent", "/proc/timer_list"]) { MayFail = true },
    ];

    private static readonly Listing[] s_localRoutes =
        [new(["ip"], ["-j", "route", "show", "table", "local"]), new(["ip"], ["-6", "-j", "route", "show", "table", "local"])];

    /// <summary>Runs every tool that is installed. Failures are recorded; nothing is printed.</summary>
    /// <param name="networkNamespace">The network namespace to read, by its name; null for the program's own.</param>
    internal static RuleReading Read(string? networkNamespace)
    {
        string? ip = Find("ip");
        if (networkNamespace is not null && ip is null)
            return new RuleReading(InputKind.Live, networkNamespace, [], [new InputSource { Name = "ip netns exec", Error = NeedsIp }],
                IsWhole: false);
        var texts = ImmutableArray.CreateBuilder<SourceText>();
        var sources = ImmutableArray.CreateBuilder<InputSource>();
        bool isWhole = true;
        foreach (Listing listing in s_listings)
        {
            (InputSource source, byte[] bytes) = Run(listing, networkNamespace, ip);
            sources.Add(source);
            isWhole &= source.Error is null || source.IsNotInstalled;
            if (bytes.Length > 0)
                texts.Add(new SourceText(source.Name, bytes));
        }
        if (LiveVirtualServers.Read(networkNamespace) is { } servers)
        {
            sources.Add(servers.Source);
            isWhole &= servers.Source.Error is null;
            if (servers.Text.Bytes.Length > 0)
                texts.Add(servers.Text);
            // What IPVS serves is for this machine by an address or by a route.
            foreach (Listing listing in s_localRoutes)
            {
                (InputSource source, byte[] bytes) = Run(listing, networkNamespace, ip);
                sources.Add(source);
                if (bytes.Length > 0)
                    texts.Add(new SourceText(source.Name, bytes));
            }
        }
        return new RuleReading(InputKind.Live, networkNamespace, texts.ToImmutable(), sources.ToImmutable(), isWhole);
    }

    /// <summary>
    /// What the running node knows of endpoints: neighbours that do not answer, connections without a reply, and routes. Data that cannot
    /// be read counts as unknown.
    /// </summary>
    /// <param name="networkNamespace">The network namespace to read, by its name; null for the program's own.</param>
    /// <param name="endpoints">Whose connections are asked for; null for all that a rule has translated.</param>
    internal static LiveFacts ReadFacts(string? networkNamespace, IEnumerable<InetAddress>? endpoints)
    {
        // More entries would add nothing.
        const int most = 5;
        string? ip = Find("ip");
        var connections = new StringBuilder();
        IEnumerable<string[]> wanted = endpoints is null ? [["-f", "ipv4", "-L", "--dst-nat"], ["-f", "ipv6", "-L", "--dst-nat"]]
            : endpoints.Take(most).Select(endpoint => (string[])["-f", endpoint.Family == IpFamily.IPv4 ? "ipv4" : "ipv6", "-L", "-r",
                endpoint.ToString()]);
        foreach (Listing listing in wanted.Select(static arguments => new Listing(["conntrack"], arguments)))
        {
            connections.Append(Encoding.UTF8.GetString(Run(listing, networkNamespace, ip).Bytes)).Append('\n');
        }
        byte[] neighbours = Run(new Listing(["ip"], ["-j", "neigh"]), networkNamespace, ip).Bytes;
        return new LiveFacts(neighbours, connections.ToString()) { Routes = ReadRoutes(networkNamespace) };
    }

    /// <summary>The running node's routes; nothing where they cannot be had.</summary>
    internal static Routes ReadRoutes(string? networkNamespace)
    {
        string? ip = Find("ip");
        SourceText FromIp(params string[] arguments) =>
            new($"ip {string.Join(' ', arguments)}", Run(new Listing(["ip"], arguments), networkNamespace, ip).Bytes);
        return Routes.Of(RulesetReader.Read(FromIp("-j", "route"), FromIp("-6", "-j", "route"), FromIp("-j", "rule"),
            FromIp("-6", "-j", "rule")));
    }

    /// <summary>
    /// Whether the running node routes IPv4 loopback addresses through other interfaces; null when that depends on the interface, or
    /// cannot be read.
    /// </summary>
    internal static bool? RoutesLoopback(string? networkNamespace)
    {
        var listing = new Listing(["grep"], ["-rs", ".", "--include=route_localnet", "/proc/sys/net/ipv4/conf"]) { MayFail = true };
        string[] lines = Encoding.UTF8.GetString(Run(listing, networkNamespace, Find("ip")).Bytes)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return Array.Exists(lines, static line =>
                line.Contains("/all/", StringComparison.Ordinal) && line.EndsWith(":1", StringComparison.Ordinal)
            )
                ? true
            : lines.Length > 0 && Array.TrueForAll(lines, static line => line.EndsWith(":0", StringComparison.Ordinal)) ? false
            : null;
    }

    /// <summary>The absolute path of a program in PATH, or in the directories of administrators' programs; null if there is none.</summary>
    internal static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':').Concat(["/usr/sbin", "/sbin"])
            .Where(Path.IsPathRooted)
            .Select(directory => Path.Combine(directory, program))
            .FirstOrDefault(File.Exists);

    private static (InputSource Source, byte[] Bytes) Run(Listing listing, string? networkNamespace, string? ip)
    {
        if (listing.Programs.Select(Find).FirstOrDefault(path => path is not null) is not { } program)
            return (WithoutProgram(listing, networkNamespace), []);
        string name = $"{Path.GetFileName(program)} {string.Join(' ', listing.Arguments)}";
        ImmutableArray<string> command = [program, .. listing.Arguments];
        if (networkNamespace is not null)
            command = [ip!, "netns", "exec", networkNamespace, .. command];
        (byte[] bytes, string? error, int? status) = Run(command);
        if (listing.MayFail && status is not null)
            error = null;
        byte[] used = error is null ? bytes : [];
        return (new InputSource { Name = name, Command = command, Status = status, Bytes = used.Length, Error = error }, used);
    }

    // In an image with few tools a program may be missing whose rules the kernel has: then the input is not whole.
    private static InputSource WithoutProgram(Listing listing, string? networkNamespace)
    {
        string[] tables = [];
        try
        {
            if (listing.TablesInUse is { } file && networkNamespace is null && File.Exists(file))
                tables = File.ReadAllLines(file);
        }
        catch (Exception hidden) when (hidden is IOException or UnauthorizedAccessException)
        {
            // Not root; the other listings say so.
        }
        return tables.Length == 0 ? new InputSource { Name = listing.Programs[0], Error = NotInstalled, IsNotInstalled = true }
            : new InputSource
            {
                Name = listing.Programs[0],
                Error = $"is not installed here, but the kernel has tables of iptables-legacy ({string.Join(", ", tables)})",
            };
    }

    private static (byte[] Output, string? Error, int? Status) Run(ImmutableArray<string> command)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        Process? process;
        try
        {
            process = Process.Start(start);
        }
        catch (Win32Exception error)
        {
            return ([], $"could not be started: {error.Message}", null);
        }
        using (process)
        {
            Task<string> errors = process!.StandardError.ReadToEndAsync();
            using var bytes = new MemoryStream();
            Task copy = process.StandardOutput.BaseStream.CopyToAsync(bytes);
            if (!Task.WaitAll([copy, errors], s_longestRun) || !process.WaitForExit(s_longestRun))
            {
                process.Kill();
                return ([], $"did not end within {s_longestRun.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s", null);
            }
            string reason = errors.Result.Trim() is { Length: > 0 } text ? $": {text}" : string.Empty;
            string? failure = process.ExitCode == 0 ? null
                : $"failed with status {process.ExitCode.ToString(CultureInfo.InvariantCulture)}{reason}";
            return (bytes.ToArray(), failure, process.ExitCode);
        }
    }

    /// <summary>A command that lists a part of the kernel's state.</summary>
    /// <param name="Programs">Programs that list it; the first that is installed is run.</param>
    /// <param name="Arguments">Its arguments.</param>
    private sealed record Listing(string[] Programs, string[] Arguments)
    {
        /// <summary>True when a failure only means that there is nothing to list.</summary>
        internal bool MayFail { get; init; }

        /// <summary>The file in which the kernel names the tables that only this program lists; null where there is none.</summary>
        internal string? TablesInUse { get; init; }
    }
}
