using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Portolan.Chart;

/// <summary>Lays pictures out with Graphviz' program dot (docs/decisions/0011-graphviz-draws.md).</summary>
internal static class Graphviz
{
    // A picture of a hundred services takes a few seconds.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>The picture in one of Graphviz' formats; null after an error that says what to do.</summary>
    /// <param name="dot">The graph in Graphviz' language.</param>
    /// <param name="format">"svg" or "png".</param>
    /// <param name="chart">Where errors are printed.</param>
    internal static byte[]? Draw(string dot, string format, ChartOutput chart)
    {
        if (LiveRules.Find("dot") is not { } program)
        {
            chart.Error($"--format {format} is laid out by Graphviz, and its program 'dot' is not in PATH. Install the package graphviz "
                + "(apt, dnf, apk, brew or winget), or draw elsewhere: write --format dot and run 'dot -Tsvg' there, or paste "
                + "--format mermaid into a Markdown page. --format text needs nothing.");
            return null;
        }
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, [$"-T{format}"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                UseShellExecute = false,
            })!;
            using var picture = new MemoryStream();
            Task drawn = process.StandardOutput.BaseStream.CopyToAsync(picture);
            Task<string> complaint = process.StandardError.ReadToEndAsync();
            // A program that ends early closes its input; its status tells.
            Task written = process.StandardInput.BaseStream.WriteAsync(Encoding.UTF8.GetBytes(dot)).AsTask()
                .ContinueWith(_ => process.StandardInput.Close(), TaskScheduler.Default);
            if (!process.WaitForExit(s_patience))
            {
                process.Kill(entireProcessTree: true);
                chart.Error($"{program} did not finish within {s_patience.TotalSeconds:0} s and was stopped. Draw fewer services, or "
                    + "write --format dot and run it yourself.");
                return null;
            }
            Task.WaitAll(drawn, complaint, written);
            if (process.ExitCode == 0 && picture.Length > 0)
                return picture.ToArray();
            chart.Error($"{program} -T{format} failed with status {process.ExitCode}: {complaint.Result.Trim()}");
            return null;
        }
        catch (Exception error) when (error is Win32Exception or IOException or AggregateException)
        {
            chart.Error($"{program} could not be run: {error.Message}");
            return null;
        }
    }
}
