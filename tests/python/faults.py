"""Provokes every fault in Python, sync and async, and in Node, and writes down what was seen: `make faults`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from networks.authority import Authority, self_signed, server_context
from networks.calls import KEY, MODES
from networks.forward_proxy import ForwardProxy
from networks.nginx import Nginx
from networks.servers import Listener, TlsPortal, hold_handshake, port_of
from raw_server import Connection, Ending, Phase, RawServer, Relay, results

from addepar_portal import AsyncPortalClient, PortalClient, PortalError, PublishReport
from addepar_portal.testing import SimulatedPortal

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "tests" / "FAULTS.md"
NODE = ROOT / "tests" / "node" / "fault.mjs"
NODE_PACKAGE = ROOT / ".test" / "npm"

# A name that only the proxy knows; nothing listens on the port.
NAME, DEAD = "portal.test", "http://127.0.0.1:1"
SECONDS = {"timeout", "connect_timeout"}
THROUGH = "proxy_pass http://127.0.0.1:$port$rest;"
# What nginx does in each place of its own; the port behind it is that of the portal.
PLACES = {
    "through": THROUGH,
    "small": f"client_max_body_size 10; {THROUGH}",
    "denied": f"deny all; {THROUGH}",
    "hasty": f"proxy_read_timeout 300ms; {THROUGH}",
    "nobody": f"proxy_pass {DEAD};",
    "hang-up": "return 444;",
    "closed": "return 503;",
    "page": "return 200 '<title>Sign in</title>';",
    "moved": "return 301 https://localhost:1/;",
}
PATIENT = 2.0
"""Seconds in which even a busy machine sends a request."""


@dataclass(frozen=True)
class Met:
    """A fault that waits for a call."""

    settings: dict[str, Any]
    received: Callable[[], int]
    """How many POSTs arrived, whole or in part."""
    files: tuple[int, ...] = (37, 38)


@dataclass(frozen=True)
class Fault:
    """Its name in the table, and how one meets it."""

    name: str
    meet: Callable[[World], AbstractContextManager[Met]]
    slow: bool = False


@dataclass(frozen=True)
class Seen:
    """What a call ended in."""

    outcome: str
    error: str
    states: list[str]
    tries: int
    received: int

    def cells(self) -> list[str]:
        files = ", ".join(f"{number} {state}" for state, number in Counter(self.states).items())
        return [self.outcome, self.error or "none", files or "none", str(self.tries), str(self.received)]


@dataclass(frozen=True)
class World:
    """What several faults share."""

    folder: Path
    authority: Path
    certificates: dict[str, Path]
    proxy: ForwardProxy
    nginx: Nginx

    @classmethod
    @contextlib.contextmanager
    def open(cls) -> Iterator[World]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            authority, stranger = Authority(folder, "private"), Authority(folder, "stranger")
            certificates = {
                "good": authority.certificate("localhost"),
                "other host": authority.certificate(NAME),
                "expired": authority.certificate("localhost", expired=True),
                "unknown authority": stranger.certificate("localhost"),
                "self-signed": self_signed(folder, "localhost"),
                "of an authority": self_signed(folder, "localhost", as_authority=True),
            }
            server = "".join(
                f"location ~ ^/{place}/(?<port>[0-9]+)(?<rest>/.*)$ {{ {does} }}" for place, does in PLACES.items()
            )
            with (
                ForwardProxy(folder) as proxy,
                Nginx(folder, certificates["good"], server=f"default_type text/html; {server}") as nginx,
            ):
                yield cls(folder, authority.file, certificates, proxy, nginx)


# Kinds of faults


def portal(
    *faults: Any,
    endpoint: str | None = None,
    files: tuple[int, ...] = (37, 38),
    options: dict[str, Any] | None = None,
    **settings: Any,
) -> Any:
    """The simulated portal, or one of its endpoints."""

    @contextlib.contextmanager
    def meet(_: World) -> Iterator[Met]:
        with SimulatedPortal(faults=faults, **(options or {})) as portal:
            base_url = portal.control("endpoint", name=endpoint)["url"] if endpoint else portal.base_url
            yield Met({"base_url": base_url, **settings}, lambda: int(portal.control("posts")), files)

    return meet


def page(link: str) -> Any:
    """An answer that reports on one file, and on the other behind a link."""
    return portal({"name": "answer", "status": 200, "body": {**json.loads(results([37])), "links": {"next": link}}})


def relay(phase: Phase, ending: Ending) -> Any:
    """A connection that is cut on its way to the portal and back."""

    @contextlib.contextmanager
    def meet(_: World) -> Iterator[Met]:
        with SimulatedPortal() as portal, Relay(portal.base_url, phase, ending) as relay:
            yield Met({"base_url": relay.base_url}, lambda: relay.began)

    return meet


def certificate(name: str) -> Any:
    """A server whose certificate is refused."""

    @contextlib.contextmanager
    def meet(world: World) -> Iterator[Met]:
        context = server_context(world.certificates[name])
        with SimulatedPortal() as portal, TlsPortal(context, portal) as server:
            settings = {"base_url": server.base_url("localhost"), "ca_file": str(world.authority)}
            yield Met(settings, lambda: len(server.requests))

    return meet


@contextlib.contextmanager
def client_certificate(world: World) -> Iterator[Met]:
    """With TLS 1.3 the server refuses when the request is on its way."""
    context = server_context(world.certificates["good"], ssl.TLSVersion.TLSv1_3)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(world.authority)
    with Listener(lambda connection: hold_handshake(context, connection)) as server:
        settings = {"base_url": f"https://localhost:{server.port}", "ca_file": str(world.authority)}
        # It comes encrypted, and nobody reads it: each connection counts.
        yield Met(settings, lambda: server.connections)


def forward_proxy(url: Callable[[ForwardProxy], str], *, reachable: bool = True) -> Any:
    """A forward proxy that refuses the tunnel, and a server behind it."""

    @contextlib.contextmanager
    def meet(world: World) -> Iterator[Met]:
        context = server_context(world.certificates["other host"])
        with SimulatedPortal() as portal, TlsPortal(context, portal) as server:
            base_url = server.base_url(NAME) if reachable else f"https://{NAME}:1"
            settings = {"base_url": base_url, "ca_file": str(world.authority), "proxy": url(world.proxy)}
            yield Met(settings, lambda: len(server.requests))

    return meet


def broken_proxy(answer: bytes) -> Any:
    """A proxy that answers CONNECT so, and hangs up: at once, or at the next thing that it is sent."""

    def serve(connection: Connection) -> None:
        connection.read_head()
        if answer:
            connection.send(answer)
            connection.read(1)

    @contextlib.contextmanager
    def meet(_: World) -> Iterator[Met]:
        with SimulatedPortal() as portal, RawServer(serve) as proxy:
            yield Met({"base_url": f"https://{NAME}", "proxy": proxy.base_url}, lambda: int(portal.control("posts")))

    return meet


def nginx(place: str, fault: str | None = None) -> Any:
    """nginx in front of the portal, which may meet a fault itself."""

    @contextlib.contextmanager
    def meet(world: World) -> Iterator[Met]:
        with SimulatedPortal(faults=[fault] if fault else []) as portal:
            base_url = world.nginx.base_url(f"/{place}/{port_of(portal)}")
            yield Met({"base_url": base_url, "ca_file": str(world.authority)}, lambda: int(portal.control("posts")))

    return meet


def limited(delay: str | None, times: int = 1) -> dict[str, Any]:
    return {"name": "rate_limited", "x_retry_after": delay, "times": times}


# The faults

ODD_HEADERS = "Cache: \x01\r\nPolicy: one,\r\n two\r\nPlace : here\r\nno colon\r\n" + "Header: 1\r\n" * 200
ODD_HEAD = f"HTTP/1.1 403 Forbidden\r\n{ODD_HEADERS}Content-Length : 0\r\n\r\n"
UNCLEAR = "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"
SUCCESS = "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
TWO_LENGTHS = "\r\nContent-Length: 5\r\n"
STATUSES = (300, 301, 302, 303, 307, 308, 402, 408, 418, 425, 500, 501, 502, 503, 504, 520)

FAULTS: dict[str, list[Fault]] = {
    "Nothing can be sent": [
        Fault("the same file twice", portal(files=(37, 37))),
        Fault("`base_url` and `firm_name` at once", portal(firm_name="examplefirm")),
        Fault("the token function returns nothing that can be a token", portal(access_tokens=[""])),
    ],
    "The server is not reached": [
        Fault("the name does not resolve", portal(base_url="https://portal.invalid")),
        Fault("the connection is refused", portal(endpoint="refused")),
        Fault("connecting takes too long", portal(endpoint="blackhole", connect_timeout=0.2)),
        Fault("the TLS handshake is cut", portal(endpoint="handshake_cut")),
        Fault("the TLS handshake takes too long", portal(endpoint="handshake_hang", connect_timeout=0.2)),
        Fault("the time for all is up during the handshake", portal(endpoint="handshake_hang", timeout=0.2)),
        Fault("the certificate is of an unknown authority", certificate("unknown authority")),
        Fault("the certificate is for another host", certificate("other host")),
        Fault("the certificate has expired", certificate("expired")),
        Fault("the certificate is self-signed", certificate("self-signed")),
        Fault("the certificate is one of an authority", certificate("of an authority")),
        Fault("proxy.py wants another password (407)", forward_proxy(lambda proxy: proxy.url("wrong"))),
        Fault("proxy.py does not reach the server", forward_proxy(lambda proxy: proxy.url(), reachable=False)),
        Fault("the proxy hangs up on CONNECT", broken_proxy(b"")),
        Fault("the proxy answers CONNECT with no HTTP", broken_proxy(b"SSH-2.0-OpenSSH_9.2p1\r\n")),
        Fault("the proxy cuts its tunnel in the TLS handshake", broken_proxy(b"HTTP/1.1 200 OK\r\n\r\n")),
        Fault("the proxy is not there", forward_proxy(lambda _: DEAD)),
    ],
    "The server refuses": [
        *(Fault(f"{status}", portal(f"status:{status}")) for status in (400, 403, 404, 405, 409, 410, 413, 415, 422)),
        Fault("401 with a fixed token", portal(access_token="stale-token")),
        Fault(
            "401 with a token function, once", portal(access_tokens=["stale-token", "simulated-token", "never-asked"])
        ),
        Fault(
            "401 with a token function, again and again", portal(access_tokens=["stale-token", "staler", "never-asked"])
        ),
        Fault("429 with a delay, once", portal(limited("1"))),
        Fault("429 with a delay, again and again", portal(limited("1", times=9))),
        Fault("429 with a delay that may not be waited for", portal(limited("61"))),
        Fault("429 without a delay", portal(limited(None))),
        Fault("429 with a delay that makes no sense", portal(limited("NaN"))),
        Fault("403 beside odd headers, 200 of them", portal({"name": "raw", "text": ODD_HEAD})),
        Fault("nginx refuses the size (413, HTML)", nginx("small")),
        Fault("nginx denies access (403, HTML)", nginx("denied")),
    ],
    "The request goes out, and no answer comes": [
        *(
            Fault(f"cut {phase} ({ending})", relay(phase, ending))
            for phase in get_args(Phase)[1:4]
            for ending in get_args(Ending)
        ),
        Fault("a TLS alert: the server wants a client certificate", client_certificate),
        Fault("silence until the time is up", portal("hang", timeout=PATIENT)),
        Fault("the portal gives up when half of the work is done", portal("half_done")),
        Fault("nginx hangs up", nginx("hang-up")),
    ],
    "The answer does not say what was done": [
        *(
            Fault(f"cut {phase} ({ending})", relay(phase, ending))
            for phase in get_args(Phase)[4:]
            for ending in get_args(Ending)
        ),
        Fault("no HTTP", portal("garbage_status")),
        Fault("bytes before its head", portal({"name": "raw", "text": "more\r\n" + ODD_HEAD})),
        Fault("403 with two lengths", portal({"name": "raw", "text": UNCLEAR, "keeps": True})),
        Fault("200 with two lengths", portal({"name": "raw", "text": SUCCESS.replace("\r\n", TWO_LENGTHS, 1)})),
        Fault("chunks without an end", portal("chunked_cut")),
        Fault("it drips until the time is up", portal({"name": "drip", "every_ms": 200}, timeout=PATIENT)),
        *(Fault(f"{status}", portal(f"status:{status}")) for status in STATUSES),
        Fault("400 after 50 s", portal({"name": "slow_400", "after_ms": 50_500}), slow=True),
        Fault("202", portal("accepted")),
        Fault("204", portal("no_content")),
        Fault("200 without a body", portal("empty")),
        Fault("200 with HTML", portal({"name": "html", "status": 200})),
        Fault("200 that is not JSON", portal("not_json")),
        Fault("200 in invalid UTF-8", portal("invalid_utf8")),
        Fault("200 without a list of results", portal("no_data")),
        Fault("200, nested too deep", portal({"name": "nested", "depth": 100_000})),
        Fault("200, larger than 64 MiB", portal({"name": "huge", "bytes": (64 << 20) + 1})),
        Fault("nginx finds nobody (502, HTML)", nginx("nobody")),
        Fault("nginx waits too long (504, HTML)", nginx("hasty", "hang")),
        Fault("nginx loses the portal (502, HTML)", nginx("through", "reset_before_answer")),
        Fault("nginx loses the portal inside its answer", nginx("through", "close_in_body")),
        Fault("nginx is closed (503, HTML)", nginx("closed")),
        Fault("nginx has a page of its own (200, HTML)", nginx("page")),
        Fault("nginx says that it moved (301, HTML)", nginx("moved")),
    ],
    "The answer can be read": [
        Fault("none", portal()),
        Fault("a file failed for a contact", portal(options={"fail_publish": {38: [1]}})),
        Fault("a file is missing in it", portal({"name": "missing_result", "file": 38})),
        Fault("a file is in it twice, with different answers", portal({"name": "contradiction", "file": 38})),
        Fault("a file is in it that nobody asked for", portal({"name": "extra_result", "file": 99})),
        Fault("a file is on a next page that is not there", page("/v1/portal/nowhere")),
        Fault("a file is on a next page on another host", page("https://portal.invalid/v1/portal/next")),
        Fault("the connection is closed after it", portal("close_idle")),
        Fault("a stray answer follows it", portal("stray_bytes")),
    ],
}


# The hosts


def complete(settings: dict[str, Any]) -> dict[str, Any]:
    """With the firm and a key, unless there is a token."""
    has_token = not settings.keys().isdisjoint({"access_token", "access_tokens"})
    return {**({"firm_id": KEY["firm_id"]} if has_token else KEY), **settings}


def for_python(settings: dict[str, Any]) -> dict[str, Any]:
    settings = complete(settings)
    tokens = settings.pop("access_tokens", None)
    return {**settings, "access_token": iter(tokens).__next__} if tokens else settings


def for_node(settings: dict[str, Any]) -> dict[str, Any]:
    def camel_case(name: str) -> str:
        first, *others = name.split("_")
        return first + "".join(map(str.capitalize, others))

    return {
        f"{camel_case(name)}Ms" if name in SECONDS else camel_case(name): value * 1000 if name in SECONDS else value
        for name, value in complete(settings).items()
    }


def publish_sync(met: Met) -> PublishReport:
    with PortalClient(**for_python(met.settings)) as client:
        return client.publish_files(met.files, **MODES)


def publish_async(met: Met) -> PublishReport:
    async def publish() -> PublishReport:
        async with AsyncPortalClient(**for_python(met.settings)) as client:
            return await client.publish_files(met.files, **MODES)

    return asyncio.run(publish())


def in_python(publish: Callable[[Met], PublishReport]) -> Callable[[Met], Seen]:
    def see(met: Met) -> Seen:
        report: PublishReport | None
        try:
            report = publish(met)
            outcome, error = report.attempts[-1].outcome, ""
        except PortalError as raised:
            outcome, error, report = raised.outcome, type(raised).__name__, raised.report
        states = [] if report is None else [str(file.state) for file in report]
        return Seen(outcome, error, states, 0 if report is None else len(report.attempts), met.received())

    return see


def in_node(met: Met) -> Seen:
    command = ["node", str(NODE), json.dumps([met.files, for_node(met.settings)])]
    done = subprocess.run(command, cwd=NODE_PACKAGE, stdout=subprocess.PIPE, check=True, timeout=120)
    return Seen(**json.loads(done.stdout), received=met.received())


HOSTS: dict[str, Callable[[Met], Seen]] = {
    "Python": in_python(publish_sync),
    "asyncio": in_python(publish_async),
    "Node": in_node,
}


def rows(*, slow: bool) -> dict[str, list[str]]:
    """The row of each fault, which is the same in every host."""

    def see(fault: Fault, host: str, world: World) -> Seen:
        with fault.meet(world) as met:
            return HOSTS[host](met)

    jobs = [(title, fault, host) for title, faults in FAULTS.items() for fault in faults for host in HOSTS]
    jobs = [job for job in jobs if slow or not job[1].slow]
    # The slow ones first: the others run beside them.
    jobs.sort(key=lambda job: not job[1].slow)
    with World.open() as world, ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda job: see(job[1], job[2], world), jobs))
    table: dict[str, list[str]] = {}
    for (title, fault, host), one in zip(jobs, seen, strict=True):
        row = [fault.name, *one.cells()]
        before = table.setdefault(f"{title}: {fault.name}", row)
        assert before == row, f"{host} sees {row}, another host {before}"
    return table


HEAD = """# What each fault ends in

Written by `make faults`, which provokes each fault in Python (`publish_files` and `publish_files_async`) and in Node
and notes what is seen; if they differed, there would be no table. A call publishes two files. Beside the simulated
portal the faults come from nginx, proxy.py, OpenSSL and plain sockets. POSTs are counted where they arrive, whole or in
part.
"""
COLUMNS = ["fault", "outcome", "error", "files", "tries", "POSTs received"]


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def render(table: dict[str, list[str]]) -> str:
    parts = [HEAD]
    for title, faults in FAULTS.items():
        lines = [line(COLUMNS), line(["---"] * len(COLUMNS))]
        lines += [line(table[key]) for fault in faults if (key := f"{title}: {fault.name}") in table]
        parts.append(f"## {title}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    os.environ["ADDEPAR_PORTAL_LIVE"] = "1"
    TABLE.write_text(render(rows(slow=True)), "utf-8")
    print(f"{TABLE.relative_to(ROOT)}: {sum(map(len, FAULTS.values()))} faults", file=sys.stderr)
