using System.Globalization;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;

namespace Portolan.DataPlanes.Host;

/// <summary>Asks the machine whether this process can do a proxy's work.</summary>
public static class KernelSupport
{
    // linux/capability.h
    private const int CAP_NET_ADMIN = 12;

    /// <summary>What is missing to write rules, as one line for the operator; null when nothing is.</summary>
    public static string? WhatIsMissing()
    {
        if (!HasNetAdmin())
            return "writing rules needs root or the capability CAP_NET_ADMIN, which this process does not have";
        try
        {
            using NetlinkSocket socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter);
            new NfReader(socket).ReadTables();
            return null;
        }
        catch (NetlinkException failure)
        {
            return $"the kernel has no usable nf_tables ({failure.Message}): Linux 5.13 or later with CONFIG_NF_TABLES is needed, " +
                "perhaps 'modprobe nf_tables'";
        }
    }

    // The effective set also holds inside a user namespace, where the user id tells nothing.
    private static bool HasNetAdmin()
    {
        const string Field = "CapEff:";
        string? line = File.ReadLines("/proc/self/status").FirstOrDefault(static line => line.StartsWith(Field, StringComparison.Ordinal));
        return line is not null
            && ulong.TryParse(line.AsSpan(Field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong capabilities)
            && (capabilities & (1UL << CAP_NET_ADMIN)) != 0;
    }
}
