#!/bin/sh
# Writes the dumps in this folder: every supported match and target as the installed tools print it. Needs root, iptables 1.8,
# nft and ipset; everything happens in a network namespace of its own. Rules that the running kernel cannot hold are left out.
set -u
cd "$(dirname "$0")" || exit 1
if [ "${1-}" != inside ]; then exec unshare -n "$0" inside; fi
ip link set lo up

ipset create clients hash:ip
ipset add clients 203.0.113.9
ipset create frontends hash:ip,port timeout 600 comment
ipset add frontends 172.30.5.207,tcp:443 comment "default/testsvc" timeout 0
ipset add frontends 172.30.5.208,udp:53-54
ipset create triples hash:ip,port,net
ipset add triples 10.0.0.1,sctp:9899,10.0.0.0/8
ipset add triples 10.0.0.1,sctp:9899,10.1.0.0/16 nomatch
ipset create pods hash:ip,port,ip
ipset add pods 10.244.1.2,tcp:53,10.244.1.2
ipset create ports bitmap:port range 30000-32767
ipset add ports 30031
ipset add ports 30080-30082
ipset create range bitmap:ip range 192.168.0.0/24
ipset add range 192.168.0.7
ipset create macs hash:mac
ipset add macs 02:00:00:00:00:01
ipset create nets6 hash:net family inet6
ipset add nets6 fd00:244::/48
ipset create links hash:net,iface
ipset add links 10.0.0.0/8,eth0
ipset add links 10.1.0.0/16,physdev:veth0
ipset create marks hash:ip,mark
ipset add marks 10.0.0.1,0x4000
ipset create both list:set
ipset add both clients
ipset add both range
ipset save > ipset-save.txt

