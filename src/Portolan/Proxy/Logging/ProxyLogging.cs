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
    public static ILoggerFactory Create(bool isJson, int verbosity, TimeProvider time) => LoggerFactory.Create(logging =>
    {
        logging.SetMinimumLevel(verbosity >= 6 ? LogLevel.Trace : verbosity >= 2 ? LogLevel.Debug : LogLevel.Information);
        if (verbosity < 6)
            logging.AddFilter("Microsoft", LogLevel.Error);
        logging.AddConsole(console =>
        {
            console.LogToStandardErrorThreshold = LogLevel.Trace;
            console.FormatterName = isJson ? ConsoleFormatterNames.Json : LineFormatter.FormatterName;
        });
        logging.Services.Configure<JsonConsoleFormatterOptions>(json =>
        {
            json.UseUtcTimestamp = true;
            json.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
        });
        logging.Services.AddSingleton<ConsoleFormatter>(new LineFormatter(time));
    });
}
