#!/usr/bin/env bash
# What the console costs a proxy with N services of five endpoints: memory of the proxy without it, with it, and while somebody looks at it;
# how long the first screen takes to come, and to have all verdicts; and a large dump read by the console. Needs root; a namespace of its own.
#   bench/console.sh [--services N] [--dump FILE]
set -euo pipefail
cd "$(dirname "$0")/.."
services=10000 dump=
while [ $# -gt 0 ]; do
  case $1 in
    --services) services=$2 ;; --dump) dump=$(realpath "$2") ;;
    *) sed -n '2,4s/^# *//p' "$0" >&2; exit 2 ;;
  esac
  shift 2
done
[ "$(id -u)" = 0 ] || { echo "bench/console.sh needs root: it creates network namespaces and writes rules" >&2; exit 1; }
bin=${PORTOLAN_BIN:-out/portolan} api=${FAKE_API:-bench/Portolan.FakeApi/bin/Release/net10.0/Portolan.FakeApi}
[ -x "$bin" ] || ./build.sh >&2
[ -x "$api" ] || dotnet build -v q -c Release bench/Portolan.FakeApi >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export bin api work services dump
unshare -n bash -euo pipefail -c '
  ip link set lo up
  "$api" --services $services --endpoints 5 --port 8001 --kubeconfig $work/kubeconfig > $work/api.log 2>&1 &
  trap "kill \$(jobs -p) 2>/dev/null || true" EXIT
  until [ -s $work/kubeconfig ] && (exec 3<>/dev/tcp/127.0.0.1/8001) 2>/dev/null; do sleep 0.05; done
  memory() { awk "/VmRSS/ { printf \"%.1f MB\", \$2 / 1024 }" /proc/$proxy/status; }
  start() {
    "$bin" proxy --kubeconfig $work/kubeconfig --hostname-override node-a "$@" </dev/null >$work/log 2>&1 &
    proxy=$!
    until curl -sf http://127.0.0.1:10256/debug/portolan/status | grep -q "\"synced\":true,\"pending\":false"; do
      kill -0 $proxy; sleep 0.05
    done
    sleep 10
  }
  start
  echo "$services services, without the console: $(memory)"
  kill $proxy; wait $proxy || true
  # A start that finds its rules reads them, which leaves more in memory: both begin with none.
  nft flush ruleset
  start --console 127.0.0.1:8484
  echo "with the console, nobody looks: $(memory)"
  curl -sN http://127.0.0.1:8484/api/events > $work/events &
  begin=$(date +%s%N)
  curl -s --compressed http://127.0.0.1:8484/api/home > $work/home
  echo "first screen: $((($(date +%s%N) - begin) / 1000000)) ms, $(stat -c %s $work/home) bytes of rows"
  until grep -q "\"isComplete\":true" $work/home; do sleep 0.1; curl -s --compressed http://127.0.0.1:8484/api/home > $work/home; done
  echo "with all verdicts: $((($(date +%s%N) - begin) / 1000000)) ms; $(grep -o "\"state\":\"works\"" $work/home | wc -l) work"
  sleep 15
  echo "with the console, one viewer: $(memory)"
  kill $proxy; wait $proxy || true
  if [ -n "$dump" ]; then
    begin=$(date +%s%N)
    "$bin" console --rules "$dump" --listen 127.0.0.1:8485 > $work/console 2>&1 &
    until curl -sf http://127.0.0.1:8485/api/state > $work/state; do sleep 0.05; done
    echo "a dump of $(stat -c %s "$dump") bytes read and served after $((($(date +%s%N) - begin) / 1000000)) ms"
    begin=$(date +%s%N)
    curl -s -X POST --data-binary @"$dump" -H "X-File-Name: dump.txt" http://127.0.0.1:8485/api/drop > $work/dropped
    echo "dropped: $((($(date +%s%N) - begin) / 1000000)) ms: $(cut -c1-120 $work/dropped)"
  fi
'
