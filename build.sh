#!/usr/bin/env bash
# Builds the native binary at out/portolan. Installs the linker and headers it needs on Debian-like machines.
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

if ! command -v dotnet >/dev/null; then
  echo "build.sh needs the .NET SDK of global.json: https://dot.net/download" >&2
  exit 1
fi

packages=()
command -v clang >/dev/null || packages+=(clang)
[[ -e /usr/include/zlib.h ]] || packages+=(zlib1g-dev)
if ((${#packages[@]})); then
  if ! command -v apt-get >/dev/null || [[ $EUID -ne 0 ]]; then
    echo "build.sh: install ${packages[*]} first (needed to link a native binary)" >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}" >/dev/null
fi

# The console's page goes into the binary. Without node, or without packages, the binary says that it has none; all else is in it.
leave_page_out() {
  rm -rf out/web
  echo "build.sh: the console's page is left out: $1" >&2
}
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  leave_page_out "node and npm are not installed"
elif ! (cd web && npm ci --no-audit --no-fund --loglevel=error) >/dev/null; then
  leave_page_out "npm could not install its packages, see above"
elif ! (cd web && npm run --silent build) >/dev/null; then
  leave_page_out "its build failed, see above"
fi

dotnet publish src/Portolan -c Release -r "linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')" -o out --nologo -v quiet
echo "out/portolan: $(du -h out/portolan | cut -f1) native binary"
