"""What is measured, part by part: who takes part in each case, as a command."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from server import Server

HERE = Path(__file__).parent
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target"), "release")

OURS = "addepar-portal"
JOURNALLED = "addepar-portal, publish_batch"
CLIENT = "addepar-portal, with its client"
JOURNALLED_NODE = "addepar-portal, publishBatch"
UNDICI = "undici + JSON.parse"
BARE = "bare"
PER_CALL, KEPT = "a client per call", "a kept client"

# Who makes calls over TLS. A connection is kept only where the name says so.
CALLING = {
    "sync": (
        "raw ssl",
        "raw ssl that resumes",
        OURS,
        "pycurl + msgspec",
        "pycurl + msgspec, kept",
        "pyreqwest + msgspec",
        "httpx + pydantic",
        "requests",
        "requests, kept",
        "requests + pydantic",
        "addepy",
        "http.client",
    ),
    "async": (
        "asyncio streams",
        OURS,
        "aiohttp + msgspec",
        "aiohttp + msgspec, kept",
        "pyreqwest + msgspec",
        "httpx + pydantic",
    ),
    "node": (
        "raw tls",
        "raw tls that resumes",
        OURS,
        UNDICI,
        "undici + JSON.parse, kept",
        "fetch",
        "axios",
    ),
    "rust": (
        "raw TLS that resumes",
        OURS,
        "hyper + serde_json",
        "hyper + serde_json, kept",
        "reqwest + serde_json",
    ),
}
READING = (OURS, "msgspec", "orjson + dataclass", "pydantic")
# By the server's word for them; the first is what else is measured.
FORMS = {
    "compact": "",
    "shuffled": ", shuffled",
    "all-ok": ", all ok",
    "all-failed": ", all failed",
    "unknown-members": ", with unknown members",
    "indented": ", indented",
}


class Command(NamedTuple):
    arguments: list[str]
    environ: Mapping[str, str] = MappingProxyType({})


Commands = dict[str, Command]


@dataclass(frozen=True)
class Turns:
    """Processes that live for some time and take turns at making calls."""

    name: str
    commands: Commands
    # How many rounds each process lives, and how often all are started anew.
    rounds: int = 10
    generations: int = 4
    # For how many seconds each process makes calls before it is measured.
    warm: float = 0
    # Whom the others are compared with.
    base: str = OURS
    # What a contender's measures are divided by.
    per: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Runs:
    """Processes that are measured from start to end, or that measure themselves."""

    name: str
    commands: Commands
    rounds: int = 15
    base: str = OURS
    per: dict[str, int] = field(default_factory=dict)
    # Whether it counts how long a process takes as a whole.
    is_timed: bool = True
    # Whose measures are taken off everybody's.
    over: str | None = None


def python(script: str, *arguments: str, **environ: str) -> Command:
    return Command([sys.executable, str(HERE / "python" / script), *arguments], environ)


def node(script: str, *arguments: str, **environ: str) -> Command:
    return Command(["node", str(HERE / "node" / script), *arguments], environ)


def of_node(script: str, contender: str, *arguments: str) -> Command:
    """Node's fetch has no setting for whom it trusts."""
    environ = {"NODE_EXTRA_CA_CERTS": os.environ["BENCH_CA_FILE"]} if contender == "fetch" else {}
    return node(script, contender, *arguments, **environ)


def worker(kind: str, contender: str, url: str, count: int) -> Command:
    if kind == "node":
        return of_node("worker.mjs", contender, url, str(count))
    if kind == "rust":
        return Command([str(RELEASE / "addepar-portal-bench"), contender, url, str(count)])
    return python("worker.py", kind, contender, url, str(count))


def files(count: int) -> str:
    return f"{count:,} file{'s' * (count > 1)}"


def calls(kind: str, title: str, server: Server) -> list[Turns]:
    """A call over TLS on a connection of its own."""

    def case(name: str, url: str, count: int) -> Turns:
        return Turns(name, {contender: worker(kind, contender, url, count) for contender in CALLING[kind]})

    return [
        *(case(f"{title}, {files(count)}", server.url(), count) for count in (1, 100, 500)),
        case(f"{title}, 1 file, server with an ECDSA key", server.url(key="ECDSA"), 1),
    ]


def node_calls(server: Server) -> list[Turns]:
    warm = {contender: worker("node", contender, server.url(), 1) for contender in (OURS, UNDICI)}
    return [*calls("node", "Node", server), Turns("Node, 1 file, after 3 s of calls", warm, generations=2, warm=3)]


def cold(server: Server) -> list[Runs]:
    """A script from its start to its exit, with all the roots of a system."""
    url = server.url()
    bundle = {"SSL_CERT_FILE": server.bundle}
    for_requests = {"REQUESTS_CA_BUNDLE": server.bundle}
    for_node = {"NODE_EXTRA_CA_CERTS": server.ca_file}
    return [
        Runs(
            "Python, cold script",
            {
                BARE: Command([sys.executable, "-c", ""]),
                OURS: python("cold/ours.py", url, **bundle),
                "requests": python("cold/with_requests.py", url, **for_requests),
                "httpx": python("cold/with_httpx.py", url, **bundle),
                "addepy": python("cold/with_addepy.py", url, **for_requests),
            },
        ),
        Runs(
            "Node, cold script",
            {
                BARE: Command(["node", "--eval", ""]),
                OURS: node("cold/ours.mjs", url, **bundle),
                "fetch": node("cold/with-fetch.mjs", url, **for_node),
                "undici": node("cold/with-undici.mjs", url, **for_node),
                "axios": node("cold/with-axios.mjs", url, **for_node),
            },
        ),
    ]


