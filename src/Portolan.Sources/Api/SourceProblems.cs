using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Portolan.Services.Cluster;
using Portolan.Sources.Objects;

namespace Portolan.Sources.Api;

/// <summary>Problems of objects that are not passed on, kept as long as the objects exist.</summary>
internal sealed partial class SourceProblems(ILogger logger)
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, ImmutableArray<Problem>> _byObject = new(StringComparer.Ordinal);

    public ImmutableArray<Problem> All
    {
        get
        {
            lock (_lock)
                return [.. _byObject.Values.SelectMany(problems => problems)];
        }
    }

    /// <summary>Replaces what is known about an object; an empty list forgets it.</summary>
    public void Set(ObjectKind kind, string name, ImmutableArray<Problem> problems)
    {
        string key = $"{ObjectKinds.NameOf(kind)} {name}";
        lock (_lock)
        {
            ImmutableArray<Problem> before = _byObject.GetValueOrDefault(key, []);
            if (problems.IsEmpty)
                _byObject.Remove(key);
            else
                _byObject[key] = problems;
            foreach (Problem problem in problems.Except(before))
                LogProblem(problem);
        }
    }

    [LoggerMessage(3103, LogLevel.Warning, "kubernetes: {Problem}")]
    private partial void LogProblem(Problem problem);
}
