#!/bin/sh
# rustdoc as `cargo rustdoc` is to run it: JSON is not stable yet, and the compiler is not to be built for again.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@" -Z unstable-options --output-format json
