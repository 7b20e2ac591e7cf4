#!/usr/bin/env bash
# Mode iptables with N services of five endpoints (default 10,000): a first sync of the native binary, with CPU time of the binary and the tools and
# peak memory; then first syncs and changes beside iptables-restore alone, in one run. Needs root; everything happens in network namespaces.
#   bench/iptables.sh [SERVICES] ["legacy nft"]
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "bench/iptables.sh needs root: it creates network namespaces and writes rules" >&2; exit 1; }
[ -x out/portolan ] || ./build.sh >&2
[ -x out/bench/Portolan.Bench ] || dotnet publish -v q -c Release bench/Portolan.Bench -o out/bench >&2
n=${1:-10000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out/bench/Portolan.Bench manifests "$n" 5 "$work/m"
for backend in ${2:-legacy nft}; do
  echo "== iptables-$backend, $n services with five endpoints"
  unshare -n bash -c "
    ip link set lo up
    out/portolan proxy --hostname-override node-a --cluster-cidr 10.0.0.0/8 --proxy-mode iptables --iptables-backend $backend --manifests $work/m > $work/log 2>&1 &
    proxy=\$!
    trap 'kill \$proxy' EXIT
    until grep -q 'in force' $work/log; do kill -0 \$proxy; sleep 0.05; done
    grep -o '[0-9]* services with.*' $work/log
    grep VmHWM /proc/\$proxy/status
    awk '{ print \"CPU time since the start: own\", (\$14 + \$15) / 100, \"s, tools\", (\$16 + \$17) / 100, \"s\" }' /proc/\$proxy/stat
    iptables-$backend-save | grep -v nfacct-name > $work/rules"
  if [ $backend = legacy ]; then
    unshare -n bash -c "TIMEFORMAT='iptables-legacy-restore alone, the same rules: %R s, CPU time %U + %S s'; time iptables-legacy-restore --noflush < $work/rules"
  fi
  unshare -n out/bench/Portolan.Bench iptables sync $backend linear "$n"
done
