using System.Runtime.CompilerServices;
using Portolan.Testing.Namespaces;
using Xunit.v3;

// Each test starts processes of its own in a namespace of its own; a few at a time keep a small machine responsive.
[assembly: Parallelization(MaxThreads = 2)]

namespace Portolan.Tests;

internal static class AssemblySettings
{
    // Before the test framework has opened anything that a second start would lose.
    [ModuleInitializer]
    internal static void BecomeRootOfANamespace() => UserNamespace.EnterIfNotRoot();
}
