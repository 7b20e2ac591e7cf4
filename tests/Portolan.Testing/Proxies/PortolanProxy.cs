using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Portolan.Testing.Lab;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Proxies;

/// <summary>`portolan proxy` as a process of its own, with a configuration file and a folder of manifests.</summary>
public sealed class PortolanProxy : ProxyUnderTest
{
    private const int SIGKILL = 9;
    private const int SIGTERM = 15;
    private const int KeptLogLines = 200;
    private const string LegacyTables = "/proc/thread-self/net/ip_tables_names";

    private static readonly TimeSpan s_patienceForExit = TimeSpan.FromSeconds(10);

    // When the tests are killed, their namespaces end with them only if no child lives on in one.
    private static readonly string[] s_endWithUs = Tool.Find("setpriv") is { } setpriv ? [setpriv, "--pdeathsig", "KILL", "--"] : [];

    private readonly ImmutableArray<string> _command;
    private readonly string _folder = Directory.CreateTempSubdirectory("portolan-lab-").FullName;
    private readonly ManifestFolder _manifests;
    private readonly JsonObject _configuration;
    private readonly Queue<string> _log = [];
    private Process? _process;

    /// <summary>Prepares a proxy; nothing runs yet.</summary>
    /// <param name="command">Program and leading arguments, see <see cref="PortolanBinary.Command"/>.</param>
    /// <param name="node">Name of the node it runs on.</param>
    /// <param name="configuration">KubeProxyConfiguration fields to merge over the lab's defaults.</param>
    public PortolanProxy(ImmutableArray<string> command, string node, JsonObject configuration)
    {
        _command = command;
        _manifests = new(Path.Combine(_folder, "manifests"));
        _configuration = DefaultConfiguration(node);
        Merge(_configuration, configuration);
    }

    /// <summary>A factory for scenarios.</summary>
    public static ProxyFactory Factory(ImmutableArray<string> command, ProxyVariant variant) =>
        scenario => new PortolanProxy(command, scenario.Node.Name, scenario.ProxyConfig) { Variant = variant };

    public override bool FollowsCluster => true;

    /// <summary>What the rules of mode iptables look like, whatever mode it is started in; can be changed between two starts.</summary>
    public ProxyVariant Variant { get; set; } = ProxyVariant.NfTables;

    /// <summary>The folder that the proxy follows.</summary>
    public ManifestFolder Manifests => _manifests;

    /// <summary>Flags beyond the configuration file and those of <see cref="Variant"/>.</summary>
    public ImmutableArray<string> Flags { get; init; } = [];

    /// <summary>The process id of the running proxy.</summary>
    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("The proxy does not run.");

    public override void Start(NodeLab lab, ProxyMode mode)
    {
        ArgumentNullException.ThrowIfNull(lab);
        Start(lab.Namespace, mode);
    }

