using Portolan.Netlink.Conntrack;

namespace Portolan.DataPlanes.Host;

/// <summary>Whether a tracked connection is one that is looked for.</summary>
/// <param name="entry">The connection; valid during the call.</param>
public delegate bool ConntrackTest(in ConntrackEntry entry);
