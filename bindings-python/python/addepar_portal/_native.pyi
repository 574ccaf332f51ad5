"""The native half. What is private here (`Call`, `Client`, `Bell` and others) is not public anywhere."""

from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from typing import Any, Literal, final, overload

from typing_extensions import Self

from ._aliases import ContactNotification, Id, PortalPublishing, State, Verdict
from ._generated_reports import GeneratedReport
from ._rows import ApiError, Attempt, FailedContacts, UnexpectedResult, UnreadPage

__all__ = [
    "MAX_FILES",
    "Bell",
    "Call",
    "Client",
    "Failure",
    "FileError",
    "FileResult",
    "Job",
    "Journal",
    "NoId",
    "LogRecord",
    "Progress",
    "PublishReport",
    "PublishRequest",
    "Simulator",
    "__version__",
    "batch_defaults",
    "dangerous_characters",
    "error_kinds",
    "failures",
    "forget_journal",
    "ids_in_column",
    "init_journal_dir",
    "make_request",
    "read_report",
    "read_response",
    "run_cli",
]

MAX_FILES: int
__version__: str

def run_cli(arguments: list[str]) -> int: ...
def dangerous_characters() -> str: ...
def error_kinds() -> list[tuple[str, str]]: ...
def batch_defaults() -> tuple[int, float, bool, float | None]: ...
def make_request(
    file_ids: list[int | str | NoId] | None,
    portal_publishing: str,
    contact_notification: str,
    publish_override_contact_ids: list[int | str | NoId],
    for_batch: bool,
    portfolio_names: dict[int | str | NoId, str],
) -> PublishRequest | Failure: ...
def ids_in_column(column: str, things: str, ids: list[int | str | NoId]) -> list[int] | Failure: ...
def read_response(request: PublishRequest, body: bytes) -> PublishReport | Failure: ...
def read_report(json: str) -> PublishReport | Failure: ...
def failures(report: PublishReport) -> Failure | None: ...

@final
class PublishRequest:
    """One call of the API, validated. No network.

    Raises `InputError`, which names the values that cannot be sent.
    """

    def __new__(
        cls,
        file_ids: Iterable[Id] | GeneratedReport,
        *,
        portal_publishing: PortalPublishing,
        contact_notification: ContactNotification,
        publish_override_contact_ids: Iterable[Id] | None = None,
    ) -> Self: ...
    @property
    def file_ids(self) -> tuple[int, ...]:
        """The distinct files, in the order asked: from 1 to 500, of a batch any number."""
    @property
    def portal_publishing(self) -> PortalPublishing:
        """Whose portals the files are published to."""
    @property
    def contact_notification(self) -> ContactNotification:
        """Who is e-mailed."""
    @property
    def publish_override_contact_ids(self) -> tuple[int, ...]:
        """The contacts who receive every file."""
    @property
    def portfolio_names(self) -> dict[int, str]:
        """File -> the name of its portfolio, as far as that is known: a generated report says it. It is not sent."""
    def to_dict(self) -> dict[str, Any]:
        """The body of the POST as a dict."""
    def to_json(self) -> str:
        """The body of the POST, exactly as it is sent."""
    @staticmethod
    def _from_json(json: str) -> PublishRequest: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...

@final
class FileError:
    """One error object of the API about one file; any member may have been missing."""

    __match_args__ = ("code", "title", "detail", "contact_ids")

    @property
    def code(self) -> str | None:
        """The error's name, such as `publish_failed`."""
    @property
    def title(self) -> str | None:
        """What went wrong, in words."""
    @property
    def detail(self) -> str | None:
        """Details in prose; the only place where the API names contacts."""
    @property
    def contact_ids(self) -> tuple[int, ...] | None:
        """The contacts that `detail` names; `None` where they cannot be read, never an empty tuple."""
    @staticmethod
    def _from_json(json: str) -> FileError: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...

