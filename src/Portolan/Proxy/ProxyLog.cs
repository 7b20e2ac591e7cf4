using System.Net;
using Microsoft.Extensions.Logging;

namespace Portolan.Proxy;

/// <summary>Log messages of the proxy as a whole.</summary>
internal sealed partial class ProxyLog(ILogger<ProxyLog> logger)
{
    [LoggerMessage(1, LogLevel.Warning, "configuration: {Warning}")]
    public partial void ConfigWarning(string warning);

    [LoggerMessage(2, LogLevel.Warning, "{Problem}; connection tracking keeps the current value")]
    public partial void SettingNotMade(string problem);

    [LoggerMessage(3, LogLevel.Debug, "oomScoreAdj {Score} is not set: {Reason}")]
    public partial void OomScoreNotSet(int score, string reason);

    [LoggerMessage(4, LogLevel.Error,
        "{Field}: cannot listen on {Address}: {Reason}; the proxy continues without it; will retry every {Seconds} s")]
    public partial void NotListening(string field, IPEndPoint address, string reason, double seconds);

    [LoggerMessage(5, LogLevel.Information, "{Mode}: rules are in force, so other rules for the same services were removed: {What}")]
    public partial void OtherRulesRemoved(string mode, string what);

    [LoggerMessage(6, LogLevel.Error, "{Mode}: rules of mode {Other} could not be removed and may still translate packets: {Reason}; " +
        "'portolan proxy --cleanup' removes everything")]
    public partial void OtherRulesStay(string mode, string other, string reason);

    [LoggerMessage(7, LogLevel.Warning,
        "another proxy is active in this network namespace: {Who} holds {Name}. Nothing is written here until it ends; then this proxy " +
            "takes over. If it should not run here, stop it: 'ss -xlp' on the node shows who holds {Name}")]
    public partial void AnotherIsHere(string name, string who);

    [LoggerMessage(8, LogLevel.Information, "the other proxy of this network namespace has ended; taking over")]
    public partial void NobodyElseIsHere();

    [LoggerMessage(11, LogLevel.Information, "{Reason}")]
    public partial void ModeChosen(string reason);

    [LoggerMessage(17, LogLevel.Information, "{Field}: answering on {Address}, {Reach}")]
    public partial void Listening(string field, IPEndPoint address, string reach);

    [LoggerMessage(18, LogLevel.Information, "the console answers at {Address}")]
    public partial void ConsoleAt(string address);

    [LoggerMessage(13, LogLevel.Warning,
        "no Node is named '{Node}', the name by {Origin}: this node's endpoints, zone and addresses are unknown, so Local traffic " +
        "policies find no endpoint here. Set hostnameOverride to the Node's name")]
    public partial void NoSuchNode(string node, string origin);

    [LoggerMessage(14, LogLevel.Warning,
        "clusterCIDR {ClusterCidr} does not hold {PodCidr}, the range of Node {Node}'s own pods: their traffic is taken for traffic from " +
        "outside, and masqueraded. Correct clusterCIDR, or take detectLocalMode NodeCIDR")]
    public partial void ForeignPodRange(string clusterCidr, string podCidr, string node);

    [LoggerMessage(15, LogLevel.Warning,
        "{File} was replaced by a file of other content: the proxy goes on with what it read at its start, as kube-proxy does. Restart " +
        "it to use the new content")]
    public partial void ConfigReplaced(string file);

    [LoggerMessage(16, LogLevel.Error,
        "{File} was changed, but its new content cannot be used: {Reason}; the proxy goes on with what it read at its start")]
    public partial void ConfigBroken(string file, string reason);
}
