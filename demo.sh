#!/usr/bin/env bash
# Shows portolan at work: a node with five pods and a client outside, each in a network namespace, and real traffic between them; then what
# the chart says of a service, and of four things that are broken one after the other; at the end the console shows one of them.
#
#   ./demo.sh          ends with status 0 if all four causes were named
#   ./demo.sh --keep   leaves a shell on the node and the console's page at the end, until it exits
#
# Everything is removed at the end, and the machine's own rules are never touched. Set PORTOLAN_BIN to use another binary than the one built here.
set -euo pipefail
cd "$(dirname "$0")"

keep=
case "${1:-}" in
  "") ;;
  --keep) keep=yes ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

if [[ $EUID -ne 0 ]]; then
  echo "demo.sh needs root to create network namespaces: sudo ./demo.sh" >&2
  exit 1
fi

tag="portolan-demo-$$"
node="$tag-node" client="$tag-client"
pods=(1 2 3 4 5)
service=172.30.0.80 balancer=172.6.6.6
named=0
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
  command -v curl >/dev/null || packages+=(curl)
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
    [[ -x out/portolan && -z "$(find src web/src Directory.*.props -newer out/portolan -type f -not -path '*/obj/*' -not -path '*/bin/*' -print -quit)" ]] || ./build.sh
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
  until_answered "$service" 80
}

# The node looks for a pod that is gone for three seconds before it says so.
answers() { in_client timeout 5 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null; }

# until_answered ADDRESS PORT: the proxy follows its files within a fraction of a second; a slow machine gets a minute.
until_answered() {
  local deadline=$((SECONDS + 60))
  until answers "$1" "$2"; do
    if ((SECONDS > deadline)); then
      echo "$1:$2 does not answer. The proxy's log:" >&2
      cat "$work/$node.log" >&2
      exit 1
    fi
    sleep 0.1
  done
}

# put_manifest NAME: standard input becomes a file that the proxy follows. It is replaced atomically, so that it is never read half-written.
put_manifest() {
  cat >"$work/$1"
  mv "$work/$1" "$work/manifests/$1"
}

