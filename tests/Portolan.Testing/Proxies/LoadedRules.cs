using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Portolan.Testing.Lab;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Scenarios;

namespace Portolan.Testing.Proxies;

/// <summary>Rules that another proxy wrote, loaded from its dump.</summary>
/// <param name="dumps">Texts of the dumps, each with the tool that loads it: "nft", "iptables-restore", "ip6tables-legacy-restore".</param>
public sealed partial class LoadedRules(IReadOnlyList<(string Loader, string Dump)> dumps) : ProxyUnderTest
{
    public override bool FollowsCluster => false;

    public override void Start(NodeLab lab, ProxyMode mode)
    {
        ArgumentNullException.ThrowIfNull(lab);
        Load(lab.Namespace);
    }

    /// <summary>Loads them in a network namespace.</summary>
    public void Load(NetworkNamespace where)
    {
        ArgumentNullException.ThrowIfNull(where);
        foreach ((string loader, string dump) in dumps)
            where.Run(() => Tool.Run(loader, loader == "nft" ? ["-f", "-"] : [], NamedCounter().Replace(dump, string.Empty)));
    }

    public override void Stop(bool kill)
    {
    }

    public override void Apply(ObjectKey key, JsonObject value)
    {
    }

    public override void Delete(ObjectKey key)
    {
    }

    public override string Describe() => $"rules loaded with {string.Join(" and ", dumps.Select(static dump => dump.Loader))}";

    // Counters that kube-proxy makes beside its rules; they are in no dump, and change nothing about a packet.
    [GeneratedRegex("-m nfacct --nfacct-name +[^ ]+ ")]
    private static partial Regex NamedCounter();
}
