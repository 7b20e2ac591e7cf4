using System.Collections.Immutable;

namespace Portolan.Testing.Proxies;

/// <summary>Finds the program under test.</summary>
public static class PortolanBinary
{
    // Not before it is asked for: inside a virtual machine there is a program, and no repository.
    private static readonly Lazy<string> s_root = new(FindRoot);

    /// <summary>The repository's root folder: the nearest one above this program that holds the solution.</summary>
    public static string RepositoryRoot => s_root.Value;

    /// <summary>
    /// The command that runs portolan: PORTOLAN_BIN if it is set, else whichever was built last of out/portolan and the project's own
    /// output. Empty when there is none.
    /// </summary>
    public static ImmutableArray<string> Command { get; } = FindCommand();

    private static ImmutableArray<string> FindCommand()
    {
        if (Environment.GetEnvironmentVariable("PORTOLAN_BIN") is { Length: > 0 } given)
            return CommandFor(given);
        string? newest = new[]
        {
            Path.Combine(RepositoryRoot, "out", "portolan"),
            Path.Combine(RepositoryRoot, "src", "Portolan", "bin", "Release", "net10.0", "portolan.dll"),
            Path.Combine(RepositoryRoot, "src", "Portolan", "bin", "Debug", "net10.0", "portolan.dll"),
        }.Where(File.Exists).MaxBy(File.GetLastWriteTimeUtc);
        return newest is null ? [] : CommandFor(newest);
    }

    private static ImmutableArray<string> CommandFor(string file) =>
        file.EndsWith(".dll", StringComparison.Ordinal)
        ? [Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet", "exec", file] : [file];

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Portolan.slnx")))
                return folder.FullName;
        }
        throw new InvalidOperationException($"No folder above {AppContext.BaseDirectory} holds Portolan.slnx.");
    }
}
