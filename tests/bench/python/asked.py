"""What every contender asks: the same files, the same modes, the same headers, of the same server."""

from __future__ import annotations

import base64
import functools
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

ROUTE = "/v1/portal/publish_files"
FIRM_ID, KEY_ID, KEY_SECRET = "1", "key", "secret"
HEADERS = {
    "Authorization": "Basic " + base64.b64encode(f"{KEY_ID}:{KEY_SECRET}".encode()).decode(),
    "Addepar-Firm": FIRM_ID,
    "Accept": "application/vnd.api+json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/vnd.api+json",
}
PORTAL_PUBLISHING, CONTACT_NOTIFICATION = "publish", "do_not_notify"
MODES = {"portal_publishing": PORTAL_PUBLISHING, "contact_notification": CONTACT_NOTIFICATION}


def ca_file() -> str:
    """The certificate of the authority that vouches for the server."""
    return os.environ["BENCH_CA_FILE"]


@functools.cache
def tls() -> ssl.SSLContext:
    """Who is trusted, loaded once."""
    import ssl

    return ssl.create_default_context(cafile=ca_file())


def file_ids(count: int, first: int = 1) -> list[int]:
    """The server answers for consecutive files."""
    return list(range(first, first + count))


def payload(file_ids: list[int]) -> dict[str, Any]:
    return {
        "data": {
            "type": "publish_portal_files_request",
            "attributes": {
                "files_id": file_ids,
                "portal_publishing": PORTAL_PUBLISHING.upper(),
                "contact_notification": CONTACT_NOTIFICATION.upper(),
            },
        }
    }


def body(file_ids: list[int]) -> bytes:
    return json.dumps(payload(file_ids), separators=(",", ":")).encode()


def raw_request(authority: str, path: str, file_ids: list[int]) -> bytes:
    """The bytes that go over the wire; the server closes the connection after its answer."""
    asked = body(file_ids)
    headers = {"Host": authority, **HEADERS, "Content-Length": str(len(asked)), "Connection": "close"}
    lines = [f"POST {path}{ROUTE} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + asked