@final
class FileResult:
    """What became of one file."""

    __match_args__ = ("file_id", "state", "published", "notified")

    @property
    def file_id(self) -> int:
        """The file."""
    @property
    def state(self) -> State:
        """`ok`, `failed`, `unknown` or `not_processed`."""
    @property
    def published(self) -> bool | None:
        """Whether the API reported that publishing succeeded for all contacts: `False` if it failed for some of them or
        for all; `None` if the API did not say, or if the file was to be published to nobody.
        """
    @property
    def notified(self) -> bool | None:
        """Likewise for e-mails: `None` if nobody was to be notified, about which the API answers success as well."""
    @property
    def publish_status(self) -> str | None:
        """The API's word on publishing: `success`, `fail`, or another as it came."""
    @property
    def notify_status(self) -> str | None:
        """The API's word on notifying."""
    @property
    def errors(self) -> tuple[FileError, ...]:
        """The API's error objects."""
    @property
    def contacts_not_published(self) -> tuple[int, ...] | None:
        """The contacts to whom publishing failed; `None` if not identified."""
    @property
    def contacts_not_notified(self) -> tuple[int, ...] | None:
        """The contacts who could not be e-mailed; `None` if not identified.

        Who could not see the file presumably got no e-mail either: the API lists the two apart.
        """
    @property
    def decision(self) -> Verdict | None:
        """What a person decided about it, in the journal: `published`, `not_published` or `leave`; `None` if nobody
        has. The state stays what the server said.
        """
    @property
    def reason(self) -> str | None:
        """Why nobody knows what became of it, in words; `None` if that is known. It may quote the server."""
    @property
    def portfolio_name(self) -> str | None:
        """The name of its portfolio, if it came out of a generated report."""
    @staticmethod
    def _from_json(json: str) -> FileResult: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...

