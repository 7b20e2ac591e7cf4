using Portolan.Rules.Model;

namespace Portolan.Rules.Readers.Reading;

/// <summary>
/// Collects the problems of one input. After a hundred of a kind it only counts: a foreign file should not fill the screen.
/// </summary>
internal sealed class ProblemLog(string file)
{
    private const int Limit = 100;
    private readonly List<ReadProblem> _problems = [];
    private int _leftOut;

    public string File { get; } = file;

    public void Note(int line, string message) => Add(line, null, ReadSeverity.Note, message);

    public void Partial(int line, string message, int? column = null) => Add(line, column, ReadSeverity.Partial, message);

    public IEnumerable<ReadProblem> All() => _leftOut == 0
        ? _problems
        : _problems.Append(new(File, 0, null, ReadSeverity.Partial, $"{_leftOut} more problems of this kind were left out."));

    private void Add(int line, int? column, ReadSeverity severity, string message)
    {
        if (_problems.Count < Limit)
            _problems.Add(new(File, line, column, severity, Printable(message)));
        else
            _leftOut++;
    }

    /// <summary>A piece of the input, shortened for a message.</summary>
    public static string Quote(ReadOnlySpan<char> text)
    {
        const int longest = 60;
        return text.Length > longest ? $"'{text[..longest]}...'" : $"'{text}'";
    }

    // Names and lines are untrusted; on a terminal a control character could overwrite earlier output.
    private static string Printable(string message) => ShownText.Of(message).Replace('\n', '\ufffd');
}
