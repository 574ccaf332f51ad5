#!/bin/sh
# Unpacks packages of a Debian release into a folder, with all that they need: a small system whose programs run under
# its own loader. Needs no root. The registry is the one that this Debian system uses.
#
#   sh tests/debian-root.sh FOLDER RELEASE ARCHITECTURE [--only] PACKAGE...
#
# --only: without what they need, because this system has that.
set -eu
folder=$1 release=$2 architecture=$3
shift 3
verb="-y --no-install-recommends --download-only install"
[ "$1" != --only ] || { verb=download; shift; }
stamp="$folder/.unpacked-$architecture-$(echo "$*" | cksum | tr -d ' ')"
[ ! -e "$stamp" ] || exit 0
mkdir -p "$folder"
state="$(cd "$folder" && pwd)/.apt"
mkdir -p "$state/lists/partial" "$state/archives/partial"
: > "$state/status"
for uri in $(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | sort -u); do
    case "$uri" in
        */debian-security/) echo "deb $uri $release-security main" ;;
        */debian/) echo "deb $uri $release main" ;;
    esac
done > "$state/sources.list"
apt() {
    (cd "$state/archives" && apt-get -qq -o Dir::State::Lists="$state/lists" -o Dir::State::Status="$state/status" \
        -o Dir::Cache::Archives="$state/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Acquire::Languages=none \
        -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" \
        -o Debug::NoLocking=1 -o APT::Sandbox::User= "$@")
}
apt update
# shellcheck disable=SC2086 # several words
apt $verb "$@"
for archive in "$state"/archives/*.deb; do dpkg-deb -x "$archive" "$folder"; done
rm -r "$state"
touch "$stamp"
