"""The rows that are looked at now and then, and so need not be native.

To type checkers and in what they do they are frozen dataclasses with slots. `dataclasses` itself does not make them:
importing it takes four times as long as importing this whole package.
"""

from __future__ import annotations

from os import PathLike

from . import _types
from ._native import FileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, NoReturn, overload

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        """Says something to type checkers only."""
        return lambda cls: cls


# `types.MappingProxyType`, without the import.
_ReadOnly: Any = type(type.__dict__)


@dataclass_transform(frozen_default=True)
class Row:
    """Compared, hashed, shown and pickled by the values of its members, which are named in `__match_args__`."""

    __slots__ = ()
    __match_args__: tuple[str, ...] = ()

    def __new__(cls, *values: object, **named: object) -> _types.Self:
        members = cls.__match_args__
        given = dict(zip(members, values, strict=False), **named)
        if len(values) + len(named) != len(members) or len(given) != len(members):
            raise TypeError(f"{cls.__name__} takes {', '.join(members)}")
        row = super().__new__(cls)
        for name in members:
            object.__setattr__(row, name, given[name])
        return row

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        members = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{type(self).__name__}({members})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._values()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name!r} of {type(self).__name__} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name!r} of {type(self).__name__} cannot be removed")


class ApiError(Row):
    """One error object of the API about the whole request; any member may have been missing."""

    __slots__ = __match_args__ = ("status", "code", "title", "detail", "source")

    status: str | None
    """The status code, as text."""
    code: str | None
    """The error's name."""
    title: str | None
    """What went wrong, in words."""
    detail: str | None
    """Details in prose."""
    source: str | None
    """The part of the request at fault, as JSON."""


class Attempt(Row):
    """One POST, or one try at it."""

    __slots__ = __match_args__ = (
        "sent_at",
        "answered_at",
        "http_status",
        "request_id",
        "elapsed",
        "outcome",
        "retry_after",
    )

    sent_at: _types.datetime | None
    """When the request's body began to go out, in UTC; `None` if it never did."""
    answered_at: _types.datetime | None
    """When the head of the response arrived, in UTC; `None` if it never did."""
    http_status: int | None
    """The status code of the response."""
    request_id: str | None
    """The server's `X-Request-Id`."""
    elapsed: float
    """Seconds from the start of the attempt to its end."""
    outcome: _types.Outcome
    """What the attempt ended in."""
    retry_after: float | None
    """Seconds that a 429 asked to wait."""


class UnexpectedResult(Row):
    """A result that belongs to no requested file alone: an id nobody asked for, an id that cannot be read, one of
    several answers that contradict each other, or one whose two ids do.
    """

    __slots__ = __match_args__ = ("file_id", "publish_status", "notify_status", "errors")

    file_id: int | None
    """The id it named, if it can be read."""
    publish_status: str | None
    """The API's word on publishing."""
    notify_status: str | None
    """The API's word on notifying."""
    errors: tuple[FileError, ...]
    """The API's error objects."""


class UnreadPage(Row):
    """A further page of results that could not be read."""

    __slots__ = __match_args__ = ("link", "http_status", "reason", "raw")

    link: str
    """The link to it, as the page before has it."""
    http_status: int | None
    """The status code of what was answered for it; `None` if nothing was."""
    reason: str
    """Why it was not read, in words. It may quote what was answered."""
    raw: str
    """The body of what was answered for it, as much as was read of it."""


