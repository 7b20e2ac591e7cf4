using System.Collections.Immutable;
using Portolan.Inet;

namespace Portolan.Testing.Traffic;

/// <summary>The addresses in a <see cref="NodeInABox"/>.</summary>
/// <param name="NodeV4">The node's own; the client is in the same /24.</param>
/// <param name="NodeV6">The node's own; the client is in the same /64.</param>
/// <param name="ClientV4">The client's.</param>
/// <param name="ClientV6">The client's.</param>
/// <param name="BridgeV4">The node's address towards its pods, and the range they are in.</param>
/// <param name="BridgeV6">The same in IPv6.</param>
/// <param name="Pods">The pods: name, IPv4 and IPv6 address.</param>
public sealed record AddressPlan(
    InetAddress NodeV4,
    InetAddress NodeV6,
    InetAddress ClientV4,
    InetAddress ClientV6,
    InterfaceAddress BridgeV4,
    InterfaceAddress BridgeV6,
    ImmutableArray<(string Name, InetAddress V4, InetAddress V6)> Pods)
{
    /// <summary>node-a of the cluster in tests/data/harbor, with the pods of shop/web and shop/cart wherever they are.</summary>
    public static AddressPlan Harbor { get; } = new(
        InetAddress.Parse("192.168.10.11"),
        InetAddress.Parse("fd00:10::11"),
        InetAddress.Parse("192.168.10.100"),
        InetAddress.Parse("fd00:10::100"),
        InterfaceAddress.Parse("10.244.0.1/16"),
        InterfaceAddress.Parse("fd00:244::1/48"),
        [
            .. from pod in (string[])["1.10", "2.10", "3.10", "1.20", "2.20"]
               select (pod, InetAddress.Parse($"10.244.{pod}"),
               InetAddress.Parse($"fd00:244:{pod.Replace(".", "::", StringComparison.Ordinal)}")),
        ]);

    /// <summary>A node with pods of its own.</summary>
    /// <param name="count">Number of pods, 0 to 100.</param>
    public static AddressPlan ForPods(int count) => new(
        InetAddress.Parse("192.168.0.2"),
        InetAddress.Parse("2001:db8::2"),
        InetAddress.Parse("192.168.0.100"),
        InetAddress.Parse("2001:db8::100"),
        InterfaceAddress.Parse("10.180.0.1/24"),
        InterfaceAddress.Parse("fd00:10:180::1/64"),
        [
            .. from number in Enumerable.Range(1, count)
               select (FormattableString.Invariant($"pod-{number}"),
                   InetAddress.Parse(FormattableString.Invariant($"10.180.0.{100 + number}")),
                   InetAddress.Parse(FormattableString.Invariant($"fd00:10:180::{100 + number}"))),
        ]);
}

/// <summary>An address with the length of the prefix it is in, as `ip address add` takes it.</summary>
public readonly record struct InterfaceAddress(InetAddress Address, int PrefixLength)
{
    public static InterfaceAddress Parse(string text)
    {
        string[] parts = text.Split('/');
        return new(InetAddress.Parse(parts[0]), int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture));
    }

    public override string ToString() => FormattableString.Invariant($"{Address}/{PrefixLength}");
}
