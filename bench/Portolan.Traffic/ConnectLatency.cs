using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Portolan.Testing.Namespaces;

namespace Portolan.Traffic;

/// <summary>
/// What connect() takes on several paths, measured so that small differences can be told from noise: the paths take turns many times, and
/// what is compared is how far each path's median is from the first path's in the same turn.
/// </summary>
internal static class ConnectLatency
{
    private const int WarmUp = 5;

    /// <summary>A path: what it is called, the network namespace to connect from, and where to.</summary>
    internal readonly record struct Path(string Name, string Namespace, IPEndPoint Server)
    {
        /// <summary>Reads "portolan=client-p,172.16.0.1:80"; the namespace is a name of ip-netns(8).</summary>
        internal static bool TryParse(string text, out Path path)
        {
            path = default;
            if (text.Split('=', 2) is not [var name, var rest] || rest.Split(',', 2) is not [var from, var to]
                || !IPEndPoint.TryParse(to, out IPEndPoint? server))
                return false;
            path = new Path(name, from, server);
            return true;
        }
    }

    /// <summary>Prints a line for each path: median, and the quartiles of what it takes more than the first.</summary>
    /// <param name="paths">The paths; the first is what the others are compared with.</param>
    /// <param name="rounds">How often each path has its turn.</param>
    /// <param name="connections">Connections in a turn.</param>
    internal static int Run(Path[] paths, int rounds, int connections)
    {
        double[][] medians = [.. paths.Select(_ => new double[rounds])];
        int failed = 0;
        using var thread = new NamespaceSwitch(paths.Select(static path => path.Namespace));
        double[] times = new double[connections];
        // One turn to warm up. Each round begins with another path, so that none is always the one after the same other.
        for (int round = -1; round < rounds; round++)
        {
            for (int turn = 0; turn < paths.Length; turn++)
            {
                int which = (turn + round + 1) % paths.Length;
                thread.Enter(which);
                for (int i = -WarmUp; i < connections; i++)
                {
                    if (!TryConnect(paths[which].Server, out double took))
                        failed++;
                    if (i >= 0)
                        times[i] = took;
                }
                Array.Sort(times);
                if (round >= 0)
                    medians[which][round] = Quantile(times, 0.5);
            }
        }
        for (int i = 0; i < paths.Length; i++)
        {
            double[] more = [.. medians[i].Zip(medians[0], static (own, first) => own - first).Order()];
            double[] own = [.. medians[i].Order()];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{paths[i].Name} {Quantile(own, 0.5):f2} " +
                $"{Quantile(more, 0.25):f2} {Quantile(more, 0.5):f2} {Quantile(more, 0.75):f2}"));
        }
        if (failed > 0)
            Console.Error.WriteLine($"{failed} connections failed");
        return failed == 0 ? 0 : 1;
    }

    // Blocking, and closed by a reset: nothing of the one before is left when the next begins.
    private static bool TryConnect(IPEndPoint server, out double microseconds)
    {
        using var socket = new Socket(server.AddressFamily, SocketType.Stream,
            ProtocolType.Tcp)
        { LingerState = new LingerOption(true, 0) };
        long started = Stopwatch.GetTimestamp();
        bool isConnected = true;
        try
        {
            socket.Connect(server);
        }
        catch (SocketException)
        {
            isConnected = false;
        }
        microseconds = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
        return isConnected;
    }

    private static double Quantile(double[] sorted, double part) => sorted[(int)Math.Round((sorted.Length - 1) * part)];
}
