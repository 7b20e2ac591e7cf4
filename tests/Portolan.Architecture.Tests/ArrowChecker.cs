using System.Text.RegularExpressions;

namespace Portolan.Architecture.Tests;

/// <summary>Finds what breaks <see cref="HousePlan"/>. One line for each fault, with the file.</summary>
internal sealed partial class ArrowChecker
{
    private readonly IReadOnlyList<SourceFile> _files;

    /// <summary>Types by the folder that declares them.</summary>
    private readonly ILookup<(string Project, string Folder), string> _types;

    private readonly ILookup<string, string> _folders;

    public ArrowChecker(IReadOnlyList<SourceFile> files)
    {
        _files = files;
        _types = files.SelectMany(file => file.Types.Select(type => (Key: (file.Project, file.Folder), type))).Distinct()
            .ToLookup(pair => pair.Key, pair => pair.type);
        _folders = files.Select(file => (file.Project, file.Folder)).Distinct().ToLookup(pair => pair.Project, pair => pair.Folder);
    }

    /// <summary>Files whose namespace is not that of their folder.</summary>
    public IEnumerable<string> Namespaces() => _files
        .Where(file => file.Namespace.Length > 0 && file.Namespace != file.ExpectedNamespace)
        .Select(file => $"{file.Path}: namespace {file.Namespace}, but its folder is {file.ExpectedNamespace}");

    /// <summary>Uses of projects that the plan does not allow, and projects that it does not know.</summary>
    public IEnumerable<string> Projects()
    {
        foreach (SourceFile file in _files)
        {
            if (!HousePlan.Projects.TryGetValue(file.Project, out var allowed))
            {
                yield return $"{file.Path}: project {file.Project} is not in the house plan";
                continue;
            }
            foreach ((string project, string folder, string name) in UsesOf(file))
            {
                if (project == file.Project)
                    continue;
                if (!allowed.Contains(project))
                    yield return $"{file.Path}: {file.Project} uses {name}";
                foreach ((string _, string _, string only) in HousePlan.OnlyFolder.Where(rule =>
                    rule.User == file.Project && rule.Used == project && rule.Folder != folder))
                    yield return $"{file.Path}: {file.Project} uses {name}, but of {project} it may use {only} only";
            }
        }
    }

    /// <summary>
    /// Uses of folders of the same project that the plan does not allow, folders that it does not know, and circles of the others.
    /// </summary>
    public IEnumerable<string> Folders()
    {
        foreach (SourceFile file in _files)
        {
            if (!HousePlan.Folders.TryGetValue(file.Project, out var plan))
                continue;
            if (!plan.TryGetValue(file.Folder, out var allowed))
            {
                yield return $"{file.Path}: folder {file.Project}/{file.Folder} is not in the house plan";
                continue;
            }
            foreach ((string _, string folder, string name) in OwnUsesOf(file).Where(use => !allowed.Contains(use.Folder)))
                yield return $"{file.Path}: {Name(file.Folder)} uses {Name(folder)} ({name})";
        }
        foreach (string project in _folders.Select(group => group.Key).Where(project => !HousePlan.Folders.ContainsKey(project)))
        {
            if (CircleIn(project) is { } circle)
                yield return $"{project}: folders use each other in a circle: {circle}";
        }
    }

    /// <summary>
    /// Names of netfilter's headers in folders of Netlink that have nothing to do with netfilter: all headers are in one folder.
    /// </summary>
    public IEnumerable<string> Netfilter()
    {
        string[] names = [.. _files.Where(file => file.Path.StartsWith("Portolan.Netlink/Uapi/Nf", StringComparison.Ordinal))
            .SelectMany(file => file.Types).Distinct()];
        return _files.Where(file => file is { Project: "Portolan.Netlink", Folder: "Core" or "Route" or "GenericNetlink" })
            .SelectMany(file =>
            names.Where(name => file.Mentions(name) || file.QualifiedNames.Any(used => used.EndsWith("." + name, StringComparison.Ordinal)))
            .Select(name => $"{file.Path}: {file.Folder} uses {name}"));
    }

