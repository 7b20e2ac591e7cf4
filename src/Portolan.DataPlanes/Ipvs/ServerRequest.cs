using Portolan.Netlink.Ipvs;
using Portolan.Services.Cluster;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>What is asked of the kernel about a virtual server or one of its real servers: one netlink message.</summary>
internal enum ServerVerb : byte
{
    AddServer,
    SetServer,
    DeleteServer,
    AddReal,
    SetReal,
    DeleteReal,
}

/// <summary>One request.</summary>
/// <param name="Verb">What is asked.</param>
/// <param name="Server">The virtual server.</param>
/// <param name="Real">The real server, for requests about one.</param>
/// <param name="Owner">The service it is for; null for what no service has any more.</param>
internal readonly record struct ServerRequest(ServerVerb Verb, VirtualServer Server, RealServer Real, ObjectName? Owner)
{
    /// <summary>Removals come after everything that is added, so that there is always a server to go to.</summary>
    internal bool IsRemoval => Verb is ServerVerb.DeleteServer or ServerVerb.DeleteReal;

    /// <summary>"add real server 10.0.0.1:80 to tcp 10.96.0.1:80".</summary>
    public override string ToString() => Verb switch
    {
        ServerVerb.AddServer => $"add virtual server {Server.Key} with scheduler {Server.Scheduler}",
        ServerVerb.SetServer => $"change virtual server {Server.Key} to scheduler {Server.Scheduler}",
        ServerVerb.DeleteServer => $"delete virtual server {Server.Key}",
        ServerVerb.AddReal => $"add real server {Real.Endpoint} to {Server.Key}",
        ServerVerb.SetReal => $"change the weight of real server {Real.Endpoint} of {Server.Key} to {Real.Weight}",
        _ => $"delete real server {Real.Endpoint} of {Server.Key}",
    };
}
