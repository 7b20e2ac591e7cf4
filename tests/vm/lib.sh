# shellcheck shell=bash
# Shared by the scripts in this folder: Debian packages downloaded to out/vm and unpacked there (nothing is installed on this machine),
# and one virtual machine that runs one job. Sourced, not run.

vm_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vm_repo=$(cd "$vm_here/../.." && pwd)
vm_out=${PORTOLAN_VM_OUT:-$vm_repo/out/vm}
vm_lib=usr/lib/x86_64-linux-gnu

# The release whose programs run in every machine: its C library is at least as new as the one that our binary was linked with.
vm_userland=trixie
vm_userland_packages=(bash busybox-static conntrack dash ethtool iproute2 ipset iptables iputils-ping ipvsadm kmod libstdc++6 nftables procps util-linux)
# Releases whose nft is in the machines as well, as another program's: 0.9.8, 1.0.6, 1.1.3 and the newest.
vm_nft_releases=(bullseye bookworm trixie sid)
vm_tool_packages=(qemu-system-x86 e2fsprogs kmod xz-utils)

# "No machine can be built here": the caller reports a skip. Everything else that goes wrong is a failure.
vm_cannot=77

vm_say() { echo "vm: $*" >&2; }

# Prints why no machine can be built here; succeeds when there is a reason.
vm_reason() {
  [[ $(uname -m) == x86_64 ]] || { echo "the machines are x86-64 and are emulated on x86-64 only"; return 0; }
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo "no apt-get here: kernels come from Debian's archive"; return 0; }
  [[ -r /usr/share/keyrings/debian-archive-keyring.gpg ]] || { echo "Debian's archive keys are not here (package debian-archive-keyring)"; return 0; }
  [[ -n $(vm_mirror Debian) ]] || { echo "no mirror of Debian is configured here"; return 0; }
  return 1
}

# The URL of the Debian (or Debian-Security) mirror that this machine is configured to use, any release of it.
vm_mirror() {
  # shellcheck disable=SC2016 # the names in $() are apt's
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
    awk -v label="$1" '$2 == "Debian" && $3 == label {print $1; exit}'
}

# apt with its own sources, lists and archive, and an empty list of installed packages, so that every dependency is downloaded.
vm_apt() {
  local command=$1
  shift
  "$command" -qq -o Dir::Etc::sourcelist="$vm_out/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o Dir::State="$vm_out/apt" -o Dir::State::lists="$vm_out/apt/lists" -o Dir::State::status=/dev/null \
    -o Dir::Cache="$vm_out/apt" -o Dir::Cache::archives="$vm_out/apt/archives" \
    -o Dir::Cache::pkgcache=pkgcache.bin -o Dir::Cache::srcpkgcache=srcpkgcache.bin -o APT::Architecture=amd64 \
    -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o APT::Update::Post-Invoke-Success::= -o APT::Keep-Downloaded-Packages=true -o DPkg::Post-Invoke::= "$@"
}

# Package lists of all releases at once, at most a day old. Lists that cannot be updated are used as they are.
vm_update() {
  local mirror security release
  local lists="$vm_out/apt/lists" keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [[ -e $vm_out/apt/updated && -z $(find "$vm_out/apt/updated" -mmin +1440) ]] && return 0
  mkdir -p "$lists/partial" "$vm_out/apt/archives/partial"
  mirror=$(vm_mirror Debian) security=$(vm_mirror Debian-Security)
  for release in bullseye bookworm bookworm-backports trixie trixie-backports sid; do
    echo "deb [arch=amd64 signed-by=$keyring] $mirror $release main"
  done >"$vm_out/apt/sources.list"
  for release in bullseye bookworm trixie; do
    [[ -z $security ]] || echo "deb [arch=amd64 signed-by=$keyring] $security $release-security main"
  done >>"$vm_out/apt/sources.list"
  vm_say "reading Debian's package lists"
  # A release may have been removed from the mirror; the others can still be used.
  vm_apt apt-get update >&2 || vm_say "not every package list could be read"
  [[ -n $(find "$lists" -name '*_Packages*' -print -quit) ]] || { echo "Debian's package lists can't be read" >&2; return $vm_cannot; }
  touch "$vm_out/apt/updated"
}

