using Portolan.Rules.Model;

namespace Portolan.Chart;

/// <summary>Reads the files of --rules.</summary>
internal static class RuleFiles
{
    /// <summary>
    /// Longest input that is read, in bytes: a dump of 100,000 services has a quarter of it, and an endless device must not fill the memory.
    /// </summary>
    private const int Longest = 1 << 30;

    /// <summary>The content of the files; a file that cannot be read is named and the others are used. Null when none could be read.</summary>
    /// <param name="files">Paths; "-" is standard input.</param>
    /// <param name="output">Where errors are told.</param>
    internal static (List<SourceText>? Sources, bool IsWhole) Read(string[] files, ChartOutput output)
    {
        var sources = new List<SourceText>();
        foreach (string file in files)
        {
            try
            {
                sources.Add(file == "-" ? new SourceText("standard input", ReadAll(Console.OpenStandardInput())) : new SourceText(file, ReadAll(Open(file))));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                output.Error($"{file}: cannot be read: {Reason(file, error)}{(files.Length > 1 ? "; the other inputs are used" : string.Empty)}");
            }
        }
        return (sources.Count > 0 ? sources : null, sources.Count == files.Length);
    }

    private static FileStream Open(string file) => new(file, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, BufferSize = 0 });

    private static byte[] ReadAll(Stream input)
    {
        using (input)
        {
            // Pipes and the files of /proc have no length beforehand.
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
        // .NET says of a directory that access is denied.
        UnauthorizedAccessException when Directory.Exists(file) => "it is a directory; give the files in it, each with --rules",
        UnauthorizedAccessException => "permission denied",
        _ => error.Message,
    };
}
