#!/usr/bin/env bash
# Builds a copy of this checkout in a folder whose path contains /src/, /tests/ and a blank, and runs the quickest tests there: the build must not
# depend on the path of the checkout. Prints what failed; the exit status is 0 if everything passed.
set -euo pipefail
cd "$(dirname "$0")/../.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
copy="$root/src/any where/tests/portolan"
mkdir -p "$copy"
tar --exclude=./out --exclude=bin --exclude=obj --exclude=./.git --exclude=./bench/results -cf - . | tar -xf - -C "$copy"
cd "$copy"
dotnet build Portolan.slnx --nologo -v quiet -clp:ErrorsOnly
tests/Portolan.Architecture.Tests/bin/Debug/net10.0/Portolan.Architecture.Tests -noLogo -noColor | tail -n 1