class FailedContacts(Row):
    """The contacts that some step failed for; none of files that are `unknown` or `not_processed`."""

    __match_args__ = ("contacts", "unreadable")
    # How many files of the report are in neither, by their states: a table says so.
    __slots__ = (*__match_args__, "_left_out")

    contacts: _types.Mapping[int, tuple[tuple[int, _types.Step], ...]]
    """Contact id -> the files, and which step of each failed. Read-only; `dict()` makes a copy."""
    unreadable: tuple[int, ...]
    """The files with a failure whose contacts could not be read."""

    def to_dicts(self) -> list[dict[str, _types.Any]]:
        """One dict for each contact, file and step: `contact_id`, `file_id`, `step`.

        A file whose contacts could not be read has a dict too: its `contact_id` and `step` are `None`.
        """
        columns = self.to_columns()
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def to_columns(self) -> dict[str, list[_types.Any]]:
        """The same as one list for each column, as a data frame wants it."""
        rows: list[tuple[Any, ...]] = [
            (contact_id, file_id, step) for contact_id, failed in self.contacts.items() for file_id, step in failed
        ]
        rows += [(None, file_id, None) for file_id in self.unreadable]
        return {name: [row[at] for row in rows] for at, name in enumerate(("contact_id", "file_id", "step"))}

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The same as an Arrow stream, as `PublishReport` has one: ids are 64-bit integers, `step` is text."""
        from ._arrow import stream_of

        return stream_of(self.to_columns(), requested_schema)

    def to_pandas(self) -> _types.Any:
        """The same as a `pandas.DataFrame`; imports pandas."""
        from ._frames import frame_of

        return frame_of(self.to_columns())

    def join(self, frame: _types.Any, *, on: str = "contact_id", suffix: str | None = None) -> _types.Any:
        """The rows of a `pandas.DataFrame` with what its contacts missed: names and numbers for the person who calls.

        As `PublishReport.join`: ids are compared as ids, and no row is dropped on either side. A contact that missed
        several files has a row for each file and step. The column `matched` says `both`, `frame` (no failure is known
        of the row's contact, or it has no id) or `report` (no row has this contact, or it could not be read: these come
        last). So `joined[joined["matched"] != "frame"]` is what somebody is known to have missed; a file whose contacts
        could not be read, or that is unknown or not processed, may be anybody's. What has no id is never taken for a
        contact that could not be read, as `DataFrame.merge` does.

        Args:
            frame: Any rows, several for one contact too.
            on: The column with the ids of contacts.
            suffix: Ends the name of each column of `to_pandas` that the frame has as well.

        Returns:
            A new `DataFrame`: the frame's rows in their order, its columns as they are, then those of `to_pandas` and
            `matched`. The contacts' ids are in `contact_id`; in `contact_id_report` if the frame has its own there.

        Raises:
            InputError: The frame has no such column; a value in it is neither an id nor missing, and would miss its
                contact in silence; or the frame has a column of this table's name.
            ModuleNotFoundError: pandas is not installed.
        """
        __tracebackhide__ = True
        from ._frames import joined

        return joined(self.to_pandas(), "contacts", frame, on, suffix)

    if TYPE_CHECKING:

        @overload
        def to_csv(self, path: None = None) -> str: ...
        @overload
        def to_csv(self, path: str | PathLike[str]) -> None: ...

    def to_csv(self, path: str | PathLike[str] | None = None) -> str | None:
        """A line for each of them; into a file, if a path is given.

        A contact that could not be read is `?`. Only numbers and the words `publish` and `notify` are in it, so no
        spreadsheet takes a field for a formula. The file is in UTF-8.
        """
        from ._frames import csv_in

        columns = self.to_columns()
        rows = zip(*columns.values(), strict=True)
        lines = [
            tuple(columns),
            *(("?" if contact is None else contact, file, step or "") for contact, file, step in rows),
        ]
        return csv_in(path, "".join(",".join(map(str, line)) + "\r\n" for line in lines))

    def _repr_html_(self) -> str:
        from ._html import of_failed_contacts

        return of_failed_contacts(self)

    def _beside(self) -> list[str]:
        left_out: tuple[tuple[str, int], ...] = object.__getattribute__(self, "_left_out")
        return [f"{_counted(count, 'file')} {state.replace('_', ' ')}" for state, count in left_out]

    def __repr__(self) -> str:
        return f"{super().__repr__()}{''.join(f', beside {counted}' for counted in self._beside())}"

    def __str__(self) -> str:
        """How many contacts missed something; then what each of the first ones missed."""
        missed = f"{_counted(len(self.contacts), 'contact')} missed something"
        if self.unreadable and not self.contacts:
            missed = "the contacts who missed something are not identified"
        lines = [", ".join((missed, *self._beside()))]
        for contact_id, failed in list(self.contacts.items())[:_CONTACTS_SHOWN]:
            steps = {step: [file_id for file_id, other in failed if other == step] for _, step in failed}
            said = "; ".join(f"{step} failed for {_ranges(file_ids)}" for step, file_ids in steps.items())
            lines.append(f"contact {contact_id}: {said}")
        if (more := len(self.contacts) - _CONTACTS_SHOWN) > 0:
            lines.append(f"and {_counted(more, 'more contact')}")
        if self.unreadable:
            count = _counted(len(self.unreadable), "file")
            lines.append(f"{count} failed for unidentified contacts: {_ranges(self.unreadable)}")
        return "\n".join(lines)

    def __bool__(self) -> bool:
        raise TypeError("failed contacts are neither true nor false: say report.ok, or failed.contacts")

    def __new__(cls, contacts: Any, unreadable: tuple[int, ...]) -> _types.Self:
        failed = super().__new__(cls, _ReadOnly(dict(contacts)), unreadable)
        object.__setattr__(failed, "_left_out", ())
        return failed

    def __reduce__(self) -> tuple[Any, ...]:
        return failed_contacts, (dict(self.contacts), self.unreadable, object.__getattribute__(self, "_left_out"))

    def __hash__(self) -> int:
        return hash((frozenset(self.contacts.items()), self.unreadable))


# Of failed contacts and of the files of each, as a text shows them.
_CONTACTS_SHOWN = 50
_RANGES_SHOWN = 20


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _ranges(file_ids: list[int] | tuple[int, ...]) -> str:
    """Ids as the command line takes them, in ranges where three and more follow each other; no more than the first."""
    runs: list[list[int]] = []
    for file_id in file_ids:
        if runs and file_id == runs[-1][-1] + 1:
            runs[-1].append(file_id)
        else:
            runs.append([file_id])
    shown = [part for run in runs for part in ([f"{run[0]}-{run[-1]}"] if run[2:] else map(str, run))]
    return ",".join(shown[:_RANGES_SHOWN]) + (",…" if len(shown) > _RANGES_SHOWN else "")


def attempt(sent_at: int | None, answered_at: int | None, *others: Any) -> Attempt:
    """An attempt as the native half hands it over: with microseconds since 1970."""
    return Attempt(_moment(sent_at), _moment(answered_at), *others)


def failed_contacts(
    contacts: Any, unreadable: tuple[int, ...], left_out: tuple[tuple[str, int], ...]
) -> FailedContacts:
    """Those of a report, whose other files that are not ok are counted in `left_out`."""
    failed = FailedContacts(contacts, unreadable)
    object.__setattr__(failed, "_left_out", left_out)
    return failed


# Once it is loaded.
_datetime: list[Any] = []


def native_datetime() -> Any:
    """The native half of `datetime`: a program may have a module of that name, and a report must be read all the same.

    It is loaded with the first client, before anything is sent, or with the first time that is read, and kept: at the
    end of the interpreter nothing can be imported any more.
    """
    if not _datetime:
        _datetime.append(__import__("_datetime"))
    return _datetime[0]


def utc(text: str) -> datetime:
    """A time as the core writes it."""
    moment: datetime = native_datetime().datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment


def utc_if_known(text: str | None) -> datetime | None:
    """A time as the core writes it, or None."""
    return None if text is None else utc(text)


def _moment(microseconds: int | None) -> datetime | None:
    if microseconds is None:
        return None
    native = native_datetime()
    moment: datetime = native.datetime(1970, 1, 1, tzinfo=native.timezone.utc) + native.timedelta(0, 0, microseconds)
    return moment


# The public names, for tracebacks and pickles.
for _public in (ApiError, Attempt, FailedContacts, UnexpectedResult, UnreadPage):
    _public.__module__ = "addepar_portal"
del _public
