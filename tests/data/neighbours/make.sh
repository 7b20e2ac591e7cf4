#!/usr/bin/env bash
# Makes the dumps of firewalld and portmap in a network and mount namespace of its own. Needs root, and on Debian 12 the packages
# firewalld, dbus and containernetworking-plugins (they can be unpacked elsewhere: PLUGINS=, and firewalld in PATH).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [[ ${1:-} != inside ]]; then
  exec unshare --net --mount --pid --fork --mount-proc "$0" inside
fi
plugins=${PLUGINS:-/usr/lib/cni}
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus
mount -t tmpfs tmpfs /etc/firewalld

dump_firewalld() {
  dbus-daemon --system --nopidfile --fork --print-pid >/run/dbus.pid
  firewalld --nofork --nopid &
  local program=$!
  for _ in $(seq 60); do
    nft list ruleset | grep -q filter_FWD_trusted && break
    sleep 1
  done
  sleep 2
  nft list ruleset >"$1"
  kill "$program" "$(cat /run/dbus.pid)"
  wait "$program" || true
  nft flush ruleset
}

firewall-offline-cmd --zone=public --add-interface=ext0
firewall-offline-cmd --zone=trusted --add-interface=pod0
dump_firewalld "$here/firewalld.nft"

firewall-offline-cmd --zone=drop --add-source=203.0.113.64/26
firewall-offline-cmd --zone=public --add-rich-rule='rule family="ipv4" source address="198.51.100.0/24" port port="80" protocol="tcp" reject'
firewall-offline-cmd --zone=public --add-rich-rule='rule family="ipv4" source address="203.0.113.0/28" accept'
firewall-offline-cmd --zone=public --add-masquerade
firewall-offline-cmd --zone=public --add-forward-port=port=8080:proto=tcp:toport=80:toaddr=10.180.0.3
firewall-offline-cmd --zone=public --add-port=30000-30400/tcp
dump_firewalld "$here/firewalld-zones.nft"

CNI_COMMAND=ADD CNI_CONTAINERID=4fe61a2b CNI_NETNS=/proc/self/ns/net CNI_IFNAME=eth0 CNI_PATH="$plugins" "$plugins/portmap" >/dev/null <<'CONF'
{"cniVersion": "0.4.0", "name": "pod-net", "type": "portmap", "capabilities": {"portMappings": true}, "snat": true,
 "runtimeConfig": {"portMappings": [{"hostPort": 80, "containerPort": 8080, "protocol": "tcp"},
  {"hostPort": 53, "containerPort": 53, "protocol": "udp"},
  {"hostPort": 30001, "containerPort": 8081, "protocol": "tcp", "hostIP": "192.168.0.2"}]},
 "prevResult": {"cniVersion": "0.4.0", "interfaces": [{"name": "pod0"}, {"name": "eth0", "sandbox": "/proc/self/ns/net"}],
  "ips": [{"version": "4", "interface": 1, "address": "10.180.0.77/24"},
   {"version": "6", "interface": 1, "address": "fd00:10:180::77/64"}]}}
CONF
iptables-save -t nat | grep -v '^#' >"$here/portmap.txt"
ip6tables-save -t nat | grep -v '^#' >"$here/portmap-v6.txt"
