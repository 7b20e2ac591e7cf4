using System.Globalization;
using Portolan.Testing.Lab;
using Portolan.Testing.Plans;

namespace Portolan.LabTests.Agreement;

/// <summary>What was tried, so that a test that tries nothing does not pass.</summary>
internal sealed class Tally
{
    private readonly SortedDictionary<string, int> _counts = new(StringComparer.Ordinal);

    internal int this[string what] => _counts.GetValueOrDefault(what);

    internal void Count(string what) => _counts[what] = this[what] + 1;

    internal void Count(PacketOutcome outcome, PlannedEnd end)
    {
        Count("packets");
        Count(outcome.End switch
        {
            PacketEnd.Refused => "refused",
            PacketEnd.Vanished => "dropped",
            _ when end.Plan is null => "untouched",
            _ when end.IsMasqueraded => "masqueraded",
            _ => "translated",
        });
    }

    public override string ToString() =>
        string.Join(", ", _counts.Select(static entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Value} {entry.Key}")));
}
