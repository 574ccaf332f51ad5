"""The contenders for the blocking call, each written as its own documentation shows.

Inside `with open(url) as publish`, `publish(file_ids)` returns the typed results. Each call has a connection of its
own, unless the contender's name says that it is kept. Each trusts the server's authority, and loads it once if it can.
Libraries are imported when they are opened, so that a process which measures one has only that one in it.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from asked import FIRM_ID, HEADERS, KEY_ID, KEY_SECRET, MODES, ROUTE, body, ca_file, raw_request, tls

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from typing import Any

    Publish = Callable[[list[int]], Any]


class Contender(NamedTuple):
    open: Callable[[Any], Any]
    # Of its results; see `looks`.
    shape: str
    # How many files go into one call.
    most: int = 500


CLOSE = {"Connection": "close"}


@contextmanager
def addepar_portal(url: str) -> Iterator[Publish]:
    from addepar_portal import PortalClient

    with PortalClient(base_url=url, firm_id=FIRM_ID, key_id=KEY_ID, key_secret=KEY_SECRET, ca_file=ca_file()) as client:
        yield lambda file_ids: client.publish_files(file_ids, **MODES)


@contextmanager
def addepar_portal_with_journal(url: str) -> Iterator[Publish]:
    """All files in one batch, whose journal is written through to the disk twice for each request."""
    import itertools
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from addepar_portal import PortalClient

    numbers = itertools.count()
    with (
        TemporaryDirectory() as folder,
        PortalClient(base_url=url, firm_id=FIRM_ID, key_id=KEY_ID, key_secret=KEY_SECRET, ca_file=ca_file()) as client,
    ):
        yield lambda file_ids: client.publish_batch(
            file_ids, journal=Path(folder, f"{next(numbers)}.jsonl"), chunk_size=500, **MODES
        )


@contextmanager
def addepy(url: str) -> Iterator[Publish]:
    import requests
    from addepy import AddePy
    from shape_dataclass import results

    with (
        requests.Session() as session,
        AddePy(base_url=f"{url}/v1", firm_id=FIRM_ID, key_id=KEY_ID, key_secret=KEY_SECRET, session=session) as client,
    ):
        session.verify = ca_file()
        session.headers.update(CLOSE)
        yield lambda file_ids: results(client.admin.client_portal.publish_files(file_ids, **MODES))


@contextmanager
def requests_and_dataclasses(url: str, *, kept: bool = False) -> Iterator[Publish]:
    import requests
    from shape_dataclass import results

    with requests.Session() as session:
        session.verify = ca_file()
        session.headers.update(HEADERS if kept else HEADERS | CLOSE)

        def publish(file_ids: list[int]) -> Any:
            response = session.post(url + ROUTE, data=body(file_ids))
            response.raise_for_status()
            return results(response.json()["data"])

        yield publish


@contextmanager
def requests_and_pydantic(url: str) -> Iterator[Publish]:
    import requests
    from shape_pydantic import body, rows

    with requests.Session() as session:
        session.verify = ca_file()
        session.headers.update(HEADERS | CLOSE)

        def publish(file_ids: list[int]) -> Any:
            response = session.post(url + ROUTE, data=body(file_ids))
            response.raise_for_status()
            return rows(response.content)

        yield publish


@contextmanager
def httpx_and_pydantic(url: str) -> Iterator[Publish]:
    import httpx
    from shape_pydantic import body, rows

    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=url, headers=HEADERS, verify=tls(), limits=limits) as client:

        def publish(file_ids: list[int]) -> Any:
            response = client.post(ROUTE, content=body(file_ids))
            response.raise_for_status()
            return rows(response.content)

        yield publish


@contextmanager
def pycurl_and_msgspec(url: str, *, kept: bool = False) -> Iterator[Publish]:
    import pycurl
    from shape_msgspec import body, rows

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url + ROUTE)
    curl.setopt(pycurl.CAINFO, ca_file())
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in HEADERS.items()])
    curl.setopt(pycurl.FRESH_CONNECT, not kept)
    curl.setopt(pycurl.FORBID_REUSE, not kept)

    def publish(file_ids: list[int]) -> Any:
        curl.setopt(pycurl.POSTFIELDS, body(file_ids))
        answer = curl.perform_rb()
        if curl.getinfo(pycurl.RESPONSE_CODE) != 200:
            raise RuntimeError("no answer")
        return rows(answer)

    yield publish
    curl.close()


@contextmanager
def pyreqwest_and_msgspec(url: str) -> Iterator[Publish]:
    from pathlib import Path

    from pyreqwest.client import SyncClientBuilder
    from shape_msgspec import body, rows

    builder = SyncClientBuilder().add_root_certificate_pem(Path(ca_file()).read_bytes()).pool_max_idle_per_host(0)
    with builder.default_headers(HEADERS).error_for_status(True).build() as client:
        yield lambda file_ids: rows(client.post(url + ROUTE).body_bytes(body(file_ids)).build().send().bytes())


@contextmanager
def http_client(url: str) -> Iterator[Publish]:
    import json
    from http.client import HTTPSConnection

    from shape_dataclass import results

    address = urlsplit(url)

    def publish(file_ids: list[int]) -> Any:
        connection = HTTPSConnection(address.netloc, context=tls())
        connection.request("POST", address.path + ROUTE, body(file_ids), HEADERS)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        if response.status != 200:
            raise RuntimeError("no answer")
        return results(json.loads(answer)["data"])

    yield publish


@contextmanager
def raw_ssl(url: str, *, resumes: bool = False) -> Iterator[Publish]:
    """The floor: writes bytes that are ready, reads the answer to its end and looks at nothing."""
    address = urlsplit(url)
    assert address.hostname
    host = address.hostname
    buffer = bytearray(1 << 20)
    ready: dict[tuple[int, int], bytes] = {}
    session: ssl.SSLSession | None = None

    def publish(file_ids: list[int]) -> None:
        nonlocal session
        known = file_ids[0], len(file_ids)
        if known not in ready:
            ready[known] = raw_request(address.netloc, address.path, file_ids)
        with (
            socket.create_connection((host, address.port)) as plain,
            tls().wrap_socket(plain, server_hostname=host, session=session) as connection,
        ):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(ready[known])
            while connection.recv_into(buffer):
                pass
            if resumes:
                session = connection.session

    yield publish


OURS = "addepar-portal"
JOURNALLED = "addepar-portal, publish_batch"

CONTENDERS = {
    "raw ssl": Contender(raw_ssl, "nothing"),
    "raw ssl that resumes": Contender(partial(raw_ssl, resumes=True), "nothing"),
    OURS: Contender(addepar_portal, "report"),
    JOURNALLED: Contender(addepar_portal_with_journal, "report", most=1_000_000),
    "pycurl + msgspec": Contender(pycurl_and_msgspec, "rows"),
    "pycurl + msgspec, kept": Contender(partial(pycurl_and_msgspec, kept=True), "rows"),
    "pyreqwest + msgspec": Contender(pyreqwest_and_msgspec, "rows"),
    "httpx + pydantic": Contender(httpx_and_pydantic, "rows"),
    "requests": Contender(requests_and_dataclasses, "flat"),
    "requests, kept": Contender(partial(requests_and_dataclasses, kept=True), "flat"),
    "requests + pydantic": Contender(requests_and_pydantic, "rows"),
    "addepy": Contender(addepy, "flat"),
    "http.client": Contender(http_client, "flat"),
}
