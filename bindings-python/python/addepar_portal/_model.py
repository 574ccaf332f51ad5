"""Those parts of the native classes in which Python code runs.

They are functions of Python, put into the classes when the package is imported: an interpreter that ends stops its
other threads wherever they run Python code, which must never be below native frames.
"""

from __future__ import annotations

from _collections_abc import Iterable
from _operator import index

from . import _types
from ._arguments import word
from ._errors import from_core
from ._ids import plain_ids
from ._native import Failure, FileResult, failures, make_request, read_report, read_response
from ._native import PublishReport as Report
from ._native import PublishRequest as Request
from ._rows import ApiError, Attempt, FailedContacts, Row, UnexpectedResult, UnreadPage, attempt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")


def value(given: T | Failure) -> T:
    """What the native half handed over; raises the error that it may have handed over in its place."""
    if isinstance(given, Failure):
        raise from_core(given)
    return given


def request(
    file_ids: Any, portal_publishing: Any, contact_notification: Any, contacts: Any, *, for_batch: bool = False
) -> Request:
    """A request, of at most 500 files unless it is for a batch; without files for those that generated reports have."""
    names: dict[int, str] = {}
    if isinstance(file_ids, Row):
        from ._generated_reports import files_of

        file_ids, names = files_of(file_ids)
    return value(
        make_request(
            None if file_ids is None and for_batch else plain_ids("file_ids", file_ids, is_one_call=not for_batch),
            word(portal_publishing),
            word(contact_notification),
            [] if contacts is None else plain_ids("publish_override_contact_ids", contacts),
            for_batch,
            names,
        )
    )


class PublishRequest:
    def __new__(  # type: ignore[misc]  # what it makes is of the native class
        cls,
        file_ids: Iterable[_types.Id] | _types.GeneratedReport,
        *,
        portal_publishing: _types.PortalPublishing,
        contact_notification: _types.ContactNotification,
        publish_override_contact_ids: Iterable[_types.Id] | None = None,
    ) -> Request:
        return request(file_ids, portal_publishing, contact_notification, publish_override_contact_ids)


class PublishReport:
    @staticmethod
    def from_response(request: Request, body: str | bytes) -> Report:
        """Reads the body of a response without any network. Raises `OutcomeUnknownError` where it cannot be read."""
        # Half of a surrogate pair is U+FFFD, as where it is written as an escape; two halves are one character.
        if isinstance(body, str):
            body = body.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        read = bytes(memoryview(body))
        return value(read_response(request, read))

    @staticmethod
    def from_json(json: str) -> Report:
        """Reads what `to_json` wrote, in any language."""
        return value(read_report(json))

    @property
    def attempts(self: _types.Any) -> tuple[Attempt, ...]:
        """Every try, in order; empty where the report was read without a network."""
        return tuple(attempt(*values) for values in self._attempts())

    @property
    def unexpected(self: _types.Any) -> tuple[UnexpectedResult, ...]:
        """Results that belong to no requested file alone, as they came."""
        return tuple(UnexpectedResult(*values) for values in self._unexpected())

    @property
    def errors(self: _types.Any) -> tuple[ApiError, ...]:
        """The API's error objects beside the results, of all pages. They may be about any file, so none is `ok`."""
        return tuple(ApiError(*values) for values in self._errors())

    @property
    def unread_pages(self: _types.Any) -> tuple[UnreadPage, ...]:
        """Further pages of results that could not be read: of a batch, at most one for each request."""
        return tuple(UnreadPage(*values) for values in self._unread_pages())

    def file(self: _types.Any, file_id: _types.SupportsIndex) -> FileResult:
        """The result of one file; `KeyError` if it was not part of the request."""
        found: FileResult = self._file(index(file_id))
        return found

    def failed_contacts(self: _types.Any) -> FailedContacts:
        """The contacts that some step failed for, and the files whose contacts could not be read."""
        return FailedContacts(*self._failed_contacts())

    def raise_for_failures(self: _types.Any) -> Report:
        """The report itself if every file is ok; raises `PublishFailuresError` otherwise."""
        failed = failures(self)
        if failed is not None:
            raise from_core(failed)
        report: Report = self
        return report

    def to_pandas(self: _types.Any) -> _types.Any:
        """A `pandas.DataFrame` with one row for each file; imports pandas."""
        from importlib import import_module

        frame = import_module("pandas").DataFrame(self.to_columns())
        # A column that knows "not said", so that a mask works whatever was answered.
        return frame.astype({"published": "boolean", "notified": "boolean"})

    def _repr_html_(self: _types.Any) -> str:
        from ._html import table

        return table(self)


def _complete(native: type, parts: type) -> None:
    for name, part in vars(parts).items():
        function = part.fget if isinstance(part, property) else getattr(part, "__func__", part)
        if isinstance(function, type(_complete)):
            function.__module__ = "addepar_portal"  # for tracebacks and pickles
            setattr(native, name, part)


_complete(Request, PublishRequest)
_complete(Report, PublishReport)
