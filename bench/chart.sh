#!/usr/bin/env bash
# The chart on large dumps, from a cold start of the native binary: wall time, CPU time (user and system) and peak memory
# of each command, beside `iptables-restore --test` on the same file in the same run. The dumps are those of a generated cluster: N services of
# five endpoints, 17 nat rules each. Needs root for iptables-restore and for the nftables dumps; everything happens in network namespaces.
#   bench/chart.sh [--sizes "1000 10000 40000"] [--runs 3] [--nftables]
# Prints a table with the best of the runs; JSON goes to bench/results/.
set -euo pipefail
cd "$(dirname "$0")/.."
sizes="1000 10000 40000"
runs=3
nftables=""
while [ $# -gt 0 ]; do
  case "$1" in
    --sizes) sizes=$2; shift 2 ;;
    --runs) runs=$2; shift 2 ;;
    --nftables) nftables=1; shift ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
done
[ "$(id -u)" = 0 ] || { echo "bench/chart.sh needs root: it creates network namespaces" >&2; exit 1; }
[ -x /usr/bin/time ] || { echo "bench/chart.sh needs GNU time (package time)" >&2; exit 1; }
[ -x out/portolan ] || ./build.sh >&2
if [ ! -x out/bench/Portolan.Bench ] || [ -n "$(find bench/Portolan.Bench tests/Portolan.Testing/Dumps -name '*.cs' -newer out/bench/Portolan.Bench -print -quit)" ]; then
  dotnet publish -v q -c Release bench/Portolan.Bench -o out/bench >&2
fi
mkdir -p bench/results
results="bench/results/chart-$(date -u +%Y%m%dT%H%M%SZ).jsonl"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

measure() { # name of the dump, services, file, label of the command, command...
  local dump=$1 n=$2 file=$3 what=$4 i wall cpu memory status
  shift 4
  : > "$work/times"
  for ((i = 0; i < runs; i++)); do
    status=0
    /usr/bin/time -q -o "$work/time" -f '%e %U %S %M' "$@" > /dev/null 2> "$work/errors" || status=$?
    # check has findings where a dump is of one table only.
    [ $status -le 1 ] || { echo "$* ended with status $status:" >&2; cat "$work/errors" >&2; return; }
    awk '{ printf "%s %.2f %d\n", $1, $2 + $3, $4 / 1024 }' "$work/time" >> "$work/times"
  done
  read -r wall cpu memory < <(sort -n -k2 "$work/times" | head -1)
  printf '%-22s %8d %7.1f | %-22s | %8.2f %8.2f %9d\n' "$dump" "$n" "$(($(stat -c %s "$file") / 100000))e-1" "$what" "$wall" "$cpu" "$memory"
  jq -nc --arg dump "$dump" --argjson services "$n" --argjson bytes "$(stat -c %s "$file")" --arg command "$what" \
    --argjson wallSeconds "$wall" --argjson cpuSeconds "$cpu" --argjson peakMegabytes "$memory" '$ARGS.named' >> "$results"
}

chart() { # dump's name, services, file, address of the last service, name of a service
  local dump=$1 n=$2 file=$3 last=$4 service=$5
  measure "$dump" "$n" "$file" trace out/portolan trace --src 203.0.113.9 --dst "$last" --dport 80 --rules "$file"
  measure "$dump" "$n" "$file" services out/portolan services --rules "$file"
  measure "$dump" "$n" "$file" explain out/portolan explain "$service" --rules "$file"
  measure "$dump" "$n" "$file" check out/portolan check --rules "$file"
  measure "$dump" "$n" "$file" graph out/portolan graph "$service" --format text --rules "$file"
  measure "$dump" "$n" "$file" "graph --all" out/portolan graph --all --format text --rules "$file"
}

printf '%-22s %8s %7s | %-22s | %8s %8s %9s\n' dump services MB command "wall s" "cpu s" "memory MB"
for n in $sizes; do
  index=$((n - 1))
  last="172.$((30 + index / 65536)).$((index / 256 % 256)).$((index % 256))"
  for layout in modern classic; do
    file="$work/$layout.txt"
    out/bench/Portolan.Bench dump $layout "$n" 5 > "$file"
    chart "iptables $layout" "$n" "$file" "$last" namespace-5/service-5
  done
  for tool in nft legacy; do
    measure "iptables modern" "$n" "$work/modern.txt" "iptables-$tool-restore -t" unshare -n "iptables-$tool-restore" --test "$work/modern.txt"
  done
  [ -n "$nftables" ] || continue
  address=$((0xAC100000 + n))
  last="$((address >> 24)).$((address >> 16 & 255)).$((address >> 8 & 255)).$((address & 255))"
  out/bench/Portolan.Bench layout nftables "$n" 5 > "$work/nft"
  unshare -n bash -c "nft -f $work/nft && nft list ruleset > $work/kube-proxy.nft && nft -j list ruleset > $work/kube-proxy.json"
  out/bench/Portolan.Bench manifests "$n" 5 "$work/manifests"
  unshare -n bash -c "
    ip link set lo up
    out/portolan proxy --hostname-override node-b --cluster-cidr 10.0.0.0/8 --manifests $work/manifests > $work/log 2>&1 & proxy=\$!
    until grep -q 'in force' $work/log; do kill -0 \$proxy; sleep 0.05; done
    nft list ruleset > $work/portolan.nft && nft -j list ruleset > $work/portolan.json
    kill \$proxy; wait \$proxy || true"
  rm -rf "$work/manifests"
  for kind in kube-proxy.nft kube-proxy.json portolan.nft portolan.json; do
    measure "$kind" "$n" "$work/$kind" trace out/portolan trace --src 203.0.113.9 --dst "$last" --dport 80 --rules "$work/$kind"
    measure "$kind" "$n" "$work/$kind" services out/portolan services --rules "$work/$kind"
    measure "$kind" "$n" "$work/$kind" check out/portolan check --rules "$work/$kind"
  done
done
echo "rows as JSON: $results"
