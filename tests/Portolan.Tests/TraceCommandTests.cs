namespace Portolan.Tests;

/// <summary>trace's options for what few rules ask of a packet.</summary>
public sealed class TraceCommandTests
{
    private const string Dump = """
        *filter
        :INPUT ACCEPT [0:0]
        :FORWARD ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        -A FORWARD -p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK -j DROP
        -A FORWARD -p icmp -m icmp --icmp-type 13 -j DROP
        -A FORWARD -p icmp -m icmp --icmp-type 3/1 -j DROP
        -A FORWARD -p udp -f -j DROP
        -A OUTPUT -m owner --uid-owner 1000 -j DROP
        -A OUTPUT -m owner --gid-owner 50 -j DROP
        COMMIT

        """;

    [Theory]
    [InlineData("--dport 80", "leaves untranslated", "")]
    [InlineData("--dport 80 --tcp-flags SYN,ack", "dropped", ", flags syn, ack")]
    [InlineData("--dport 80 --tcp-flags none", "leaves untranslated", ", flags none")]
    [InlineData("--proto icmp", "leaves untranslated", "")]
    [InlineData("--proto icmp --icmp-type 13", "dropped", ", type 13/0")]
    [InlineData("--proto icmp --icmp-type 3/1", "dropped", ", type 3/1")]
    [InlineData("--proto icmp --icmp-type 3/2", "leaves untranslated", ", type 3/2")]
    [InlineData("--proto udp --fragment", "dropped", ", a later fragment")]
    [InlineData("--from-node --dport 80 --uid 1000 --gid 0", "dropped", ", user 1000, group 0")]
    [InlineData("--from-node --dport 80 --uid 0 --gid 50", "dropped", ", user 0, group 50")]
    [InlineData("--from-node --dport 80 --uid 0 --gid 0", "leaves untranslated", ", user 0, group 0")]
    [InlineData("--from-node --dport 80", "unknown", "")]
    public void A_packet_may_be_of_a_rare_kind(string options, string end, string said)
    {
        Outcome outcome = Trace(options);

        Assert.Equal((0, ""), (outcome.Status, outcome.Errors));
        string[] lines = outcome.Output.Split('\n');
        Assert.EndsWith((options.Contains("--from-node", StringComparison.Ordinal) ? "new, sent by this node" : "new, arriving") + said,
            lines[0], StringComparison.Ordinal);
        Assert.Contains(end, lines.First(line => line.Contains(" %", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--tcp-flags syn,fun", "--tcp-flags: 'syn,fun'")]
    [InlineData("--tcp-flags 2", "--tcp-flags: '2'")]
    [InlineData("--proto udp --tcp-flags syn", "--tcp-flags: the packet is not TCP")]
    [InlineData("--icmp-type 8", "--icmp-type: the packet is not ICMP")]
    [InlineData("--proto icmp --icmp-type 300", "--icmp-type: '300'")]
    [InlineData("--proto icmp --icmp-type 3/", "--icmp-type: '3/'")]
    [InlineData("--uid 1000", "--uid: only packets of this node")]
    [InlineData("--gid 1000", "--gid: only packets of this node")]
    [InlineData("--fragment --dport 80", "--fragment: a fragment other than the first has no ports")]
    public void What_does_not_fit_the_packet_is_said(string options, string error)
    {
        Outcome outcome = Trace(options);

        Assert.Equal((2, ""), (outcome.Status, outcome.Output));
        Assert.Contains(error, outcome.Errors, StringComparison.Ordinal);
    }

    private static Outcome Trace(string options)
    {
        using var run = new ChartRun();
        run.Write("dump", Dump);
        return run.Run(["trace", "--src", "203.0.113.9", "--dst", "10.0.0.9", "--rules", "dump", "--local-address", "192.168.0.2",
            .. options.Split(' ')]);
    }
}
