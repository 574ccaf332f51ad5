"""The call in pydantic: models that validate bytes."""

from __future__ import annotations

from asked import CONTACT_NOTIFICATION, PORTAL_PUBLISHING
from pydantic import BaseModel, Field


class Asked(BaseModel):
    files_id: list[int]
    portal_publishing: str = PORTAL_PUBLISHING.upper()
    contact_notification: str = CONTACT_NOTIFICATION.upper()


class Data(BaseModel):
    type: str = "publish_portal_files_request"
    attributes: Asked


class Request(BaseModel):
    data: Data


class FileError(BaseModel):
    code: str
    title: str
    detail: str


class Result(BaseModel):
    file_id: int
    publish_status: str
    notify_status: str
    errors: list[FileError] = Field(alias="error", default=[])


class Row(BaseModel):
    attributes: Result


class Answer(BaseModel):
    data: list[Row]


def body(file_ids: list[int]) -> str:
    return Request(data=Data(attributes=Asked(files_id=file_ids))).model_dump_json()


def rows(answer: bytes) -> list[Row]:
    return Answer.model_validate_json(answer).data
