using System.Collections.Immutable;

namespace Portolan.DataPlanes.Contract;

/// <summary>A metric of one kind of plane; the metrics page shows it without knowing the plane.</summary>
/// <param name="Name">Its Prometheus name: "portolan_iptables_restores_total".</param>
/// <param name="Help">What is counted.</param>
/// <param name="IsCounter">True when it only grows, from 0 at the start of the process; false for a gauge.</param>
/// <param name="Labels">Names of its labels; empty for a single value.</param>
public sealed record PlaneMetric(string Name, string Help, bool IsCounter, params ImmutableArray<string> Labels);

/// <summary>A value of a metric at the time of a scrape.</summary>
/// <param name="Metric">One of the plane's metrics.</param>
/// <param name="Value">The value.</param>
/// <param name="Labels">Values of the labels, in their order. A label set that is no longer returned disappears from the page.</param>
public sealed record PlaneSample(PlaneMetric Metric, double Value, params ImmutableArray<string> Labels);
