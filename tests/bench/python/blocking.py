"""The contenders for the blocking call, each written as its own documentation shows, with a connection that is kept.

Inside `with open(url) as publish`, `publish(file_ids)` returns the typed results. Libraries are imported when they are
opened, so that a process which measures one has only that one in it.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from asked import (
    CONTACT_NOTIFICATION,
    FIRM_ID,
    HEADERS,
    KEY_ID,
    KEY_SECRET,
    PORTAL_PUBLISHING,
    ROUTE,
    body,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from requests import PreparedRequest, Response

    Publish = Callable[[list[int]], Any]


class Contender(NamedTuple):
    open: Callable[[Any], Any]
    # Of its results; see `looks`.
    shape: str
    # How many files go into one call.
    most: int = 500


@contextmanager
def addepar_portal(url: str) -> Iterator[Publish]:
    from addepar_portal import PortalClient

    with PortalClient(base_url=url, firm_id=FIRM_ID, key_id=KEY_ID, key_secret=KEY_SECRET) as client:
        yield lambda file_ids: client.publish_files(
            file_ids, portal_publishing=PORTAL_PUBLISHING, contact_notification=CONTACT_NOTIFICATION
        )


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
        PortalClient(base_url=url, firm_id=FIRM_ID, key_id=KEY_ID, key_secret=KEY_SECRET) as client,
    ):
        yield lambda file_ids: client.publish_batch(
            file_ids,
            portal_publishing=PORTAL_PUBLISHING,
            contact_notification=CONTACT_NOTIFICATION,
            journal=Path(folder, f"{next(numbers)}.jsonl"),
            chunk_size=500,
        )


@contextmanager
def addepy(url: str) -> Iterator[Publish]:
    import requests
    from addepy import AddePy
    from requests.adapters import HTTPAdapter
    from shape_dataclass import results

    class Plain(HTTPAdapter):
        """addepy takes https only: this sends the request by plain http, as everybody else's."""

        def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
            assert request.url
            request.url = request.url.replace("https:", "http:", 1)
            return super().send(request, **options)

    https = url.replace("http:", "https:", 1)
    with (
        requests.Session() as session,
        AddePy(
            base_url=f"{https}/v1", firm_id=FIRM_ID, key_id=KEY_ID, key_secret=KEY_SECRET, session=session
        ) as client,
    ):
        session.mount("https://", Plain())
        yield lambda file_ids: results(
            client.admin.client_portal.publish_files(
                file_ids, portal_publishing=PORTAL_PUBLISHING, contact_notification=CONTACT_NOTIFICATION
            )
        )


@contextmanager
def requests_and_dataclasses(url: str) -> Iterator[Publish]:
    import requests
    from shape_dataclass import results

    with requests.Session() as session:
        session.headers.update(HEADERS)

        def publish(file_ids: list[int]) -> Any:
            response = session.post(url + ROUTE, data=body(file_ids))
            response.raise_for_status()
            return results(response.json()["data"])

        yield publish


@contextmanager
def httpx_and_pydantic(url: str) -> Iterator[Publish]:
    import httpx
    from shape_pydantic import body, rows

    with httpx.Client(base_url=url, headers=HEADERS) as client:

        def publish(file_ids: list[int]) -> Any:
            response = client.post(ROUTE, content=body(file_ids))
            response.raise_for_status()
            return rows(response.content)

        yield publish


@contextmanager
def pycurl_and_msgspec(url: str) -> Iterator[Publish]:
    import pycurl
    from shape_msgspec import body, rows

    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url + ROUTE)
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in HEADERS.items()])

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
    from pyreqwest.client import SyncClientBuilder
    from shape_msgspec import body, rows

    with SyncClientBuilder().default_headers(HEADERS).error_for_status(True).build() as client:
        yield lambda file_ids: rows(client.post(url + ROUTE).body_bytes(body(file_ids)).build().send().bytes())


@contextmanager
def raw_socket(url: str) -> Iterator[Publish]:
    """The floor: writes bytes that are ready and reads the answer to its end."""
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = bytearray(1 << 20)
    ready: dict[tuple[int, int], tuple[bytes, int]] = {}

    def exchange(request: bytes, length: int) -> int:
        """Returns how much more than `length` was read."""
        connection.sendall(request)
        while length > 0:
            length -= connection.recv_into(buffer)
        return -length

    def get_ready(file_ids: list[int]) -> tuple[bytes, int]:
        request = raw_request(url, file_ids)
        read = exchange(request, 1) + 1
        length = raw_length(buffer[:read])
        exchange(b"", length - read)
        return request, length

    def publish(file_ids: list[int]) -> None:
        known = file_ids[0], len(file_ids)
        if known not in ready:
            ready[known] = get_ready(file_ids)
        exchange(*ready[known])

    with connection:
        yield publish


def raw_request(url: str, file_ids: list[int]) -> bytes:
    address = urlsplit(url)
    asked = body(file_ids)
    headers = {"Host": address.netloc, **HEADERS, "Content-Length": str(len(asked))}
    lines = [f"POST {address.path}{ROUTE} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + asked


def raw_length(start: bytes) -> int:
    """The length of an answer, by its head."""
    head, end, _ = start.partition(b"\r\n\r\n")
    return len(head) + len(end) + int(head.rpartition(b"Content-Length: ")[2])


FLOOR = "raw socket"
OURS = "addepar-portal"
JOURNALLED = "addepar-portal, publish_batch"

CONTENDERS = {
    FLOOR: Contender(raw_socket, "none"),
    OURS: Contender(addepar_portal, "report"),
    JOURNALLED: Contender(addepar_portal_with_journal, "report", most=10_000),
    "pycurl + msgspec": Contender(pycurl_and_msgspec, "rows"),
    "pyreqwest + msgspec": Contender(pyreqwest_and_msgspec, "rows"),
    "httpx + pydantic": Contender(httpx_and_pydantic, "rows"),
    "requests": Contender(requests_and_dataclasses, "flat"),
    "addepy": Contender(addepy, "flat"),
}
