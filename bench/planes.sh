#!/usr/bin/env bash
# The claim of articles about IPVS, measured in one virtual machine: what the first packet of a connection meets until its service is found, and
# what connect() takes, with 100 to 10,000 services of five endpoints: iptables as kube-proxy writes it (one rule for each service), our tree of
# chains, ipvs and nftables, and without rules.
#
#   bench/planes.sh [--kernel 6.12] [--sizes "100 1000 5000 10000"] [--plot docs/planes.svg]
#
# Prints a table; the plot is drawn from the same figures. Rules met are counted, not timed. Emulated processors are some eight times slower:
# compare the times with each other. PORTOLAN_BENCH is a native Portolan.Bench, by default out/bench/Portolan.Bench.
set -euo pipefail
cd "$(dirname "$0")/.."
kernel=6.12 sizes="100 1000 5000 10000" plot=docs/planes.svg
while (($#)); do
  case $1 in
    --kernel) kernel=$2; shift 2 ;;
    --sizes) sizes=$2; shift 2 ;;
    --plot) plot=$2; shift 2 ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
bench=${PORTOLAN_BENCH:-out/bench/Portolan.Bench}
if [[ -z ${PORTOLAN_BENCH:-} && (! -x $bench || -n $(find bench/Portolan.Bench src/Portolan.DataPlanes -name '*.cs' -newer "$bench" -print -quit)) ]]; then
  dotnet publish bench/Portolan.Bench -c Release -r linux-x64 -o out/bench --nologo -v quiet >&2
fi
job=$(mktemp)
trap 'rm -f "$job"' EXIT
cat >"$job" <<END
#!/bin/bash
# Modules are loaded from the machine's own namespace; what does not exist is needed by none.
modprobe -a nf_tables nft_chain_nat ip_vs ip_vs_rr iptable_nat iptable_filter xt_comment xt_statistic xt_mark xt_recent xt_conntrack 2>/dev/null
for services in $sizes; do
  for kind in none linear tree ipvs nftables; do
    echo "row: \$(unshare -n /job/$(basename "$bench") planes run \$kind \$services)"
  done
done
END
PORTOLAN_VM_MEMORY=${PORTOLAN_VM_MEMORY:-3072} PORTOLAN_VM_SECONDS=${PORTOLAN_VM_SECONDS:-1800} tests/vm/boot.sh "$kernel" "$job" "$bench" |
  tee /dev/stderr | sed -n 's/^row: //p' | "$bench" planes show "$plot"
