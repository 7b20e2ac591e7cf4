using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Portolan.DataPlanes.Host;
using Portolan.Http;
using Portolan.Proxy.Health;

namespace Portolan.Proxy;

/// <summary>
/// The right to write this network namespace's rules, which one proxy has at a time. A DaemonSet's new pod may start while the old one is
/// still terminating: it waits, for as long as it takes, and continues where the other has left off.
/// </summary>
internal sealed class NamespaceLease : IDisposable
{
    private static readonly TimeSpan s_betweenLooks = TimeSpan.FromMilliseconds(200);

    private readonly ProxyLock _lock;

    private NamespaceLease(ProxyLock taken, bool hasWaited) => (_lock, HasWaited) = (taken, hasWaited);

    /// <summary>Another process had the right before. Its ports may be free a moment later than its rules.</summary>
    public bool HasWaited { get; }

    /// <summary>
    /// Waits until no other proxy is active in this network namespace. Nothing is read or written meanwhile; /healthz answers 503, as far
    /// as the other leaves its address to us, and /livez 200: a restart would not help.
    /// </summary>
    /// <returns>The right, until it is disposed; null when cancelled.</returns>
    /// <exception cref="IOException">The machine allows no unix socket.</exception>
    public static async Task<NamespaceLease?> WaitAsync(IPEndPoint healthz, ProxyLog log, ILoggerFactory loggers, CancellationToken cancel)
    {
        try
        {
            if (ProxyLock.TryTake() is { } atOnce)
                return new(atOnce, hasWaited: false);
            var http = new HttpServer(loggers, TimeProvider.System);
            await using (http.ConfigureAwait(false))
            {
                await http.StartAsync(cancel).ConfigureAwait(false);
                return new(await WaitAsync(http, healthz, log, cancel).ConfigureAwait(false), hasWaited: true);
            }
        }
        catch (SocketException refused)
        {
            throw new IOException($"the unix socket {ProxyLock.ShownName}, which locks out a second proxy, cannot be bound: " +
                $"{refused.Message}", refused);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private static async Task<ProxyLock> WaitAsync(HttpServer http, IPEndPoint healthz, ProxyLog log, CancellationToken cancel)
    {
        IDisposable? listener = null;
        ProxyLock.Holder? holder = null;
        string? told = null;
        try
        {
            while (true)
            {
                if (ProxyLock.TryTake() is { } taken)
                {
                    log.NobodyElseIsHere();
                    return taken;
                }
                if (holder is { IsGone: true })
                {
                    holder.Dispose();
                    holder = null;
                }
                holder ??= ProxyLock.FindHolder();
                string who = holder?.ToString() ?? "a process that cannot be identified";
                if (who != told)
                    log.AnotherIsHere(ProxyLock.ShownName, who);
                told = who;
                listener ??= TryListen(http, healthz);
                await Task.Delay(s_betweenLooks, cancel).ConfigureAwait(false);
            }
        }
        finally
        {
            holder?.Dispose();
            listener?.Dispose();
        }
    }

    private static IDisposable? TryListen(HttpServer http, IPEndPoint healthz)
    {
        try
        {
            return http.ListenForPages(healthz, AnswerAsync);
        }
        catch (SocketException)
        {
            // Most likely held by the other proxy.
            return null;
        }
    }

    // The log says which process it is: command lines are not for everybody who can send a request here.
    private static Task AnswerAsync(HttpContext context) => context.Request.Path.Value == "/livez"
        ? Answers.TextAsync(context, "ok: waiting for another proxy to end\n")
        : Answers.UnavailableAsync(context, "another proxy is active in this network namespace; this one waits until it ends\n");
}
