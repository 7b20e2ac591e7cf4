#!/usr/bin/env bash
# A proxy at rest: portolan against an API server with N services on loopback, in a network namespace, where nothing changes. Prints the CPU
# time and the switches of each thread over some seconds, descriptors by kind, connections to the API server, and memory. Needs root.
# PORTOLAN_BIN and FAKE_API name other builds of the two programs.
# With --http2 it speaks HTTP/2 over TLS as to a real API server (through nghttpx, Debian's nghttp2-proxy), else HTTP/1.1.
#   bench/idle.sh [--services N] [--seconds N] [--mode nftables|iptables] [--http2]
set -euo pipefail
cd "$(dirname "$0")/.."
services=1000 seconds=50 mode=nftables http2=
while [ $# -gt 0 ]; do
  case $1 in
    --http2) http2=1; shift; continue ;;
    --services) services=$2 ;; --seconds) seconds=$2 ;; --mode) mode=$2 ;;
    *) sed -n '2,6s/^# *//p' "$0" >&2; exit 2 ;;
  esac
  shift 2
done
[ "$(id -u)" = 0 ] || { echo "bench/idle.sh needs root: it creates network namespaces and writes rules" >&2; exit 1; }
bin=${PORTOLAN_BIN:-out/portolan} api=${FAKE_API:-bench/Portolan.FakeApi/bin/Release/net10.0/Portolan.FakeApi}
[ -x "$bin" ] || ./build.sh >&2
[ -x "$api" ] || dotnet build -v q -c Release bench/Portolan.FakeApi >&2
if [ -n "$http2" ] && ! command -v nghttpx >/dev/null; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nghttp2-proxy openssl >/dev/null
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XTABLES_LOCKFILE=$work/xtables.lock bin api work services seconds mode http2
unshare -n bash -euo pipefail -c '
  ip link set lo up
  "$api" --services $services --endpoints 5 --port 8001 --kubeconfig $work/kubeconfig > $work/api.log 2>&1 &
  trap "kill %1 %2 %3 2>/dev/null || true" EXIT
  until [ -s $work/kubeconfig ] && (exec 3<>/dev/tcp/127.0.0.1/8001) 2>/dev/null; do sleep 0.05; done
  port=8001
  if [ -n "$http2" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=api -addext subjectAltName=IP:127.0.0.1 \
      -keyout $work/key -out $work/crt 2>$work/openssl.log
    nghttpx --frontend="127.0.0.1,8443" --backend="127.0.0.1,8001" --workers=1 --errorlog-file=$work/nghttpx.log \
      --backend-read-timeout=1h --stream-read-timeout=1h --frontend-http2-read-timeout=1h $work/key $work/crt \
      2>/dev/null &
    sed -i "s|server: \"http://127.0.0.1:8001/*\"|server: \"https://127.0.0.1:8443\", certificate-authority: $work/crt|" $work/kubeconfig
    port=8443
    until (exec 3<>/dev/tcp/127.0.0.1/8443) 2>/dev/null; do sleep 0.05; done
  fi
  # Descriptors that this script has of its caller are none of the proxy.
  (
    for fd in /proc/$BASHPID/fd/*; do ((${fd##*/} <= 2)) || eval "exec ${fd##*/}>&-"; done 2>/dev/null
    exec "$bin" proxy --kubeconfig $work/kubeconfig --hostname-override node-a --proxy-mode $mode </dev/null >$work/log 2>&1
  ) &
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
  for fd in /proc/$proxy/fd/*; do readlink $fd || true; done | sed "s/:.*//; s/^\/dev\/.*/device/; s/^\/.*/file/" | sort | uniq -c |
    awk "{ n += \$1; line = line sprintf(\"%s %s, \", \$1, \$2) } END { print n \" descriptors: \" line }"
  echo "$(ss -Htn state established "( dport = :$port )" | wc -l) connections to the API server"
  grep -E "VmRSS|Threads" /proc/$proxy/status
'