# vm_debs RELEASE PACKAGE...: the file names of these packages and all their dependencies in that release, sorted.
# apt leaves out what it has already downloaded, so it is shown an empty archive.
vm_debs() {
  local release=$1
  shift
  mkdir -p "$vm_out/apt/none/partial"
  vm_apt apt-get -o Dir::Cache::archives="$vm_out/apt/none" install -y --no-install-recommends --print-uris -t "$release" "$@" | awk '{print $2}' | sort
}

# vm_install RELEASE FOLDER PACKAGE...: unpacks packages and their dependencies into FOLDER, a root of its own.
vm_install() {
  local release=$1 into=$2 deb
  shift 2
  vm_apt apt-get install -y --no-install-recommends --download-only -t "$release" "$@" >&2 || return $vm_cannot
  mkdir -p "$into"
  # Merged /usr from the start: packages of older releases ship files in /lib and /sbin.
  for deb in bin sbin lib lib64; do mkdir -p "$into/usr/$deb"; ln -sfn "usr/$deb" "$into/$deb"; done
  vm_debs "$release" "$@" | vm_unpack "$into"
}

# Unpacks the archives named on standard input, without what only people read. tar follows the links /lib -> usr/lib when told to keep them.
vm_unpack() {
  local deb
  while read -r deb; do
    dpkg-deb --fsys-tarfile "$vm_out/apt/archives/$deb" | tar -x -C "$1" --keep-directory-symlink --no-same-owner \
      --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude='./usr/share/info' \
      --exclude='./usr/share/i18n' --exclude='./usr/lib/debug' --exclude='*/gconv' || return 1
  done
}

vm_digest() { sha256sum | cut -c1-16; }

# vm_in ROOT PROGRAM ARGUMENT...: runs a program from an unpacked root, with that root's libraries.
vm_in() {
  local root=$1 program=$2
  shift 2
  "$root/$vm_lib/ld-linux-x86-64.so.2" --library-path "$root/$vm_lib" "$root/usr/$program" "$@"
}

# vm_once FOLDER KEY FUNCTION ARGUMENT...: calls FUNCTION to fill FOLDER, unless it was already filled with the same key.
vm_once() {
  local folder=$1 key=$2
  shift 2
  [[ -e $folder/.key && $(<"$folder/.key") == "$key" ]] && return 0
  rm -rf "$folder" "$folder.new"
  mkdir -p "$folder.new"
  "$@" "$folder.new" || return
  echo "$key" >"$folder.new/.key"
  mv "$folder.new" "$folder"
}

vm_fill_tools() { vm_install "$vm_userland" "$1" "${vm_tool_packages[@]}"; }

# The emulator and the programs that make file systems, in out/vm/tools.
vm_tools() {
  local key
  key=$(vm_debs "$vm_userland" "${vm_tool_packages[@]}" | vm_digest) || return
  vm_once "$vm_out/tools" "$key" vm_fill_tools
}

