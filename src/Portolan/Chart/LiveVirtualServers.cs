using System.Globalization;
using System.Text;
using Portolan.Inet;
using Portolan.Inspect.Answers;
using Portolan.Netlink.Core;
using Portolan.Netlink.Ipvs;
using Portolan.Rules.Model;
using RealServer = Portolan.Netlink.Ipvs.RealServer;
using VirtualServer = Portolan.Netlink.Ipvs.VirtualServer;

namespace Portolan.Chart;

/// <summary>Asks the running kernel for its virtual servers, as ipvsadm does, and writes them down in its form.</summary>
internal static class LiveVirtualServers
{
    // Asking for the family loads the module, which a program that only looks must not do; where it is loaded this file exists.
    private const string Loaded = "/proc/net/ip_vs";
    private const string Name = "IPVS (as ipvsadm -Sn)";

    /// <summary>The virtual servers in the form of "ipvsadm -Sn"; null where the kernel has no IPVS, or has not loaded it.</summary>
    /// <param name="networkNamespace">The network namespace, by its name; null for the program's own.</param>
    internal static (InputSource Source, SourceText Text)? Read(string? networkNamespace)
    {
        if (!File.Exists(Loaded))
            return null;
        try
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Generic,
                new NetlinkSocketOptions { NetworkNamespace = networkNamespace });
            if (IpvsTable.Open(socket) is not { } table)
                return null;
            byte[] text = Encoding.UTF8.GetBytes(Write(table));
            return (new InputSource { Name = Name, Bytes = text.Length, IsKernel = true }, new SourceText(Name, text));
        }
        catch (NetlinkException refused)
        {
            return (new InputSource { Name = Name, Error = $"could not be read: {refused.Message}", IsKernel = true },
                new SourceText(Name, []));
        }
    }

    private static string Write(IpvsTable table)
    {
        // The header of the table says that these are all, even where there are none.
        var text = new StringBuilder("IP Virtual Server version ").Append(table.ReadInfo().Version)
            .Append("\nProt LocalAddress:Port Scheduler Flags\n");
        foreach (VirtualServer server in table.ReadServers(withMarks: true))
        {
            string key = KeyOf(server.Key);
            text.Append(CultureInfo.InvariantCulture, $"-A {key} -s {server.Scheduler}");
            if (server.PersistenceSeconds > 0)
                text.Append(CultureInfo.InvariantCulture, $" -p {server.PersistenceSeconds}");
            if (server.Flags.HasFlag(VirtualServerFlags.OnePacket))
                text.Append(" -o");
            string[] flags = [.. FlagsOf(server)];
            if (flags.Length > 0)
                text.Append(" -b ").AppendJoin(',', flags);
            text.Append('\n');
            foreach (RealServer real in table.ReadRealServers(server.Key))
                text.Append(CultureInfo.InvariantCulture, $"-a {key} -r {real.Endpoint} {MethodOf(real.Forwarding)} -w {real.Weight}\n");
        }
        return text.ToString();
    }

    private static string KeyOf(VirtualServerKey key) => key switch
    {
        { Mark: not 0 } => string.Create(CultureInfo.InvariantCulture,
            $"-f {key.Mark}{(key.Address.Family == IpFamily.IPv6 ? " -6" : string.Empty)}"),
        { Protocol: IpProtocol.Tcp } => $"-t {new InetEndpoint(key.Address, key.Port)}",
        { Protocol: IpProtocol.Udp } => $"-u {new InetEndpoint(key.Address, key.Port)}",
        _ => $"--sctp-service {new InetEndpoint(key.Address, key.Port)}",
    };

    private static IEnumerable<string> FlagsOf(VirtualServer server)
    {
        if (server.Flags.HasFlag(VirtualServerFlags.SchedulerFallback))
            yield return $"{server.Scheduler}-fallback";
        if (server.Flags.HasFlag(VirtualServerFlags.SchedulerPort))
            yield return $"{server.Scheduler}-port";
    }

    private static string MethodOf(Netlink.Ipvs.ForwardingMethod method) => method switch
    {
        Netlink.Ipvs.ForwardingMethod.Nat => "-m",
        Netlink.Ipvs.ForwardingMethod.Tunnel => "-i",
        Netlink.Ipvs.ForwardingMethod.Route => "-g",
        _ => "--local",
    };
}
