"""Measures addepar-portal beside its peers, prints tables and writes results.json; `make bench` runs it.

    python bench.py [PART...]

Without a PART all are measured. With some, the others' figures stay in results.json as they were.
"""

from __future__ import annotations

import contextlib
import datetime
import http.client
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import timeit
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import tables
from cases import BARE, CONTENDERS, HERE, OURS, PARTS, RELEASE, ROOT, Case, Sizes, Starts, command
from figures import figures
from rounds import Worker, measure, measure_starts
from targets import STALL

sys.path.append(str(HERE / "python"))
import asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from figures import Figure, Figures

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


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The server's URL while it runs."""
    program = RELEASE / "addepar-portal-bench-server"
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def check_requests(url: str) -> None:
    """Everybody asks the same. addepy has headers and spaces of its own: of it, the meaning is looked at."""
    for kind in ("sync", "async", "node", "rust"):
        for contender in CONTENDERS[kind]:
            Worker(command(kind, contender, f"{url}/kept/compact", 3, "every_row")).finish()
            connection = http.client.HTTPConnection(urlsplit(url).netloc)
            connection.request("GET", "/last")
            head, _, body = connection.getresponse().read().decode().partition("\r\n\r\n")
            line, *headers = head.split("\r\n")
            sent = {name.lower(): value for name, value in (header.split(": ", 1) for header in headers)}
            wanted = {name.lower(): value for name, value in asked.HEADERS.items()}
            if contender == "addepy":
                body = json.dumps(json.loads(body), separators=(",", ":"))
                del wanted["accept-encoding"]
            said = line, {name: sent.get(name) for name in wanted}, body.encode()
            if said != (f"POST /kept/compact{asked.ROUTE} HTTP/1.1", wanted, asked.body([1, 2, 3])):
                raise RuntimeError(f"{contender} ({kind}) asks something else: {said}")


def measured(case: Case | Sizes | Starts, url: str) -> dict[str, Figure]:
    commands = case.commands(url)
    if isinstance(case, Starts):
        return figures(measure_starts(commands, BARE if BARE in commands else None), OURS)
    if isinstance(case, Case):
        return figures(measure(commands, generations=case.generations, rounds=case.rounds, warm=case.warm), OURS)
    samples = measure(commands, alike=False)
    for count, sample in zip(case.counts, samples.values(), strict=True):
        sample["time"] = [seconds / count for seconds in sample["time"]]
        sample["cpu"] = [seconds / count for seconds in sample["cpu"]]
    return figures(samples, f"{case.counts[-1]:,}")


def stalls(url: str) -> Figures:
    """How long the event loop stands still when a journalled batch is cancelled."""
    program = [sys.executable, str(HERE / "python" / "stalls.py"), f"{url}/compact"]
    longest = json.loads(subprocess.run(program, capture_output=True, text=True, check=True).stdout)
    quartiles = statistics.quantiles(longest, n=4)
    return {STALL: {OURS: {"n": len(longest), "own": {"time": quartiles}, "against": {"time": [1.0, 1.0, 1.0]}}}}


def sizes() -> Figures:
    # What Node's users get is the main package and that of their platform.
    return {
        name: {OURS: {"n": 1, "own": {"size": [float(sum(path.stat().st_size for path in files))] * 3}, "against": {}}}
        for name, files in (("wheel", (ROOT / "dist").glob("*.whl")), ("npm package", (ROOT / "dist").glob("*.tgz")))
    }


def circumstances() -> dict[str, Any]:
    """Where and with what it was measured."""
    processors = Path("/proc/cpuinfo")
    lines = processors.read_text().splitlines() if processors.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
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
            **{name: importlib.metadata.version(name) for name in ("addepar-portal", *PACKAGES)},
            **peers,
        },
    }


def main() -> None:
    parts = sys.argv[1:] or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"no part {', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"figures": {}}
    started = time.monotonic()
    settle()
    with server() as url:
        check_requests(url)
        for part in parts:
            for case in PARTS[part]:
                figures = results["figures"][case.name] = measured(case, url)
                print(tables.case(case.name, figures), flush=True)
            if part == "stall":
                results["figures"] |= stalls(url)
            if part == "size":
                results["figures"] |= sizes()
    results |= circumstances()
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(tables.targets(results["figures"]))
    print(f"{time.monotonic() - started:.0f} s, load {os.getloadavg()[0]:.1f}; {results['machine']}")


if __name__ == "__main__":
    main()
