#!/bin/sh
# Runs a build of what is released. For Linux, zig compiles the C code and links, against glibc 2.17 or musl: what is
# built on a new system runs on old ones. Other targets are built by the system's own tools.
#
#   sh .cargo/zig.sh TARGET COMMAND...
#
# Not maturin's `--zig` beside `cargo zigbuild`: each has a linker of its own, for which cargo compiles every crate again.
set -eu
target=$1
shift
root="$(cd "$(dirname "$0")/.." && pwd)"
tools="$root/.venv/bin"
arch="${target%%-*}"
export CARGO_BUILD_TARGET="$target"

case "$target" in
    *-unknown-linux-gnu) ZIG_TARGET="$arch-linux-gnu.2.17" flags="" ;;
    # A library that Python or Node loads shares their libc.
    *-unknown-linux-musl) ZIG_TARGET="$arch-linux-musl" flags="-C target-feature=-crt-static -C link-self-contained=no" ;;
    *) exec "$@" ;;
esac
name="$(echo "$target" | tr - _)"
NAME="$(echo "$name" | tr '[:lower:]' '[:upper:]')"
cache="$root/target/zig" # nothing is left in the home folder
mkdir -p "$cache"
export ZIG_TARGET PATH="$tools:$PATH" CARGO_ZIGBUILD_ZIG_PATH="$tools/python-zig" \
    CARGO_ZIGBUILD_CACHE_DIR="$cache" ZIG_GLOBAL_CACHE_DIR="$cache" ZIG_LOCAL_CACHE_DIR="$cache" \
    "CC_$name=$root/.cargo/zig-cc" "CARGO_TARGET_${NAME}_LINKER=$root/.cargo/zig-cc"
[ -z "$flags" ] || export "CARGO_TARGET_${NAME}_RUSTFLAGS=$flags"
exec "$@"
