#!/bin/sh
# Writes NAME.hex for every NAME.nft beside this script: what `nft -f NAME.nft` sends to the kernel, one send per line in hexadecimal.
# objects.nft is loaded before the others. Needs root (or `unshare -Urn`), nft and strace. The rules go to a network namespace that
# lives as long as the command.
set -eu
cd "$(dirname "$0")"
version=$(nft --version)
for script in *.nft; do
    setup="nft -f objects.nft"
    [ "$script" = objects.nft ] && setup=true
    command="strace -e trace=sendmsg -e write=all nft -f $script"
    {
        echo "# unshare --net sh -c '$setup; $command'   ($version, Linux $(uname -r))"
        unshare --net sh -c "$setup; $command" 2>&1 |
            awk '/^ \| / { for (i = 3; i <= 18 && $i ~ /^[0-9a-f][0-9a-f]$/; i++) line = line $i }
                 /^(\+\+\+|sendmsg)/ { if (line) print line; line = "" }'
    } >"${script%.nft}.hex"
done
