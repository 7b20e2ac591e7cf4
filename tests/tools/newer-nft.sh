#!/usr/bin/env bash
# Fetches the newest nft that Debian has into a folder of its own, with the libraries it needs, and prints the path of a wrapper that runs
# it. Nothing of it is installed. Tests list our tables with it beside the machine's nft.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
into="$here/out/newer-nft"
wrapper="$into/nft"
if [ -x "$wrapper" ]; then echo "$wrapper"; exit 0; fi

# The machine's own mirror, another suite.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' | awk '$2 == "Debian" && $3 == "Debian" {print $1; exit}')
[ -n "$mirror" ] || { echo "no Debian mirror is configured here" >&2; exit 1; }
mkdir -p "$into/apt/lists/partial" "$into/root" "$into/debs"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $mirror sid main" > "$into/apt/sources.list"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$into/apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$into/apt/lists" -o APT::Sandbox::User=root)
"${apt[@]}" update >&2
(cd "$into/debs" && "${apt[@]}" download nftables libnftables1 libnftnl11 libmnl0 libjansson4 libedit2 libgmp10 libxtables12 libc6 libbsd0 libmd0 libtinfo6 >&2)
for deb in "$into"/debs/*.deb; do dpkg-deb -x "$deb" "$into/root"; done
cat > "$wrapper" <<EOF
#!/bin/sh
root="$into/root"
exec "\$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "\$root/usr/lib/x86_64-linux-gnu" "\$root/usr/sbin/nft" "\$@"
EOF
chmod +x "$wrapper"
"$wrapper" --version >&2
echo "$wrapper"
