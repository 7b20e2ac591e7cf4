using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Portolan.Proxy.Logging;

/// <summary>Logs go to standard error, as kube-proxy's do: text lines, or JSON objects one a line.</summary>
internal static class ProxyLogging
{
    /// <param name="isJson">JSON in place of text.</param>
    /// <param name="verbosity">klog's -v: 2 and more shows each change, 6 and more what the HTTP server does.</param>
    /// <param name="time">The clock for the lines.</param>
    /// <param name="listener">Gets every message too; null for nobody.</param>
    public static ILoggerFactory Create(bool isJson, int verbosity, TimeProvider time, ILoggerProvider? listener)
    {
        ConsoleFormatter formatter = isJson ? JsonFormatter() : new LineFormatter(time);
        return LoggerFactory.Create(logging =>
        {
            logging.SetMinimumLevel(verbosity >= 6 ? LogLevel.Trace : verbosity >= 2 ? LogLevel.Debug : LogLevel.Information);
            if (verbosity < 6)
                logging.AddFilter("Microsoft", LogLevel.Error);
            if (listener is not null)
                logging.AddProvider(listener);
            logging.AddProvider(new StandardErrorLog(formatter, new StandardErrorStream()));
        });
    }

    // The formatter is not public; its console, which waits for whoever reads it, is not made.
    private static ConsoleFormatter JsonFormatter()
    {
        var services = new ServiceCollection();
        services.AddLogging(static logging => logging.AddJsonConsole(static json =>
        {
            json.UseUtcTimestamp = true;
            json.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
        }));
        return services.BuildServiceProvider().GetServices<ConsoleFormatter>()
            .First(static formatter => formatter.Name == ConsoleFormatterNames.Json);
    }
}
