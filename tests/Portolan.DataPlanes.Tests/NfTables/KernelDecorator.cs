using Portolan.DataPlanes.NfTables;
using Portolan.Inet;
using Portolan.Netlink.NfTables;
using Portolan.Rules.Dialects;

namespace Portolan.DataPlanes.Tests.NfTables;

/// <summary>The real kernel, in which a test changes what it needs to.</summary>
internal abstract class KernelDecorator(INfTablesKernel kernel) : INfTablesKernel
{
    public virtual KernelTable Read(IpFamily family, bool withEndpoints = true) => kernel.Read(family, withEndpoints);

    public List<Element> Find(IpFamily family, ReadOnlySpan<Element> wanted) => kernel.Find(family, wanted);

    public virtual uint? CountElements(IpFamily family, PortolanSet set) => kernel.CountElements(family, set);

    public List<AffinityClient> ReadClients(IpFamily family, string set) => kernel.ReadClients(family, set);

    public uint ReadGeneration() => kernel.ReadGeneration();

    public virtual CommitResult Commit(NfTransaction transaction) => kernel.Commit(transaction);

    public void Dispose() => kernel.Dispose();
}
