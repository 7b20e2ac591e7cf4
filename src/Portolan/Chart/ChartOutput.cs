using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Portolan.Chart.Nodes;
using Portolan.Rules.Model;
using Spectre.Console;

namespace Portolan.Chart;

/// <summary>
/// Where commands print: answers to standard output, messages to standard error. Spectre detects colours and width.
/// </summary>
internal sealed class ChartOutput
{
    // A pipe has no width: lines must not be broken.
    private const int PipeWidth = 10_000;

    internal ChartOutput()
    {
        ColorSystemSupport? colors = AskersColors();
        _isTerminal = colors is not null || !System.Console.IsOutputRedirected;
        Console = colors is null ? AnsiConsole.Console : AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = colors.Value,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(System.Console.Out),
        });
        // COLUMNS sets the width also without a terminal; shells do not export it by themselves.
        if (int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), System.Globalization.NumberStyles.None,
            System.Globalization.CultureInfo.InvariantCulture, out int columns) && columns > 0)
            Console.Profile.Width = columns;
        else if (System.Console.IsOutputRedirected)
            Console.Profile.Width = PipeWidth;
    }

    /// <summary>Output that a program takes: no width, no colours.</summary>
    /// <param name="answer">Where the answer goes.</param>
    /// <param name="messages">Where messages go.</param>
    internal ChartOutput(Stream answer, TextWriter messages)
    {
        (_answer, _messages) = (answer, messages);
        Console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(TextWriter.Null),
        });
        Console.Profile.Width = PipeWidth;
    }

    private readonly Stream? _answer;
    private readonly TextWriter _messages = System.Console.Error;
    private readonly bool _isTerminal;

    internal IAnsiConsole Console { get; }

    /// <summary>Columns of the terminal; a very large number for a pipe.</summary>
    internal int Width => Console.Profile.Width;

    /// <summary>False for a pipe.</summary>
    internal bool HasWidth => Width < PipeWidth;

    /// <summary>True when answers may have colours.</summary>
    internal bool HasColors => _isTerminal && Console.Profile.Capabilities.ColorSystem != ColorSystem.NoColors;

    internal void Error(string text) => _messages.WriteLine($"portolan: {Clean(KubectlPlugin.AsTyped(text))}");

    internal void Message(string text) => Error(text);

    /// <summary>A message that must not be overlooked: red on a terminal.</summary>
    internal void Warning(string text) =>
        _messages.WriteLine(_answer is not null || (System.Console.IsErrorRedirected && AskersColors() is null)
        ? $"portolan: WARNING: {Clean(text)}" : $"\u001b[1;31mportolan: WARNING: {Clean(text)}\u001b[0m");

    /// <summary>A line of plain text; nothing in it is markup.</summary>
    internal void Line(string text = "") => Line(text, Style.Plain);

    internal void Line(string text, Style style)
    {
        // Spectre would break lines too, but without a hanging indent and in time quadratic in a line's length.
        foreach (string line in HangingLines.Of(Clean(text), Width))
        {
            if (!_isTerminal)
                System.Console.Out.WriteLine(line);
            else
                Console.WriteLine(line, style);
        }
    }

    /// <summary>A table without lines: columns side by side, headers in capitals.</summary>
    internal void Table(string[] headers, IEnumerable<string[]> rows)
    {
        if (!_isTerminal && Width == PipeWidth)
        {
            System.Console.Out.Write(
                PlainTable([[.. headers.Select(header => header.ToUpperInvariant())], .. rows.Select(row => row.Select(Clean).ToArray())]));
            return;
        }
        var table = new Table { Border = TableBorder.None };
        foreach (string header in headers)
        {
            var column = new TableColumn(new Text(header.ToUpperInvariant(), new Style(decoration: Decoration.Bold)))
            {
                Padding =
                new Padding(0, 0, 2, 0)
            };
            table.AddColumn(column);
        }
        foreach (string[] row in rows)
            table.AddRow(row.Select(cell => new Text(Clean(cell))));
        Console.Write(table);
    }

    /// <summary>Prints an answer as JSON, followed by a line break.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="type">Its JSON type information.</param>
    /// <param name="isOneLine">True for one of many answers, a line each.</param>
    internal void Json<T>(T answer, JsonTypeInfo<T> type, bool isOneLine = false)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = !isOneLine }))
            JsonSerializer.Serialize(writer, answer, type);
        buffer.Write("\n"u8);
        Raw(buffer.WrittenSpan);
    }

    /// <summary>Prints bytes as they are, such as a picture.</summary>
    internal void Raw(ReadOnlySpan<byte> bytes)
    {
        if (_answer is not null)
        {
            _answer.Write(bytes);
            return;
        }
        using Stream output = System.Console.OpenStandardOutput();
        output.Write(bytes);
    }

    // The terminal of somebody who runs this on a node from elsewhere; null without one.
    private static ColorSystemSupport? AskersColors() =>
        Enum.TryParse(Environment.GetEnvironmentVariable(RemoteCall.ColorsVariable), out ColorSystem colors) && Enum.IsDefined(colors)
            ? colors switch
            {
                ColorSystem.Legacy => ColorSystemSupport.Legacy,
                ColorSystem.Standard => ColorSystemSupport.Standard,
                ColorSystem.EightBit => ColorSystemSupport.EightBit,
                ColorSystem.TrueColor => ColorSystemSupport.TrueColor,
                _ => null,
            }
            : null;

    /// <summary>For pipes: no width, no colours, and fast for ten thousand rows.</summary>
    private static string PlainTable(List<string[]> rows)
    {
        int[] widths = new int[rows[0].Length];
        foreach (string[] row in rows)
        {
            for (int i = 0; i < row.Length; i++)
                widths[i] = Math.Max(widths[i], row[i].Length);
        }
        var text = new StringBuilder();
        foreach (string[] row in rows)
        {
            for (int i = 0; i < row.Length; i++)
                text.Append(row[i]).Append(' ', widths[i] - row[i].Length + 2);
            while (text.Length > 0 && text[^1] == ' ')
                text.Length--;
            text.Append('\n');
        }
        return text.ToString();
    }

    /// <summary>Names come from clusters and files: characters that a terminal would act on are shown, not sent.</summary>
    internal static string Clean(string text) => ShownText.Of(text);
}
