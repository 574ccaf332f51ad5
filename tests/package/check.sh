#!/bin/sh
# Type-checks the core and both bindings for a system that this machine can neither link for nor run: with Debian's
# compiler and the source of its standard library. The C code of ring is compiled by zig, and then used by nothing.
#
#   sh tests/package/check.sh windows|macos
set -eu
cd "$(dirname "$0")/../.."
debian=.test/debian-rust
sh tests/debian-root.sh "$debian" bookworm amd64 --only rustc-web libstd-rust-web-1.96 libstd-rust-web-dev libllvm22
sh tests/debian-root.sh "$debian" bookworm amd64 --only rust-web-src
case "$1" in
    windows) target=x86_64-pc-windows-msvc zig=x86_64-windows-gnu ;;
    macos) target=aarch64-apple-darwin zig=aarch64-macos ;;
esac
name="$(echo "$target" | tr - _)"
cache="$PWD/target/zig"
tools="$PWD/.test/check"
mkdir -p "$cache" "$tools"
export RUSTC="$PWD/$debian/usr/bin/rustc" LD_LIBRARY_PATH="$PWD/$debian/usr/lib/x86_64-linux-gnu" \
    RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_unwind CARGO_TARGET_DIR="$PWD/target/debian-rust" \
    ZIG_GLOBAL_CACHE_DIR="$cache" ZIG_LOCAL_CACHE_DIR="$cache" CARGO_ZIGBUILD_CACHE_DIR="$cache"

# Both understand what is meant for Apple's and Microsoft's tools, save for the target, which is theirs to know.
cat > "$tools/cc" <<END
#!/usr/bin/env python3
import os, sys
arguments = iter(sys.argv[1:])
kept = []
for argument in arguments:
    if argument in ("-arch", "-isysroot"):
        next(arguments)
    elif not argument.startswith(("--target=", "-mmacosx-version-min")):
        kept.append(argument)
zig = "$PWD/.venv/bin/python-zig"
os.execv(zig, [zig, "cc", "-target", "$zig", *kept])
END
cat > "$tools/ar" <<END
#!/bin/sh
case "\$1" in
    -out:*) exec "$PWD/.venv/bin/python-zig" lib "\$@" ;;
    *) exec "$PWD/.venv/bin/python-zig" ar "\$@" ;;
esac
END
chmod +x "$tools/cc" "$tools/ar"
export "CC_$name=$tools/cc" "AR_$name=$tools/ar"
cargo check --quiet --locked --target "$target" --package addepar-portal-python --package addepar-portal-node
