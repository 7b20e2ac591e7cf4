#!/usr/bin/env bash
# From process start until everything is in force: portolan against an API server with N services on loopback, in a network namespace. Prints
# wall time, the log line of the first sync and the process's peak memory. Needs root.
#   bench/start.sh [SERVICES]
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "bench/start.sh needs root: it creates network namespaces and writes nf_tables rules" >&2; exit 1; }
[ -x out/portolan ] || ./build.sh >&2
n=${1:-10000}
dotnet build -v q -c Release bench/Portolan.FakeApi > /dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unshare -n bash -c "
  ip link set lo up
  bench/Portolan.FakeApi/bin/Release/net10.0/Portolan.FakeApi --services $n --endpoints 5 --port 8001 --kubeconfig $work/kubeconfig > $work/api.log 2>&1 &
  api=\$!
  trap 'kill \$api' EXIT
  for _ in \$(seq 200); do [ -s $work/kubeconfig ] && (exec 3<>/dev/tcp/127.0.0.1/8001) 2>/dev/null && break; sleep 0.05; done
  start=\$(date +%s%N)
  out/portolan proxy --kubeconfig $work/kubeconfig --hostname-override node-a > $work/log 2>&1 &
  proxy=\$!
  until grep -q 'in force' $work/log; do kill -0 \$proxy; sleep 0.01; done
  end=\$(date +%s%N)
  sleep 0.5
  echo \"everything in force \$(( (end - start) / 1000000 )) ms after the process was started\"
  grep 'in force' $work/log
  grep -E 'VmHWM|VmRSS' /proc/\$proxy/status
  kill \$proxy; wait \$proxy || true
"
