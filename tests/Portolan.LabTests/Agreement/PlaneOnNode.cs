using Microsoft.Extensions.Logging.Abstractions;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.DataPlanes.NfTables;
using Portolan.DataPlanes.Tests.IpTables;
using Portolan.DataPlanes.Tests.NfTables;
using Portolan.LabTests.Truth;
using Portolan.Services.Plans;
using Portolan.Testing.Namespaces;
using Portolan.Testing.Proxies;
using Portolan.Testing.Scenarios;

namespace Portolan.LabTests.Agreement;

/// <summary>A data plane at work in a network namespace, and two views of what the kernel holds there.</summary>
internal sealed class PlaneOnNode : IDisposable
{
    private readonly ProxyVariant _variant;
    private readonly History _history;
    private readonly NetworkNamespace _place;
    private IDataPlane _plane;

    /// <summary>Opens a plane; nothing is written yet.</summary>
    /// <param name="variant">Which one.</param>
    /// <param name="history">Its configuration.</param>
    /// <param name="place">Where.</param>
    internal PlaneOnNode(ProxyVariant variant, History history, NetworkNamespace place)
    {
        (_variant, _history, _place) = (variant, history, place);
        Reading = variant.Mode == ProxyMode.NfTables ? RuleReading.OfNft("list", "ruleset") : RuleReading.Saved(variant.Backend);
        _plane = Open();
    }

    /// <summary>What the simulator is given; runs on the namespace's thread.</summary>
    internal RuleReading Reading { get; }

    internal SyncReport Apply(TableDelta delta) => _place.Run(() => _plane.Apply(delta));

    internal SyncReport Reconcile() => _place.Run(_plane.Reconcile);

    /// <summary>Another process takes its place: it has only the kernel to learn from.</summary>
    internal void Restart()
    {
        _plane.Dispose();
        _plane = Open();
    }

    /// <summary>What the kernel holds, in lines that are the same for the same meaning.</summary>
    internal string[] Held()
    {
        if (_variant.Mode == ProxyMode.NfTables)
            return KernelText.Read(_place).Split('\n');
        return _place.Run(() => ((string[])["iptables", "ip6tables"])
            .SelectMany(tool => RuleDump.Normalize(Tool.Run($"{tool}-{_variant.Backend}-save", [])).Select(line => $"{tool}: {line}"))
            .ToArray());
    }

    public void Dispose() => _plane.Dispose();

    private IDataPlane Open() => _place.Run(IDataPlane () => _variant.Mode == ProxyMode.NfTables
        ? new NfTablesPlane(new NfTablesOptions { WithCounters = _history.WithCounters, MasqueradeBit = _history.MasqueradeBit },
        _place.Path, NullLogger.Instance)
        : new IpTablesPlane(new IpTablesOptions
        {
            Layout = _variant.Layout == "classic" ? IpTablesLayout.Classic : IpTablesLayout.Modern,
            Dispatch = _variant.Dispatch == "tree" ? IpTablesDispatch.Tree : IpTablesDispatch.Linear,
            Backend = _variant.Backend == "legacy" ? IpTablesBackend.Legacy : IpTablesBackend.Nft,
            MasqueradeBit = _history.MasqueradeBit,
            DropsInvalid = _history.DropsInvalid,
            RandomFully = !_history.WithCounters,
        }));
}
