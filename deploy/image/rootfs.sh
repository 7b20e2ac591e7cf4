#!/bin/sh
# Assembles the root filesystem of an image from plain Debian packages: unpacked, never configured, so that there is no package manager,
# no account but root and nobody, and in the image for mode nftables no shell. nft and ip are what the chart reads a node's rules with.
#   rootfs.sh TARGET nftables|iptables [BINARY]
# nftables: what the binary itself loads, nft and ip. iptables: the iptables tools of both back-ends, ipset, conntrack and a shell too
# (GKE starts kube-proxy through /bin/sh). BINARY is put at /usr/local/bin/kube-proxy and /usr/local/bin/portolan.
# Needs apt-get with package lists (apt-get update) and dpkg-deb; no root.
set -eu
if [ $# -lt 2 ]; then
  sed -n '2,7p' "$0" >&2
  exit 2
fi
target=$1 kind=$2 binary=${3:-}

# Debian renamed libraries when time_t grew; both names are the same library.
either() {
  if apt-cache show "$1" >/dev/null 2>&1; then echo "$1"; else echo "$2"; fi
}
packages="libc6 zlib1g libzstd1 $(either libssl3t64 libssl3)"
packages="$packages nftables libnftables1 libjansson4 libgmp10 libedit2 libtinfo6 iproute2 libbpf1 $(either libelf1t64 libelf1) libcap2"
packages="$packages libbsd0 libmd0 libmnl0 libnftnl11 libxtables12"
case $kind in
  nftables) ;;
  iptables)
    packages="$packages iptables ipset conntrack dash libnfnetlink0 libnetfilter-conntrack3 libipset13"
    packages="$packages $(either libip4tc2t64 libip4tc2) $(either libip6tc2t64 libip6tc2)"
    ;;
  *)
    echo "rootfs.sh: $kind is neither nftables nor iptables" >&2
    exit 2
    ;;
esac

mkdir -p "$target"
target=$(cd "$target" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The user that apt downloads with must be able to write there.
chmod 755 "$work"
(cd "$work" && apt-get -o APT::Sandbox::User=root download -qq $packages)

for folder in bin sbin lib lib64; do
  mkdir -p "$target/usr/$folder"
  ln -sfn "usr/$folder" "$target/$folder"
done
for package in "$work"/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink --no-same-owner -C "$target" \
    --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude='./usr/share/bash-completion' --exclude='./usr/share/lintian' \
    --exclude='./usr/share/doc/*/changelog*' --exclude='./usr/share/doc/*/README*' --exclude='./usr/share/doc/*/NEWS*' \
    --exclude='./usr/share/gcc' --exclude='./usr/share/gdb'
done
[ "$kind" = nftables ] || ln -sfn dash "$target/usr/bin/sh"

mkdir -p "$target/etc" "$target/dev" "$target/proc" "$target/sys" "$target/run" "$target/var/lib/kube-proxy" "$target/lib/modules"
mkdir -p -m 1777 "$target/tmp"
ln -sfn /run "$target/var/run"
# The manifest puts the node's own lock here: iptables of pod and node take turns by it.
: >"$target/run/xtables.lock"
printf 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n' >"$target/etc/passwd"
printf 'root:x:0:\nnonroot:x:65532:\n' >"$target/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$target/etc/nsswitch.conf"
: >"$target/etc/resolv.conf"
: >"$target/etc/hosts"

if [ -n "$binary" ]; then
  mkdir -p "$target/usr/local/bin"
  cp "$binary" "$target/usr/local/bin/portolan"
  chmod 755 "$target/usr/local/bin/portolan"
  ln -f "$target/usr/local/bin/portolan" "$target/usr/local/bin/kube-proxy"
fi
