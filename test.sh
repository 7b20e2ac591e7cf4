#!/usr/bin/env bash
# Runs all tests: installs what they need on Debian-like machines, builds once, then one test project after the other.
# The last line is "N passed, N failed, N skipped"; the exit status is 1 when a test failed or a project did not run.
set -uo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

if ! command -v dotnet >/dev/null; then
  echo "test.sh needs the .NET SDK of global.json: https://dot.net/download" >&2
  exit 1
fi

# Command and the package it comes from. Without them the tests that need them are skipped, with the reason.
install_missing() {
  local packages=() entry
  for entry in nft:nftables iptables:iptables ipset:ipset conntrack:conntrack ip:iproute2 dot:graphviz curl:curl ping:iputils-ping xz:xz-utils; do
    command -v "${entry%%:*}" >/dev/null || packages+=("${entry##*:}")
  done
  ((${#packages[@]})) || return 0
  if command -v apt-get >/dev/null && [[ $EUID -eq 0 ]]; then
    echo "Installing ${packages[*]}"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}" >/dev/null ||
      echo "test.sh: ${packages[*]} could not be installed; tests that need them are skipped" >&2
  else
    echo "test.sh: without ${packages[*]} some tests are skipped" >&2
  fi
}

install_missing
# Our tables are listed with the newest nft, too, where it can be had (a copy under out/, not installed).
if PORTOLAN_NEWER_NFT=$(tests/tools/newer-nft.sh 2>/dev/null); then export PORTOLAN_NEWER_NFT; fi
dotnet build Portolan.slnx --nologo -v quiet || exit 1

# The tests that run the proxy run the native binary: the one that is shipped, and it starts a hundred times in a run.
if ./build.sh; then export PORTOLAN_BIN="$PWD/out/portolan"; else echo "test.sh: no native binary; the debug build is tested instead" >&2; fi

passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

for project in tests/*.Tests/*.csproj tests/*LabTests/*.csproj; do
  name=$(basename "$project" .csproj)
  "$(dirname "$project")/bin/Debug/net10.0/$name" -noLogo -noColor >"$log" 2>&1
  status=$?
  # "   Portolan.Inet.Tests  Total: 12, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0, Time: 0.1s"
  summary=$(grep -E 'Total: [0-9]+, Errors: ' "$log" | tail -1)
  number() { sed -nE "s/.*$1: ([0-9]+).*/\1/p" <<<"$summary"; }
  if [[ -z $summary ]]; then
    cat "$log"
    printf '%-32s did not run (exit status %s)\n' "$name" "$status"
    failed=$((failed + 1))
    continue
  fi
  bad=$(($(number Failed) + $(number Errors)))
  ((status == 0 && bad == 0)) || cat "$log"
  ((status != 0 && bad == 0)) && bad=1
  good=$(($(number Total) - $(number Failed) - $(number Skipped) - $(number 'Not Run')))
  printf '%-32s %5d passed, %d failed, %d skipped\n' "$name" "$good" "$bad" "$(number Skipped)"
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + $(number Skipped)))
done

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
