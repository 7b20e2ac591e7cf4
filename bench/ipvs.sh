#!/usr/bin/env bash
# Mode ipvs beside `ipvsadm -R` of the same state, in a virtual machine: messages and processor time of a first sync and of changes.
#
#   bench/ipvs.sh [KERNEL] [SERVICES] [ENDPOINTS]       (6.12 10000 5)
#
# Emulated processors are some eight times slower: compare the figures with each other. ipvsadm adds servers alone; the first sync adds routes and
# the table as well. PORTOLAN_BENCH is a native Portolan.Bench, by default out/bench/Portolan.Bench.
set -euo pipefail
cd "$(dirname "$0")/.."
kernel=${1:-6.12} services=${2:-10000} endpoints=${3:-5}
bench=${PORTOLAN_BENCH:-out/bench/Portolan.Bench}
if [[ -z ${PORTOLAN_BENCH:-} && (! -x $bench || -n $(find bench/Portolan.Bench src/Portolan.DataPlanes -name '*.cs' -newer "$bench" -print -quit)) ]]; then
  dotnet publish bench/Portolan.Bench -c Release -r linux-x64 -o out/bench --nologo -v quiet >&2
fi
job=$(mktemp)
trap 'rm -f "$job"' EXIT
cat >"$job" <<END
#!/bin/bash
ip link set lo up
ip link add eth0 type dummy && ip address add 192.168.0.1/24 dev eth0 && ip link set eth0 up
modprobe -a ip_vs ip_vs_rr nf_tables nft_chain_nat nft_masq nft_reject_ipv4 nft_fib_ipv4
/job/$(basename "$bench") ipvs $services $endpoints 3
ipvsadm -Sn >/tmp/state
echo "\$(wc -l </tmp/state) lines of ipvsadm -Sn"
for round in 1 2 3; do
  ipvsadm -C
  TIMEFORMAT="ipvsadm -R, round \$round: %R s, user %U s, kernel %S s"
  time ipvsadm -R </tmp/state
done
END
PORTOLAN_VM_MEMORY=${PORTOLAN_VM_MEMORY:-2048} PORTOLAN_VM_SECONDS=${PORTOLAN_VM_SECONDS:-1800} tests/vm/boot.sh "$kernel" "$job" "$bench"
