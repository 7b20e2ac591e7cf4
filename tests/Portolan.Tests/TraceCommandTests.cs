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

    [Theory]
    [InlineData("--src pod --dst shop/web", "tcp 10.244.255.254 -> 172.30.10.1:80, new, arriving")]
    [InlineData("--src outside --dst web.shop.svc.cluster.local", "tcp 203.0.113.9 -> 172.30.10.1:80, new, arriving")]
    [InlineData("--src node --dst 172.30.10.2:80 --local-address 192.168.10.11",
        "tcp 192.168.10.11 -> 172.30.10.2:80, new, sent by this node")]
    [InlineData("--src 10.1.2.3 --dst 30080 --local-address 192.168.10.11", "tcp 10.1.2.3 -> 192.168.10.11:30080, new, arriving")]
    [InlineData("--src outside --dst kube-system/kube-dns:dns", "udp 203.0.113.9 -> 172.30.0.10:53, new, arriving")]
    [InlineData("--src outside --dst kube-system/kube-dns --dport 9153", "tcp 203.0.113.9 -> 172.30.0.10:9153, new, arriving")]
    public void Source_and_destination_may_be_names(string ends, string headline)
    {
        using var run = new ChartRun();
        run.Copy("harbor/kube-proxy-1.36/iptables-save.txt", "dump");

        Outcome outcome = run.Run(["trace", "--rules", "dump", .. ends.Split(' ')]);

        Assert.Equal((0, ""), (outcome.Status, outcome.Errors));
        Assert.Equal(headline, outcome.Output.Split('\n')[0]);
    }

    [Theory]
    [InlineData("--src nowhere --dst shop/web", "--src: 'nowhere' is neither pod, node, outside nor an address")]
    [InlineData("--src outside --dst shop/wbe", "Did you mean shop/web")]
    [InlineData("--src outside --dst kube-system/kube-dns", "several ports: give --dport, or one of kube-system/kube-dns:dns")]
    [InlineData("--src outside --dst shop/web --dport 81", "no frontend of that protocol, port and family. It has 172.30.10.1:80")]
    [InlineData("--src 2001:db8::1 --dst shop/web", "no frontend of that protocol, port and family")]
    public void A_name_that_means_nothing_is_said(string ends, string error)
    {
        using var run = new ChartRun();
        run.Copy("harbor/kube-proxy-1.36/iptables-save.txt", "dump");

        Outcome outcome = run.Run(["trace", "--rules", "dump", .. ends.Split(' ')]);

        Assert.Equal((2, ""), (outcome.Status, outcome.Output));
        Assert.Contains(error, outcome.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void The_answer_goes_back_through_the_connections_translation()
    {
        using var run = new ChartRun();
        run.Copy("harbor/kube-proxy-1.36/iptables-save.txt", "dump");
        string[] trace = ["trace", "--src", "pod", "--dst", "shop/web", "--reply", "--rules"];

        Outcome healthy = run.Run([.. trace, "dump"]);
        string text = File.ReadAllText(Path.Combine(run.Folder, "dump"));
        int forward = text.IndexOf("-A FORWARD", StringComparison.Ordinal);
        run.Write("dump", text.Insert(forward, "-A FORWARD -s 10.244.2.0/24 -m conntrack --ctstate ESTABLISHED -j DROP\n"));
        Outcome broken = run.Run([.. trace, "dump"]);

        Assert.Contains("The reply of 10.244.1.10:8080, 10.244.2.10:8080, 10.244.3.10:8080, shown for the first", healthy.Output,
            StringComparison.Ordinal);
        Assert.Contains("100 %  leaves to 10.244.255.254, its source becomes 172.30.10.1", healthy.Output, StringComparison.Ordinal);
        Assert.Contains("The reply of 10.244.2.10:8080\n", broken.Output, StringComparison.Ordinal);
        Assert.Contains("100 %  dropped on the way to 10.244.255.254, by filter FORWARD rule 1", broken.Output, StringComparison.Ordinal);
        Assert.Contains("The reply of 10.244.1.10:8080, 10.244.3.10:8080", broken.Output, StringComparison.Ordinal);
    }

    /// <summary>The rules do not say which of the node's addresses masquerading takes.</summary>
    [Theory]
    [InlineData("192.168.0.2", false)]
    [InlineData("192.168.0.2 192.168.7.7", true)]
    public void An_address_that_masquerading_may_have_chosen_is_called_assumed(string addresses, bool isAssumed)
    {
        using var run = new ChartRun();
        run.Write("dump", """
            *nat
            :PREROUTING ACCEPT [0:0]
            :POSTROUTING ACCEPT [0:0]
            -A PREROUTING -d 172.30.0.80/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.244.2.10:8080
            -A POSTROUTING -d 10.244.2.10/32 -j MASQUERADE
            COMMIT

            """);

        Outcome trace = run.Run(["trace", "--src", "203.0.113.9", "--dst", "172.30.0.80", "--dport", "80", "--reply", "--rules", "dump",
            .. addresses.Split(' ').SelectMany(static address => (string[])["--local-address", address])]);

        Assert.Contains("The reply of 10.244.2.10:8080\n", trace.Output, StringComparison.Ordinal);
        Assert.Equal(isAssumed, trace.Output.Contains(
            "note: Which address masquerading chose is not known; the reply is assumed to be sent to 192.168.0.2.",
            StringComparison.Ordinal));
    }

    [Fact]
    public void A_packet_that_is_dropped_has_no_answer()
    {
        Outcome outcome = Trace("--proto icmp --icmp-type 13 --reply");

        Assert.Contains("No reply: the packet reaches nobody who could send one.", outcome.Output, StringComparison.Ordinal);
    }

    private static Outcome Trace(string options)
    {
        using var run = new ChartRun();
        run.Write("dump", Dump);
        return run.Run(["trace", "--src", "203.0.113.9", "--dst", "10.0.0.9", "--rules", "dump", "--local-address", "192.168.0.2",
            .. options.Split(' ')]);
    }
}
