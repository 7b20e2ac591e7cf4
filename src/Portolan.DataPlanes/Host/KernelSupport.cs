using System.Globalization;

namespace Portolan.DataPlanes.Host;

/// <summary>Checks whether this process may do a proxy's work; what else a plane needs is checked by its provider.</summary>
public static class KernelSupport
{
    // linux/capability.h
    private const int CAP_NET_ADMIN = 12;

    /// <summary>What is missing to write rules, as one line for the operator; null when nothing is.</summary>
    public static string? WhatIsMissing() => HasNetAdmin()
        ? null
        : "writing rules needs root or the capability CAP_NET_ADMIN, which this process does not have";

    // The effective set is also right inside a user namespace, where the user id means nothing.
    private static bool HasNetAdmin()
    {
        const string Field = "CapEff:";
        string? line = File.ReadLines("/proc/self/status").FirstOrDefault(static line => line.StartsWith(Field, StringComparison.Ordinal));
        return line is not null
            && ulong.TryParse(line.AsSpan(Field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture,
            out ulong capabilities)
            && (capabilities & (1UL << CAP_NET_ADMIN)) != 0;
    }
}
