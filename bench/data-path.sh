#!/usr/bin/env bash
# The cost of a connection through a service: short TCP connections from pod to pod, directly and through a service IP, with Portolan's rules and
# with the same services in kube-proxy's layouts. The service is the last of N. Needs root; everything happens in network namespaces.
#   bench/data-path.sh [--sizes "10 1000 10000"] [--seconds 3] [--counters]
#   bench/data-path.sh --latency [--sizes "10 1000 10000"] [--rounds 40] [--portolan "NAME=BINARY ..."]
# --counters: only Portolan, without and with counters, five times each, alternately.
# --latency: how much longer connect() takes than without any rules, in microseconds, for each kind of service, through Portolan's rules and through
#   kube-proxy's nftables rules: a node each, which take turns. one-rule is a single rule that translates to one endpoint: what is common to all, and
#   no layout can do without. --portolan adds further binaries, such as that of an earlier version.
set -euo pipefail
cd "$(dirname "$0")/.."
sizes="10 1000 10000"
seconds=3
counters="" latency="" rounds=40 binaries=""
while [ $# -gt 0 ]; do
  case "$1" in
    --sizes) sizes=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --counters) counters=1; shift ;;
    --latency) latency=1; shift ;;
    --rounds) rounds=$2; shift 2 ;;
    --portolan) binaries=$2; shift 2 ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
done
[ "$(id -u)" = 0 ] || { echo "bench/data-path.sh needs root: it creates network namespaces and writes rules" >&2; exit 1; }
[ -x out/portolan ] || ./build.sh >&2
[ -x out/bench/Portolan.Bench ] || dotnet publish -v q -c Release bench/Portolan.Bench -o out/bench >&2
[ -x out/traffic/portolan-traffic ] || dotnet build bench/Portolan.Traffic -c Release -v quiet -nologo -clp:ErrorsOnly -o out/traffic >&2

if [ -n "$latency" ]; then
  export sizes rounds binaries
  exec bench/latency.sh
fi

tag=portolan-bench-$$
node=$tag-node client=$tag-client server=$tag-server
work=$(mktemp -d)
pids=()
clean() {
  [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  for ns in $node $client $server; do ip netns del $ns 2>/dev/null || true; done
  rm -rf "$work"
}
trap clean EXIT
on() { local ns=$1; shift; ip netns exec "$ns" "$@"; }

for ns in $node $client $server; do ip netns add $ns; on $ns ip link set lo up; done
for pod in client server; do
  ip -n $node link add $pod type veth peer name eth0 netns $tag-$pod
  ip -n $node link set $pod up
  ip -n $tag-$pod link set eth0 up
done
on $node sysctl -qw net.ipv4.ip_forward=1
ip -n $node addr add 10.255.1.1/24 dev client; ip -n $client addr add 10.255.1.2/24 dev eth0; ip -n $client route add default via 10.255.1.1
ip -n $node addr add 10.255.2.1/24 dev server; ip -n $server addr add 10.255.2.2/24 dev eth0; ip -n $server route add default via 10.255.2.1
ip -n $node route add 10.0.0.0/9 via 10.255.2.2
# Short connections use up ports: both ends may use the whole range and reuse it at once. TCP timestamps without an offset per destination
# address (2): a port that reached the endpoint on another path in an earlier row would seem to go back in time, and its SYN would be dropped.
for ns in $client $server; do
  on $ns sysctl -qw net.ipv4.ip_local_port_range="1024 65535" net.ipv4.tcp_tw_reuse=1 net.ipv4.tcp_timestamps=2
done
on $node sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_time_wait=1 2>/dev/null || true
on $server out/traffic/portolan-traffic serve --name server --port 8080 > /dev/null 2>&1 & pids+=($!)
sleep 1

address() { # the n-th service's IP or first endpoint, as the generator numbers them: base + n
  printf '%d.%d.%d.%d' $(($1 >> 24)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255))
}
measure() { # layout, services, target
  local line one
  # The tool's exit status says whether a connection failed. The row shows that; it must not end the script (set -e).
  line=$(on $client out/traffic/portolan-traffic connect --server "$3" --seconds "$seconds" --at-once 4 --json) || true
  one=$(on $client out/traffic/portolan-traffic connect --server "$3" --seconds "$seconds" --at-once 1 --json) || true
  printf '%-26s %8s | %10s | %9s %9s | %6s\n' "$1" "$2" "$(jq -r .connectionsPerSecond <<< "$line")" "$(jq -r .p50Us <<< "$one")" \
    "$(jq -r .p99Us <<< "$one")" "$(jq -s 'map(.failed) | add' <<< "$line $one")"
}
portolan() { # layout, services, target, options
  local layout=$1 n=$2 target=$3 proxy
  shift 3
  # The log of the previous size already says "in force".
  rm -f "$work/log"
  # Not through on(): what is killed below must be the proxy itself, or two proxies would undo each other's rules.
  ip netns exec $node out/portolan proxy --hostname-override node-b --cluster-cidr 10.0.0.0/8 --manifests "$work/m" "$@" > "$work/log" 2>&1 & proxy=$!
  pids+=($proxy)
  until grep -qs "in force" "$work/log"; do kill -0 $proxy || { cat "$work/log" >&2; exit 1; }; sleep 0.05; done
  measure "$layout" "$n" "$target"
  kill $proxy; wait $proxy 2>/dev/null || true
  on $node out/portolan proxy --cleanup > /dev/null 2>&1 || true
}
printf '%-26s %8s | %10s | %9s %9s | %6s\n' rules services conn/s "p50 us" "p99 us" failed
for n in $sizes; do
  service=$(address $((0xAC100000 + n)))
  for e in 0 1 2 3 4; do ip -n $server addr replace "$(address $((0x0A000000 + (n - 1) * 5 + e + 1)))/32" dev lo; done
  endpoint=$(address $((0x0A000000 + (n - 1) * 5 + 1)))
  measure "none, to the endpoint" "$n" "$endpoint:8080"

  rm -rf "$work/m" && out/bench/Portolan.Bench manifests "$n" 5 "$work/m"
  if [ -n "$counters" ]; then
    for _ in 1 2 3 4 5; do
      portolan "Portolan" "$n" "$service:80"
      portolan "Portolan, counting" "$n" "$service:80" --counters
    done
    continue
  fi
  portolan "Portolan" "$n" "$service:80"

  out/bench/Portolan.Bench layout nftables "$n" 5 10.255.1.1 > "$work/rules"
  on $node nft -f "$work/rules"
  measure "kube-proxy's nftables" "$n" "$service:80"
  on $node nft flush ruleset

  for tool in legacy nft; do
    # iptables-nft takes minutes to load 60,000 chains; a packet traverses the same list of rules as with legacy.
    [ $tool = nft ] && [ "$n" -gt 1000 ] && continue
    out/bench/Portolan.Bench layout iptables "$n" 5 > "$work/rules"
    on $node iptables-$tool-restore < "$work/rules"
    measure "kube-proxy's iptables-$tool" "$n" "$service:80"
    on $node iptables-$tool -t nat -F; on $node iptables-$tool -t nat -X
    on $node nft flush ruleset
  done
done
