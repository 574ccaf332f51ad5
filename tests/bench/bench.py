"""Measures addepar-portal beside its peers, prints tables and writes results.json; `make bench` runs it.

    python bench.py [--quick] [PART...]

Without a PART all are measured. With some, the others' figures stay in results.json as they were. `--quick` is for
those who change the benchmark: a few rounds, whose figures say little.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
import timeit
from typing import TYPE_CHECKING, Any

import server
import tables
import targets
from figures import figures
from parts import CALLING, HERE, OURS, PARTS, worker
from rounds import Worker, measure

sys.path.append(str(HERE / "python"))
import asked

if TYPE_CHECKING:
    from figures import Figures
    from server import Server

RESULTS = HERE / "results.json"
READ_BY_LIBRARIES = ("ADDEPAR_", "PYTHON", "NODE_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PACKAGES = ("addepy", "aiohttp", "httpx", "msgspec", "orjson", "pycurl", "pydantic", "pyreqwest", "requests")


def settle() -> None:
    """One core for everything that runs from here on, and no variables that a library would read."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(READ_BY_LIBRARIES):
            del os.environ[name]
    os.environ |= {
        "ADDEPAR_FIRM_ID": asked.FIRM_ID,
        "ADDEPAR_KEY_ID": asked.KEY_ID,
        "ADDEPAR_KEY_SECRET": asked.KEY_SECRET,
    }


def check_calls(server: Server) -> dict[str, dict[str, tuple[float, float]]]:
    """Everybody asks the same, on a connection of its own, unless it is said to be kept.

    Returns how many connections a call has, and how many of them resume a session.
    """
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for kind, contenders in CALLING.items():
        for contender in contenders:
            server.connections()
            process = Worker(worker(kind, contender, server.url(), 3))
            # The first call, one that is not measured, and eight that are.
            process.take(8)
            process.finish()
            opened, resumed = server.connections()
            if (opened < 10) != contender.endswith("kept"):
                raise RuntimeError(f"{contender} ({kind}) opened {opened} connections for 10 calls")
            check_request(f"{contender} ({kind})", contender, server.last_request())
            found.setdefault(kind, {})[contender] = opened / 10, resumed / 10
    return found


def check_request(who: str, contender: str, request: str) -> None:
    """addepy has headers and spaces of its own: of it, the meaning is looked at."""
    head, _, body = request.partition("\r\n\r\n")
    line, *headers = head.split("\r\n")
    sent = {name.lower(): value for name, value in (header.split(": ", 1) for header in headers)}
    wanted = {name.lower(): value for name, value in asked.HEADERS.items()}
    if contender == "addepy":
        body = json.dumps(json.loads(body), separators=(",", ":"))
        del wanted["accept-encoding"]
    said = line, {name: sent.get(name) for name in wanted}, body.encode()
    if said != (f"POST /compact{asked.ROUTE} HTTP/1.1", wanted, asked.body([1, 2, 3])):
        raise RuntimeError(f"{who} asks something else: {said}")


def sizes() -> Figures:
    """What Node's users get is the main package and that of their platform."""
    dist = HERE.parent.parent / "dist"
    found = {name: float(sum(path.stat().st_size for path in dist.glob(f"*.{end}"))) for name, end in ENDS.items()}
    return {
        "Packages": {
            name: {"n": 1, "own": {"size": [size] * 3}, "against": {"size": [1.0] * 3}} for name, size in found.items()
        }
    }


ENDS = {"wheel": "whl", "npm, with this platform's": "tgz"}


def circumstances() -> dict[str, Any]:
    """Where and with what it was measured."""
    model = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as processors:
            lines = [line for line in processors if line.startswith("model name")]
        model = lines[0].partition(": ")[2].strip() if lines else model
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    addition = min(timeit.repeat("n += 1", "n = 0", number=100_000, repeat=20)) / 100_000
    peers = json.loads((HERE / "package.json").read_text())["dependencies"]
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {model}, {os.cpu_count()} cores, one of them used, "
        f"{addition * 1e9:.0f} ns for an addition in Python",
        "versions": {
            "CPython": platform.python_version(),
            "Node": node.removeprefix("v"),
            **{name: importlib.metadata.version(name) for name in (OURS, *PACKAGES)},
            **peers,
        },
    }


def main() -> None:
    quick = "--quick" in sys.argv
    parts = [argument for argument in sys.argv[1:] if argument != "--quick"] or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"no part {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"figures": {}}
    started = time.monotonic()
    settle()
    with server.running() as running:
        results["connections"] = check_calls(running)
        print(tables.connections(results["connections"]), flush=True)
        for part in parts:
            for case in PARTS[part](running):
                found = results["figures"][case.name] = figures(measure(case, quick=quick), case.base)
                print(tables.case(case.name, found), flush=True)
    results["figures"] |= sizes()
    results["targets"] = targets.outcomes(results["figures"])
    results |= circumstances()
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(tables.case("Packages", results["figures"]["Packages"]))
    print(tables.targets(results["targets"]))
    print(f"{time.monotonic() - started:.0f} s, load {os.getloadavg()[0]:.1f}; {results['machine']}")


if __name__ == "__main__":
    main()
