using Portolan.Testing.Namespaces;

namespace Portolan.Tests;

/// <summary>Somebody sets the wall clock, as NTP does on a machine whose battery is empty.</summary>
public sealed class ClockTests
{
    // The kernel has no namespace for the wall clock, and the machine's own is not a test's to set: between the program and the C library
    // stands another clock_gettime, which adds what a file says.
    private const string ShiftedClock = """
        #define _GNU_SOURCE
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static long shift(void)
        {
            long seconds = 0;
            FILE *file = fopen(getenv("CLOCK_SHIFT_FILE"), "re");
            if (file) {
                if (fscanf(file, "%ld", &seconds) != 1)
                    seconds = 0;
                fclose(file);
            }
            return seconds;
        }

        int clock_gettime(clockid_t clock, struct timespec *now)
        {
            int result = syscall(SYS_clock_gettime, clock, now);
            if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
                now->tv_sec += shift();
            return result;
        }

        int gettimeofday(struct timeval *now, void *zone)
        {
            struct timespec time;
            int result = clock_gettime(CLOCK_REALTIME, &time);
            now->tv_sec = time.tv_sec;
            now->tv_usec = time.tv_nsec / 1000;
            return result;
        }
        """;

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public async Task A_wall_clock_that_is_set_back_holds_nothing_up(string mode)
    {
        Assert.SkipWhen(Tool.Find("cc") is null, "not installed: cc");
        using var run = new PortolanRun();
        string library = Path.Combine(run.Folder, "clock.so"), shift = Path.Combine(run.Folder, "shift");
        File.WriteAllText(Path.Combine(run.Folder, "clock.c"), ShiftedClock);
        Tool.Run("cc", ["-shared", "-fPIC", "-o", library, Path.Combine(run.Folder, "clock.c")]);
        File.WriteAllText(shift, "0");
        run.Manifest("good.yaml", Manifest.GoodService);
        run.StartProxy(["env", $"LD_PRELOAD={library}", $"CLOCK_SHIFT_FILE={shift}"], run.Configuration($"mode: {mode}"));
        await run.UntilSyncedAsync(1);
        int services = 1;

        foreach (TimeSpan back in (TimeSpan[])[TimeSpan.FromHours(1), TimeSpan.FromDays(50), TimeSpan.FromDays(-50)])
        {
            File.WriteAllText(shift + ".new", FormattableString.Invariant($"{-(long)back.TotalSeconds}"));
            File.Move(shift + ".new", shift, overwrite: true);
            run.Manifest($"more-{services}.yaml", Manifest.Service($"more-{services}",
                $$"""{clusterIPs: [172.30.1.{{services}}], ports: [{name: http, port: 80}]}"""));
            services++;

            await run.UntilSyncedAsync(services);

            string answer = run.Get("http://127.0.0.1:10256/livez") ?? "";
            Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
            // It is the clock that the program sees.
            Assert.Contains($"\"currentTime\":\"{DateTime.UtcNow - back:yyyy-MM-dd}", answer, StringComparison.Ordinal);
            run.Tools("nft", "flush", "ruleset");
            await run.UntilAsync(() => run.Tools("nft", "list", "ruleset").Contains("10.244.1.10", StringComparison.Ordinal),
                "rules that somebody flushed");
        }
        Assert.Equal(0, run.StopProxy());
    }
}