rules4() {
    i="$1"
    # shellcheck disable=SC2086
    r() { $i "$@" 2>/dev/null || echo "left out: $*" >&2; }
    r -N TARGET
    r -N M
    r -A FORWARD -j M
    r -A M -p tcp -s 10.0.0.0/8 -d 10.1.2.3
    r -A M ! -p udp ! -s 10.0.0.0/8 ! -d 10.1.2.3
    r -A M -p 47 -s 10.0.0.1/255.0.255.0
    r -A M ! -d 10.0.1.0/255.0.255.0
    r -A M -i eth0 -o veth+
    r -A M ! -i eth+ ! -o eth0 -j ACCEPT
    r -A M -f
    r -A M ! -f -j DROP
    r -A M -p tcp --dport 443 --sport 1024:65535
    r -A M -p tcp ! --dport 80:90
    r -A M -p udp ! --sport 53
    r -A M -p sctp --dport 9899
    r -A M -p tcp --syn
    r -A M -p tcp ! --syn
    r -A M -p tcp --tcp-flags ALL SYN,ACK
    r -A M -p tcp ! --tcp-flags FIN,RST NONE
    r -A M -p tcp --tcp-option 5
    r -A M -p tcp -m multiport --dports 80,443,8000:8080
    r -A M -p udp -m multiport ! --sports 53,5353
    r -A M -p tcp -m multiport --ports 22
    r -A M -m iprange --src-range 10.0.0.5-10.0.0.9
    r -A M -m iprange ! --dst-range 10.0.0.5-10.0.0.9 --src-range 10.1.0.0-10.1.0.255
    r -A M -m mark --mark 0x4000/0x4000
    r -A M -m mark ! --mark 0x1
    r -A M -m connmark --mark 0x10/0xf0
    r -A M -m connmark ! --mark 0x2
    r -A M -m conntrack --ctstate NEW
    r -A M -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT
    r -A M -m conntrack --ctstate INVALID,UNTRACKED,SNAT
    r -A M -m conntrack --ctstatus EXPECTED,SEEN_REPLY,ASSURED,CONFIRMED
    r -A M -m conntrack ! --ctstatus NONE
    r -A M -m conntrack --ctorigdst 172.6.6.6 --ctorigdstport 443 --ctproto tcp
    r -A M -m conntrack ! --ctorigsrc 10.0.0.0/8 --ctreplsrc 10.1.0.0/16 ! --ctrepldst 10.2.0.0/16
    r -A M -m conntrack --ctorigsrcport 1024:2048 --ctreplsrcport 80 ! --ctrepldstport 90
    r -A M -m conntrack --ctdir ORIGINAL
    r -A M -m conntrack --ctdir REPLY --ctstate ESTABLISHED
    r -A M -m conntrack --ctexpire 10:20
    r -A M -m conntrack ! --ctproto udp
    r -A M -m state --state NEW,RELATED
    r -A M -m addrtype --dst-type LOCAL
    r -A M -m addrtype ! --src-type LOCAL,BROADCAST --dst-type MULTICAST
    r -A FORWARD -m addrtype --src-type LOCAL --limit-iface-in
    r -A FORWARD -m addrtype ! --dst-type LOCAL --limit-iface-out
    r -A M -m statistic --mode random --probability 0.33333333349
    r -A M -m statistic --mode random ! --probability 0.25
    r -A M -m statistic --mode nth --every 3 --packet 1
    r -A M -m statistic --mode nth ! --every 4
    r -A M -m set --match-set clients src
    r -A M -m set ! --match-set frontends dst,dst
    r -A M -m set --match-set triples dst,dst,src
    r -A M -m recent --name LIST --set
    r -A M -m recent --name LIST --rcheck --seconds 10800 --reap
    r -A M -m recent --name LIST --update --seconds 60 --hitcount 4 --rttl --rdest
    r -A M -m recent ! --name LIST --remove --mask 255.255.255.0
    r -A M -m limit --limit 5/min --limit-burst 7
    r -A M -m limit --limit 100/sec
    r -A M -p icmp --icmp-type echo-request
    r -A M -p icmp ! --icmp-type 3/4
    r -A M -p icmp --icmp-type any
    r -A FORWARD -m physdev --physdev-in veth0 --physdev-is-bridged
    r -A FORWARD -m physdev ! --physdev-in eth+ --physdev-is-in
    r -A FORWARD -m physdev --physdev-out veth1 --physdev-is-bridged
    r -A OUTPUT -m owner --uid-owner 1000
    r -A OUTPUT -m owner ! --gid-owner 5-10
    r -A OUTPUT -m owner --socket-exists
    r -A M -m comment --comment 'with "quotes" and \backslash'
    r -A M -m comment --comment plain -m mark --mark 0x8
    r -A M -m comment --comment "dpt:80 /* not a rule */ [goto]" -j TARGET
    r -A M -m comment --comment ""
    r -A M -m mac --mac-source 02:00:00:00:00:01
    r -A M -m ttl --ttl-lt 5
    r -A M -m length --length 100:200
    r -A M -p tcp -m tcp --dport 80 -m pkttype --pkt-type unicast
    r -A M -m hashlimit --hashlimit-above 10/sec --hashlimit-name hl --hashlimit-mode srcip
    r -A M -m connlimit --connlimit-above 10
    r -A M -m string --string "GET /" --algo bm
    r -A M -m u32 --u32 "6&0xFF=1"
    r -A M -m time --timestart 10:00
    r -A M -m dscp --dscp 0x2e
    r -A M -m socket
    r -A M -m helper --helper ftp
    r -A M -m bpf --bytecode "1,6 0 0 1"
    r -A M -m policy --dir in --pol none
    r -A M -m cgroup --cgroup 5
    r -A M -m rpfilter
    r -A M -j ACCEPT
    r -A M -j DROP
    r -A M -j RETURN
    r -A M -p tcp -j TARGET
    r -A M -p tcp -g TARGET
    r -A M -j REJECT
    r -A M -j REJECT --reject-with icmp-host-prohibited
    r -A M -j REJECT --reject-with icmp-admin-prohibited
    r -A M -p tcp -j REJECT --reject-with tcp-reset
    r -A M -j MARK --set-xmark 0x4000/0x4000
    r -A M -j MARK --or-mark 0x8000
    r -A M -j MARK --and-mark 0xff
    r -A M -j MARK --xor-mark 0x4000
    r -A M -j MARK --set-mark 0x1
    r -A M -j MARK --set-xmark 0x3/0xff
    r -A M -j CONNMARK --set-xmark 0x10/0x30
    r -A M -j CONNMARK --set-mark 0x7
    r -A M -j CONNMARK --save-mark
    r -A M -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xf
    r -A M -j CONNMARK --restore-mark
    r -A M -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf0
    r -A M -j CONNMARK --or-mark 0x2
    r -A M -j CONNMARK --and-mark 0x2
    r -A M -j CONNMARK --xor-mark 0x2
    r -A M -m limit --limit 1/hour -j LOG --log-prefix "dropped: " --log-level 4
    r -A M -j NFLOG --nflog-group 5 --nflog-prefix "a b"
    r -A M -j NFQUEUE --queue-num 3
    r -A M
    r -t raw -A PREROUTING -j NOTRACK
    r -t raw -A PREROUTING -p udp -j CT --notrack
    r -t raw -A PREROUTING -j CT --zone 5
    r -t raw -A PREROUTING -j TRACE
    r -t mangle -A FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu
    r -t mangle -A POSTROUTING -p udp --dport 68 -j CHECKSUM --checksum-fill
    r -t mangle -A POSTROUTING -j CLASSIFY --set-class 1:10
    r -t mangle -A PREROUTING -j DSCP --set-dscp 0x10
    r -t mangle -A PREROUTING -j TTL --ttl-inc 1
    r -t mangle -A PREROUTING -p tcp -j TPROXY --on-port 80 --tproxy-mark 0x1/0x1
    r -t nat -P OUTPUT DROP
    r -t nat -A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1:80
    r -t nat -A PREROUTING -j DNAT --to-destination 10.0.0.1-10.0.0.9
    r -t nat -A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1-10.0.0.9:8000-8100 --random --persistent
    r -t nat -A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1:8000-8100/9000
    r -t nat -A PREROUTING -p udp -j DNAT --to-destination :53
    r -t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 8080
    r -t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 8080-8090 --random
    r -t nat -A PREROUTING -j REDIRECT
    r -t nat -A PREROUTING -d 10.5.0.0/16 -j NETMAP --to 10.6.0.0/16
    r -t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1
    r -t nat -A POSTROUTING -p tcp -j SNAT --to-source 192.0.2.1-192.0.2.9:1024-2048 --random-fully
    r -t nat -A POSTROUTING -j MASQUERADE
    r -t nat -A POSTROUTING -p udp -j MASQUERADE --to-ports 1024-2048 --random
    r -t nat -A POSTROUTING -j MASQUERADE --random-fully
    r -t security -A INPUT -j ACCEPT
}

