#!/usr/bin/env bash
# Runs a test project in a virtual machine with another kernel: publishes it together with the runtime, and boots the machine with it.
#
#   tests/vm/project.sh KERNEL PROJECT [ARGUMENT...]
#   tests/vm/project.sh 6.1 Portolan.LabTests -method "*our_nftables_rules_is_what_trace_says"
#
# ARGUMENTs go to the project's runner (-class, -method); settings whose names begin with PORTOLAN_ are passed on. Emulated processors take ten
# times as long. The binary under test is out/portolan, or PORTOLAN_BIN. The exit status is the runner's, or as boot.sh says.
set -euo pipefail
cd "$(dirname "$0")/../.."
(($# >= 2)) || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
kernel=$1 project=$2
shift 2
portolan=${PORTOLAN_BIN:-$PWD/out/portolan}
[[ -x $portolan ]] || { echo "$portolan does not exist; run ./build.sh first" >&2; exit 1; }
published=$PWD/out/vm/projects/$project
# Compiled ahead of time as far as it goes: an emulated processor takes minutes to compile.
dotnet publish "tests/$project" -c Release -r linux-x64 --self-contained -p:InvariantGlobalization=true -p:PublishReadyToRun=true -o "$published" --nologo -v quiet
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
job=$work/job
# What tests read: beside the program as in a checkout.
mkdir "$work/tests"
cp -r tests/data tests/scenarios "$work/tests/"
{
  echo '#!/bin/sh'
  # What tests look for on a whole machine, and the file that marks the folder for reports.
  printf '%s\n' 'modprobe tun; mkdir -p /dev/net; [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200' 'touch /job/Portolan.slnx'
  env | sed -nE "s/^(PORTOLAN_[A-Z_]+)=(.*)$/export \1='\2'/p" | grep -vE '^export PORTOLAN_(BIN|VM_)' || true
  echo "export PORTOLAN_BIN=/job/$(basename "$portolan")"
  printf 'cd /job/%s && exec ./%s -noLogo -noColor' "$project" "$project"
  printf " '%s'" "$@"
  echo
} >"$job"
PORTOLAN_VM_MEMORY=${PORTOLAN_VM_MEMORY:-2048} PORTOLAN_VM_SECONDS=${PORTOLAN_VM_SECONDS:-1800} \
  tests/vm/boot.sh "$kernel" "$job" "$portolan" "$published" "$work/tests"
