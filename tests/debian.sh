#!/bin/sh
# Prints where a program is that some tests need: the one on PATH, or Debian's package, which is unpacked into
# .test/debian together with what it needs and the system has not. Needs no root.
#
#   sh tests/debian.sh PACKAGE PROGRAM
set -eu
PATH="$PATH:/usr/sbin"
folder="$(cd "$(dirname "$0")/.." && pwd)/.test/debian"
unpacked() { find "$folder/usr/bin" "$folder/usr/sbin" -name "$1" -print -quit 2>/dev/null | grep .; }

command -v "$2" || unpacked "$2" && exit
command -v apt-get >/dev/null || { echo "there is no $2 and no apt-get to get it with" >&2; exit 1; }
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
apt() {
    apt-get -qq -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache" \
        -o Debug::NoLocking=1 -o APT::Sandbox::User= "$@" >&2
}
apt update
apt -y --no-install-recommends --download-only --reinstall install "$1"
for archive in "$folder"/cache/archives/*.deb; do dpkg-deb -x "$archive" "$folder"; done
rm -r "$folder/lists" "$folder/cache"
unpacked "$2"