rules6() {
    i="$1"
    r() { $i "$@" 2>/dev/null || echo "left out: $*" >&2; }
    r -N M
    r -A FORWARD -j M
    r -A M -s fd00::/8 -d fd00::1 -p tcp
    r -A M ! -s fd00::/8
    r -A M -p udp --dport 53
    r -A M -p ipv6-icmp --icmpv6-type echo-request
    r -A M -p ipv6-icmp --icmpv6-type 1/4
    r -A M -p ipv6-icmp ! --icmpv6-type neighbour-solicitation
    r -A M -m iprange --src-range fd00::1-fd00::9
    r -A M -m set --match-set nets6 src
    r -A M -m conntrack --ctorigdst fd00::5 --ctstate NEW
    r -A M -m recent --name L6 --set
    r -A M -m addrtype --dst-type LOCAL
    r -A M -m addrtype --dst-type UNICAST
    r -A M -j REJECT
    r -A M -j REJECT --reject-with icmp6-adm-prohibited
    r -A M -j REJECT --reject-with icmp6-no-route
    r -A M -p tcp -j REJECT --reject-with tcp-reset
    r -A M -m hl --hl-lt 5
    r -t nat -A PREROUTING -p tcp -j DNAT --to-destination [fd00::1]:80
    r -t nat -A PREROUTING -j DNAT --to-destination fd00::1-fd00::9
    r -t nat -A PREROUTING -p tcp -j DNAT --to-destination [fd00::1-fd00::9]:80-90 --persistent
    r -t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 8080
    r -t nat -A PREROUTING -d fd00:5::/32 -j NETMAP --to fd00:6::/32
    r -t nat -A POSTROUTING -j SNAT --to-source fd00::77
    r -t nat -A POSTROUTING -j MASQUERADE --random-fully
}

for kind in legacy nft; do
    rules4 "iptables-$kind"
    rules6 "ip6tables-$kind"
    "iptables-$kind-save" > "iptables-$kind-save.txt"
    "iptables-$kind-save" -c > "iptables-$kind-save-c.txt"
    "ip6tables-$kind-save" > "ip6tables-$kind-save.txt"
    for form in nL nvL "nvL --line-numbers"; do
        for tool in iptables ip6tables; do
            file="$tool-$kind-$(echo "$form" | tr -d ' ').txt"
            : > "$file"
            for table in raw mangle nat filter security; do
                echo "# $tool -t $table -$form" >> "$file"
                # shellcheck disable=SC2086
                $tool-$kind -t $table -$form >> "$file" 2>/dev/null
                echo >> "$file"
            done
        done
    done
    if [ "$kind" = nft ]; then
        nft list ruleset > nft-of-iptables.txt 2>/dev/null
        nft -j list ruleset > nft-of-iptables.json 2>/dev/null
        nft flush ruleset
    fi
done

# Lists of the recent match; addresses may be written into them by hand.
for list in KUBE-SEP-A KUBE-SEP-B KUBE-SEP-C; do
    iptables-nft -A INPUT -m recent --name "$list" --rcheck
done
echo +203.0.113.9 > /proc/net/xt_recent/KUBE-SEP-A
sleep 1
echo +203.0.113.9 > /proc/net/xt_recent/KUBE-SEP-A
echo +2001:db8::1 > /proc/net/xt_recent/KUBE-SEP-B
grep -rEs '^(src=|now at |jiffies: )' /proc/net/xt_recent /proc/timer_list > recent-lists.txt
