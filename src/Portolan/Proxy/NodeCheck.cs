using Portolan.Inet;
using Portolan.Services.Cluster;
using Portolan.Sources.Configuration;

namespace Portolan.Proxy;

/// <summary>
/// Looks at the events on their way to the loop for what contradicts the configuration: a node name that no Node has, and a clusterCIDR
/// that does not hold the Node's own pods. Both are told once for each state they are in.
/// </summary>
internal sealed class NodeCheck(KubeProxyConfig config, string nodeName, ProxyLog log)
{
    private readonly bool _hasClusterCidr = config.DetectLocalMode == DetectLocalMode.ClusterCidr && !config.ClusterCidrs.IsEmpty;
    private NodeObject? _node;
    private bool _isSynced;
    private bool _isMissingTold;
    private InetPrefix? _toldRange;

    /// <summary>Takes an event that is on its way.</summary>
    public void Look(ClusterEvent change)
    {
        switch (change)
        {
            case ClusterEvent.NodeSet { Node: var node }:
                _node = node;
                if (_isSynced)
                    Tell();
                break;
            case ClusterEvent.Synced:
                _isSynced = true;
                Tell();
                break;
            case ClusterEvent.Together { Changes: var changes }:
                foreach (ClusterEvent one in changes)
                    Look(one);
                break;
        }
    }

    private void Tell()
    {
        if (_node is null)
        {
            if (!_isMissingTold)
                log.NoSuchNode(nodeName, config.HostnameOverride.Length > 0 ? "hostnameOverride" : "this machine's host name");
            _isMissingTold = true;
            return;
        }
        _isMissingTold = false;
        if (!_hasClusterCidr)
            return;
        foreach (InetPrefix range in _node.PodCidrs)
        {
            InetPrefix[] ofFamily = [.. config.ClusterCidrs.Where(cidr => cidr.Family == range.Family)];
            if (ofFamily.Length == 0
                || ofFamily.Any(cidr => cidr.Length <= range.Length && InetPrefix.Of(range.Address, cidr.Length) == cidr))
                continue;
            if (_toldRange != range)
                log.ForeignPodRange(string.Join(',', config.ClusterCidrs), range.ToString(), nodeName);
            _toldRange = range;
            return;
        }
        _toldRange = null;
    }
}
