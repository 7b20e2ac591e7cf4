using System.Collections.Immutable;
using Microsoft.Win32.SafeHandles;

namespace Portolan.Testing.Namespaces;

/// <summary>Moves the calling thread between network namespaces that have a name (ip-netns(8)), and back to its own at the end.</summary>
public sealed class NamespaceSwitch : IDisposable
{
    private readonly SafeFileHandle _own = LinuxCalls.OpenOrThrow("/proc/thread-self/ns/net");
    private readonly ImmutableArray<SafeFileHandle> _others;

    /// <summary>Opens the namespaces.</summary>
    /// <param name="names">Their names.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">There is no namespace of that name.</exception>
    public NamespaceSwitch(IEnumerable<string> names) =>
        _others = [.. names.Select(static name => LinuxCalls.OpenOrThrow($"/run/netns/{name}"))];

    /// <summary>Moves the thread into one of the namespaces, by its position in the list.</summary>
    public void Enter(int index) => Enter(_others[index]);

    /// <inheritdoc/>
    public void Dispose()
    {
        Enter(_own);
        _own.Dispose();
        foreach (SafeFileHandle other in _others)
            other.Dispose();
    }

    private static void Enter(SafeFileHandle file) =>
        LinuxCalls.ThrowOnError(LinuxCalls.SetNamespace(file, LinuxCalls.CLONE_NEWNET), "entering a network namespace");
}