# vm_kernel_package SERIES: the newest package of a series ("6.1", "7.3.4") or of all ("newest") that Debian has.
vm_kernel_package() {
  local series=${1//./\\.}
  [[ $1 != newest ]] || series='[0-9]+'
  vm_apt apt-cache pkgnames linux-image- | grep -E "^linux-image-${series}[.+-][0-9d].*-cloud-amd64$" | grep -v unsigned | sort -V | tail -1
}

# The packages of one kernel: 7.x has its modules, its image and its configuration in separate packages.
vm_kernel_packages() {
  local version=${1#linux-image-} name
  echo "$1"
  for name in "linux-base-$version" "linux-binary-$version" "linux-modules-$version"; do
    vm_apt apt-cache pkgnames "$name" | grep -Fx "$name"
  done
}

vm_fill_kernel() {
  local package=$1 into=$2 root="$2/root" modules release name
  mkdir -p "$root/usr/lib"
  ln -s usr/lib "$root/lib"
  # shellcheck disable=SC2046 # names without spaces, one per word
  (cd "$vm_out/apt/archives" && vm_apt apt-get download $(vm_kernel_packages "$package") >&2) || return $vm_cannot
  for name in $(vm_kernel_packages "$package"); do
    vm_kernel_deb "$name"
  done | vm_unpack "$root" || return
  modules=$(echo "$root"/usr/lib/modules/*) release=${modules##*/}
  for name in vmlinuz config; do
    cp "$root/boot/$name-$release" "$into/$name" 2>/dev/null || cp "$modules/$name" "$into/" || return
  done
  rm -f "$modules/vmlinuz"
  # Compressed modules would be unpacked by emulated code on every load.
  find "$modules" -name '*.ko.xz' -print0 | xargs -0r xz -d
  # What a machine without devices never loads. Networking, IPVS and the drivers of virtual links stay.
  rm -rf "$root/boot" "$modules"/kernel/{sound,drivers/{gpu,infiniband,media,scsi,usb,hid,nvme,net/ethernet,md,hv,ata}} \
    "$modules"/kernel/fs/{xfs,btrfs,nfs,nfsd,smb,cifs,ceph,gfs2,ocfs2,f2fs,jfs,ntfs3}
  vm_in "$vm_out/tools" sbin/depmod -b "$root" "$release" || return
  echo "$release" >"$into/release"
}

# The file that a kernel's package was downloaded as.
vm_kernel_deb() {
  vm_apt apt-get download --print-uris "$1" | awk '{print $2}'
}

# vm_kernel SERIES: downloads and unpacks a kernel; prints its folder.
vm_kernel() {
  local series=$1 package key
  package=$(vm_kernel_package "$series")
  [[ -n $package ]] || { echo "Debian's archive has no cloud kernel $series" >&2; return $vm_cannot; }
  vm_tools || return
  key="$(for name in $(vm_kernel_packages "$package"); do vm_kernel_deb "$name"; done | vm_digest)-$(declare -f vm_fill_kernel | vm_digest)"
  vm_once "$vm_out/kernels/$series" "$key" vm_fill_kernel "$package" || return
  echo "$vm_out/kernels/$series"
}

vm_fill_nft() { vm_install "$1" "$2" nftables; }

vm_fill_userland() {
  local into=$1 release nft
  vm_install "$vm_userland" "$into" "${vm_userland_packages[@]}" || return
  # The two back-ends differ by the name they are called by; a job chooses which one `iptables` itself is.
  for nft in iptables ip6tables; do ln -sf "$nft-nft" "$into/usr/sbin/$nft"; ln -sf "$nft-nft-save" "$into/usr/sbin/$nft-save"; ln -sf "$nft-nft-restore" "$into/usr/sbin/$nft-restore"; done
  for release in "${vm_nft_releases[@]}"; do
    rm -rf "$vm_out/nft.new"
    vm_fill_nft "$release" "$vm_out/nft.new" || return
    nft=$(vm_in "$vm_out/nft.new" sbin/nft --version | sed -nE 's/^nftables v([0-9.]+).*/\1/p')
    [[ -n $nft ]] || { vm_say "the nft of $release does not run"; return 1; }
    mkdir -p "$into/opt/nft/$nft/lib"
    cp "$vm_out/nft.new/usr/sbin/nft" "$into/opt/nft/$nft/nft.real"
    cp -L "$vm_out/nft.new/$vm_lib/ld-linux-x86-64.so.2" "$into/opt/nft/$nft/lib/ld.so"
    LD_TRACE_LOADED_OBJECTS=1 vm_in "$vm_out/nft.new" sbin/nft |
      awk '$3 ~ /^\// {print $3}' | xargs cp -L -t "$into/opt/nft/$nft/lib"
    printf '#!/bin/sh\nd=/opt/nft/%s\nexec $d/lib/ld.so --library-path $d/lib $d/nft.real "$@"\n' "$nft" >"$into/opt/nft/$nft/nft"
    chmod +x "$into/opt/nft/$nft/nft"
  done
  rm -rf "$vm_out/nft.new"
  cp "$vm_here/guest/init" "$into/sbin/vm-init"
  mkdir -p "$into"/{proc,sys,dev,run,tmp,job,results,root,etc,var/lib,var/log}
  ln -sf dash "$into/usr/bin/sh"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$into/etc/passwd"
  echo 'root:x:0:' >"$into/etc/group"
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$into/etc/hosts"
  # Applets fill in for programs that are missing; they never replace a real one (busybox's ip and modprobe lack what we need).
  local applet
  for applet in $("$into/usr/bin/busybox" --list); do
    [[ -e $into/usr/bin/$applet || -e $into/usr/sbin/$applet || $applet == sh || $applet == ash ]] || ln -s busybox "$into/usr/bin/$applet"
  done
}

vm_userland_key() {
  local release
  {
    vm_debs "$vm_userland" "${vm_userland_packages[@]}"
    for release in "${vm_nft_releases[@]}"; do vm_debs "$release" nftables; done
    declare -f vm_fill_userland vm_install vm_unpack
    cat "$vm_here/guest/init"
  } | vm_digest
}

# vm_initrd ROOT RELEASE FILE: just enough to find the disks: in these kernels virtio is a module while ext4 is built in.
vm_initrd() {
  local root=$1 release=$2 file=$3 module name number=10
  mkdir -p "$root.initrd"/{bin,dev,modules,root}
  cp "$root/usr/bin/busybox" "$root.initrd/bin/busybox"
  cp "$vm_here/guest/initrd" "$root.initrd/init"
  # "kernel/a.ko: kernel/b.ko kernel/c.ko": what a module needs is loaded from the last to the first, then the module.
  for name in virtio_pci virtio_blk; do
    for module in $(awk -F: -v name="/$name.ko" 'substr($1, length($1) - length(name) + 1) == name {n = split($2, need, " "); for (i = n; i > 0; i--) print need[i]; print $1}' \
      "$root/usr/lib/modules/$release/modules.dep"); do
      [[ -z $(find "$root.initrd/modules" -name "*-${module##*/}") ]] || continue
      number=$((number + 1))
      cp "$root/usr/lib/modules/$release/$module" "$root.initrd/modules/$number-${module##*/}"
    done
  done
  (cd "$root.initrd" && find . | "$root/usr/bin/busybox" cpio -o -H newc 2>/dev/null) >"$file"
  rm -rf "$root.initrd"
}

vm_fill_image() {
  local kernel=$1 into=$2 root="$2/root"
  mkdir "$root"
  cp "$kernel"/{vmlinuz,release,config} "$into/" || return
  cp -a "$vm_out/userland/." "$root/" || return
  rm -f "$root/.key"
  cp -a "$kernel/root/usr/lib/modules" "$root/usr/lib/" || return
  vm_initrd "$root" "$(<"$kernel/release")" "$into/initrd" || return
  # Space for what a job writes.
  truncate -s "$(($(du -sm "$root" | cut -f1) + 400))M" "$into/root.img"
  vm_in "$vm_out/tools" sbin/mkfs.ext4 -q -F -E root_owner=0:0 -O ^has_journal -m 0 -d "$root" "$into/root.img" || return
  rm -rf "$root"
}

# Everything in this folder that determines the content of an image.
vm_recipe() {
  declare -p vm_userland vm_userland_packages vm_nft_releases vm_tool_packages
  declare -f vm_install vm_unpack vm_kernel_package vm_kernel_packages vm_initrd vm_fill_tools vm_fill_kernel vm_fill_nft vm_fill_userland vm_fill_image
  cat "$vm_here"/guest/init*
}

# vm_image SERIES: a kernel and a root file system for it, ready to boot; prints the folder that has vmlinuz, root.img and release.
vm_image() {
  local series=$1 kernel key asked
  local image="$vm_out/images/$series"
  mkdir -p "$vm_out"
  # One at a time: kernels share the emulator and the userland.
  exec 9>"$vm_out/lock"
  flock 9
  vm_update || return
  # Asking apt again takes half a minute: not before the package lists or these scripts have changed.
  asked="$(stat -c %Y "$vm_out/apt/updated")-$(vm_recipe | vm_digest)"
  if [[ -e $image/.asked && $(<"$image/.asked") == "$asked" ]]; then exec 9>&-; echo "$image"; return 0; fi
  kernel=$(vm_kernel "$series") || return
  key=$(vm_userland_key) || return
  vm_once "$vm_out/userland" "$key" vm_fill_userland || return
  vm_once "$vm_out/images/$series" "$key-$(<"$kernel/.key")-$(declare -f vm_fill_image vm_initrd | cat - "$vm_here/guest/initrd" | vm_digest)" vm_fill_image "$kernel" || return
  echo "$asked" >"$image/.asked"
  exec 9>&-
  echo "$image"
}

# vm_run IMAGE JOB RESULTS SECONDS: boots IMAGE, runs JOB/run in it and copies back what that left in /results. The serial console goes to
# standard output, what the emulator says to standard error. Status: that of JOB/run; 124 if the machine did not finish in time; 125 if it ended
# without a result; 126 if it did not boot.
#
# On a busy host an emulated CPU occasionally hangs or resets before the first program, or executes an instruction that another CPU is patching:
# the kernel stops at the temporary breakpoint. Neither says anything about the job, so such a machine is started again, at most twice.
vm_run() {
  local try status
  for try in 1 2 3; do
    vm_run_once "$@" && status=0 || status=$?
    [[ $status == 126 ]] || { [[ $status == 125 ]] && vm_was_reset "$3/serial.log"; } || break
    [[ $try == 3 ]] || vm_say "the machine $([[ $status == 126 ]] && echo "did not boot" || echo "was stopped by the emulation"); starting it again"
  done
  return "$status"
}

# A kernel that stops by itself says why. One that ends without a word, or at the breakpoint, was stopped by the emulation.
vm_was_reset() { grep -q 'Oops: int3' "$1" || ! grep -qE '^vm: end |Oops|BUG:|panic' "$1"; }

vm_run_once() {
  local image=$1 job=$2 results=$3 seconds=$4 work status emulator second log
  work=$(mktemp -d "$vm_out/run.XXXXXX") || return 125
  mkdir -p "$results"
  log=$results/serial.log
  : >"$log"
  tar -C "$job" -cf "$work/job.img" . || return 125
  # Whole sectors, and space for the end marker that a short disk would cut off.
  truncate -s "%1M" "$work/job.img"
  truncate -s 512M "$work/results.img"
  TMPDIR="$work" QEMU_MODULE_DIR="$vm_out/tools/$vm_lib/qemu" timeout -k 10 "$seconds" \
    "$vm_out/tools/$vm_lib/ld-linux-x86-64.so.2" --library-path "$vm_out/tools/$vm_lib" "$vm_out/tools/usr/bin/qemu-system-x86_64" \
    -L "$vm_out/tools/usr/share/qemu" -L "$vm_out/tools/usr/share/seabios" -M q35 -accel tcg,thread=multi,tb-size=512 -cpu max \
    -smp "${PORTOLAN_VM_CPUS:-2}" -m "${PORTOLAN_VM_MEMORY:-1280}" -nodefaults -no-reboot -display none -serial "file:$log" \
    -kernel "$image/vmlinuz" -initrd "$image/initrd" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on net.ifnames=0" \
    -drive "file=$image/root.img,format=raw,if=virtio,snapshot=on" \
    -drive "file=$work/job.img,format=raw,if=virtio,readonly=on" \
    -drive "file=$work/results.img,format=raw,if=virtio" </dev/null &
  emulator=$!
  tail -n +1 -s 0.2 -f --pid="$emulator" "$log" | awk '{sub(/\r$/, "")} /^vm: end / {over = 1} !over {print; fflush()}' &
  for ((second = 0; second < ${PORTOLAN_VM_BOOT_SECONDS:-90}; second++)); do
    kill -0 "$emulator" 2>/dev/null && ! grep -q '^vm: begin' "$log" || break
    sleep 1
  done
  if ! grep -q '^vm: begin' "$log"; then
    # It hangs, or has ended already: a reset ends the emulator, and so does a lack of memory.
    kill "$emulator" 2>/dev/null
    wait "$emulator"
    echo "the emulator ended with status $? before the first program" >&2
    status=126
  else
    wait "$emulator"
    status=$?
    if tar -C "$results" -xf "$work/results.img" 2>/dev/null && [[ -e $results/status ]]; then
      status=$(<"$results/status")
    elif [[ $status -ne 124 && $status -ne 137 ]]; then
      status=125
    else
      status=124
    fi
  fi
  # tail ends by itself, a moment after the emulator.
  wait
  rm -rf "$work"
  return "$status"
}
