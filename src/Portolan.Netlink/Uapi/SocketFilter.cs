using System.Runtime.InteropServices;

namespace Portolan.Netlink.Uapi;

#pragma warning disable CA1707 // The kernel's own spelling, so that a name can be searched for in its source.

/// <summary>linux/filter.h: an instruction of a classic BPF program (struct sock_filter).</summary>
/// <param name="Code">What to do.</param>
/// <param name="JumpTrue">How many instructions to skip if the comparison holds.</param>
/// <param name="JumpFalse">How many to skip if it does not.</param>
/// <param name="Value">The operand.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SocketFilter(ushort Code, byte JumpTrue, byte JumpFalse, uint Value)
{
    // BPF_LD | BPF_W | BPF_ABS: the accumulator becomes the word at this offset, read big-endian.
    internal const ushort BPF_LD_W_ABS = 0x20;

    // BPF_JMP | BPF_JEQ | BPF_K: compares the accumulator.
    internal const ushort BPF_JEQ = 0x15;

    // BPF_RET | BPF_K: how much of the packet is delivered; 0 delivers none of it.
    internal const ushort BPF_RET = 0x06;
}

/// <summary>struct sock_fprog: a whole program.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly unsafe struct SocketFilterProgram(ushort length, SocketFilter* instructions)
{
    private readonly ushort _length = length;
    private readonly SocketFilter* _instructions = instructions;
}
