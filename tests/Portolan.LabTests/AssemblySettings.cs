using System.Runtime.CompilerServices;
using Portolan.Testing.Namespaces;
using Xunit.Sdk;
using Xunit.v3;

// Scenarios wait for clocks as well as for packets, so any number of tests may be under way; the lab itself decides how many of them work
// at once.
[assembly: Parallelization(Mode = ParallelMode.All, Algorithm = ParallelAlgorithm.Aggressive)]

namespace Portolan.LabTests;

internal static class AssemblySettings
{
    // Before the test framework has opened anything that a second start would lose.
    [ModuleInitializer]
    internal static void BecomeRootOfANamespace()
    {
        UserNamespace.EnterIfNotRoot();
        // Many tests wait at a time, some of them on a thread: a scenario whose rest is over must not wait for one of the few there are by
        // default.
        ThreadPool.SetMinThreads(workerThreads: 128, completionPortThreads: 16);
    }
}
