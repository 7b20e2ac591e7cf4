using System.Collections.Immutable;
using Portolan.Inspect.Answers;
using Portolan.Rules.Model;

namespace Portolan.Chart;

/// <summary>Reads the files of --rules.</summary>
internal static class RuleFiles
{
    /// <summary>
    /// Longest input that is read, in bytes: four times a dump of 100,000 services; an endless device must not fill the memory.
    /// </summary>
    private const int Longest = 1 << 30;

    /// <summary>The content of the files. A file that cannot be read is recorded with the reason; nothing is printed.</summary>
    /// <param name="files">Paths; "-" is standard input.</param>
    internal static RuleReading Read(string[] files)
    {
        var texts = ImmutableArray.CreateBuilder<SourceText>();
        var sources = ImmutableArray.CreateBuilder<InputSource>();
        foreach (string file in files)
        {
            try
            {
                SourceText text = file == "-"
                    ? new("standard input", ReadAll(Console.OpenStandardInput()))
                    : new(file, ReadAll(Open(file)));
                texts.Add(text);
                sources.Add(new InputSource { Name = text.Name, Bytes = text.Bytes.Length });
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                sources.Add(new InputSource { Name = file, Error = $"cannot be read: {Reason(file, error)}" });
            }
        }
        return new RuleReading(InputKind.Files, null, texts.ToImmutable(), sources.ToImmutable(), texts.Count == files.Length);
    }

    private static FileStream Open(string file) =>
        new(file, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, BufferSize = 0 });

    private static byte[] ReadAll(Stream input)
    {
        using (input)
        {
            // Pipes and the files of /proc do not report a length.
            if (input.CanSeek && input.Length is > 0 and <= Longest and var length)
            {
                byte[] whole = new byte[length];
                int read = input.ReadAtLeast(whole, whole.Length, throwOnEndOfStream: false);
                return read == whole.Length ? whole : whole[..read];
            }
            using var bytes = new MemoryStream();
            byte[] piece = new byte[1 << 16];
            for (int read; (read = input.Read(piece)) > 0;)
            {
                if (bytes.Length + read > Longest)
                    throw new IOException("it is longer than 1 GiB");
                bytes.Write(piece, 0, read);
            }
            return bytes.ToArray();
        }
    }

    private static string Reason(string file, Exception error) => error switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file",
        // For a directory .NET reports "access denied".
        UnauthorizedAccessException when Directory.Exists(file) => "it is a directory; give the files in it, each with --rules",
        UnauthorizedAccessException => "permission denied",
        _ => error.Message,
    };
}
