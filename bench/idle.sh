#!/usr/bin/env bash
# A proxy at rest: portolan against an API server with N services on loopback, in a network namespace, where nothing changes. Prints the CPU
# time and the switches of each thread over some seconds, descriptors by kind, connections to the API server, and memory. Needs root.
# PORTOLAN_BIN and FAKE_API name other builds of the two programs.
#   bench/idle.sh [--services N] [--seconds N] [--mode nftables|iptables]
set -euo pipefail
cd "$(dirname "$0")/.."
services=1000 seconds=50 mode=nftables
while [ $# -gt 0 ]; do
  case $1 in
    --services) services=$2 ;; --seconds) seconds=$2 ;; --mode) mode=$2 ;;
    *) sed -n '2,5s/^# *//p' "$0" >&2; exit 2 ;;
  esac
  shift 2
done
[ "$(id -u)" = 0 ] || { echo "bench/idle.sh needs root: it creates network namespaces and writes rules" >&2; exit 1; }
bin=${PORTOLAN_BIN:-out/portolan} api=${FAKE_API:-bench/Portolan.FakeApi/bin/Release/net10.0/Portolan.FakeApi}
[ -x "$bin" ] || ./build.sh >&2
[ -x "$api" ] || dotnet build -v q -c Release bench/Portolan.FakeApi >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XTABLES_LOCKFILE=$work/xtables.lock bin api work services seconds mode
unshare -n bash -euo pipefail -c '
  ip link set lo up
  "$api" --services $services --endpoints 5 --port 8001 --kubeconfig $work/kubeconfig > $work/api.log 2>&1 &
  trap "kill %1 %2 2>/dev/null || true" EXIT
  until [ -s $work/kubeconfig ] && (exec 3<>/dev/tcp/127.0.0.1/8001) 2>/dev/null; do sleep 0.05; done
  "$bin" proxy --kubeconfig $work/kubeconfig --hostname-override node-a --proxy-mode $mode > $work/log 2>&1 &
  proxy=$!
  until curl -sf http://127.0.0.1:10256/debug/portolan/status | grep -q "\"synced\":true,\"pending\":false"; do
    kill -0 $proxy; sleep 0.1
  done
  # What follows the start (clean-up, the end of the connection above) is no rest.
  sleep 10
  threads() {
    for task in /proc/$proxy/task/*; do
      echo "${task##*/} $(tr " " "_" < $task/comm) $(cut -d" " -f1 $task/schedstat) \
        $(awk "/ctxt_switches/ { n += \$2 } END { print n }" $task/status)"
    done | sort
  }
  threads > $work/before
  sleep $seconds
  threads > $work/after
  join -a 2 $work/before $work/after | awk -v s=$seconds "
    { ns = NF == 4 ? \$3 : \$6 - \$3; switches = NF == 4 ? \$4 : \$7 - \$4; all += ns; times += switches }
    switches > 0 { printf \"  %-18s %8.1f ms, %5d switches\n\", \$2, ns / 1e6, switches }
    END { printf \"%.1f ms of CPU and %d switches in %d s\n\", all / 1e6, times, s }"
  # Pipes to this script are its own.
  for fd in /proc/$proxy/fd/*; do readlink $fd || true; done | sed "s/:.*//; s/^\/dev\/.*/device/; s/^\/.*/file/" | sort | uniq -c |
    awk "{ n += \$1; line = line sprintf(\"%s %s, \", \$1, \$2) } END { print n \" descriptors: \" line }"
  echo "$(ss -Htn state established "( dport = :8001 )" | wc -l) connections to the API server"
  grep -E "VmRSS|Threads" /proc/$proxy/status
'
