using System.Security.Cryptography;

namespace Portolan.WebConsole;

/// <summary>
/// Files that people dropped on the page: read in memory, never stored, forgotten half an hour after the last question about them, or when
/// newer ones need their place.
/// </summary>
internal sealed class DroppedFiles(TimeProvider time) : IDisposable
{
    /// <summary>The longest file, in bytes.</summary>
    internal const int Longest = 64 << 20;

    // The rules of a large dump take several times its length.
    private const int Most = 3;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(30);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (ConsoleInput Input, long Used)> _files = [];

    /// <summary>Keeps a file; the one that nobody asked about for longest makes room for it.</summary>
    /// <returns>Its name in addresses, which nobody can guess.</returns>
    internal string Add(ConsoleInput input)
    {
        string id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        using Lock.Scope held = _gate.EnterScope();
        RemoveAll(_files.OrderByDescending(static file => file.Value.Used).Skip(Most - 1));
        _files[id] = (input, time.GetTimestamp());
        return id;
    }

    /// <summary>The file of a name; null when it has been forgotten.</summary>
    internal ConsoleInput? Find(string id)
    {
        using Lock.Scope held = _gate.EnterScope();
        RemoveAll(_files.Where(file => time.GetElapsedTime(file.Value.Used) > s_patience));
        if (!_files.TryGetValue(id, out (ConsoleInput Input, long Used) file))
            return null;
        _files[id] = (file.Input, time.GetTimestamp());
        return file.Input;
    }

    public void Dispose()
    {
        using Lock.Scope held = _gate.EnterScope();
        RemoveAll(_files);
    }

    private void RemoveAll(IEnumerable<KeyValuePair<string, (ConsoleInput Input, long Used)>> files)
    {
        foreach (string id in files.Select(static file => file.Key).ToList())
        {
            if (_files.Remove(id, out (ConsoleInput Input, long Used) file) && file.Input.Questions is IDisposable questions)
                questions.Dispose();
        }
    }
}