    /// <summary>Starts it in a network namespace.</summary>
    public void Start(NetworkNamespace where, ProxyMode mode)
    {
        ArgumentNullException.ThrowIfNull(where);
        _configuration["mode"] = mode.ToConfigText();
        string file = Path.Combine(_folder, "kube-proxy.yaml");
        File.WriteAllText(file, _configuration.ToJsonString());
        string[] command = [.. s_endWithUs, .. _command, "proxy", "--config", file, "--manifests", _manifests.Path,
            .. Variant.Flags, .. Flags];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        // The lock of iptables is a file: without one of its own, each namespace waits for all others.
        start.Environment["XTABLES_LOCKFILE"] = Path.Combine(_folder, "xtables.lock");
        Process process = where.Run(() => Process.Start(start)) ?? throw new InvalidOperationException($"{_command[0]} did not start.");
        process.StandardInput.Close();
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.ErrorDataReceived += (_, line) => Note(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
    }

    public override void Stop(bool kill)
    {
        if (_process is not { } process)
            return;
        _process = null;
        using (process)
        {
            LinuxCalls.Kill(process.Id, kill ? SIGKILL : SIGTERM);
            if (process.WaitForExit(s_patienceForExit))
                return;
            process.Kill();
            throw new InvalidOperationException($"The proxy did not end within {s_patienceForExit.TotalSeconds} s of SIGTERM.");
        }
    }

    /// <summary>Ends it with SIGKILL, and the tools it runs as well: otherwise those live on and finish what they were given.</summary>
    public void KillWithTools()
    {
        int[] tools = [.. Directory.EnumerateDirectories($"/proc/{ProcessId}/task")
            .SelectMany(static task => ReadPids(Path.Combine(task, "children")))];
        Stop(kill: true);
        foreach (int tool in tools)
            LinuxCalls.Kill(tool, SIGKILL);
    }

    private static IEnumerable<int> ReadPids(string file)
    {
        try
        {
            return File.ReadAllText(file).Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(static pid => int.Parse(pid, CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            // The thread has ended.
            return [];
        }
    }

    public override void Apply(ObjectKey key, JsonObject value) => _manifests.Apply(key, value);

    public override void Delete(ObjectKey key) => _manifests.Delete(key);

    public override string? FindMisplacedRules(NodeLab lab, ProxyMode mode)
    {
        ArgumentNullException.ThrowIfNull(lab);
        if (mode != ProxyMode.IpTables || Variant.Backend.Length == 0)
            return null;
        // A table of ip_tables is there from its first use on, and the tools of nf_tables never use it.
        string tables = lab.Namespace.Run(static () => File.Exists(LegacyTables) ? File.ReadAllText(LegacyTables) : string.Empty);
        bool isLegacy = tables.Split('\n').Contains("nat");
        return isLegacy == (Variant.Backend == "legacy") ? null
            : $"the rules are not in {Variant.Backend}: the tables of ip_tables are '{tables.ReplaceLineEndings(" ")}'";
    }

    public override string Describe()
    {
        string state = _process switch
        {
            null => "the proxy is not running",
            { HasExited: true } ended => string.Create(CultureInfo.InvariantCulture, $"the proxy has ended with status {ended.ExitCode}"),
            _ => "the proxy runs",
        };
        lock (_log)
            return $"{state}; the end of its log:\n{string.Join('\n', _log)}";
    }

    protected override void Dispose(bool disposing)
    {
        if (_process is not null)
            KillWithTools();
        DeleteFolder();
        base.Dispose(disposing);
    }

    // A tool that outlived the proxy may be about to make its lock's file there.
    private void DeleteFolder()
    {
        for (int tries = 0; Directory.Exists(_folder); tries++)
        {
            try
            {
                Directory.Delete(_folder, recursive: true);
            }
            catch (IOException) when (tries < 100)
            {
                Thread.Sleep(TimeSpan.FromMilliseconds(10));
            }
        }
    }

    /// <summary>The KubeProxyConfiguration that a scenario's proxy runs with.</summary>
    public static JsonObject ConfigurationFor(Scenario scenario, ProxyMode mode)
    {
        ArgumentNullException.ThrowIfNull(scenario);
        JsonObject configuration = DefaultConfiguration(scenario.Node.Name);
        Merge(configuration, scenario.ProxyConfig);
        configuration["mode"] = mode.ToConfigText();
        return configuration;
    }

    private static JsonObject DefaultConfiguration(string node) => new()
    {
        ["apiVersion"] = "kubeproxy.config.k8s.io/v1alpha1",
        ["kind"] = "KubeProxyConfiguration",
        ["hostnameOverride"] = node,
        ["clusterCIDR"] = "10.0.0.0/8,fd00:10::/32",
        ["detectLocalMode"] = "ClusterCIDR",
        ["conntrack"] = new JsonObject { ["maxPerCore"] = 0 },
        // kube-proxy reads 0 as its default of one second.
        ["iptables"] = new JsonObject { ["minSyncPeriod"] = "1ms" },
        ["nftables"] = new JsonObject { ["minSyncPeriod"] = "1ms" },
    };

    private static void Merge(JsonObject into, JsonObject from)
    {
        foreach ((string key, JsonNode? value) in from)
        {
            if (value is JsonObject inner && into[key] is JsonObject existing)
                Merge(existing, inner);
            else
                into[key] = value?.DeepClone();
        }
    }

    private void Note(string? line)
    {
        if (line is null)
            return;
        lock (_log)
        {
            _log.Enqueue(line);
            if (_log.Count > KeptLogLines)
                _log.Dequeue();
        }
    }
}