@final
class PublishReport:
    """What became of every file of one call. Iterating yields the files in the order asked.

    `bool(report)` raises `TypeError`: say `report.ok`.
    """

    @staticmethod
    def from_response(request: PublishRequest, body: str | bytes) -> PublishReport:
        """Reads the body of a response without any network. Raises `OutcomeUnknownError` where it cannot be read."""
    @staticmethod
    def from_json(json: str) -> PublishReport:
        """Reads what `to_json` wrote, in any language."""
    @property
    def ok(self) -> bool:
        """Whether the API reported no failure for every file: each is `ok`."""
    @property
    def settled(self) -> bool:
        """Whether nothing is left to be sent, awaited or decided about."""
    @property
    def undecided(self) -> tuple[int, ...]:
        """The files whose outcome is unknown and about which nobody has decided, save those in flight."""
    @property
    def in_flight(self) -> tuple[int, ...]:
        """The files that another call was sending, or about to, when the journal was read: they are to be awaited."""
    @property
    def files(self) -> tuple[FileResult, ...]:
        """Every file, in the order asked."""
    @property
    def succeeded(self) -> tuple[FileResult, ...]:
        """The files in state `ok`: the API reported no failure. It never lists who received what."""
    @property
    def failed(self) -> tuple[FileResult, ...]:
        """The files in state `failed`: for some or all contacts.

        Publishing these files again may e-mail those who already got one.
        """
    @property
    def unknown(self) -> tuple[FileResult, ...]:
        """The files in state `unknown`: look in Addepar before you send them again."""
    @property
    def not_processed(self) -> tuple[FileResult, ...]:
        """The files in state `not_processed`: the server did not begin to process them. Those that a person decided
        to leave as they are (`published`, `leave`) are not among them: where there are such files, this tuple and
        `succeeded`, `failed` and `unknown` are not all of `files`.
        """
    @property
    def not_published(self) -> tuple[FileResult, ...]:
        """The files for which the API reported that publishing failed for some or all contacts."""
    @property
    def not_notified(self) -> tuple[FileResult, ...]:
        """The files for which the API reported that notifying failed for some or all contacts."""
    def file(self, file_id: Id | float) -> FileResult:
        """The result of one file. Its id may be a number or a string: 37, `"37"`, `"0037"` and 37.0 are one file.

        Raises:
            KeyError: It was not part of the request. `file_id in report` says so.
        """
    def join(self, frame: Any, *, on: str = "file_id", suffix: str | None = None) -> Any:
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
    @property
    def request(self) -> PublishRequest:
        """What was asked."""
    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every try, in order; empty where the report was read without a network."""
    @property
    def unexpected(self) -> tuple[UnexpectedResult, ...]:
        """Results that belong to no requested file alone, as they came."""
    @property
    def errors(self) -> tuple[ApiError, ...]:
        """The API's error objects beside the results, of all pages. They may be about any file, so none is `ok`."""
    @property
    def unread_pages(self) -> tuple[UnreadPage, ...]:
        """Further pages of results that could not be read: of a batch, at most one for each request."""
    @property
    def next_link(self) -> str | None:
        """A link to further results that could not be followed: that of the first unread page."""
    @property
    def journal(self) -> str | None:
        """The path of the call's journal, in which a person decides about the unknown files; `None` where it has none.

        Reports are compared without it.
        """
    @property
    def raw(self) -> str:
        """The body of the response as it came, its pages joined by line feeds; as much as was read of it."""
    def failed_contacts(self) -> FailedContacts:
        """The contacts that some step failed for, and the files whose contacts could not be read.

        Files that are `unknown` or `not_processed` are not in it: that it is empty does not mean that nothing is wrong.
        `report.ok` does.
        """
    def raise_for_failures(self) -> PublishReport:
        """The report itself if every file is ok; raises `PublishFailuresError` otherwise."""
    def to_json(self) -> str:
        """The report as JSON, the same in every language."""
    def to_dicts(self) -> list[dict[str, Any]]:
        """One dict for each file: `published` and `notified` are `False` where it failed for some contacts or all."""
    def to_columns(self) -> dict[str, list[Any]]:
        """One list for each column, as a data frame wants it."""
    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with one row for each file, in the order asked; imports pandas.

        `published` and `notified` are `False` where the step failed for some contacts or for all, and `NA` where nobody
        was to be published to or e-mailed, or the API did not say. Contacts are tuples, and `None` if not identified.

        Raises:
            ModuleNotFoundError: pandas is not installed: `pip install 'addepar-portal[pandas]'`.
        """
    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows of `to_columns` as an Arrow stream: `polars.DataFrame(report)`, `pyarrow.table(report)`.

        Ids are 64-bit integers, `published` and `notified` booleans, contacts lists of ids, everything else is text.
        What is `None` in `to_columns` is null.

        Raises:
            ModuleNotFoundError: Neither pyarrow nor polars is installed.
        """
    @overload
    def to_csv(self, path: None = None) -> str:
        """A line for each file, as `addepar-portal publish --format csv` writes it; into a file, if a path is given.

        `published` and `notified` are `false` where the step failed for some contacts or for all. Contacts are
        separated by blanks, and are `?` if not identified. No spreadsheet takes a field for a formula. The file
        is in UTF-8.
        """
    @overload
    def to_csv(self, path: str | PathLike[str]) -> None:
        """A line for each file, as `addepar-portal publish --format csv` writes it; into a file, if a path is given.

        `published` and `notified` are `false` where the step failed for some contacts or for all. Contacts are
        separated by blanks, and are `?` if not identified. No spreadsheet takes a field for a formula. The file
        is in UTF-8.
        """
    def _csv(self) -> str: ...
    def _counts(self) -> list[tuple[str, int]]: ...
    def _file(self, file_id: int | str | NoId) -> FileResult | None: ...
    def _attempts(self) -> tuple[tuple[Any, ...], ...]: ...
    def _unexpected(self) -> tuple[tuple[Any, ...], ...]: ...
    def _errors(self) -> tuple[tuple[Any, ...], ...]: ...
    def _unread_pages(self) -> tuple[tuple[Any, ...], ...]: ...
    def _failed_contacts(self) -> tuple[Any, ...]: ...
    def _notes(self) -> list[str]: ...
    def _rows(self, others: int) -> list[tuple[int, str | None, str, str, str, str | None, str, str, str]]: ...
    def _repr_html_(self) -> str: ...
    def __contains__(self, file: object, /) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[FileResult]: ...
    def __bool__(self) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...

@final
class Bell:
    def __new__(cls) -> Self: ...
    def take_descriptor(self) -> int | None: ...

@final
class Failure:
    def message(self) -> str: ...
    def member(self, index: int) -> str | None: ...
    def length(self, member: str) -> int | None: ...
    def value(self, member: str, index: int | None = None, of_element: str | None = None) -> Any: ...
    def report(self) -> PublishReport | None: ...
    def is_loss(self) -> bool: ...

@final
class NoId:
    def __new__(cls, type_name: str, shown: str, hint: str | None) -> Self: ...

@final
class LogRecord:
    @property
    def level(self) -> Literal["debug", "info", "warn"]: ...
    @property
    def message(self) -> str: ...

