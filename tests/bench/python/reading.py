"""The contenders for reading an answer without any network. `open(count)` gives a function that reads its body."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asked
from blocking import OURS, Contender

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from addepar_portal import PublishRequest

    Read = Callable[[bytes], Any]


def answer(url: str, count: int) -> bytes:
    """The body of an answer."""
    address = urlsplit(url)
    connection = http.client.HTTPSConnection(address.netloc, context=asked.tls())
    connection.request("POST", address.path + asked.ROUTE, asked.body(asked.file_ids(count)))
    return connection.getresponse().read()


def addepar_portal(count: int) -> Read:
    from addepar_portal import PublishReport

    request = request_of(count)
    return lambda body: PublishReport.from_response(request, body)


def request_of(count: int) -> PublishRequest:
    """A request for any number of files. More than one call takes come with the report of a batch."""
    from addepar_portal import PublishReport, PublishRequest

    result = {"attributes": {"file_id": 1, "publish_status": "success", "notify_status": "success"}}
    request = PublishRequest([1], portal_publishing="publish", contact_notification="do_not_notify")
    report = json.loads(PublishReport.from_response(request, json.dumps({"data": [result]})).to_json())
    ids = asked.file_ids(count)
    [file] = report["files"]
    report["files"] = [{**file, "file_id": file_id} for file_id in ids]
    report["request"]["file_ids"] = ids
    return PublishReport.from_json(json.dumps(report)).request


def msgspec(count: int) -> Read:
    import shape_msgspec

    return shape_msgspec.rows


def orjson_and_dataclasses(count: int) -> Read:
    import orjson
    from shape_dataclass import results

    return lambda body: results(orjson.loads(body)["data"])


def pydantic(count: int) -> Read:
    import shape_pydantic

    return shape_pydantic.rows


CONTENDERS = {
    OURS: Contender(addepar_portal, "report"),
    "msgspec": Contender(msgspec, "rows"),
    "orjson + dataclass": Contender(orjson_and_dataclasses, "flat"),
    "pydantic": Contender(pydantic, "rows"),
}