# put_testsvc POLICY: a load balancer's service, with endpoints that are said to be on another node.
put_testsvc() {
  {
    cat <<EOF
apiVersion: v1
kind: Service
metadata: {namespace: default, name: testsvc}
spec:
  type: LoadBalancer
  clusterIP: 172.30.5.207
  clusterIPs: ["172.30.5.207"]
  ipFamilies: [IPv4]
  externalTrafficPolicy: $1
  ports:
    - {port: 443, protocol: TCP, nodePort: 30031}
status: {loadBalancer: {ingress: [{ip: $balancer}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: default, name: testsvc-1, labels: {kubernetes.io/service-name: testsvc}}
addressType: IPv4
ports:
  - {name: "", port: 8080, protocol: TCP}
endpoints:
EOF
    printf '  - {addresses: ["10.180.0.10%s"], nodeName: harbor-2, conditions: {ready: true}}\n' "${pods[@]}"
  } | put_manifest testsvc.yaml
}

show_services() {
  heading "portolan services: what is served, as read back from the kernel"
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
  grep -v -e '10\.180\.0\.103' -e 'fd00:10:180::103' samples/web.yaml | put_manifest web.yaml
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
  local deadline=$((SECONDS + 10))
  until grep -q ' warning .* objects written' "$work/$node.log" || ((SECONDS > deadline)); do
    sleep 0.1
  done
  grep ' warning ' "$work/$node.log" | head -n 2 || true
}

show_chart() {
  put_testsvc Cluster
  until_answered "$balancer" 443
  heading "portolan explain default/testsvc --from outside: what happens to a service's packets, in words (here of the load balancer's only)"
  in_node "$portolan" explain default/testsvc --from outside >"$work/explain"
  awk -v RS= -v address="external address $balancer" 'NR == 1 { print; print "" } index($0, address) && NR > 1' "$work/explain"
  heading "portolan graph default/testsvc: all of it as a picture (--format svg, dot or mermaid for others)"
  in_node "$portolan" graph default/testsvc
}

# ask CAUSE ADDRESS PORT WHAT...: asks why until it names the cause. Each time a client dials first, so that the node has seen what comes of
# it. A slow machine gets a minute.
ask() {
  local cause=$1 address=$2 port=$3 deadline=$((SECONDS + 60))
  shift 3
  while true; do
    if ! answers "$address" "$port"; then
      in_node "$portolan" why "$@" >"$work/why" 2>"$work/why-errors" || true
      if grep -q "^  cause: $cause: " "$work/why"; then
        named=$((named + 1))
        break
      fi
    fi
    if ((SECONDS > deadline)); then
      echo "This should have named $cause:"
      cat "$work/why" "$work/why-errors" || true
      return
    fi
    sleep 0.1
  done
  echo "portolan why $1 ${2:-} ${3:-}"
  head -n 3 "$work/why"
}

reject_pods() {
  in_node nft -f - <<EOF
table inet firewall {
  chain forward {
    type filter hook forward priority 10; policy accept;
    ct state established,related accept
    ip daddr 10.180.0.0/24 reject with icmpx admin-prohibited
  }
}
EOF
}

break_and_ask() {
  heading "Broken, 1 of 4: the slices' port has another name than the Service's"
  sed '/^kind: EndpointSlice/,$s/name: http,/name: web,/' samples/web.yaml | put_manifest web.yaml
  ask port-name "$service" 80 shop/web --from outside --manifests "$work/manifests" --node harbor-1
  put_manifest web.yaml <samples/web.yaml
  until_answered "$service" 80

  heading "Broken, 2 of 4: externalTrafficPolicy becomes Local, and the endpoints are on another node"
  put_testsvc Local
  ask no-local-endpoint "$balancer" 443 "$balancer:443" --from outside
  put_testsvc Cluster
  until_answered "$balancer" 443

  heading "Broken, 3 of 4: a firewall on the node rejects what goes to pods"
  reject_pods
  ask stopped-by-rule "$service" 80 shop/web --from outside
  in_node nft delete table inet firewall
  until_answered "$service" 80

  heading "Broken, 4 of 4: the only endpoint is a pod that is gone"
  sed -e '/10\.180\.0\.10[2-5]/d' -e 's/10\.180\.0\.101/10.180.0.110/' samples/web.yaml | put_manifest web.yaml
  ask endpoint-silent "$service" 80 "$service:80" --from outside
  put_manifest web.yaml <samples/web.yaml
  until_answered "$service" 80
}

# The firewall's rules of the third fault stay, so that there is something to see.
show_console() {
  heading "portolan console: the same as a page, while a firewall on the node rejects what goes to pods"
  reject_pods
  "$portolan" console --netns "$node" --listen 127.0.0.1:0 >"$work/console" 2>&1 </dev/null &
  started+=($!)
  local address= deadline=$((SECONDS + 60))
  until address=$(grep -o 'http://[^;]*/' "$work/console"); do
    if ((SECONDS > deadline)) || grep -q "no page in it" "$work/console"; then
      cat "$work/console"
      return
    fi
    sleep 0.1
  done
  until curl -s "${address}api/home" | grep -q '"isComplete":true' || ((SECONDS > deadline)); do sleep 0.2; done
  curl -s "${address}api/home" | grep -o '"name":"[^"]*"\|"state":"[^"]*"\|"cause":[^,]*' | cut -d: -f2- | tr -d '"' |
    paste - - - | awk -F'\t' '$2 == "fails" { print "  " $1 ": " $3 }'
  if [[ -n $keep ]]; then
    echo "Open $address in a browser, while the shell below is there."
  else
    echo "It was at $address; ./demo.sh --keep leaves it open."
  fi
}

leave_a_shell() {
  heading "A shell on the node: all is removed when it exits"
  cat <<EOF
  try                    portolan why shop/web, portolan graph default/testsvc, portolan watch
  the cluster's objects  $work/manifests (the proxy follows changes)
  the client outside     ip netns exec $client out/traffic/portolan-traffic share --server $service:80
EOF
  mkdir "$work/bin"
  ln -s "$(realpath "$portolan")" "$work/bin/portolan"
  # Whatever was typed last says nothing about the demonstration.
  in_node env PATH="$work/bin:$PATH" PS1='node# ' bash --norc || true
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
show_chart
break_and_ask
show_console
if [[ -n $keep ]]; then
  leave_a_shell
fi
if ((named < 4)); then
  heading "Only $named of the four causes were named."
  exit 1
fi
heading "All four causes were named. Everything is removed."
