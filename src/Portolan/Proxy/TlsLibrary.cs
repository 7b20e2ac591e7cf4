using System.Runtime.InteropServices;

namespace Portolan.Proxy;

/// <summary>
/// OpenSSL, which TLS is done with and which is no part of the binary. Without it the runtime ends the process in the middle of the first
/// connection, with status 134; asked for at the start, its absence is one line.
/// </summary>
internal static class TlsLibrary
{
    // Those that .NET looks for on Linux, the newest first.
    private static readonly string[] s_names = ["libssl.so.3", "libssl.so.1.1", "libssl.so"];

    /// <summary>What is missing, one line without a full stop; null when it is there.</summary>
    public static string? WhatIsMissing()
    {
        foreach (string name in s_names)
        {
            if (!NativeLibrary.TryLoad(name, out nint library))
                continue;
            NativeLibrary.Free(library);
            return null;
        }
        return "TLS to the API server needs OpenSSL, and libssl.so.3 cannot be loaded: install it (Debian: libssl3, others: openssl-" +
            "libs), in the image if this is a container";
    }
}
