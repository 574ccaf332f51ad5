"""The program `addepar-portal`, which is the core's."""

from __future__ import annotations

import signal
import sys

from ._native import run_cli


def main() -> None:
    """Runs the program with the arguments of this process, and ends it with the program's status."""
    # Ctrl-C ends the program as any other, save where it listens to it itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(run_cli(["addepar-portal", *sys.argv[1:]]))
