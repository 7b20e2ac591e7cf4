using System.Collections.Immutable;
using Portolan.DataPlanes.Contract;
using Portolan.DataPlanes.IpTables;
using Portolan.DataPlanes.Ipvs;
using Portolan.DataPlanes.NfTables;

namespace Portolan.DataPlanes;

/// <summary>All kinds of data planes.</summary>
public static class Registry
{
    /// <summary>One line each; the first is the default.</summary>
    public static ImmutableArray<IDataPlaneProvider> Providers { get; } =
    [
        new NfTablesProvider(),
        new IpTablesProvider(),
        new IpvsProvider(),
    ];

    /// <summary>The provider of a mode, by its name in KubeProxyConfiguration; null if there is none.</summary>
    public static IDataPlaneProvider? Find(string mode) => Providers.FirstOrDefault(provider => provider.Mode == mode);
}
