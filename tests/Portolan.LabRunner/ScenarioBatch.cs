using System.Collections.Immutable;
using Portolan.Testing.Lab;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.LabRunner;

/// <summary>Runs scenarios in variants of the proxy and writes a line a flow.</summary>
internal sealed class ScenarioBatch(ImmutableArray<string> program, TextWriter output)
{
    private readonly Lock _lock = new();
    private int _failures;

    /// <summary>Runs all that make sense together.</summary>
    /// <returns>Whether every flow went as expected, and there was one.</returns>
    public async Task<bool> RunAsync(ImmutableArray<Scenario> scenarios, ImmutableArray<ProxyVariant> variants, int parallel)
    {
        int flows = 0;
        IEnumerable<(ProxyVariant Variant, Scenario Scenario)> runs =
            from variant in variants
            from scenario in scenarios
            where scenario.MakesSenseIn(variant.Mode)
            select (variant, scenario);
        await Parallel.ForEachAsync(runs, new ParallelOptions { MaxDegreeOfParallelism = parallel }, async (run, cancel) =>
            Interlocked.Add(ref flows, await RunAsync(run.Scenario, run.Variant, cancel)));
        return flows > 0 && _failures == 0;
    }

    private async Task<int> RunAsync(Scenario scenario, ProxyVariant variant, CancellationToken cancel)
    {
        int judged = 0;
        int faulty = 0;
        void Judged(ScenarioStep step, ScenarioFlow flow, string? fault)
        {
            judged++;
            if (fault is not null)
                faulty++;
            Write(variant, scenario, step.Name, flow.Name, fault);
        }

        try
        {
            ImmutableArray<string> failures = await ScenarioRun.RunAsync(scenario, variant.Mode, PortolanProxy.Factory(program, variant),
                cancel, Judged);
            // The first failures may have ended the scenario: what is beyond flows has no line of its own yet.
            if (failures.Length > faulty)
                Write(variant, scenario, "all", "changes take effect", string.Join('\n', failures));
        }
        catch (Exception broken) when (broken is not OutOfMemoryException)
        {
            Write(variant, scenario, "all", "the scenario runs", broken.ToString());
        }
        return judged;
    }

    private void Write(ProxyVariant variant, Scenario scenario, string step, string flow, string? fault)
    {
        string line =
            string.Join('\t',
            [fault is null ? "PASS" : "FAIL", variant.ToString(), scenario.ToString(), step, flow, OneLine(fault ?? string.Empty)]);
        lock (_lock)
        {
            if (fault is not null)
                _failures++;
            output.WriteLine(line);
            output.Flush();
        }
    }

    private static string OneLine(string text) => string.Join(" | ", text.Replace('\t', ' ').Split('\n', StringSplitOptions.TrimEntries));
}
