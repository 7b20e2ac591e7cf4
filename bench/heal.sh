#!/usr/bin/env bash
# How long a node is without rules after another program deletes them all, with 100 and with 10,000 services: the median of 20. Needs root.
#   bench/heal.sh ["100 10000"]
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "bench/heal.sh needs root: it creates network namespaces and writes nf_tables rules" >&2; exit 1; }
[ -x out/portolan ] || ./build.sh >&2
[ -x out/bench/Portolan.Bench ] || dotnet publish -v q -c Release bench/Portolan.Bench -o out/bench >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for n in ${1:-100 10000}; do
  rm -rf "$folder/m" && out/bench/Portolan.Bench manifests "$n" 5 "$folder/m"
  unshare -n bash -c "
    ip link set lo up
    out/portolan proxy --hostname-override node-a --manifests $folder/m > $folder/log 2>&1 &
    proxy=\$!
    trap 'kill \$proxy' EXIT
    for _ in \$(seq 100); do nft list chain ip portolan prerouting > /dev/null 2>&1 && break; sleep 0.1; done
    printf '%7d services: ' $n; out/bench/Portolan.Bench heal 20"
done
