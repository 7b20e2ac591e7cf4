namespace Portolan.Architecture.Tests;

/// <summary>The sources as they are in this checkout.</summary>
internal static class SourceTree
{
    /// <summary>The C# files of some folders, with their paths from the checkout's root ("src/Portolan.Rules/Model/Match.cs").</summary>
    public static IEnumerable<(string Path, string Text)> Files(params string[] folders)
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Portolan.slnx")))
            root = Path.GetDirectoryName(root) ?? throw new DirectoryNotFoundException("the folder with Portolan.slnx");
        return folders.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories))
            .Select(path => (Path: Path.GetRelativePath(root, path).Replace('\\', '/'), Text: path))
            .Where(file => file.Path.Split('/') is { Length: > 2 } parts && parts[2] is not ("bin" or "obj"))
            .Select(file => (file.Path, File.ReadAllText(file.Text)));
    }
}
