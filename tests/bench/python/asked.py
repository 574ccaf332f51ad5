"""What every contender asks: the same files, the same modes, the same headers."""

from __future__ import annotations

import base64
import json
from typing import Any

ROUTE = "/v1/portal/publish_files"
FIRM_ID, KEY_ID, KEY_SECRET = "1", "key", "secret"
HEADERS = {
    "Authorization": "Basic " + base64.b64encode(f"{KEY_ID}:{KEY_SECRET}".encode()).decode(),
    "Addepar-Firm": FIRM_ID,
    "Accept": "application/vnd.api+json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/vnd.api+json",
}
PORTAL_PUBLISHING, CONTACT_NOTIFICATION = "publish", "notify"


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
