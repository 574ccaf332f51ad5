"""What is measured, part by part."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"), "release")

FLOOR = "raw socket"
OURS = "addepar-portal"
JOURNALLED = "addepar-portal, publish_batch"
BARE = "bare"

Kind = Literal["sync", "async", "parse", "node", "rust"]

CONTENDERS: dict[Kind, tuple[str, ...]] = {
    "sync": (FLOOR, OURS, "pycurl + msgspec", "pyreqwest + msgspec", "httpx + pydantic", "requests", "addepy"),
    "async": (FLOOR, OURS, "aiohttp + msgspec", "pyreqwest + msgspec", "httpx + pydantic"),
    "parse": (OURS, "msgspec", "orjson + dataclass", "pydantic"),
    "node": (FLOOR, OURS, "undici + JSON.parse", "fetch + zod", "axios"),
    "rust": (FLOOR, OURS, "hyper + serde_json", "reqwest + serde_json"),
}


def command(kind: Kind, contender: str, url: str, count: int, look: str) -> list[str]:
    """The process of a contender."""
    arguments = [contender, url, str(count), look]
    if kind == "node":
        return ["node", str(HERE / "node" / "worker.mjs"), *arguments]
    if kind == "rust":
        return [str(RELEASE / "addepar-portal-bench"), *arguments[:-1]]
    return [sys.executable, str(HERE / "python" / "worker.py"), kind, *arguments]


@dataclass(frozen=True)
class Case:
    """Calls, measured in rounds."""

    name: str
    kind: Kind
    count: int
    look: Literal["every_row", "failed_only"] = "every_row"
    form: Literal["compact", "indented"] = "compact"
    # Beside those of its kind.
    more: tuple[str, ...] = ()
    # How many rounds each process lives, and how often all are started anew; without rounds it is memory that counts.
    rounds: int = 15
    generations: int = 4
    # For how many seconds each process makes calls before it is measured.
    warm: float = 0

    def commands(self, server: str) -> dict[str, list[str]]:
        url = f"{server}/{self.form}"
        names = [name for name in (*CONTENDERS[self.kind], *self.more) if self.count <= 500 or name != FLOOR]
        return {name: command(self.kind, name, url, self.count, self.look) for name in names}


@dataclass(frozen=True)
class Sizes:
    """The cost of reading, by the number of results."""

    name: str
    counts: tuple[int, ...]

    def commands(self, server: str) -> dict[str, list[str]]:
        return {f"{count:,}": command("parse", OURS, f"{server}/compact", count, "every_row") for count in self.counts}


@dataclass(frozen=True)
class Starts:
    """Whole processes. What counts is the time over that of the bare one, if there is one."""

    name: str
    programs: dict[str, list[str]]

    def commands(self, server: str) -> dict[str, list[str]]:
        return {name: [*program, f"{server}/compact"] for name, program in self.programs.items()}


def imports(*modules: str) -> dict[str, list[str]]:
    return {module: [sys.executable, "-I", "-c", f"import {module}"] for module in modules}


def requires(*modules: str) -> dict[str, list[str]]:
    return {module: ["node", "--eval", f"require({module!r})"] for module in modules}


PYTHON_IMPORTS = {
    BARE: [sys.executable, "-I", "-c", ""],
    OURS: imports("addepar_portal")["addepar_portal"],
    **imports("pycurl", "msgspec", "pyreqwest.client", "aiohttp", "requests", "httpx", "pydantic", "addepy"),
}
NODE_REQUIRES = {BARE: ["node", "--eval", ""], **requires(OURS, "undici", "zod", "axios")}
COLD_SCRIPTS = {
    OURS: [sys.executable, str(HERE / "python" / "cold_addepar_portal.py")],
    "requests": [sys.executable, str(HERE / "python" / "cold_requests.py")],
}

PARTS: dict[str, tuple[Case | Sizes | Starts, ...]] = {
    "python-sync": (
        Case("Python sync, 1 file", "sync", 1),
        Case("Python sync, 500 files, every row", "sync", 500),
        Case("Python sync, 500 files, ok and failed only", "sync", 500, "failed_only"),
        Case("Python sync, 500 files, every row, indented", "sync", 500, form="indented"),
    ),
    "python-async": (
        Case("Python async, 1 file", "async", 1),
        Case("Python async, 500 files, every row", "async", 500),
    ),
    "python-parse": (
        Case("Python parse, 500 results, every row", "parse", 500),
        Case("Python parse, 500 results, every row, indented", "parse", 500, form="indented"),
        Sizes("Python parse, by number of results", (1, 10, 100, 500, 1_000, 5_000, 10_000, 50_000)),
    ),
    "node": (
        Case("Node, 1 file", "node", 1),
        Case("Node, 500 files, every row", "node", 500),
        Case("Node, 500 files, ok and failed only", "node", 500, "failed_only"),
        Case("Node, 500 files, every row, indented", "node", 500, form="indented"),
        Case("Node, 1 file, after 2 s of calls", "node", 1, warm=2),
        Case("Node, 500 files, every row, after 2 s of calls", "node", 500, warm=2),
    ),
    "rust": (
        Case("Rust, 1 file", "rust", 1),
        Case("Rust, 500 files, every row", "rust", 500),
    ),
    "batch": (
        Case("Python, 10,000 files, ok and failed only", "sync", 10_000, "failed_only", more=(JOURNALLED,), rounds=5),
        Case("Python, 10,000 files, every row", "sync", 10_000, more=(JOURNALLED,), rounds=5),
        Case("Node, 10,000 files, ok and failed only", "node", 10_000, "failed_only", rounds=5),
        Case("Node, 10,000 files, every row", "node", 10_000, rounds=5),
    ),
    "memory": (
        Case("Python, 10,000 files, memory", "sync", 10_000, more=(JOURNALLED,), rounds=0, generations=7),
        Case("Node, 10,000 files, memory", "node", 10_000, rounds=0, generations=7),
    ),
    "start": (
        Starts("Python, import", PYTHON_IMPORTS),
        Starts("Node, require", NODE_REQUIRES),
        Starts("Python, cold script, 500 files", COLD_SCRIPTS),
    ),
    # Those that `bench.py` measures itself.
    "stall": (),
    "size": (),
}
