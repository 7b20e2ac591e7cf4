using System.Globalization;
using Portolan.Inet;

namespace Portolan.Inspect.Simulation;

/// <summary>Outcomes in one line.</summary>
public static class OutcomeText
{
    /// <summary>"14.2857 %  forwarded to 10.244.2.50:80, masqueraded".</summary>
    public static string Of(Outcome outcome)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        string destination = outcome.DestinationText;
        string end = outcome.Verdict switch
        {
            OutcomeVerdict.Forward => outcome.IsTranslated ? $"forwarded to {destination}" : $"leaves untranslated to {destination}",
            OutcomeVerdict.Local => $"delivered to this node at {destination}",
            OutcomeVerdict.Drop => $"dropped on the way to {destination}",
            OutcomeVerdict.Reject => $"rejected on the way to {destination} ({outcome.Reason})",
            _ => $"unknown: {outcome.Reason}",
        };
        string warnings = outcome.IsMasqueraded ? ", masqueraded"
            : outcome is { Verdict: OutcomeVerdict.Forward or OutcomeVerdict.Local, Source.Family: not IpFamily.None, IsTranslated: true }
                ? $", from {outcome.Source}"
                : string.Empty;
        string place = outcome is { Verdict: OutcomeVerdict.Forward, Reason: { } reason } ? $" ({reason})" : string.Empty;
        return $"{Percent(outcome.Probability)}  {end}{warnings}{place}";
    }

    /// <summary>A probability in percent with as many digits as help: "100 %", "14.2857 %".</summary>
    public static string Percent(double probability) =>
        (probability * 100).ToString(probability is > 0.999999 or < 1e-6 ? "0" : "0.####", CultureInfo.InvariantCulture) + " %";
}
