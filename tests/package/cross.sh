#!/bin/sh
# Builds the packages for a platform that this machine is not, and runs their smoke tests there (`trials/systems.py`).
#
#   sh tests/package/cross.sh arm64|musl
#
# The compiler is Debian 12's `rustc-web`, not the one that releases are built with: Debian has a standard library for
# arm64, and the source of one that is built here for musl. What this shows of the code is true of a release; of the
# compiled files it is not.
set -eu
cd "$(dirname "$0")/../.."
system=$1
debian=.test/debian-rust
dist=.test/cross/$system
unpack() { sh tests/debian-root.sh "$debian" bookworm "$@"; }

unpack amd64 --only rustc-web libstd-rust-web-1.96 libstd-rust-web-dev libllvm22
case "$system" in
    arm64)
        target=aarch64-unknown-linux-gnu platform=linux-arm64-gnu tag=manylinux2014
        unpack arm64 --only libstd-rust-web-dev
        ;;
    musl)
        target=x86_64-unknown-linux-musl platform=linux-x64-musl tag=musllinux_1_2
        unpack amd64 --only rust-web-src
        export RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_unwind
        ;;
esac
export RUSTC="$PWD/$debian/usr/bin/rustc" LD_LIBRARY_PATH="$PWD/$debian/usr/lib/x86_64-linux-gnu"
export CARGO_TARGET_DIR="$PWD/target/debian-rust"

rm -rf "$dist" && mkdir -p "$dist"
sh .cargo/zig.sh "$target" .venv/bin/maturin build --quiet --release --locked --compatibility "$tag" \
    --manifest-path bindings-python/Cargo.toml --out "$dist"
sh .cargo/zig.sh "$target" cargo build --quiet --release --locked --package addepar-portal-node
cp "$CARGO_TARGET_DIR/$target/release/libaddepar_portal_node.so" "$dist/addepar-portal.$platform.node"
cp dist/addepar-portal-[0-9]*.tgz "$dist"

unset LD_LIBRARY_PATH
.venv/bin/python tests/package/binaries.py "$dist"
.venv/bin/python tests/package/trials/systems.py "$system" "$dist"
