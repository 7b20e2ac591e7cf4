using System.Text.Json.Nodes;
using Portolan.Testing.Lab;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Proxies;

/// <summary>What writes the rules that a lab's packets meet.</summary>
public abstract class ProxyUnderTest : IDisposable
{
    /// <summary>True when the rules follow the cluster's objects; false when they were loaded once and for all.</summary>
    public abstract bool FollowsCluster { get; }

    /// <summary>Starts it in the lab's network namespace; rules may come later.</summary>
    public abstract void Start(NodeLab lab, ProxyMode mode);

    /// <summary>Ends it, with SIGKILL or with SIGTERM, and waits until it has ended. The rules stay.</summary>
    public abstract void Stop(bool kill);

    /// <summary>Creates or replaces an object of the cluster.</summary>
    public abstract void Apply(ObjectKey key, JsonObject value);

    /// <summary>Deletes an object of the cluster.</summary>
    public abstract void Delete(ObjectKey key);

    /// <summary>Where the rules are not where they were to be, whatever packets say: what is wrong, else null.</summary>
    public virtual string? FindMisplacedRules(NodeLab lab, ProxyMode mode) => null;

    /// <summary>What the proxy has to say for itself, for a report: the end of its log, and whether it still runs.</summary>
    public abstract string Describe();

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}

/// <summary>Makes a proxy for one scenario.</summary>
/// <param name="scenario">The scenario, for its proxy configuration and node.</param>
public delegate ProxyUnderTest ProxyFactory(Scenario scenario);