    /// <summary>Sockets, files, clocks and processes in projects that are pure.</summary>
    public IEnumerable<string> Impurities() => _files.Where(file => HousePlan.Pure.Contains(file.Project))
        .SelectMany(file => file.Find(Impure()));

    private IEnumerable<(string Project, string Folder, string Name)> OwnUsesOf(SourceFile file) =>
        UsesOf(file).Where(use => use.Project == file.Project && use.Folder != file.Folder).DistinctBy(use => use.Folder);

    /// <summary>
    /// What a file uses: by full names, by names that begin with a folder, and types of the project's own folder, which need no using.
    /// </summary>
    private IEnumerable<(string Project, string Folder, string Name)> UsesOf(SourceFile file)
    {
        foreach (string text in file.QualifiedNames.Distinct())
        {
            string name = Blank().Replace(text, string.Empty);
            string? project = HousePlan.Projects.Keys.Where(key => name == key || name.StartsWith(key + ".", StringComparison.Ordinal))
                .MaxBy(key => key.Length);
            string rest = project is null || name.Length == project.Length ? string.Empty : name[(project.Length + 1)..];
            string first = rest.Split('.')[0];
            if (project is not null && rest.Length > 0)
                yield return (project, _types[(project, string.Empty)].Contains(first) ? string.Empty : first, name);
        }
        foreach (string folder in _folders[file.Project].Where(folder => folder.Length > 0 && folder != file.Folder))
        {
            foreach (string type in _types[(file.Project, folder)].Where(type => file.Mentions($"{folder}.{type}")))
                yield return (file.Project, folder, $"{folder}.{type}");
        }
        if (file.Folder.Length > 0)
        {
            foreach (string type in _types[(file.Project, string.Empty)].Except(_types[(file.Project, file.Folder)]).Where(file.Mentions))
                yield return (file.Project, string.Empty, type);
        }
    }

    private string? CircleIn(string project)
    {
        ILookup<string, string> uses = _files.Where(file => file.Project == project)
            .SelectMany(file => OwnUsesOf(file).Select(use => (file.Folder, Used: use.Folder))).Distinct()
            .ToLookup(pair => pair.Folder, pair => pair.Used);
        var done = new HashSet<string>(StringComparer.Ordinal);
        string? From(string folder, List<string> path)
        {
            int seen = path.IndexOf(folder);
            if (seen >= 0)
                return string.Join(" -> ", path[seen..].Append(folder).Select(Name));
            if (!done.Add(folder))
                return null;
            return uses[folder].Select(used => From(used, [.. path, folder])).FirstOrDefault(circle => circle is not null);
        }
        return _folders[project].Select(folder => From(folder, [])).FirstOrDefault(circle => circle is not null);
    }

    private static string Name(string folder) => folder.Length == 0 ? "the project's own folder" : folder;

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blank();

    [GeneratedRegex("""
        (?<![\w.])(?:System\.IO\.)?(?:File|Directory|FileInfo|DirectoryInfo|FileStream|StreamReader|StreamWriter|FileSystemWatcher)\s*[.(]
        |\bSystem\.(?:IO|Net\.Sockets|Net\.Http|Diagnostics\.Process|Diagnostics\.Stopwatch|Threading\.Timer)\b
        |(?<![\w.])(?:Socket|TcpClient|UdpClient|HttpClient|Process|ProcessStartInfo|Stopwatch|PeriodicTimer|Timer|Thread|Console|Environment)\s*[.(]
        |(?<![\w.])(?:DateTime|DateTimeOffset)\.(?:UtcNow|Now|Today)\b
        |(?<![\w.])TimeProvider\.System\b|\bTask\.Delay\b|\bRandom\.Shared\b|\bGuid\.NewGuid\b
        |\b(?:DllImport|LibraryImport)\b
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Impure();
}
