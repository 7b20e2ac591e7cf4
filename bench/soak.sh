#!/usr/bin/env bash
# Changes without end: portolan against an API server with N services on loopback, in a network namespace, while endpoints of services move.
# Prints memory, threads and descriptors of the proxy after each tenth of the changes, and at the end whether the kernel holds what a fresh
# start would write. Needs root. PORTOLAN_BIN and FAKE_API name other builds of the two programs.
#   bench/soak.sh [--services N] [--changes N] [--batch N] [--mode nftables|iptables] [--seconds N]
set -euo pipefail
cd "$(dirname "$0")/.."
services=10000 changes=1000000 batch=1000 mode=nftables seconds=86400
while [ $# -gt 0 ]; do
  case $1 in
    --services) services=$2 ;; --changes) changes=$2 ;; --batch) batch=$2 ;; --mode) mode=$2 ;; --seconds) seconds=$2 ;;
    *) sed -n '2,6s/^# *//p' "$0" >&2; exit 2 ;;
  esac
  shift 2
done
[ "$(id -u)" = 0 ] || { echo "bench/soak.sh needs root: it creates network namespaces and writes rules" >&2; exit 1; }
bin=${PORTOLAN_BIN:-out/portolan} api=${FAKE_API:-bench/Portolan.FakeApi/bin/Release/net10.0/Portolan.FakeApi}
[ -x "$bin" ] || ./build.sh >&2
[ -x "$api" ] || dotnet build -v q -c Release bench/Portolan.FakeApi >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XTABLES_LOCKFILE=$work/xtables.lock bin api work services changes batch mode seconds
unshare -n bash -euo pipefail -c '
  ip link set lo up
  "$api" --services $services --endpoints 5 --port 8001 --kubeconfig $work/kubeconfig > $work/api.log 2>&1 &
  trap "kill %1 2>/dev/null || true" EXIT
  until [ -s $work/kubeconfig ] && (exec 3<>/dev/tcp/127.0.0.1/8001) 2>/dev/null; do sleep 0.05; done
  start() {
    "$bin" proxy --kubeconfig $work/kubeconfig --hostname-override node-a --proxy-mode $mode > $work/log 2>&1 &
    proxy=$!
    settle
  }
  settle() {
    until curl -sf http://127.0.0.1:10256/debug/portolan/status | grep -q "\"synced\":true,\"pending\":false"; do
      kill -0 $proxy; sleep 0.1
    done
  }
  state() {
    case $mode in
      nftables) nft list ruleset | sed "s/ counter packets [0-9]* bytes [0-9]*//" | sort ;;
      *) iptables-save | grep -v "^#" | sed "s/\[[0-9:]*\]//" | sort ;;
    esac
  }
  figures() {
    printf "%10d changes, %6d s: %6d kB resident, %3d threads, %4d descriptors\n" $1 $SECONDS \
      $(grep -oE "^VmRSS:.*" /proc/$proxy/status | grep -oE "[0-9]+") $(ls /proc/$proxy/task | wc -l) $(ls /proc/$proxy/fd | wc -l)
  }
  start
  figures 0
  tenth=$((changes / 10)) next=$((changes / 10)) done=0
  while [ $done -lt $changes ] && [ $SECONDS -lt $seconds ]; do
    seq $((done % services)) $(( (done % services) + batch - 1 )) | awk -v n=$services "{print \$1 % n}" > $work/touch
    curl -sf --data-binary @$work/touch http://127.0.0.1:8001/control/touch > /dev/null
    done=$((done + batch))
    if [ $done -ge $next ]; then settle; figures $done; next=$((next + tenth)); fi
  done
  settle
  figures $done
  state > $work/after
  kill $proxy; wait $proxy || true
  case $mode in nftables) nft flush ruleset ;; *) "$bin" proxy --cleanup > /dev/null ;; esac
  start
  state > $work/fresh
  kill $proxy; wait $proxy || true
  if cmp -s $work/after $work/fresh; then echo "the kernel holds what a fresh start writes ($(wc -l < $work/fresh) lines)"; else
    echo "the kernel holds something else than a fresh start writes:" >&2; diff $work/after $work/fresh | head -20 >&2; exit 1
  fi
'
