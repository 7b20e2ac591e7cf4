using System.Globalization;
using System.Text;

namespace Portolan.Netlink.Core;

/// <summary>The kernel refused a request, or a netlink socket could not be used.</summary>
/// <remarks>Refused parts of a transaction are not reported as an exception: see <see cref="NfTables.CommitResult"/>.</remarks>
public sealed class NetlinkException : Exception
{
    /// <summary>An error without details.</summary>
    public NetlinkException()
        : this("A netlink request failed.")
    {
    }

    /// <summary>An error with a message of its own.</summary>
    public NetlinkException(string message)
        : base(message) => Operation = string.Empty;

    /// <summary>An error with a message of its own and what caused it.</summary>
    public NetlinkException(string message, Exception innerException)
        : base(message, innerException) => Operation = string.Empty;

    /// <summary>An operation that failed with an error number.</summary>
    /// <param name="operation">What was tried, to follow "cannot": "open a netlink socket".</param>
    /// <param name="errno">What the kernel answered.</param>
    /// <param name="kernelMessage">NLMSGERR_ATTR_MSG of the extended acknowledgement, if there was one.</param>
    /// <param name="offset">NLMSGERR_ATTR_OFFS: bytes from the start of the request to the attribute at fault, when known.</param>
    public NetlinkException(string operation, Errno errno, string? kernelMessage = null, int? offset = null)
        : base(Describe(operation, errno, kernelMessage, offset))
    {
        Operation = operation;
        Errno = errno;
        KernelMessage = kernelMessage;
        Offset = offset;
    }

    /// <summary>What was tried.</summary>
    public string Operation { get; }

    /// <summary>The error number; 0 if the failure was not the kernel's (a malformed answer, for example).</summary>
    public Errno Errno { get; }

    /// <summary>The kernel's own message, if there was one (extended acknowledgement).</summary>
    public string? KernelMessage { get; }

    /// <summary>Bytes from the start of the request's message header to the attribute at fault, if the kernel reported it.</summary>
    public int? Offset { get; }

    private static string Describe(string operation, Errno errno, string? kernelMessage, int? offset)
    {
        var text = new StringBuilder().Append("cannot ").Append(operation).Append(": ").Append(errno.ToString());
        if (kernelMessage is not null)
            text.Append(": ").Append(kernelMessage);
        if (offset is { } bytes)
            text.Append(CultureInfo.InvariantCulture, $" (at offset {bytes})");
        if (errno == Errno.EPERM)
            text.Append("; root or CAP_NET_ADMIN is needed");
        return text.ToString();
    }
}
