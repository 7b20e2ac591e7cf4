using System.Diagnostics;
using System.Globalization;
using Portolan.Fuzz;

// portolan-fuzz SECONDS DATA CRASHES [SEED]: the last line says how many runs there were; the exit status is 1 when one of them crashed.
if (args.Length < 3 || !int.TryParse(args[0], NumberStyles.None, CultureInfo.InvariantCulture, out int seconds))
{
    Console.Error.WriteLine("portolan-fuzz SECONDS DATA CRASHES [SEED]");
    return 2;
}
int seed = args.Length > 3 ? int.Parse(args[3], CultureInfo.InvariantCulture) : Environment.TickCount;
var mutator = new Mutator(args[1], seed);
long runs = 0, crashes = 0;
long slowest = 0;
var clock = Stopwatch.StartNew();
while (clock.Elapsed < TimeSpan.FromSeconds(seconds))
{
    byte[] input = mutator.Next();
    long start = clock.ElapsedMilliseconds;
    try
    {
        ChartWalk.Of(input);
    }
    catch (Exception crash)
    {
        crashes++;
        string file = Path.Combine(args[2], $"{crash.GetType().Name}-{seed}-{runs}.bin");
        Directory.CreateDirectory(args[2]);
        File.WriteAllBytes(file, input);
        Console.WriteLine($"{file}: {crash}");
    }
    slowest = Math.Max(slowest, clock.ElapsedMilliseconds - start);
    runs++;
}
Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
    $"{runs} runs, {crashes} crashes, slowest {slowest} ms, seed {seed}, {clock.Elapsed.TotalSeconds:0} s"));
return crashes == 0 ? 0 : 1;
