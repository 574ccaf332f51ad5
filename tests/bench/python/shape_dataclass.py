"""An answer as dataclasses, for libraries that give dicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class FileError:
    code: str
    title: str
    detail: str


@dataclass(slots=True)
class Result:
    file_id: int
    publish_status: str
    notify_status: str
    errors: list[FileError]


def results(data: list[dict[str, Any]]) -> list[Result]:
    return [
        Result(
            attributes["file_id"],
            attributes["publish_status"],
            attributes["notify_status"],
            [FileError(error["code"], error["title"], error["detail"]) for error in attributes.get("error", ())],
        )
        for attributes in (row["attributes"] for row in data)
    ]
