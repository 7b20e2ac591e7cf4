namespace Portolan.Proxy.Logging;

/// <summary>What a process says on standard error as it ends. A pipe that nobody reads does not keep it from ending.</summary>
internal static class LastWords
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    /// <summary>Writes lines, for a second at most; the exit status says the rest.</summary>
    public static void Say(params IEnumerable<string> lines)
    {
        var writer = new Thread(() =>
        {
            try
            {
                foreach (string line in lines)
                    Console.Error.WriteLine(line);
            }
            catch (IOException)
            {
                // Standard error is full or closed as well.
            }
        })
        { IsBackground = true };
        writer.Start();
        writer.Join(s_patience);
    }
}
