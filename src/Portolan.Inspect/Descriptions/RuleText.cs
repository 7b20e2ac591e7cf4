using System.Text.RegularExpressions;
using Portolan.Inspect.Programmed;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Descriptions;

/// <summary>Rules as their input writes them.</summary>
public static partial class RuleText
{
    /// <summary>The rule as it was read, spaces squeezed; rules that were not read from text are put in words.</summary>
    public static string Of(Rule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        string text = Spaces().Replace(rule.Source.Text.Trim(), " ");
        if (text.Length > 0 && text[0] != '{')
            return text;
        string conditions = RuleDescriptions.Conditions(rule);
        string action = RuleDescriptions.Action(rule, Nobody);
        return conditions.Length == 0 ? action : $"{conditions}: {action}";
    }

    private static ChainGuide Nobody { get; } = new(ServiceCatalogue.Read(Ruleset.Empty));

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
