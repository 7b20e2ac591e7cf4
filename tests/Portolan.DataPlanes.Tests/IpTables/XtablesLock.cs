using System.Runtime.CompilerServices;

namespace Portolan.DataPlanes.Tests.IpTables;

/// <summary>
/// The lock of the legacy tools, in a file of this process's own: the machine's is for the machine's rules, and a test that holds it long
/// would hold up others.
/// </summary>
internal static class XtablesLock
{
    private static readonly string s_path = Path.Combine(Path.GetTempPath(), $"portolan-tests-{Environment.ProcessId}.lock");

    [ModuleInitializer]
    internal static void UseOwn()
    {
        Environment.SetEnvironmentVariable("XTABLES_LOCKFILE", s_path);
        AppDomain.CurrentDomain.ProcessExit += static (_, _) => File.Delete(s_path);
    }

    /// <summary>Holds the lock until disposed. Other tests of this process wait meanwhile.</summary>
    public static FileStream Hold()
    {
        while (true)
        {
            try
            {
                // To share a file with nobody is flock(2) with LOCK_EX, as the tools do.
                return new(s_path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                // A tool of another test holds it for a moment.
                Thread.Sleep(5);
            }
        }
    }
}
