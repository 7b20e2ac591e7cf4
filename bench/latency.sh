#!/usr/bin/env bash
# Called by data-path.sh --latency, with sizes, rounds and binaries in the environment.
set -euo pipefail
tag=pl$$
work=$(mktemp -d)
declare -A binary=([portolan]=out/portolan)
nodes=(none kube-proxy one-rule portolan)
for one in $binaries; do binary[${one%%=*}]=${one#*=}; nodes+=("${one%%=*}"); done
pids=()
clean() {
  [ ${#pids[@]} = 0 ] || kill -CONT "${pids[@]}" 2>/dev/null || true
  [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  for name in "${nodes[@]}"; do for role in client node server; do ip netns del "$tag-$role-$name" 2>/dev/null || true; done; done
  rm -rf "$work"
}
trap clean EXIT
on() { local ns=$1; shift; ip netns exec "$tag-$ns" "$@"; }

# Each set of rules has a node of its own, between a client and a server of its own.
up() { # name, number
  local role
  for role in client node server; do ip netns add "$tag-$role-$1"; ip -n "$tag-$role-$1" link set lo up; done
  for role in client server; do
    on "$role-$1" sysctl -qw net.ipv4.ip_local_port_range="1024 65535" net.ipv4.tcp_tw_reuse=1 net.ipv4.tcp_timestamps=2
    ip -n "$tag-node-$1" link add $role type veth peer name eth0 netns "$tag-$role-$1"
    ip -n "$tag-node-$1" link set $role up
    ip -n "$tag-$role-$1" link set eth0 up
  done
  on "node-$1" sysctl -qw net.ipv4.ip_forward=1
  ip -n "$tag-node-$1" addr add "10.255.$2.1/24" dev client
  ip -n "$tag-client-$1" addr add "10.255.$2.2/24" dev eth0
  ip -n "$tag-client-$1" route add default via "10.255.$2.1"
  ip -n "$tag-node-$1" addr add "192.168.$2.1/24" dev server
  ip -n "$tag-server-$1" addr add "192.168.$2.2/24" dev eth0
  ip -n "$tag-server-$1" route add default via "192.168.$2.1"
  ip -n "$tag-node-$1" route add 10.0.0.0/9 via "192.168.$2.2"
  # All endpoints are here.
  ip -n "$tag-server-$1" route add local 10.0.0.0/9 dev lo
  ip netns exec "$tag-server-$1" out/traffic/portolan-traffic serve --name server --port 8080 >/dev/null 2>&1 & pids+=($!)
}
number=0
declare -A address
for name in "${nodes[@]}"; do number=$((number + 1)); address[$name]=10.255.$number.1; up "$name" $number; done
sleep 1

dotted() { printf '%d.%d.%d.%d' $(($1 >> 24)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)); }
printf '%8s %-10s %-14s | %9s | %s\n' services kind rules "p50 us" "more than without rules: quartiles | of kube-proxy's"
for n in $sizes; do
  out/bench/Portolan.Bench layout nftables "$n" 5 "${address[kube-proxy]}" >"$work/rules"
  on node-kube-proxy nft flush ruleset
  on node-kube-proxy nft -f "$work/rules"
  proxies=()
  for name in "${nodes[@]:3}"; do
    rm -rf "$work/$name"
    out/bench/Portolan.Bench manifests "$n" 5 "$work/$name" "${address[$name]}"
    # Not through the function: the signals below are for the proxy itself.
    ip netns exec "$tag-node-$name" "${binary[$name]}" proxy --proxy-mode nftables --hostname-override node-b --cluster-cidr 10.0.0.0/8 \
      --manifests "$work/$name" >"$work/$name.log" 2>&1 &
    proxies+=($!) pids+=($!)
    until grep -qs "in force" "$work/$name.log"; do kill -0 $! || { cat "$work/$name.log" >&2; exit 1; }; sleep 0.05; done
  done
  # The rules are measured, not the proxies.
  kill -STOP "${proxies[@]}"
  endpoint=$(dotted $((0x0A000000 + (n - 1) * 5 + 1)))
  for kind in "ClusterIP $(dotted $((0xAC100000 + n))):80" "NodePort :30080" "affinity 172.31.0.2:80" "100-endpoints 172.31.0.3:80"; do
    target=${kind#* } kind=${kind% *}
    paths=(--path "none=$tag-client-none,$endpoint:8080")
    for name in "${nodes[@]:1}"; do
      [[ $target == :* ]] && to=${address[$name]}$target || to=$target
      paths+=(--path "$name=$tag-client-$name,$to")
    done
    # The least that rules can add: one that translates, and the source as well where the others do.
    on node-one-rule nft -f - <<EOF
flush ruleset
table ip one-rule {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr $([[ $target == :* ]] && echo "${address[one-rule]}" || echo "${target%:*}") tcp dport ${target##*:} dnat to $endpoint:8080
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    $([[ $target == :* ]] && echo masquerade)
  }
}
EOF
    out/traffic/portolan-traffic latency "${paths[@]}" --rounds "$rounds" >"$work/out"
    theirs=$(awk '$1 == "kube-proxy" { print $4 }' "$work/out")
    while read -r name median low middle high; do
      printf '%8s %-10s %-14s | %9s | %6s %6s %6s | %5s\n' "$n" "$kind" "$name" "$median" "$low" "$middle" "$high" \
        "$(awk -v a="$middle" -v b="$theirs" 'BEGIN { printf "%.2f", a / b }')"
    done <"$work/out"
  done
  kill -CONT "${proxies[@]}"
  kill "${proxies[@]}"
  wait "${proxies[@]}" 2>/dev/null || true
done
