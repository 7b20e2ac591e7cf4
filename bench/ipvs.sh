#!/usr/bin/env bash
# Mode ipvs beside `ipvsadm -R` of the same state, in a virtual machine: messages and processor time of a first sync and of changes.
#
#   bench/ipvs.sh [KERNEL] [SERVICES] [ENDPOINTS]       (6.12 10000 5)
#
# Emulated processors are some eight times slower: compare the figures with each other. ipvsadm adds servers alone; the first sync adds routes and
# the table as well. PORTOLAN_BENCH is the folder of a published Portolan.Bench; else it is published, without native code.
set -euo pipefail
cd "$(dirname "$0")/.."
kernel=${1:-6.12} services=${2:-10000} endpoints=${3:-5}
bench=${PORTOLAN_BENCH:-$PWD/out/vm/projects/Portolan.Bench}
[[ -n ${PORTOLAN_BENCH:-} ]] || dotnet publish bench/Portolan.Bench -c Release -r linux-x64 --self-contained -p:PublishAot=false \
  -p:InvariantGlobalization=true -o "$bench" --nologo -v quiet
job=$(mktemp)
trap 'rm -f "$job"' EXIT
cat >"$job" <<END
#!/bin/bash
ip link set lo up
ip link add eth0 type dummy && ip address add 192.168.0.1/24 dev eth0 && ip link set eth0 up
cd /job/$(basename "$bench")
./Portolan.Bench ipvs $services $endpoints 3
ipvsadm -Sn >/tmp/state
echo "\$(wc -l </tmp/state) lines of ipvsadm -Sn"
for round in 1 2 3; do
  ipvsadm -C
  TIMEFORMAT="ipvsadm -R, round \$round: %R s, user %U s, kernel %S s"
  time ipvsadm -R </tmp/state
done
END
PORTOLAN_VM_MEMORY=${PORTOLAN_VM_MEMORY:-2048} PORTOLAN_VM_SECONDS=${PORTOLAN_VM_SECONDS:-1200} tests/vm/boot.sh "$kernel" "$job" "$bench"
