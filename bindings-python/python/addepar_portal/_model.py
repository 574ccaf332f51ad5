"""Those parts of the native classes in which Python code runs.

They are functions of Python, put into the classes when the package is imported: an interpreter that ends stops its
other threads wherever they run Python code, which must never be below native frames.
"""

from __future__ import annotations

from _collections_abc import Iterable
from os import PathLike

from . import _types
from ._arguments import mistyped, text, word
from ._errors import from_core
from ._ids import compared_id, plain_id, plain_ids
from ._native import Failure, FileResult, NoId, failures, make_request, read_report, read_response
from ._native import PublishReport as Report
from ._native import PublishRequest as Request
from ._rows import ApiError, Attempt, FailedContacts, Row, UnexpectedResult, UnreadPage, attempt, failed_contacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    T = TypeVar("T")


def value(given: T | Failure) -> T:
    """What the native half handed over; raises the error that it may have handed over in its place."""
    __tracebackhide__ = True
    if isinstance(given, Failure):
        raise from_core(given)
    return given


def request(
    file_ids: Any, portal_publishing: Any, contact_notification: Any, contacts: Any, *, for_batch: bool = False
) -> Request:
    """A request, of at most 500 files unless it is for a batch; without files for those that generated reports have."""
    __tracebackhide__ = True
    names: dict[int | str | NoId, str] = {}
    if isinstance(file_ids, Row):
        from ._generated_reports import files_of

        file_ids, given = files_of(file_ids)
        names = {plain_id(file_id): word(name) for file_id, name in given.items()}
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
        __tracebackhide__ = True
        return request(file_ids, portal_publishing, contact_notification, publish_override_contact_ids)


class PublishReport:
    @staticmethod
    def from_response(request: Request, body: str | bytes) -> Report:
        """Reads the body of a response without any network. Raises `OutcomeUnknownError` where it cannot be read."""
        __tracebackhide__ = True
        if not isinstance(request, Request):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise mistyped("request", "a PublishRequest", request, verb=None)
        # Half of a surrogate pair is U+FFFD, as where it is written as an escape; two halves are one character.
        if isinstance(body, str):
            body = body.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        if type(body) is not bytes:
            try:
                body = bytes(memoryview(body))
            except TypeError:
                raise mistyped("body", "a str or bytes", body, verb=None) from None
        return value(read_response(request, body))

    @staticmethod
    def from_json(json: str) -> Report:
        """Reads what `to_json` wrote, in any language."""
        __tracebackhide__ = True
        return value(read_report(text("json", json, verb=None)))

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

    def file(self: _types.Any, file_id: _types.Id | float) -> FileResult:
        """The result of one file. Its id may be a number or a string: 37, `"37"`, `"0037"` and 37.0 are one file.

        Raises:
            KeyError: It was not part of the request. `file_id in report` says so.
        """
        found: FileResult | None = self._file(compared_id(file_id))
        if found is None:
            raise KeyError(f"file {file_id} was not part of this request")
        return found

    def __contains__(self: _types.Any, file: object) -> bool:
        """Whether a file, by its id or its result, is part of the report."""
        if isinstance(file, FileResult):
            return bool(self._file(file.file_id) == file)
        return self._file(compared_id(file)) is not None

    def join(self: _types.Any, frame: _types.Any, *, on: str = "file_id", suffix: str | None = None) -> _types.Any:
        """The rows of a `pandas.DataFrame` with what became of their files: the names of clients beside failures, say.

        Ids are compared as ids, whatever they are in the frame: integers, strings with leading zeros or without, or the
        floats that pandas makes of a column with missing values. No row is dropped on either side: the column `matched`
        says `both`, `frame` (the row's file is not of this report, or has no id) or `report` (no row has this file:
        these come last, and the frame's columns are missing there).

        Args:
            frame: Any rows, several for one file too.
            on: The column with the ids of files.
            suffix: Ends the name of each column of the report that the frame has as well. Without it, a frame with such
                a column, say `state`, is refused: nobody may take the one for the other.

        Returns:
            A new `DataFrame`: the frame's rows in their order, its columns as they are, then those of `to_pandas` and
            `matched`. Contacts are `None` if not identified, and where a row has no result. The report's ids
            are whole numbers (`Int64`) in `file_id`; in `file_id_report` if the frame has its own in `file_id`, which
            stay as they are: floats such as 37.0, say, where some of them are missing.

        Raises:
            InputError: The frame has no such column; a value in it is neither an id nor missing, and would miss its
                file in silence; or the frame has a column of the report's name.
            ModuleNotFoundError: pandas is not installed.
        """
        __tracebackhide__ = True
        from ._frames import joined

        return joined(self.to_pandas(), "files", frame, on, suffix)

    def failed_contacts(self: _types.Any) -> FailedContacts:
        """The contacts that some step failed for, and the files whose contacts could not be read.

        Files that are `unknown` or `not_processed` are not in it: that it is empty does not mean that nothing is wrong.
        `report.ok` does.
        """
        left_out = tuple((state, count) for state, count in self._counts() if state not in ("ok", "failed"))
        contacts, unreadable = self._failed_contacts()
        return failed_contacts(contacts, unreadable, left_out)

    def raise_for_failures(self: _types.Any) -> Report:
        """The report itself if every file is ok; raises `PublishFailuresError` otherwise."""
        __tracebackhide__ = True
        failed = failures(self)
        if failed is not None:
            raise from_core(failed)
        report: Report = self
        return report

    def to_pandas(self: _types.Any) -> _types.Any:
        """A `pandas.DataFrame` with one row for each file, in the order asked; imports pandas.

        `published` and `notified` are `False` where the step failed for some contacts or for all, and `NA` where nobody
        was to be published to or e-mailed, or the API did not say. Contacts are tuples, and `None` if not identified.

        Raises:
            ModuleNotFoundError: pandas is not installed: `pip install 'addepar-portal[pandas]'`.
        """
        from ._frames import frame_of

        return frame_of(self.to_columns())

    def __arrow_c_stream__(self: _types.Any, requested_schema: object = None) -> object:
        """The rows of `to_columns` as an Arrow stream: `polars.DataFrame(report)`, `pyarrow.table(report)`.

        Ids are 64-bit integers, `published` and `notified` booleans, contacts lists of ids, everything else is text.
        What is `None` in `to_columns` is null.

        Raises:
            ModuleNotFoundError: Neither pyarrow nor polars is installed.
        """
        from ._arrow import stream_of

        return stream_of(self.to_columns(), requested_schema)

    def to_csv(self: _types.Any, path: str | PathLike[str] | None = None) -> str | None:
        """A line for each file, as `addepar-portal publish --format csv` writes it; into a file, if a path is given.

        `published` and `notified` are `false` where the step failed for some contacts or for all. Contacts are
        separated by blanks, and are `?` if not identified. No spreadsheet takes a field for a formula. The file
        is in UTF-8.
        """
        from ._frames import csv_in

        return csv_in(path, self._csv())

    def _repr_html_(self: _types.Any) -> str:
        from ._html import of_report

        return of_report(self)


def _complete(native: type, parts: type) -> None:
    for name, part in vars(parts).items():
        function = part.fget if isinstance(part, property) else getattr(part, "__func__", part)
        if isinstance(function, type(_complete)):
            function.__module__ = "addepar_portal"  # for tracebacks and pickles
            setattr(native, name, part)


_complete(Request, PublishRequest)
_complete(Report, PublishReport)
