using System.Globalization;
using System.Runtime.InteropServices;

namespace Portolan.Netlink.Core;

/// <summary>A Linux error number (asm-generic/errno.h), positive as in C's errno; 0 is success.</summary>
/// <param name="Number">The number: 2 is ENOENT.</param>
public readonly record struct Errno(int Number)
{
    /// <summary>Not permitted: the caller lacks CAP_NET_ADMIN in the user namespace that owns the network namespace.</summary>
    public static Errno EPERM => new(1);

    /// <summary>The object, or an object it refers to, does not exist.</summary>
    public static Errno ENOENT => new(2);

    /// <summary>There is nothing of that kind to delete or to change (routes, IPVS).</summary>
    public static Errno ESRCH => new(3);

    /// <summary>A signal arrived first; for a dump: the kernel's list changed while it was read.</summary>
    public static Errno EINTR => new(4);

    /// <summary>Nothing to read now, or the kernel wants the request to be repeated.</summary>
    public static Errno EAGAIN => new(11);

    /// <summary>The kernel is out of memory.</summary>
    public static Errno ENOMEM => new(12);

    /// <summary>In use: other objects still refer to this one.</summary>
    public static Errno EBUSY => new(16);

    /// <summary>The object exists already, with other contents.</summary>
    public static Errno EEXIST => new(17);

    /// <summary>A value the kernel does not accept.</summary>
    public static Errno EINVAL => new(22);

    /// <summary>A number out of range.</summary>
    public static Errno ERANGE => new(34);

    /// <summary>Chains that jump in a loop.</summary>
    public static Errno ELOOP => new(40);

    /// <summary>The generation id of a transaction is no longer the current one.</summary>
    public static Errno ERESTART => new(85);

    /// <summary>The message is longer than the socket's send buffer allows.</summary>
    public static Errno EMSGSIZE => new(90);

    /// <summary>This kernel does not have the feature (for instance, the module is missing).</summary>
    public static Errno EOPNOTSUPP => new(95);

    /// <summary>The receive buffer overran: messages were lost.</summary>
    public static Errno ENOBUFS => new(105);

    /// <summary>The name in C, such as "ENOENT"; "errno 4711" for one not listed here.</summary>
    public string Name => Number switch
    {
        0 => "OK",
        1 => "EPERM",
        2 => "ENOENT",
        3 => "ESRCH",
        4 => "EINTR",
        5 => "EIO",
        7 => "E2BIG",
        9 => "EBADF",
        11 => "EAGAIN",
        12 => "ENOMEM",
        13 => "EACCES",
        14 => "EFAULT",
        16 => "EBUSY",
        17 => "EEXIST",
        19 => "ENODEV",
        20 => "ENOTDIR",
        22 => "EINVAL",
        23 => "ENFILE",
        24 => "EMFILE",
        28 => "ENOSPC",
        31 => "EMLINK",
        32 => "EPIPE",
        34 => "ERANGE",
        36 => "ENAMETOOLONG",
        38 => "ENOSYS",
        40 => "ELOOP",
        71 => "EPROTO",
        75 => "EOVERFLOW",
        85 => "ERESTART",
        90 => "EMSGSIZE",
        92 => "ENOPROTOOPT",
        93 => "EPROTONOSUPPORT",
        95 => "EOPNOTSUPP",
        97 => "EAFNOSUPPORT",
        105 => "ENOBUFS",
        110 => "ETIMEDOUT",
        111 => "ECONNREFUSED",
        116 => "ESTALE",
        _ => string.Create(CultureInfo.InvariantCulture, $"errno {Number}"),
    };

    /// <summary>The C library's message for it, such as "No such file or directory".</summary>
    public string Description => Marshal.GetPInvokeErrorMessage(Number);

    /// <summary>"ENOENT (No such file or directory)".</summary>
    public override string ToString() => $"{Name} ({Description})";
}
