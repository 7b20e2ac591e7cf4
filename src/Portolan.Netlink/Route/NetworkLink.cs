namespace Portolan.Netlink.Route;

/// <summary>A network interface.</summary>
/// <param name="Index">Its index, from 1.</param>
/// <param name="Name">Its name: "eth0".</param>
/// <param name="IsUp">Whether it is up (IFF_UP).</param>
/// <param name="IsLoopback">Whether it is the loopback interface (IFF_LOOPBACK).</param>
/// <param name="Master">Index of the bridge, bond or VRF it belongs to; 0 for none.</param>
public sealed record NetworkLink(int Index, string Name, bool IsUp, bool IsLoopback, int Master);
