#!/bin/sh
# Runs a program in an image's root filesystem as a node's container runtime would: its own mount namespace, the root read-only, /proc and
# /sys, five devices, a folder of the node's and the node's xtables lock mounted, the bounding set of capabilities cut, no new privileges.
#   in-image.sh ROOT UID CAPABILITIES FOLDER LOCK PROGRAM ARGUMENT...
# CAPABILITIES are numbers separated by commas (linux/capability.h: 12 NET_ADMIN, 13 NET_RAW). A UID other than 0 gets them as ambient ones.
# FOLDER appears at /var/lib/kube-proxy, LOCK at /run/xtables.lock. Needs root, unshare and perl.
set -eu
if [ "${1:-}" != --inside ]; then
  exec unshare --mount --propagation private "$0" --inside "$@"
fi
shift
root=$1 uid=$2 capabilities=$3 folder=$4 lock=$5
shift 5
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount --bind "$folder" "$root/var/lib/kube-proxy"
mount --bind "$lock" "$root/run/xtables.lock"
mount -o remount,bind,ro "$root"
exec perl -e '
  use strict; use warnings;
  my ($root, $uid, $list, @program) = @ARGV;
  my @keep = split /,/, $list;
  my $mask = 0; $mask |= 1 << $_ for @keep;
  # prctl, capset: linux/prctl.h, linux/capability.h
  my ($prctl, $capset) = `uname -m` =~ /aarch64/ ? (167, 91) : (157, 126);
  chroot($root) or die "chroot: $!"; chdir "/" or die "chdir: $!";
  for my $cap (0 .. 63) { syscall($prctl, 24, $cap, 0, 0, 0) unless grep { $_ == $cap } @keep; }
  if ($uid) {
    syscall($prctl, 8, 1, 0, 0, 0) == 0 or die "keepcaps: $!";
    $( = $uid; $) = "$uid $uid"; $< = $uid; $> = $uid;
    my $header = pack("Ll", 0x20080522, 0);
    my $data = pack("LLLLLL", $mask, $mask, $mask, 0, 0, 0);
    syscall($capset, $header, $data) == 0 or die "capset: $!";
    for my $cap (@keep) { syscall($prctl, 47, 2, $cap, 0, 0) == 0 or die "ambient: $!"; }
  }
  syscall($prctl, 38, 1, 0, 0, 0) == 0 or die "no_new_privs: $!";
  $ENV{PATH} = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  delete $ENV{XTABLES_LOCKFILE};
  exec { $program[0] } "/usr/local/bin/kube-proxy", @program[1 .. $#program] or die "exec: $!";
' "$root" "$uid" "$capabilities" "$@"
