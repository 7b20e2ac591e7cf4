namespace Portolan.Chart;

/// <summary>What the program was started as.</summary>
internal static class ProgramName
{
    /// <summary>argv[0] of this process, which the runtime does not give in every form of build.</summary>
    internal static string Read()
    {
        try
        {
            return File.ReadAllText("/proc/self/cmdline").Split('\0')[0];
        }
        catch (Exception hidden) when (hidden is IOException or UnauthorizedAccessException)
        {
            return Environment.GetCommandLineArgs()[0];
        }
    }
}
