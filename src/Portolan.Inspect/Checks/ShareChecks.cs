using System.Collections.Immutable;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Checks;

/// <summary>Endpoints that do not get equal shares.</summary>
internal static class ShareChecks
{
    private const string Advice = "Rules were added or removed by hand, or a sync was interrupted: restart the proxy, which rewrites them.";

    internal static IEnumerable<Finding> Of(Ruleset rules, ServiceCatalogue catalogue)
    {
        // Weights of real servers are somebody's wish.
        foreach (ProgrammedService service in catalogue.Services.Where(static service => !service.Writer.IsIpvs()))
        {
            IEnumerable<(ProgrammedFrontend? Frontend, ImmutableArray<ProgrammedEndpoint> Endpoints)> sets =
                service.Frontends.Select(frontend => ((ProgrammedFrontend?)frontend, frontend.Endpoints))
                .Append((null, service.Endpoints));
            (ProgrammedFrontend? frontend, ImmutableArray<ProgrammedEndpoint> unequal) =
                sets.FirstOrDefault(set => !set.Endpoints.IsEmpty && IsUnequal(set.Endpoints));
            if (!unequal.IsDefaultOrEmpty)
                yield return Unequal(service, frontend, unequal, rules);
        }
    }

    private static Finding Unequal(ProgrammedService service, ProgrammedFrontend? frontend, ImmutableArray<ProgrammedEndpoint> unequal,
        Ruleset rules)
    {
        ProgrammedEndpoint least = unequal.MinBy(endpoint => endpoint.Share)!, most = unequal.MaxBy(endpoint => endpoint.Share)!;
        double total = unequal.Sum(endpoint => endpoint.Share);
        string together = Math.Abs(total - 1) > 1e-3
            ? $"; together they get {OutcomeText.Percent(total)}, and the remaining connections reach no endpoint."
            : ".";
        string shares = least.Share == most.Share
            ? $"Each endpoint gets {OutcomeText.Percent(least.Share)}"
            : $"The {RuleChecker.Number(unequal.Length)} endpoints do not get equal shares: {least.Text} gets " +
                $"{OutcomeText.Percent(least.Share)}, {most.Text} gets {OutcomeText.Percent(most.Share)}";
        return new Finding(FindingSeverity.Warning, "unequal-shares", service.DisplayName, RuleOf(most, rules) ?? frontend?.Place,
            shares + together, Advice);
    }

    private static RuleRef? RuleOf(ProgrammedEndpoint endpoint, Ruleset rules)
    {
        if (endpoint.Chain.Length == 0)
            return null;
        return rules.Tables.Where(table => table.FindChain(endpoint.Chain) is not null)
            .SelectMany(table => Places.Of(table).Where(place => Programmed.ServiceChains.TargetOf(place.Rule) == endpoint.Chain
            && place.Rule.Statements.Any(statement => statement is StatisticRandomMatch)))
            .FirstOrDefault();
    }

    private static bool IsUnequal(ImmutableArray<ProgrammedEndpoint> endpoints)
    {
        double fair = 1.0 / endpoints.Length;
        double tolerance = Math.Max(ShareText.Rounding, fair * 0.01);
        return endpoints.Any(endpoint => Math.Abs(endpoint.Share - fair) > tolerance);
    }
}
