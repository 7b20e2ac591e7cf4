#!/usr/bin/env bash
# Runs the tests: installs what they need on Debian-like machines, builds once, then runs one test project after the other.
#   ./test.sh                  everything, as CI runs it
#   ./test.sh --fast           without the native binary, real packets and virtual machines: nothing that needs root
#   ./test.sh Netlink          one project: Portolan.Netlink.Tests
#   ./test.sh NfReaderTests    the classes with that name, in any project; * matches anything
# The last line is "N passed, N failed, N skipped"; the exit status is 1 if a test failed or a project did not run.
set -uo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

fast="" only=""
while (($#)); do
  case $1 in
    --fast) fast=1 ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "test.sh: unknown option $1; see ./test.sh --help" >&2; exit 2 ;;
    *) only=$1 ;;
  esac
  shift
done

if ! command -v dotnet >/dev/null; then
  echo "test.sh needs the .NET SDK of global.json: https://dot.net/download" >&2
  exit 1
fi

started=$SECONDS
say() { printf '[%3d s] %s\n' $((SECONDS - started)) "$*"; }

# Command and the package it comes from. Tests that need a missing one are skipped and say why.
install_missing() {
  local packages=() entry
  for entry in nft:nftables iptables:iptables ipset:ipset conntrack:conntrack ip:iproute2 dot:graphviz curl:curl ping:iputils-ping xz:xz-utils; do
    command -v "${entry%%:*}" >/dev/null || packages+=("${entry##*:}")
  done
  ((${#packages[@]})) || return 0
  if command -v apt-get >/dev/null && [[ $EUID -eq 0 ]]; then
    say "installing ${packages[*]}"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}" >/dev/null ||
      echo "test.sh: ${packages[*]} could not be installed; tests that need them are skipped" >&2
  else
    echo "test.sh: without ${packages[*]} some tests are skipped" >&2
  fi
}

# By itself: it is large, and where it cannot be had the tests of the console's page are skipped, and nothing else.
install_browser() {
  command -v chromium >/dev/null && return 0
  if command -v apt-get >/dev/null && [[ $EUID -eq 0 ]]; then
    say "installing chromium"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null && return 0
  fi
  echo "test.sh: without chromium the tests of the console's page are skipped" >&2
}

projects=(tests/*.Tests/*.csproj)
[[ -n $fast ]] || projects+=(tests/*LabTests/*.csproj)
filter=()
if [[ -n $fast ]]; then
  # The whole program is not a unit; tests that need a network namespace skip themselves if this is set.
  projects=("${projects[@]/#tests\/Portolan.Tests\/*/}")
  projects=("${projects[@]/#tests\/Portolan.Browser.Tests\/*/}")
  mapfile -t projects < <(printf '%s\n' "${projects[@]}" | grep .)
  export PORTOLAN_TEST_RINGS=unit
fi
if [[ -n $only ]]; then
  if [[ -e tests/Portolan.$only.Tests ]]; then
    projects=("tests/Portolan.$only.Tests/Portolan.$only.Tests.csproj")
  elif [[ -e tests/Portolan.$only ]]; then
    projects=("tests/Portolan.$only/Portolan.$only.csproj")
  else
    filter+=(-class "*$only")
    # Only the projects that contain such a class.
    mapfile -t files < <(git grep -lE "class ${only//\*/[A-Za-z_]*}\b" -- 'tests/*.cs' 2>/dev/null || grep -rlE "class ${only//\*/[A-Za-z_]*}\b" tests --include=*.cs)
    mapfile -t projects < <(printf '%s\n' "${files[@]}" | cut -d/ -f2 | sort -u | sed 's|.*|tests/&/&.csproj|')
    [[ -n ${files[0]:-} ]] || { echo "test.sh: there is no test project or class '$only'" >&2; exit 2; }
  fi
fi
needs_machine=""
[[ -n $fast ]] || needs_machine=1

if [[ -n $needs_machine ]]; then
  install_missing
  install_browser
  # Our tables are also listed with the newest nft, if it can be downloaded (a copy under out/, not installed).
  if PORTOLAN_NEWER_NFT=$(tests/tools/newer-nft.sh 2>/dev/null); then export PORTOLAN_NEWER_NFT; fi
fi
say "building"
if [[ -n $only ]]; then
  for project in "${projects[@]}"; do dotnet build "$project" --nologo -v quiet -clp:ErrorsOnly || exit 1; done
else
  dotnet build Portolan.slnx --nologo -v quiet -clp:ErrorsOnly || exit 1
fi

if [[ -n $needs_machine ]] && { [[ -z $only ]] || printf '%s\n' "${projects[@]}" | grep -qE 'Lab|Portolan\.Tests|Browser|Sources'; }; then
  # The tests that start the proxy use the native binary: it is what is shipped, and it starts faster (a hundred starts per run).
  say "building the native binary (one to four minutes)"
  if ./build.sh; then
    export PORTOLAN_BIN="$PWD/out/portolan"
  else
    echo "test.sh: the native build failed; testing the debug build instead, and no other kernels" >&2
    unset PORTOLAN_BIN
    build_failed=1
  fi
elif [[ -n $fast ]]; then
  say "--fast: skipping the native build and the tests of the whole program, with real packets and on other kernels"
fi

passed=0 failed=${build_failed:-0} skipped=0
log=$(mktemp)
trap 'rm -f "$log" "$log.again"' EXIT

# run_again PROGRAM LOG: runs the failed tests of LOG by themselves; status 0 if every one of them passes. Only a few: more is no accident.
run_again() {
  local names ids
  names=$(sed -nE 's/^    (.*) \[FAIL\]$/\1/p' "$2" | sort -u)
  [[ -n $names ]] && (($(wc -l <<<"$names") <= 5)) || return 1
  # One line a test: its name, a tab, its id. A name can stand for several rows of a theory, as long ones are cut.
  mapfile -t ids < <(
    "$1" -noLogo -noColor -preEnumerateTheories -list full/json |
      grep -oE '"DisplayName":"([^"\\]|\\.)*","ID":"[0-9a-f]+"' |
      sed -E 's/^"DisplayName":"(.*)","ID":"([0-9a-f]+)"$/\1\t\2/; s/\\(["\\])/\1/g' |
      awk -F'\t' 'NR == FNR {failed[$0]; next} $1 in failed {print "-id"; print $2; found[$1]}
        END {for (name in failed) if (!(name in found)) print "unknown"}' <(cat <<<"$names") -
  )
  [[ ${#ids[@]} -gt 0 && ${ids[*]} != *unknown* ]] || return 1
  say "again, by themselves: $(tr '\n' ' ' <<<"$names")"
  "$1" -noLogo -noColor -preEnumerateTheories "${ids[@]}" >"$2.again" 2>&1 && return 0
  cat "$2.again"
  return 1
}

for project in "${projects[@]}"; do
  name=$(basename "$project" .csproj)
  say "$name"
  # With a filter a project may have no test left, which the runner reports as a failure (status 8).
  "$(dirname "$project")/bin/Debug/net10.0/$name" -noLogo -noColor "${filter[@]}" >"$log" 2>&1
  status=$?
  # "   Portolan.Inet.Tests  Total: 12, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0, Time: 0.1s"
  summary=$(grep -E 'Total: [0-9]+' "$log" | tail -1)
  number() { local n; n=$(sed -nE "s/.*$1: ([0-9]+).*/\1/p" <<<"$summary"); echo "${n:-0}"; }
  if [[ -z $summary ]]; then
    cat "$log"
    printf '%-32s did not run (exit status %s)\n' "$name" "$status"
    failed=$((failed + 1))
    continue
  fi
  bad=$(($(number Failed) + $(number Errors)))
  total=$(number Total)
  ((status == 0 && bad == 0)) || cat "$log"
  ((status != 0 && bad == 0 && total > 0)) && bad=1
  unsteady=0
  if ((bad > 0)) && run_again "$(dirname "$project")/bin/Debug/net10.0/$name" "$log"; then
    echo "$name: $bad of the tests failed and passed when run again by themselves, see above: they depend on what else the machine does"
    unsteady=$bad bad=0
  fi
  good=$((total - $(number Failed) - $(number Skipped) - $(number 'Not Run') + unsteady))
  printf '%-32s %5d passed, %d failed, %d skipped\n' "$name" "$good" "$bad" "$(number Skipped)"
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + $(number Skipped)))
done

# Damaged dumps, a minute of them, the same each time; the last line says how many. Campaigns take other seeds.
if [[ -z $fast && -z $only ]]; then
  say "damaged dumps (60 s)"
  if tests/fuzz/run.sh 60 1 | tee "$log"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
fi

# Other kernels, in virtual machines. PORTOLAN_VM_KERNELS selects them; empty for none.
kernels=${PORTOLAN_VM_KERNELS-5.10 6.1 6.12 newest}
if [[ -z $fast && -z $only && -n $kernels && -z ${build_failed:-} ]]; then
  say "other kernels: $kernels"
  tests/vm/run.sh --kernels "$kernels" 2>&1 | tee "$log"
  if [[ $(tail -n 1 "$log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2])) skipped=$((skipped + BASH_REMATCH[3]))
  else
    echo "tests/vm/run.sh did not finish"
    failed=$((failed + 1))
  fi
fi

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed + skipped > 0))
