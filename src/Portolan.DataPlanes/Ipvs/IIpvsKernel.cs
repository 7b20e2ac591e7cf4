using Portolan.Inet;
using Portolan.Netlink.Core;
using Portolan.Netlink.Ipvs;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.Route;

namespace Portolan.DataPlanes.Ipvs;

/// <summary>The kernel's IPVS, local routes and the table beside them. Tests have one that counts and refuses.</summary>
internal interface IIpvsKernel : IDisposable
{
    /// <summary>All virtual servers with an address, whoever added them.</summary>
    IReadOnlyList<VirtualServer> ReadServers();

    /// <summary>The real servers of one of them; empty if it does not exist.</summary>
    IReadOnlyList<RealServer> ReadRealServers(VirtualServerKey server);

    /// <summary>
    /// The real servers of all of them at once; of one that is not in it nothing is known. Empty where the kernel has no such list.
    /// </summary>
    IReadOnlyDictionary<VirtualServerKey, List<RealServer>> ReadAllRealServers();

    /// <summary>Sends requests; each is refused or takes effect by itself.</summary>
    IReadOnlyList<RequestRefusal> Send(IReadOnlyList<ServerRequest> requests);

    /// <summary>The local routes that this plane added.</summary>
    IReadOnlyList<LocalRoute> ReadRoutes(IpFamily family);

    /// <summary>Deletes routes, then adds others. A refusal's index counts the deleted first.</summary>
    IReadOnlyList<RequestRefusal> ChangeRoutes(IReadOnlyList<LocalRoute> deleted, IReadOnlyList<LocalRoute> added);

    /// <summary>Index of the loopback interface.</summary>
    int LoopbackIndex { get; }

    /// <summary>The table of a family with its elements.</summary>
    SideTable ReadTable(IpFamily family);

    /// <summary>Changes the table of a family, as a whole or not at all.</summary>
    CommitResult Commit(IpFamily family, SideChange change);

    /// <summary>Sets the time-outs that are not zero.</summary>
    void SetTimeouts(IpvsTimeouts timeouts);
}
