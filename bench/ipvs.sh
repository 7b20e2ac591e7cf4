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
modprobe -a ip_vs ip_vs_rr nf_tables nft_chain_nat nft_masq nft_reject_ipv4 nft_fib_ipv4
# A network namespace for each: the kernel keeps deleted real servers for a minute and looks through them for each new one.
own() { unshare -n sh -c 'ip link set lo up; ip link add eth0 type dummy; ip address add 192.168.0.1/24 dev eth0; ip link set eth0 up; '"\$1"; }
TIMEFORMAT="ipvsadm -R: %R s, user %U s, kernel %S s"
for round in 1 2 3; do
  echo "round \$round"
  own "/job/$(basename "$bench") ipvs $services $endpoints 1; ipvsadm -Sn >/tmp/state"
  own "ipvsadm -Ln >/dev/null; exec bash -c 'TIMEFORMAT=\"\$TIMEFORMAT\"; time ipvsadm -R </tmp/state'"
done
echo "\$(wc -l </tmp/state) lines of ipvsadm -Sn"
END
PORTOLAN_VM_MEMORY=${PORTOLAN_VM_MEMORY:-2048} PORTOLAN_VM_SECONDS=${PORTOLAN_VM_SECONDS:-1800} tests/vm/boot.sh "$kernel" "$job" "$bench"