def clients(server: Server) -> list[Runs]:
    """The first call of a process and the second."""
    variables = {"SSL_CERT_FILE": server.bundle}
    return [
        Runs(
            f"{language}, first calls of a process",
            {
                PER_CALL: run(script, "per_call", server.url(), **variables),
                KEPT: run(script, "kept", server.url(), **variables),
            },
            base=PER_CALL,
            is_timed=False,
        )
        for language, run, script in (("Python", python, "first_calls.py"), ("Node", node, "first-calls.mjs"))
    ]


def reading(server: Server) -> list[Turns]:
    """Without network."""
    return [
        Turns(
            f"Python, reading {count:,} results{words}",
            {contender: worker("reading", contender, server.url(form), count) for contender in READING},
            rounds=10 if count == 500 else 3,
            generations=2 if count == 500 else 1,
        )
        for count in (500, 50_000)
        for form, words in FORMS.items()
    ] + [
        Turns(
            "Python, reading, for each result",
            {f"{count:,}": worker("reading", OURS, server.url(), count) for count in (500, 50_000)},
            base="50,000",
            per={"500": 500, "50,000": 50_000},
        )
    ]


def batch(server: Server) -> list[Turns | Runs]:
    """Many files, in requests of 500."""
    quick, slow = server.url(), server.url("slow")
    millions = {f"{count:,}": worker("sync", JOURNALLED, quick, count) for count in (100_000, 1_000_000)}
    return [
        Turns(
            "Python, 10,000 files",
            {name: worker("sync", name, quick, 10_000) for name in (JOURNALLED, OURS, "pycurl + msgspec")},
            rounds=4,
        ),
        Turns(
            "Node, 10,000 files",
            {name: worker("node", name, quick, 10_000) for name in (JOURNALLED_NODE, OURS, UNDICI)},
            rounds=4,
        ),
        Runs(
            "10,000 files, each answer takes 200 ms",
            {
                JOURNALLED: worker("sync", JOURNALLED, slow, 10_000),
                JOURNALLED_NODE: worker("node", JOURNALLED_NODE, slow, 10_000),
                "pycurl + msgspec": worker("sync", "pycurl + msgspec", slow, 10_000),
            },
            rounds=2,
            base=JOURNALLED,
        ),
        Runs(
            "Python, publish_batch, for each file",
            {BARE: python("process.py"), **millions},
            rounds=2,
            base="1,000,000",
            per={"100,000": 100_000, "1,000,000": 1_000_000},
            over=BARE,
        ),
    ]


def services(server: Server) -> list[Runs]:
    """200 calls at once; each answer takes 200 ms."""
    slow = server.url("slow")
    return [
        Runs(
            "Python async, 200 calls at once",
            {name: python("service.py", name, slow) for name in (OURS, "aiohttp + msgspec", "pyreqwest + msgspec")},
            rounds=7,
        ),
        Runs(
            "Node, 200 calls at once",
            {name: of_node("service.mjs", name, slow) for name in (OURS, UNDICI, "fetch")},
            rounds=7,
        ),
    ]


def weight(server: Server) -> list[Runs]:
    peers = ("pycurl", "pyreqwest.client", "aiohttp", "requests", "httpx", "addepy")
    # The package loads a part of it when a name of that is asked for.
    imports = {OURS: "import addepar_portal", CLIENT: "from addepar_portal import PortalClient"}
    imports |= {name: f"import {name}" for name in peers}
    requires = (OURS, "undici", "axios")
    return [
        Runs(
            "Python, import",
            {BARE: Command([sys.executable, "-I", "-c", ""])}
            | {name: Command([sys.executable, "-I", "-c", code]) for name, code in imports.items()},
            rounds=31,
            over=BARE,
        ),
        Runs(
            "Node, require",
            {BARE: Command(["node", "--eval", ""])}
            | {name: Command(["node", "--eval", f"require({name!r})"]) for name in requires},
            rounds=31,
            over=BARE,
        ),
        Runs(
            "Python, memory at 10,000 files",
            {BARE: python("process.py")}
            | {
                name: worker("sync", name, server.url(), 10_000)
                for name in (OURS, JOURNALLED, "pycurl + msgspec", "requests + pydantic")
            },
            rounds=7,
            over=BARE,
        ),
        Runs(
            "Node, memory at 10,000 files",
            {name: worker("node", name, server.url(), 10_000) for name in (OURS, JOURNALLED_NODE, UNDICI)},
            rounds=7,
        ),
        *(
            Runs(f"{language}, idle after 100 calls at once", {OURS: command}, rounds=3, is_timed=False)
            for language, command in (
                ("Python sync", python("idle.py", "sync", server.url())),
                ("Python async", python("idle.py", "async", server.url())),
                ("Node", node("idle.mjs", server.url())),
            )
        ),
    ]


PARTS: dict[str, Callable[[Server], list[Turns] | list[Runs] | list[Turns | Runs]]] = {
    "python-sync": lambda server: calls("sync", "Python sync", server),
    "python-async": lambda server: calls("async", "Python async", server),
    "node": node_calls,
    "rust": lambda server: calls("rust", "Rust", server),
    "cold": cold,
    "clients": clients,
    "reading": reading,
    "batch": batch,
    "services": services,
    "weight": weight,
}
