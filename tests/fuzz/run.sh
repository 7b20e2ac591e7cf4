#!/usr/bin/env bash
# Damages the dumps under tests/data at random and runs the chart on each, for some seconds (60 without an argument). The last line says how many
# runs there were; a crash leaves its input in tests/fuzz/crashes, where the tests of Portolan.Inspect find it.
#   tests/fuzz/run.sh [SECONDS] [SEED]
set -euo pipefail
cd "$(dirname "$0")"
dotnet build Portolan.Fuzz.csproj --nologo -v quiet -clp:ErrorsOnly -c Release
exec ./bin/Release/net10.0/portolan-fuzz "${1:-60}" ../data crashes ${2:+"$2"}
