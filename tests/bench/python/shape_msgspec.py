"""The call in msgspec: structs, an encoder and a decoder that are made once."""

from __future__ import annotations

import msgspec
from asked import CONTACT_NOTIFICATION, PORTAL_PUBLISHING


class Asked(msgspec.Struct):
    files_id: list[int]
    portal_publishing: str = PORTAL_PUBLISHING.upper()
    contact_notification: str = CONTACT_NOTIFICATION.upper()


class Data(msgspec.Struct, tag_field="type", tag="publish_portal_files_request"):
    attributes: Asked


class Request(msgspec.Struct):
    data: Data


class FileError(msgspec.Struct):
    code: str
    title: str
    detail: str


class Result(msgspec.Struct):
    file_id: int
    publish_status: str
    notify_status: str
    errors: list[FileError] = msgspec.field(name="error", default_factory=list)


class Row(msgspec.Struct):
    attributes: Result


class Answer(msgspec.Struct):
    data: list[Row]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Answer)


def body(file_ids: list[int]) -> bytes:
    return _encoder.encode(Request(Data(Asked(file_ids))))


def rows(answer: bytes) -> list[Row]:
    return _decoder.decode(answer).data
