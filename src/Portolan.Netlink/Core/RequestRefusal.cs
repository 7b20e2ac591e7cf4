namespace Portolan.Netlink.Core;

/// <summary>A request that the kernel refused.</summary>
/// <param name="Index">Its place in the batch, from 0.</param>
/// <param name="Errno">What the kernel answered.</param>
/// <param name="Message">The kernel's own message, if there was one.</param>
public readonly record struct RequestRefusal(int Index, Errno Errno, string? Message)
{
    /// <summary>"ENOENT (No such file or directory)", and the kernel's message if there is one.</summary>
    public override string ToString() => Message is null ? Errno.ToString() : $"{Errno}: {Message}";
}
