using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;

namespace Portolan.Tests;

/// <summary>What a run of the program to its end left.</summary>
internal sealed record Outcome(int Status, string Output, string Errors);

/// <summary>A network namespace with node addresses and a folder for files, in which the program is run as a process.</summary>
internal sealed class PortolanRun : IDisposable
{
    private readonly StringBuilder _log = new();
    private readonly NetworkNamespace _node;
    private Process? _process;

    public PortolanRun()
    {
        if (LabAvailability.WhyNoNamespaces is { } reason)
            Assert.Skip(reason);
        if (PortolanBinary.Command.IsEmpty)
            Assert.Skip("portolan is not built, and PORTOLAN_BIN is not set");
        _node = new NetworkNamespace("node");
        _node.Ip("address add 192.168.10.11/32 dev lo\naddress add fd00:10::11/128 dev lo nodad");
        Manifests = Directory.CreateDirectory(Path.Combine(Folder, "manifests")).FullName;
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("portolan-tests-").FullName;

    public string Manifests { get; }

    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>Writes a configuration; fields of KubeProxyConfiguration beyond the usual ones are given as YAML.</summary>
    public string Configuration(string fields = "")
    {
        string file = Path.Combine(Folder, "kube-proxy.yaml");
        File.WriteAllText(file, $$"""
            apiVersion: kubeproxy.config.k8s.io/v1alpha1
            kind: KubeProxyConfiguration
            hostnameOverride: node-a
            clusterCIDR: 10.244.0.0/16
            conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
            {{fields}}
            """);
        return file;
    }

    /// <summary>Puts a manifest into the folder in one step.</summary>
    public void Manifest(string name, string yaml)
    {
        string draft = Path.Combine(Folder, name);
        File.WriteAllText(draft, yaml);
        File.Move(draft, Path.Combine(Manifests, name), overwrite: true);
    }

    /// <summary>Runs the program to its end. <paramref name="before"/> is a command that runs it.</summary>
    public Outcome Run(string[] arguments, params string[] before) =>
        RunProgram([.. before, .. PortolanBinary.Command, .. arguments]);

    /// <summary>Starts "portolan proxy" on the folder of manifests.</summary>
    public void StartProxy(string configuration, params string[] more) => StartProxy([], configuration, more);

    /// <summary>The same; <paramref name="before"/> is a command that runs it.</summary>
    public void StartProxy(string[] before, string configuration, params string[] more) =>
        Follow(StartProcess([.. before, .. PortolanBinary.Command, "proxy", "--config", configuration, "--manifests", Manifests, .. more]));

    /// <summary>Starts "portolan proxy" with these arguments alone.</summary>
    public void StartProxyOf(params string[] arguments) => Follow(StartProcess([.. PortolanBinary.Command, "proxy", .. arguments]));

    /// <summary>Starts it from a command line alone.</summary>
    public void StartProxyWithoutFile(params string[] flags) =>
        Follow(StartProcess([.. PortolanBinary.Command, "proxy", "--manifests", Manifests, .. flags]));

    /// <summary>Starts the program under another name, as images have it at /usr/local/bin/kube-proxy.</summary>
    public void StartAs(string name, params string[] arguments) =>
        Follow(StartProcess(["bash", "-c", "exec -a \"$0\" \"$@\"", name, .. PortolanBinary.Command, .. arguments]));

    /// <summary>Starts "portolan proxy" with pipes that nobody reads until <see cref="ReadOutput"/> is called.</summary>
    public void StartProxyUnread(string configuration) =>
        _process = StartProcess([.. PortolanBinary.Command, "proxy", "--config", configuration, "--manifests", Manifests]);

    /// <summary>Begins to read what the proxy has written and writes.</summary>
    public void ReadOutput() => Follow(_process ?? throw new InvalidOperationException("The proxy does not run."));

    /// <summary>Starts any program as the proxy.</summary>
    public void StartProgram(params string[] command) => Follow(StartProcess(command));

    /// <summary>Runs any program of the node's to its end.</summary>
    public Outcome RunProgram(params string[] command)
    {
        using Process process = StartProcess(command);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return new Outcome(process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }

    private void Follow(Process process)
    {
        _process = process;
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    /// <summary>Sends SIGTERM; returns the exit status.</summary>
    public int StopProxy()
    {
        Process process = Terminate();
        process.WaitForExit();
        return process.ExitCode;
    }

    /// <summary>Sends SIGTERM; true when the proxy ends in time, whether or not anybody reads what it writes.</summary>
    public bool TryStopProxy(TimeSpan patience) => Terminate().WaitForExit(patience);

    /// <summary>Waits until the proxy has ended by itself; returns the exit status.</summary>
    public async Task<int> UntilEndedAsync()
    {
        Process process = _process ?? throw new InvalidOperationException("The proxy does not run.");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await process.WaitForExitAsync(patience.Token);
        return process.ExitCode;
    }

    /// <summary>Sends a signal: "USR1".</summary>
    public Process Signal(string name)
    {
        Process process = _process ?? throw new InvalidOperationException("The proxy does not run.");
        Tool.Run("kill", [$"-{name}", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        return process;
    }

    private Process Terminate() => Signal("TERM");

    /// <summary>Waits until the rules of the folder's services are in force.</summary>
    public Task UntilSyncedAsync(int services) => UntilAsync(
        () => Get("http://127.0.0.1:10256/debug/portolan/status") is { } status
            && status.Contains($"\"services\":{services},", StringComparison.Ordinal)
            && status.Contains("\"synced\":true,\"pending\":false", StringComparison.Ordinal),
        $"{services} services in force");

    public async Task UntilAsync(Func<bool> condition, string what)
    {
        for (long start = Stopwatch.GetTimestamp(); !condition(); await Task.Delay(20, TestContext.Current.CancellationToken))
        {
            // Long enough for a machine that is busy with other things; a wait that goes well ends at once.
            if (_process is { HasExited: true } || Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(60))
                Assert.Fail($"Waited in vain for {what}. The log:\n{Log}");
        }
    }

    /// <summary>The whole answer to a GET, header lines included; null when nobody answers.</summary>
    public string? Get(string url)
    {
        var target = new Uri(url);
        try
        {
            return _node.Run(() =>
            {
                using var client = new TcpClient(target.DnsSafeHost, target.Port);
                using NetworkStream stream = client.GetStream();
                stream.Write(
                    Encoding.ASCII.GetBytes($"GET {target.PathAndQuery} HTTP/1.1\r\nHost: {target.Authority}\r\nConnection: " +
                    "close\r\n\r\n"));
                using var reader = new StreamReader(stream);
                return reader.ReadToEnd();
            });
        }
        catch (Exception nobody) when (nobody is SocketException or IOException)
        {
            return null;
        }
    }

    /// <summary>Opens a TCP connection to the node, from the node.</summary>
    public Socket Connect(string address, int port) => _node.Run(() =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(System.Net.IPAddress.Parse(address), port);
        return socket;
    });

    /// <summary>Holds a TCP port of the node until the result is disposed.</summary>
    public IDisposable Occupy(string address, int port) => _node.Run(() =>
    {
        var listener = new TcpListener(System.Net.IPAddress.Parse(address), port);
        listener.Start();
        return listener;
    });

    /// <summary>Makes something whose sockets are the node's.</summary>
    public T InNode<T>(Func<T> make) => _node.Run(make);

    public string Tools(string name, params string[] arguments) => _node.Run(() => Tool.Run(name, arguments));

    public void Dispose()
    {
        if (_process is { } process)
        {
            if (!process.HasExited)
                process.Kill();
            process.Dispose();
        }
        _node.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private Process StartProcess(string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["XTABLES_LOCKFILE"] = Path.Combine(Folder, "xtables.lock");
        Process process = _node.Run(() => Process.Start(start)) ?? throw new InvalidOperationException($"{command[0]} did not start.");
        process.StandardInput.Close();
        return process;
    }

    private void Note(string? line)
    {
        lock (_log)
            _log.AppendLine(line);
    }
}
