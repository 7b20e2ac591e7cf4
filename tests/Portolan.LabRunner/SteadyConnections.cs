using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Portolan.Testing.Traffic;

namespace Portolan.LabRunner;

/// <summary>Short connections at a steady rate, for scripts that change what serves them meanwhile.</summary>
internal static class SteadyConnections
{
    // What a connection may last between its handshake and its request, so that changes meet connections of any age.
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Makes connections to each of the servers in turn until a file exists.
    /// Writes "lost SERVER HOW COUNT" for those that were not answered, then "made COUNT".
    /// </summary>
    /// <param name="servers">What is dialled.</param>
    /// <param name="perSecond">Connections a second.</param>
    /// <param name="repeats">Whether the first segment of each connection comes again before its request.</param>
    /// <param name="stopFile">The file that ends it.</param>
    /// <param name="output">Gets the lines.</param>
    public static async Task RunAsync(IReadOnlyList<IPEndPoint> servers, double perSecond, bool repeats, string stopFile, TextWriter output)
    {
        var lost = new Dictionary<string, int>();
        int number = 0;
        using var stop = new CancellationTokenSource();
        SteadyLoad load;
        await using (new Timer(_ =>
        {
            if (File.Exists(stopFile))
                stop.Cancel();
        }, null, TimeSpan.Zero, TimeSpan.FromMilliseconds(100)))
        {
            load = await SteadyLoad.RunAsync(MakeAsync, perSecond, stop.Token);
        }
        foreach ((string what, int count) in lost)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"lost {what} {count}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"made {load.Requests}"));

        async Task MakeAsync()
        {
            IPEndPoint server = servers[Interlocked.Increment(ref number) % servers.Count];
            string step = "connecting";
            try
            {
                using NamedClient client = await NamedClient.ConnectAsync(NamedClient.OwnNamespace, server, s_patience);
                step = "answer";
                await Task.Delay(s_longestPause * Random.Shared.NextDouble());
                if (repeats)
                    RepeatedSyn.Send(client);
                await Task.Delay(s_longestPause * Random.Shared.NextDouble());
                await client.AskLastAsync(s_patience);
            }
            catch (Exception failure) when (failure is IOException or SocketException or OperationCanceledException)
            {
                string how = failure switch
                {
                    SocketException socket => socket.SocketErrorCode.ToString(),
                    OperationCanceledException => "TimedOut",
                    _ => "Ended",
                };
                string what = $"{server} {step}:{how}";
                lock (lost)
                    lost[what] = lost.GetValueOrDefault(what) + 1;
            }
        }
    }
}
