#!/usr/bin/env bash
# Measures syncs, and nft loading the same content in the same run. Needs root; everything happens in network namespaces. Prints a table; JSON
# goes to bench/results/.
#   bench/run.sh [--sizes "1000 10000"] [--mixed] [--counters] [--data-path]
# --counters measures each size without and with counters.
set -euo pipefail
cd "$(dirname "$0")/.."
sizes="1000 10000 44000 100000"
mixed=""
counters=""
data_path=""
while [ $# -gt 0 ]; do
  case "$1" in
    --sizes) sizes=$2; shift 2 ;;
    --mixed) mixed="--mixed"; shift ;;
    --counters) counters=1; shift ;;
    --data-path) data_path=1; shift ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
  esac
done
[ "$(id -u)" = 0 ] || { echo "bench/run.sh needs root: it creates network namespaces and writes nf_tables rules" >&2; exit 1; }
mkdir -p bench/results
if [ ! -x out/bench/Portolan.Bench ] || [ -n "$(find src bench -name '*.cs' -newer out/bench/Portolan.Bench -print -quit)" ]; then
  dotnet publish -v q -c Release bench/Portolan.Bench -o out/bench >&2
fi

stamp=$(date -u +%Y%m%dT%H%M%SZ)
results="bench/results/control-$stamp.jsonl"
content=$(mktemp)
trap 'rm -f "$content"' EXIT
printf '%9s %-15s | %10s %10s %9s | %8s | %15s | %15s | %15s | %10s | %8s %8s\n' services kind "sync ms" "nft -f ms" ratio \
  "empty us" "add us 50/99" "move us 50/99" "remove 50/99" "restart ms" "proc MB" "kern MB"
for n in $sizes; do
  for option in "" ${counters:+--counters}; do
    # nft loads the content of the same row: a listing of what Portolan wrote.
    row=$(unshare -n bash -c "out/bench/Portolan.Bench control $n 5 $mixed $option && nft list ruleset > $content")
    nft_ms=null
    if [ -z "$mixed" ]; then
      nft_ms=$(unshare -n bash -c "ip link set lo up; s=\$(date +%s%N); nft -f $content; e=\$(date +%s%N); echo \$(( (e - s) / 1000000 ))")
    fi
    echo "$row" | jq -c ". + {nftLoadMs: $nft_ms}" >> "$results"
    tail -n 1 "$results" | jq -r '[.services, (if .mixed then "mixed" else "plain" end) + (if .counters then "+counters" else "" end), .firstSyncMs, (.nftLoadMs // 0), (if .nftLoadMs then .nftLoadMs / .firstSyncMs else 0 end),
      .emptyTransactionUs.p50, .addServiceUs.p50, .addServiceUs.p99, .replaceEndpointUs.p50, .replaceEndpointUs.p99, .removeServiceUs.p50, .removeServiceUs.p99,
      .restartMs, .peakProcessBytes / 1048576, .kernelBytes / 1048576] | @tsv' |
      while IFS=$'\t' read -r s k f l q e a a9 m m9 r r9 t p kb; do
        printf '%9d %-15s | %10.1f %10.0f %8.1fx | %8.1f | %7.1f %7.1f | %7.1f %7.1f | %7.1f %7.1f | %10.1f | %8.0f %8.1f\n' "$s" "$k" "$f" "$l" "$q" "$e" "$a" "$a9" "$m" "$m9" "$r" "$r9" "$t" "$p" "$kb"
      done
    tail -n 1 "$results" | jq -r '"          restart after somebody removed an endpoint and added another: \(.restartDisturbedMs) ms",
      "          first sync: user \(.firstSyncUserMs) ms, kernel \(.firstSyncKernelMs) ms of CPU time. Other changes, us p50 / p99:",
      (.otherChangesUs | to_entries[] | "            \(.key): \(.value.p50) / \(.value.p99)")'
  done
done
echo "rows as JSON: $results"

if [ -n "$data_path" ]; then
  bench/data-path.sh
fi