@final
class Job:
    def run(self) -> None: ...
    def spawn(self, bell: Bell | None) -> bool: ...
    def is_done(self) -> bool: ...
    def result(self) -> Any: ...

@final
class Call:
    def run(self, signalled: Callable[[BaseException], object]) -> Literal["done", "token_wanted", "news"]: ...
    def spawn(self, bell: Bell | None) -> None: ...
    def turn(self) -> Literal["done", "token_wanted", "news"] | None: ...
    def interrupt(self) -> bool: ...
    def follow_progress(self) -> None: ...
    def progress(self) -> Progress | None: ...
    def watch(self, everything: bool) -> None: ...
    def take_warning(self) -> str | None: ...
    def log_record(self) -> LogRecord | None: ...
    def provide_token(self, token: str) -> None: ...
    def refuse_token(self, reason: str) -> None: ...
    def fail_token(self, reason: str) -> None: ...
    def result(self) -> PublishReport | list[Any] | dict[str, Any] | Failure | None: ...
    def abandon(self) -> Failure | None: ...

@final
class Client:
    @staticmethod
    def make(
        *,
        firm_name: str | None,
        environment: str | None,
        firm_id: str | None,
        key_id: str | None,
        key_secret: str | None,
        access_token: str | None,
        asks_for_token: bool,
        base_url: str | None,
        timeout: float | None,
        connect_timeout: float | None,
        max_rate_limit_wait: float | None,
        proxy: str | None,
        ca_file: str | None,
        journal_dir: str | None,
        started: str | None,
    ) -> Client | Failure: ...
    @property
    def base_url(self) -> str: ...
    @property
    def firm_id(self) -> str: ...
    @property
    def warning(self) -> str | None: ...
    def start(self, request: PublishRequest, repeat: str) -> Call | Failure: ...
    def start_batch(
        self,
        request: PublishRequest,
        chunk_size: int,
        repeat: str,
        journal: str,
        max_wait: float,
        pace: bool,
        stop_timeout: float | None,
        reports: list[str],
        skip_published: bool,
    ) -> Call | Failure: ...
    def start_resume(self, journal: str, max_wait: float, pace: bool, stop_timeout: float | None) -> Call | Failure: ...
    def start_report(self, job_id: str) -> Call: ...
    def start_reports(
        self,
        completed_after: float | None,
        completed_before: float | None,
        status: list[str],
        entity_id: int | str | NoId | None,
        group_id: int | str | NoId | None,
    ) -> Call | Failure: ...
    def start_settle(self, journal: str, job_ids: list[str], apply: bool) -> Call | Failure: ...

def init_journal_dir(folder: str) -> Job: ...
def forget_journal(path: str) -> Job: ...

@final
class Journal:
    @staticmethod
    def open(path: str) -> Job: ...
    def path(self) -> str: ...
    def undecided(self) -> list[int]: ...
    def in_flight(self) -> list[int]: ...
    def report(self) -> PublishReport: ...
    def decide(
        self, file_ids: list[int | str | NoId], decision: str, by: str, evidence: str | None
    ) -> Job | Failure: ...
    def settled(self, file_ids: list[int]) -> Job: ...
    def to_dict(self) -> dict[str, Any]: ...
    def to_json(self) -> str: ...

@final
class Progress:
    """How far a batch has come."""

    __match_args__ = ("total", "succeeded", "failed", "unknown", "not_processed")

    @property
    def total(self) -> int:
        """How many files there are."""
    @property
    def succeeded(self) -> int:
        """How many files are `ok`."""
    @property
    def failed(self) -> int:
        """How many files are `failed`: for some or all contacts."""
    @property
    def unknown(self) -> int:
        """How many files are `unknown`."""
    @property
    def not_processed(self) -> int:
        """How many files are yet to be processed."""
    @property
    def chunk(self) -> int:
        """The chunk that was sent last, or is next; from 1."""
    @property
    def chunks(self) -> int:
        """How many chunks there are."""
    @property
    def waiting(self) -> float | None:
        """Seconds that the batch now waits for the rate limit; `None` if it does not wait."""
    @staticmethod
    def _from_json(json: str) -> Progress: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Simulator:
    def __new__(cls, options: str) -> Self: ...
    @property
    def base_url(self) -> str: ...
    def control(self, command: str) -> Job: ...
    def stop(self) -> Job: ...
