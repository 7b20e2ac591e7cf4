#!/usr/bin/env bash
# Runs the proxy on other kernels, in virtual machines (see README.md here).
#
#   tests/vm/run.sh [--kernels "5.10 6.1 6.12 newest"] [--modes "nftables iptables-nft iptables-legacy ipvs"] [--scenarios core|all] [--all] [--job FILE]
#
#   --modes            ipvs@6.1 is mode ipvs on kernel 6.1 alone, without the connections of guest/continuity that ipvs ends with;
#                      switch@6.1 is one switch to mode nftables and back under new connections
#   --scenarios core   those of core.txt (default); all: every scenario file, as written
#   --all              every scenario file, in every timeline (restarts, empty kernels, one change at a time)
#   --job FILE         runs this script in each machine, beside ./portolan and ./lab-runner, instead of the cases
#
# The binary under test is out/portolan, or PORTOLAN_BIN. The result of each case is in out/vm/results.tsv, the machines' logs in out/vm/results.
# The last line is "N passed, N failed, N skipped"; the exit status is 1 when a case failed, a machine did not answer, or nothing ran.
set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
kernels="5.10 6.1 6.12 newest" modes="nftables iptables-nft iptables-legacy ipvs@6.1 ipvs@6.12" scenarios=core timelines=all job='' seconds=900
while (($#)); do
  case $1 in
    --kernels) kernels=$2; shift 2 ;;
    --modes) modes=$2; shift 2 ;;
    --scenarios) scenarios=$2; shift 2 ;;
    --job) job=$2; shift 2 ;;
    --all) scenarios=all timelines=all seconds=10800 all=1; shift ;;
    *) sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
# The core's list names its timelines; every file in every timeline is for --all.
if [[ $scenarios == all && -z ${all:-} ]]; then timelines=as-written seconds=5400; fi

if reason=$(vm_reason); then
  echo "tests/vm: skipped, no machine can be built here: $reason"
  echo "0 passed, 0 failed, $(wc -w <<<"$kernels") skipped"
  exit 0
fi
portolan=${PORTOLAN_BIN:-$vm_repo/out/portolan}
if [[ ! -x $portolan ]]; then
  echo "tests/vm: $portolan does not exist; run ./build.sh first" >&2
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi
mkdir -p "$vm_out/results"
runner=${PORTOLAN_LAB_RUNNER:-$vm_out/lab-runner/lab-runner}
if [[ -z ${PORTOLAN_LAB_RUNNER:-} ]] && ! dotnet publish "$vm_repo/tests/Portolan.LabRunner" -c Release -r linux-x64 -o "$vm_out/lab-runner" --nologo -v quiet; then
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi

work=$(mktemp -d "$vm_out/job.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/cluster"
# The runner writes its reports below the folder that contains this file.
touch "$work/Portolan.slnx"
cp "$portolan" "$work/portolan"
cp "$runner" "$vm_here/core.txt" "$work/"
cp -r "$vm_repo/tests/scenarios" "$vm_here/features" "$work/"
cp "$vm_repo/tests/data/harbor/cluster.yaml" "$work/cluster/"
cp "$vm_here/guest/cases" "$work/run"
cp "$vm_here/guest/continuity" "$vm_repo/tests/data/kube-proxy-ipvs/put-in-force.sh" "$work/"
cp -r "$vm_here/guest/flush" "$work/"
[[ -z $job ]] || cp "$job" "$work/job" || exit 1
printf 'MODES=%q\nSCENARIOS=%q\nTIMELINES=%q\nPARALLEL=%q\nJOB=%q\n' "$modes" "$scenarios" "$timelines" "${PORTOLAN_VM_PARALLEL:-2}" "${job##*/}" >"$work/settings"

# One kernel: its cases go to out/vm/results/SERIES/cases.tsv, with an extra line from this script if the machine was not built or did not finish.
run_kernel() {
  local series=$1 results="$vm_out/results/$1" image status why
  rm -rf "$results"
  mkdir -p "$results"
  why=$(vm_image "$series" 2>&1 >"$results/image") && status=0 || status=$?
  image=$(<"$results/image")
  if ((status)); then
    ((status == vm_cannot)) && why="SKIP	machine	boots	${why##*$'\n'}" || why="FAIL	machine	is built	${why##*$'\n'}"
    echo "$why" >"$results/cases.tsv"
    return
  fi
  vm_run "$image" "$work" "$results" "$seconds" >"$results/output" 2>"$results/emulator.err"
  status=$?
  cp "$image/release" "$results/release"
  if [[ ! -e $results/complete ]]; then
    case $status in
      126) why="did not boot" ;;
      124) why="did not finish within $seconds s" ;;
      *) why="stopped with status $status" ;;
    esac
    printf 'FAIL\tmachine\tfinishes\t%s: %s\n' "$why" \
      "$(tail -qn 3 "$results/serial.log" "$results/emulator.err" | tr '\n\t' '  ')" >>"$results/cases.tsv"
  fi
}

running=0
for series in $kernels; do
  ((running < ${PORTOLAN_VM_MACHINES:-2})) || { wait -n; running=$((running - 1)); }
  run_kernel "$series" &
  running=$((running + 1))
done
wait

for series in $kernels; do
  release=$(cat "$vm_out/results/$series/release" 2>/dev/null || echo "-")
  awk -F'\t' -v OFS='\t' -v series="$series" -v release="$release" -v accepted="$vm_here/accepted.tsv" '
    # Known failures that are not ours to fix are skipped, with the reason: part, name (each a pattern), reason.
    BEGIN {while ((getline line < accepted) > 0) if (line !~ /^#/ && split(line, field, "\t") == 3) {n++; part[n] = field[1]; name[n] = field[2]; reason[n] = field[3]}}
    {result = $1; detail = $4
     if (result == "FAIL") for (i = 1; i <= n; i++) if ($2 ~ part[i] && $3 ~ name[i]) {result = "SKIP"; detail = reason[i]}
     print series, release, $2, result, $3, detail}' "$vm_out/results/$series/cases.tsv"
done >"$vm_out/results.tsv"

awk -F'\t' '$4 == "FAIL" || $4 == "SKIP" {printf "%s %s: %s, %s: %s\n", $4, $1, $3, $5, substr($6, 1, 700)}' "$vm_out/results.tsv"
awk -F'\t' '$4 != "INFO" {key = $1 "\t" $3; if (!(key in seen)) {seen[key] = 1; order[++keys] = key} count[key, $4]++}
  END {for (i = 1; i <= keys; i++) {split(order[i], of, "\t"); printf "%-8s %-18s %4d passed, %d failed, %d skipped\n", of[1], of[2], count[order[i], "PASS"], count[order[i], "FAIL"], count[order[i], "SKIP"]}}' "$vm_out/results.tsv"
awk -F'\t' '{count[$4]++} END {printf "%d passed, %d failed, %d skipped\n", count["PASS"], count["FAIL"], count["SKIP"]; exit count["FAIL"] > 0 || count["PASS"] + count["SKIP"] == 0}' "$vm_out/results.tsv"
