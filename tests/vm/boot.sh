#!/usr/bin/env bash
# Runs a script in a virtual machine with another kernel and prints what it prints; the exit status is the script's.
#
#   tests/vm/boot.sh KERNEL SCRIPT [FILE...]
#
# KERNEL is a series that Debian has a cloud kernel for (5.10, 6.1, 6.12, 7.3, also 7.2.13), or "newest". SCRIPT and the files (or folders)
# are copied to /job, where the script runs as root with /job as its working directory; what it leaves in /results is copied to
# out/vm/results/KERNEL (or $PORTOLAN_VM_RESULTS). In the machine: dash as sh, bash, ip, iptables-nft and iptables-legacy, ipset, ipvsadm,
# conntrack, modprobe, busybox for the rest; nft (1.1.3) and /opt/nft/VERSION/nft for other versions.
# Status 77: no machine can be built here; 124: not finished within $PORTOLAN_VM_SECONDS (300); 125: it ended without a result; 126: it did not boot.
set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
(($# >= 2)) || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
series=$1 script=$2
shift 2
if reason=$(vm_reason); then echo "$reason" >&2; exit "$vm_cannot"; fi
image=$(vm_image "$series") || exit
job=$(mktemp -d "$vm_out/job.XXXXXX") || exit
trap 'rm -rf "$job"' EXIT
cp "$script" "$job/run" && chmod +x "$job/run" || exit
for file in "$@"; do cp -aL "$file" "$job/" || exit; done
results=${PORTOLAN_VM_RESULTS:-$vm_out/results/$series}
rm -rf "$results"
vm_run "$image" "$job" "$results" "${PORTOLAN_VM_SECONDS:-300}"
