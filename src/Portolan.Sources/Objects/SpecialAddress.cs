using Portolan.Inet;

namespace Portolan.Sources.Objects;

/// <summary>Addresses that mean something to a host itself and can be no service's or endpoint's.</summary>
internal static class SpecialAddress
{
    /// <summary>What is special about the address, for a sentence "X is ..."; null for an ordinary one.</summary>
    public static string? NameOf(InetAddress address) =>
        address.IsUnspecified ? "the unspecified address"
        : address.IsLoopback ? "a loopback address"
        : address.IsMulticast ? "a multicast address"
        : address.IsLinkLocal ? "a link-local address"
        : null;
}
