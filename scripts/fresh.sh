#!/bin/sh
# Runs `make demo ONCE=1` on a fresh Debian, as the README promises: makes one in a directory (debootstrap, as root), with git, make
# and python3 and nothing else, clones this checkout's last commit into it and shows what came out. The machine's own files are
# not touched; the network is the machine's. The directory is deleted afterwards, unless KEEP=1.
#
# scripts/fresh.sh bookworm|trixie
set -eu
cd "$(dirname "$0")/.."
release=${1:-}
case $release in bookworm | trixie) ;; *) echo "usage: $0 bookworm|trixie" >&2 && exit 2 ;; esac
[ "$(id -u)" = 0 ] || { echo "fresh: only root makes a Debian" >&2 && exit 1; }
command -v debootstrap >/dev/null || { echo "fresh: apt-get install debootstrap" >&2 && exit 1; }

# In a mount namespace: whatever happens, nothing stays mounted.
if [ "${FRESH_INSIDE:-}" = "" ]; then FRESH_INSIDE=1 exec unshare --mount --propagation private -- "$0" "$release"; fi

root=$(mktemp -d)
finish() {
    for place in proc dev sys; do umount --recursive --lazy "$root/$place" 2>/dev/null || true; done
    # Never into what is still mounted.
    [ -n "${KEEP:-}" ] || grep -q " $root/" /proc/self/mounts || rm -rf --one-file-system "$root"
}
trap finish EXIT
trap 'exit 130' INT TERM
echo "fresh: making a Debian $release in $root"
debootstrap --variant=minbase --include=git,make,python3,ca-certificates "$release" "$root" >"$root.log" 2>&1 ||
    { tail -n 5 "$root.log" >&2 && exit 1; }
rm -f "$root.log"
# An installed Debian has this file, which debootstrap does not write: Erlang of Debian 12 asks it where localhost is.
echo "127.0.0.1 localhost" >"$root/etc/hosts"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# A machine that trusts an authority of its own goes on doing so.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t sysfs sysfs "$root/sys"
git clone --quiet . "$root/root/hallpulse"
bundle=/etc/ssl/certs/ca-certificates.crt
env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PIP_CERT=$bundle SSL_CERT_FILE=$bundle \
    NODE_EXTRA_CA_CERTS=$bundle chroot "$root" sh -c 'cd /root/hallpulse && make demo ONCE=1'
echo "fresh: make demo ONCE=1 ended well on Debian $release"
