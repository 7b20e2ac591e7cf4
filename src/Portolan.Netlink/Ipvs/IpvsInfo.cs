namespace Portolan.Netlink.Ipvs;

/// <summary>What the kernel says of its IPVS.</summary>
/// <param name="Version">Its version, "1.2.1".</param>
/// <param name="ConnectionTableSize">Buckets of the table of connections.</param>
public sealed record IpvsInfo(Version Version, uint ConnectionTableSize);
