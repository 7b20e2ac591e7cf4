using System.Text;
using Portolan.DataPlanes.NfTables;
using Portolan.Netlink.Core;

namespace Portolan.WebConsole;

/// <summary>New connections a second of each service, from the kernel's counters, where the proxy keeps them.</summary>
internal sealed class ServiceRates(string? networkNamespace, TimeProvider time)
{
    private Dictionary<string, ulong> _last = [];
    private long _at;

    /// <summary>The rates since the last call as JSON; null for the first, and where nothing is counted.</summary>
    internal string? Next()
    {
        Dictionary<string, ulong> now = [];
        try
        {
            foreach (FrontendCounter counter in FrontendCounter.ReadAll(networkNamespace))
                now[counter.Service] = now.GetValueOrDefault(counter.Service) + counter.Connections;
        }
        catch (NetlinkException)
        {
            // The next look may succeed; until then there is nothing to show.
            return null;
        }
        double seconds = time.GetElapsedTime(_at).TotalSeconds;
        Dictionary<string, ulong> before = _last;
        (_last, _at) = (now, time.GetTimestamp());
        if (before.Count == 0 || seconds <= 0)
            return null;
        return Encoding.UTF8.GetString(ConsoleAnswers.Object(writer =>
        {
            writer.WriteNumber("at", time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
            writer.WriteStartObject("rates");
            foreach ((string service, ulong count) in now)
            {
                // A counter that was made anew begins at zero.
                ulong old = before.GetValueOrDefault(service);
                if (count > old)
                    writer.WriteNumber(service, Math.Round((count - old) / seconds, 2));
            }
            writer.WriteEndObject();
        }).Span);
    }
}
