using System.Collections.Immutable;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Answers;

/// <summary>The rules selected by a name.</summary>
/// <param name="Places">The rules, in the order of the input; empty when nothing has the name.</param>
/// <param name="IsOfService">True when the name is not a chain's and was looked up among services.</param>
public sealed record RuleSelection(ImmutableArray<RuleRef> Places, bool IsOfService)
{
    /// <summary>The rules of a chain or of a service; all of them without a name.</summary>
    /// <param name="rules">The rules to choose from.</param>
    /// <param name="services">The services in them.</param>
    /// <param name="guide">Names of chains.</param>
    /// <param name="table">Only this table; null for all.</param>
    /// <param name="name">A chain's or a service's name; null for every rule.</param>
    public static RuleSelection Of(Ruleset rules, ServiceCatalogue services, ChainGuide guide, string? table, string? name)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(guide);
        var tables = rules.Tables.Where(item => table is null || item.Name == table).ToList();
        bool isChain = name is not null && tables.Exists(item => item.FindChain(name) is not null);
        bool isService = name is not null && !isChain;
        HashSet<string> ports = isService ? [.. services.Find(name!).Select(service => service.DisplayName)] : [];
        var places = ImmutableArray.CreateBuilder<RuleRef>();
        foreach (RuleTable item in tables)
        {
            foreach (Chain chain in item.Chains.Where(chain => !isChain || chain.Name == name))
            {
                for (int index = 0; index < chain.Rules.Length; index++)
                {
                    var place = new RuleRef(item, chain, index);
                    if (name is null || isChain || (guide.ServiceOf(place) is { } service && ports.Contains(service)))
                        places.Add(place);
                }
            }
        }
        return new RuleSelection(places.ToImmutable(), isService);
    }

    /// <summary>The names of chains and services nearest to one that does not exist, best first.</summary>
    public static ImmutableArray<string> Suggest(Ruleset rules, ServiceCatalogue services, string name)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(services);
        return [.. Suggestions.Nearest(name, rules.Tables.SelectMany(item => item.Chains).Select(chain => chain.Name)
            .Concat(services.Services.Select(service => service.Service ?? service.Id)).Distinct())];
    }
}
