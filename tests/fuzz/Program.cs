using System.Diagnostics;
using System.Globalization;
using Portolan.Fuzz;

// portolan-fuzz SECONDS DATA CRASHES [SEED]: the last line says how many runs there were; the exit status is 1 when one of them crashed,
// took more than 2 s of processor time, or did not end within a minute. The inputs of those are kept in CRASHES.
const int SlowMilliseconds = 2000, HangMilliseconds = 60_000;
if (args.Length < 3 || !int.TryParse(args[0], NumberStyles.None, CultureInfo.InvariantCulture, out int seconds))
{
    Console.Error.WriteLine("portolan-fuzz SECONDS DATA CRASHES [SEED]");
    return 2;
}
int seed = args.Length > 3 ? int.Parse(args[3], CultureInfo.InvariantCulture) : Environment.TickCount;
var mutator = new Mutator(args[1], seed);
long runs = 0, crashes = 0, slow = 0;
long slowest = 0;
var clock = Stopwatch.StartNew();
// A run that does not end says nothing: its input is kept by this watch, which ends the campaign.
byte[] current = [];
long began = 0;
using var watch = new Timer(_ =>
{
    if (clock.ElapsedMilliseconds - Volatile.Read(ref began) > HangMilliseconds)
    {
        Console.WriteLine($"{Keep("Hang", Volatile.Read(ref current))}: no end after {HangMilliseconds / 1000} s");
        Console.WriteLine($"{runs} runs, {crashes} crashes, 1 hang, seed {seed}");
        Environment.Exit(1);
    }
}, null, 1000, 1000);
while (clock.Elapsed < TimeSpan.FromSeconds(seconds))
{
    byte[] input = mutator.Next();
    long start = clock.ElapsedMilliseconds;
    TimeSpan busy = Environment.CpuUsage.UserTime;
    Volatile.Write(ref current, input);
    Volatile.Write(ref began, start);
    try
    {
        ChartWalk.Of(input);
    }
    catch (Exception crash)
    {
        crashes++;
        Console.WriteLine($"{Keep(crash.GetType().Name, input)}: {crash}");
    }
    // By processor time: what else the machine does must not count.
    if (Environment.CpuUsage.UserTime - busy > TimeSpan.FromMilliseconds(SlowMilliseconds))
    {
        slow++;
        Console.WriteLine($"{Keep("Slow", input)}: {clock.ElapsedMilliseconds - start} ms");
    }
    slowest = Math.Max(slowest, clock.ElapsedMilliseconds - start);
    runs++;
}
Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
    $"{runs} runs, {crashes} crashes, {slow} slow, slowest {slowest} ms, seed {seed}, {clock.Elapsed.TotalSeconds:0} s"));
return crashes + slow == 0 ? 0 : 1;

string Keep(string kind, byte[] input)
{
    string file = Path.Combine(args[2], $"{kind}-{seed}-{runs}.bin");
    Directory.CreateDirectory(args[2]);
    File.WriteAllBytes(file, input);
    return file;
}
