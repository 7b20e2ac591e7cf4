#!/usr/bin/env bash
# Shows portolan at work: a node with five pods and a client outside, each in a network namespace, and real traffic between them.
# Everything is removed at the end, and the machine's own rules are never touched. Set PORTOLAN_BIN to use another binary than the one built here.
set -euo pipefail
cd "$(dirname "$0")"

if [[ $EUID -ne 0 ]]; then
  echo "demo.sh needs root to create network namespaces: sudo ./demo.sh" >&2
  exit 1
fi

tag="portolan-demo-$$"
node="$tag-node" client="$tag-client"
pods=(1 2 3 4 5)
service=172.30.0.80
work=$(mktemp -d "/tmp/$tag.XXXXXX")
started=()

clean_up() {
  local status=$?
  trap - EXIT INT TERM
  if ((${#started[@]})); then
    kill "${started[@]}" 2>/dev/null || true
    wait "${started[@]}" 2>/dev/null || true
  fi
  local name
  for name in "$node" "$client" "${pods[@]/#/$tag-pod-}"; do
    ip netns delete "$name" 2>/dev/null || true
  done
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

heading() { printf '\n\033[1m%s\033[0m\n' "$*"; }
in_node() { ip netns exec "$node" "$@"; }
in_client() { ip netns exec "$client" "$@"; }
# spawn NAMESPACE COMMAND...: starts what runs until the end; its output goes to a file that is shown if something fails.
spawn() {
  local where=$1
  shift
  ip netns exec "$where" "$@" >"$work/$where.log" 2>&1 </dev/null &
  started+=($!)
}

install_missing() {
  local packages=()
  command -v ip >/dev/null || packages+=(iproute2)
  command -v nft >/dev/null || packages+=(nftables)
  if ((${#packages[@]})); then
    heading "Installing ${packages[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}" >/dev/null
  fi
}

build() {
  export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
  if [[ -n "${PORTOLAN_BIN:-}" ]]; then
    portolan=$PORTOLAN_BIN
  else
    heading "Building"
    [[ -x out/portolan && -z "$(find src Directory.*.props -newer out/portolan -type f -not -path '*/obj/*' -not -path '*/bin/*' -print -quit)" ]] || ./build.sh
    portolan=out/portolan
  fi
  dotnet build bench/Portolan.Traffic -c Release -v quiet -nologo -clp:ErrorsOnly -o out/traffic
  traffic=out/traffic/portolan-traffic
}

# The pods are connected to a bridge but send everything to the node, so that replies pass the same rules on the way back.
build_network() {
  ip netns add "$node"
  ip netns add "$client"
  in_node sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.send_redirects=0 \
    net.ipv4.conf.default.send_redirects=0 net.ipv6.conf.default.accept_dad=0
  ip -n "$node" -batch - <<EOF
link set lo up
link add cni0 type bridge
link set cni0 up
address add 10.180.0.1/24 dev cni0
address add fd00:10:180::1/64 dev cni0 nodad
link add eth0 type veth peer name eth0 netns $client
link set eth0 up
address add 192.168.0.2/24 dev eth0
address add 2001:db8::2/64 dev eth0 nodad
route add default via 192.168.0.100
EOF
  ip -n "$client" -batch - <<EOF
link set lo up
link set eth0 up
address add 192.168.0.100/24 dev eth0
address add 2001:db8::100/64 dev eth0 nodad
route add default via 192.168.0.2
route add ::/0 via 2001:db8::2
EOF
  local pod
  for pod in "${pods[@]}"; do
    ip netns add "$tag-pod-$pod"
    ip -n "$node" -batch - <<EOF
link add veth$pod type veth peer name eth0 netns $tag-pod-$pod
link set veth$pod master cni0
link set veth$pod type bridge_slave hairpin on
link set veth$pod up
EOF
    ip -n "$tag-pod-$pod" -batch - <<EOF
link set lo up
link set eth0 up
address add 10.180.0.10$pod/32 dev eth0
address add fd00:10:180::10$pod/128 dev eth0 nodad
route add default via 10.180.0.1 dev eth0 onlink
route add ::/0 via fd00:10:180::1 dev eth0 onlink
EOF
    spawn "$tag-pod-$pod" "$traffic" serve --name "pod-$pod"
  done
}

start_proxy() {
  mkdir "$work/manifests"
  cp samples/*.yaml "$work/manifests/"
  cat >"$work/kube-proxy.yaml" <<EOF
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: harbor-1
clusterCIDR: 10.180.0.0/24,fd00:10:180::/64
EOF
  spawn "$node" "$portolan" proxy --config "$work/kube-proxy.yaml" --manifests "$work/manifests"
  local proxy=${started[-1]} attempt
  for attempt in {1..100}; do
    if in_client timeout 0.2 bash -c "exec 3<>/dev/tcp/$service/80" 2>/dev/null; then
      return
    fi
    kill -0 "$proxy" 2>/dev/null || break
    sleep 0.05
  done
  echo "The service does not answer (attempt $attempt). The proxy's log:" >&2
  cat "$work/$node.log" >&2
  exit 1
}

show_services() {
  heading "The services in samples/, as portolan reads them back from the kernel"
  in_node "$portolan" services
}

show_shares() {
  heading "3,000 requests from outside to http://$service, each over a new connection"
  in_client "$traffic" share --server "$service:80" --requests 3000
  heading "The same over IPv6"
  in_client "$traffic" share --server "[fd00:172:30::80]:80" --requests 3000
}

take_a_pod_out() {
  heading "pod-3 is taken out of the service under 300 new connections a second"
  in_client "$traffic" steady --server "$service:80" --per-second 300 --seconds 4 &
  local load=$!
  sleep 1.5
  # The file is replaced atomically, so that it is never read half-written.
  grep -v -e '10\.180\.0\.103' -e 'fd00:10:180::103' samples/web.yaml >"$work/web.yaml"
  mv "$work/web.yaml" "$work/manifests/web.yaml"
  wait "$load"
  heading "Who answers now"
  in_client "$traffic" share --server "$service:80" --requests 1000
}

flush_and_heal() {
  heading "Another program flushes all rules of the node: nft flush ruleset"
  in_client "$traffic" outage --server "$service:80" --seconds 5 >"$work/outage" &
  local watcher=$!
  sleep 0.7
  in_node nft flush ruleset
  wait "$watcher"
  echo "The service answered again after $(cat "$work/outage") ms. The proxy's log:"
  tail -n 3 "$work/$node.log"
}

show_rules() {
  heading "What the kernel holds: nft list table ip portolan (shortened)"
  in_node nft list table ip portolan >"$work/rules"
  head -n 60 "$work/rules"
  echo "... $(wc -l <"$work/rules") lines in total"
}

install_missing
build
heading "A node, five pods and a client, each in a network namespace"
build_network
start_proxy
show_services
show_shares
take_a_pod_out
flush_and_heal
show_rules
heading "Done. Everything has been removed."
