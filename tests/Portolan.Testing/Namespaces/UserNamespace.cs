using System.Runtime.InteropServices;

namespace Portolan.Testing.Namespaces;

/// <summary>Lets a test program that ordinary users start make network namespaces all the same.</summary>
public static class UserNamespace
{
    /// <summary>
    /// Starts this program over again as root of a user namespace of its own, when it is not root and the machine allows that. Otherwise
    /// does nothing; <see cref="LabAvailability"/> then has the reason. To be called before anything else happens.
    /// </summary>
    /// <remarks>The process stays the same one (execve), so whoever started it goes on talking to it.</remarks>
    public static void EnterIfNotRoot()
    {
        if (Environment.IsPrivilegedProcess || Tool.Find("unshare") is not { } unshare || Environment.ProcessPath is not { } program
            || Tool.TryRun("unshare", ["--user", "--map-root-user", "true"]).Status != 0)
            return;
        string[] own = File.ReadAllText("/proc/self/cmdline").TrimEnd('\0').Split('\0');
        Execute([unshare, "--user", "--map-root-user", "--", program, .. own[1..]]);
    }

    private static unsafe void Execute(string[] command)
    {
        nint* arguments = stackalloc nint[command.Length + 1];
        for (int index = 0; index < command.Length; index++)
            arguments[index] = Marshal.StringToCoTaskMemUTF8(command[index]);
        arguments[command.Length] = 0;
        LinuxCalls.ExecVp(arguments[0], (nint)arguments);
        // Still here: the program goes on as it is, and the tests say why they cannot run.
        for (int index = 0; index < command.Length; index++)
            Marshal.FreeCoTaskMem(arguments[index]);
    }
}
