using System.Collections.Concurrent;
using System.Globalization;

namespace Portolan.Testing.Namespaces;

/// <summary>
/// A network namespace without a name. It lives as long as its thread, so that nothing can stay behind on the machine, whatever happens
/// to the process.
/// </summary>
/// <remarks>
/// A thread, not the process, is in a network namespace: all work in it goes through <see cref="Run{T}"/>. Sockets, files under
/// /proc/sys/net and child processes that are made there belong to the namespace; sockets go on doing so on every other thread.
/// </remarks>
public sealed class NetworkNamespace : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;

    /// <summary>Makes a namespace with a loopback device that is up.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The kernel refused; see <see cref="LabAvailability"/>.</exception>
    public NetworkNamespace(string name)
    {
        Name = name;
        _thread = new Thread(Work) { IsBackground = true, Name = $"netns {name}" };
        _thread.Start();
        try
        {
            Run(() => LinuxCalls.ThrowOnError(LinuxCalls.Unshare(LinuxCalls.CLONE_NEWNET), "making a network namespace"));
            Path = Run(static () => string.Create(CultureInfo.InvariantCulture,
                $"/proc/{Environment.ProcessId}/task/{LinuxCalls.GetThreadId()}/ns/net"));
            Ip("link set lo up");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>For messages.</summary>
    public string Name { get; }

    /// <summary>The file that stands for the namespace, as `ip link set DEV netns FILE` takes it.</summary>
    public string Path { get; } = string.Empty;

    /// <summary>Runs code on the namespace's thread and waits for it.</summary>
    public T Run<T>(Func<T> code)
    {
        if (Thread.CurrentThread == _thread)
            return code();
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                done.SetResult(code());
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                done.SetException(failure);
            }
        });
        return done.Task.GetAwaiter().GetResult();
    }

    /// <inheritdoc cref="Run{T}"/>
    public void Run(Action code) => Run(() =>
    {
        code();
        return true;
    });

    /// <summary>Runs `ip` with one command to a line.</summary>
    public void Ip(string commands) => Run(() => Tool.Run("ip", ["-batch", "-"], commands));

    /// <summary>Writes a value under /proc/sys/net; the name has dots or slashes.</summary>
    public void SetSysctl(string name, string value) => Run(() =>
        File.WriteAllText("/proc/sys/" + (name.Contains('/', StringComparison.Ordinal) ? name : name.Replace('.', '/')), value));

    public void Dispose()
    {
        if (_work.IsAddingCompleted)
            return;
        _work.CompleteAdding();
        if (Thread.CurrentThread != _thread)
            _thread.Join();
    }

    private void Work()
    {
        foreach (Action work in _work.GetConsumingEnumerable())
            work();
    }
}
