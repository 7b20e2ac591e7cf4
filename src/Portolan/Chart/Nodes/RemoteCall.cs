using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text;

namespace Portolan.Chart.Nodes;

/// <summary>
/// What a command on a node is told about the person who asks: how wide the terminal is and which colours it has, and how many bytes of
/// standard input are data. It stands in brackets before the command: <c>[remote:columns=120,colors=TrueColor,input=0] why shop/web</c>.
/// A version that does not know it refuses it, rather than leaving half of it out.
/// </summary>
internal static class RemoteCall
{
    internal const string ColorsVariable = "PORTOLAN_COLORS";

    private const string Begin = "[remote:";
    private const int Interrupted = 130;
    private const int LargestInput = 64 << 20;

    /// <summary>The arguments for the program on the node.</summary>
    /// <param name="parsed">The command line here.</param>
    /// <param name="without">Options that mean nothing there.</param>
    /// <param name="chart">The terminal here; null when a program reads the answer.</param>
    /// <param name="inputLength">Bytes of data on its standard input.</param>
    internal static List<string> Arguments(ParseResult parsed, IEnumerable<Option> without, ChartOutput? chart, int inputLength)
    {
        var told = new List<string>();
        if (chart is { HasWidth: true })
            told.Add($"columns={Number(chart.Width)}");
        if (chart is { HasColors: true })
            told.Add($"colors={chart.Console.Profile.Capabilities.ColorSystem}");
        told.Add($"input={Number(inputLength)}");
        var words = new List<string> { $"{Begin}{string.Join(',', told)}]", parsed.CommandResult.Command.Name };
        var skipped = without.ToHashSet();
        foreach (OptionResult option in parsed.CommandResult.Children.OfType<OptionResult>().Where(option => !option.Implicit
            && !skipped.Contains(option.Option)))
        {
            if (option.Tokens.Count == 0)
                words.Add(option.Option.Name);
            words.AddRange(option.Tokens.Select(token => $"{option.Option.Name}={token.Value}"));
        }
        string[] arguments = [.. parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(static argument => argument.Tokens)
            .Select(static token => token.Value)];
        if (arguments.Length > 0)
            words.AddRange(["--", .. arguments]);
        return words;
    }

    /// <summary>The bracket of a call whose answer a program reads.</summary>
    internal static string Bracket(int inputLength) => $"{Begin}input={Number(inputLength)}]";

    /// <summary>On the node: takes the bracket out, and from then on ends the program when the asker is gone.</summary>
    /// <returns>The arguments behind it.</returns>
    internal static string[] Enter(string[] arguments)
    {
        if (arguments is not [{ } first, ..] || !first.StartsWith(Begin, StringComparison.Ordinal) || !first.EndsWith(']'))
            return arguments;
        int length = 0;
        foreach (string[] pair in first[Begin.Length..^1].Split(',').Select(static pair => pair.Split('=', 2)))
        {
            switch (pair)
            {
                case ["columns", { } columns]:
                    Environment.SetEnvironmentVariable("COLUMNS", columns);
                    break;
                case ["colors", { } colors]:
                    Environment.SetEnvironmentVariable(ColorsVariable, colors);
                    break;
                case ["input", { } input] when int.TryParse(input, NumberStyles.None, CultureInfo.InvariantCulture, out int bytes):
                    length = Math.Min(bytes, LargestInput);
                    break;
            }
        }
        Stream standardInput = Console.OpenStandardInput();
        byte[] data = new byte[length];
        if (standardInput.ReadAtLeast(data, length, throwOnEndOfStream: false) < length)
            Environment.Exit(Interrupted);
        Console.SetIn(new StreamReader(new MemoryStream(data), Encoding.UTF8));
        // A signal does not reach a command in a pod, but the end of its standard input does.
        new Thread(() =>
        {
            byte[] rest = new byte[256];
            while (standardInput.Read(rest) > 0)
            {
                // Nothing more is expected.
            }
            Environment.Exit(Interrupted);
        })
        { IsBackground = true, Name = "asker" }.Start();
        return arguments[1..];
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
}
