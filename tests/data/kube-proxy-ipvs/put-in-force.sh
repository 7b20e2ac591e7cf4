#!/bin/sh
# Puts in force what a kube-proxy v1.36 in mode ipvs has in the kernel of node-a of the cluster in tests/data/harbor, of the services with living
# endpoints: settings, interface, ipsets, virtual servers, chains. What is there already stays, as with a kube-proxy that starts.
#   put-in-force.sh nft|legacy
set -e
# Loads IPVS, so that its settings exist.
ipvsadm -Ln >/dev/null
for setting in conntrack expire_nodest_conn expire_quiescent_template; do echo 1 >/proc/sys/net/ipv4/vs/$setting; done

# The interface stays down: its addresses are the machine's all the same.
ip link show kube-ipvs0 >/dev/null 2>&1 || ip link add kube-ipvs0 type dummy
for address in 172.30.10.1 172.30.10.2 172.30.10.99; do ip address replace $address/32 dev kube-ipvs0; done

while read -r name type; do ipset create -exist "$name" $type; done <<END
KUBE-CLUSTER-IP hash:ip,port
KUBE-EXTERNAL-IP hash:ip,port
KUBE-HEALTH-CHECK-NODE-PORT bitmap:port range 0-65535
KUBE-IPVS-IPS hash:ip
KUBE-LOAD-BALANCER hash:ip,port
KUBE-LOAD-BALANCER-FW hash:ip,port
KUBE-LOAD-BALANCER-SOURCE-CIDR hash:ip,port,net
KUBE-LOOP-BACK hash:ip,port,ip
KUBE-NODE-PORT-TCP bitmap:port range 0-65535
END
while read -r name member; do ipset add -exist "$name" "$member"; done <<END
KUBE-CLUSTER-IP 172.30.10.1,tcp:80
KUBE-CLUSTER-IP 172.30.10.2,tcp:80
KUBE-CLUSTER-IP 172.30.10.99,tcp:80
KUBE-IPVS-IPS 172.30.10.1
KUBE-IPVS-IPS 172.30.10.2
KUBE-IPVS-IPS 172.30.10.99
KUBE-LOOP-BACK 10.244.1.10,tcp:8080,10.244.1.10
KUBE-NODE-PORT-TCP 30080
KUBE-NODE-PORT-TCP 30999
END

# 172.30.10.99 and port 30999 are of services that were deleted while no proxy ran; 192.0.2.77 is somebody else's.
while read -r server pods flags; do
  ipvsadm -Sn | grep -q -e "-A -t $server " || ipvsadm -A -t "$server" -s rr $flags
  for pod in $(echo "$pods" | tr , ' '); do
    [ "$pod" = none ] || ipvsadm -a -t "$server" -r "$pod:8080" -m -w 1 2>/dev/null || ipvsadm -e -t "$server" -r "$pod:8080" -m -w 1
  done
done <<END
172.30.10.1:80 10.244.1.10,10.244.2.10,10.244.3.10
172.30.10.2:80 10.244.1.20,10.244.2.20 -p 10800
192.168.10.11:30080 10.244.1.20,10.244.2.20 -p 10800
172.30.10.99:80 10.244.9.99
192.168.10.11:30999 10.244.9.99
192.0.2.77:80 none
END

# pkg/proxy/ipvs/proxier.go: its chains, and the rules between them.
"iptables-$1-save" | grep -q KUBE-IPVS-FILTER || "iptables-$1-restore" --noflush <<END
*nat
:KUBE-SERVICES - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-NODE-PORT - [0:0]
:KUBE-LOAD-BALANCER - [0:0]
:KUBE-MARK-MASQ - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-NODE-PORT -p tcp -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ
-A KUBE-POSTROUTING -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
-A KUBE-SERVICES -s 127.0.0.0/8 -j RETURN
-A KUBE-SERVICES -m set --match-set KUBE-LOAD-BALANCER dst,dst -j KUBE-LOAD-BALANCER
-A KUBE-SERVICES ! -s 10.244.0.0/16 -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT
-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT
COMMIT
*filter
:KUBE-FORWARD - [0:0]
:KUBE-NODE-PORT - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SOURCE-RANGES-FIREWALL - [0:0]
:KUBE-IPVS-FILTER - [0:0]
:KUBE-IPVS-OUT-FILTER - [0:0]
-A INPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-FILTER
-A INPUT -m comment --comment "kube-proxy firewall rules" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "kubernetes health check rules" -j KUBE-NODE-PORT
-A FORWARD -m comment --comment "kube-proxy firewall rules" -j KUBE-PROXY-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A OUTPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-OUT-FILTER
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD-BALANCER dst,dst -j RETURN
-A KUBE-IPVS-FILTER -m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN
-A KUBE-IPVS-FILTER -m set --match-set KUBE-EXTERNAL-IP dst,dst -j RETURN
-A KUBE-IPVS-FILTER -m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j RETURN
-A KUBE-IPVS-FILTER -m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT
-A KUBE-NODE-PORT -m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j ACCEPT
-A KUBE-PROXY-FIREWALL -m set --match-set KUBE-LOAD-BALANCER-FW dst,dst -j KUBE-SOURCE-RANGES-FIREWALL
-A KUBE-SOURCE-RANGES-FIREWALL -m set --match-set KUBE-LOAD-BALANCER-SOURCE-CIDR dst,dst,src -j RETURN
-A KUBE-SOURCE-RANGES-FIREWALL -j DROP
COMMIT
END
