"""Builds the package from source: maturin, with the Rust that is installed.

Where maturin finds none, it downloads a whole toolchain unasked. Installing a package must not do
that: the build ends with maturin's message instead, which says what to install. An empty
`MATURIN_NO_INSTALL_RUST` allows the download.
"""

import os

from maturin import *  # type: ignore[import-untyped]  # noqa: F403 - every hook is maturin's

os.environ.setdefault("MATURIN_NO_INSTALL_RUST", "1")
