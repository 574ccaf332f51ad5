"""What can go wrong, and what is warned of. Codes, messages and states come from the core."""

from __future__ import annotations

from . import _types
from ._native import PublishReport
from ._rows import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ._native import Failure


class PortalError(Exception):
    """Base of every error of this package.

    No error inherits `OSError` or `TimeoutError`: a generic retry decorator would send the call again.
    """

    code: _types.ClassVar[str] = ""
    """What kind of error it is, the same in all languages: compare this or the class, not the message."""

    message: str = ""
    """What went wrong and what to do."""
    outcome: _types.Outcome = "unknown"
    """What became of the whole call or batch: `not_processed`, `unknown` or `processed`.

    `not_processed` only if no file was or may have been processed. An error that lost its data on the way, as in a task
    queue, is `unknown`: a batch may have sent files before whatever its class says.
    """
    http_status: int | None = None
    """The status code of the response that it is about; `None` if it is about no response."""
    request_id: str | None = None
    """The `X-Request-Id` of that response."""
    elapsed: float | None = None
    """Seconds that the attempt took that it is about; `None` if it is about no attempt."""
    errors: tuple[ApiError, ...] = ()
    """The API's error objects about the whole request."""
    report: PublishReport | None = None
    """The state of every file; on every error of a publish."""
    journal: str | None = None
    """The path of the call's journal, if it has one.

    Of an `AlreadySentError` that of the journal that shows its files, if they are all in one.
    """
    undecided: tuple[int, ...] = ()
    """The files whose outcome is unknown and about which nobody has decided, as in `report`; none that are in flight.

    With a journal, a person has to decide about them there before it can be resumed. Of an `AlreadySentError` those of
    its files, in the journal that shows them.
    """

    def __init__(
        self,
        message: str = "",
        *,
        outcome: _types.Outcome | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        elapsed: float | None = None,
        errors: tuple[ApiError, ...] = (),
        report: PublishReport | None = None,
        journal: str | None = None,
        undecided: tuple[int, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.outcome = type(self).outcome if outcome is None else outcome
        self.http_status = http_status
        self.request_id = request_id
        self.elapsed = elapsed
        self.errors = errors
        self.report = report
        self.journal = journal
        self.undecided = undecided

    def __reduce__(self) -> tuple[_types.Any, ...]:
        # All of it as state: frameworks put attributes of their own on exceptions.
        return _rebuild, (type(self), self.message), dict(self.__dict__)


class ConfigError(PortalError, ValueError):
    """Missing or contradictory settings, or no access token could be had. The request was not sent."""

    code = "ERR_CONFIG"


class InputError(PortalError, ValueError):
    """Values that cannot be sent. Nothing was sent."""

    code = "ERR_INPUT"


def refused(problem: str, verb: str = "sent") -> InputError:
    """The error for an argument that this package itself refuses, before there is a call."""
    return InputError(f"{problem} Nothing was {verb}.", outcome="not_processed")


class ConnectError(PortalError):
    """The server was never reached: proven."""

    code = "ERR_CONNECT"


class RejectedError(PortalError):
    """The server refused the whole request."""

    code = "ERR_REJECTED"


class AuthenticationError(RejectedError):
    """401: look at the credentials."""

    code = "ERR_AUTHENTICATION"


class PermissionDeniedError(RejectedError):
    """403: a permission or scope is missing for one or more of these files."""

    code = "ERR_PERMISSION_DENIED"


class RateLimitedError(RejectedError):
    """429: the firm's quota is used up."""

    code = "ERR_RATE_LIMITED"

    retry_after: float | None = None
    """Seconds to wait, as the server asked; `None` if it did not say."""

    def __init__(self, message: str = "", *, retry_after: float | None = None, **details: _types.Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class OutcomeUnknownError(PortalError):
    """The server may have processed the request: look in Addepar before you send anything again."""

    code = "ERR_OUTCOME_UNKNOWN"

    file_ids: tuple[int, ...] = ()
    """The files whose outcome is unknown."""
    phase: str | None = None
    """Where the request was lost: `awaiting_answer`, `reading_answer` or `reading_pages`."""

    def __init__(
        self, message: str = "", *, file_ids: tuple[int, ...] = (), phase: str | None = None, **details: _types.Any
    ) -> None:
        super().__init__(message, **details)
        self.file_ids = file_ids
        self.phase = phase


class PublishFailuresError(PortalError):
    """Some file is not ok. Only from `PublishReport.raise_for_failures`."""

    code = "ERR_PUBLISH_FAILURES"


class AlreadySentError(InputError):
    """A journal in `journal_dir` shows some of the files as sent. Nothing was sent now.

    The report has what became of each there, under the modes that they were sent with where those agree: `request` has
    the files of this call and these modes. `repeat="allow"` sends those again whose outcome is known.
    """

    code = "ERR_ALREADY_SENT"

    file_ids: tuple[int, ...] = ()
    """The files that were sent before, all of them."""

    def __init__(self, message: str = "", *, file_ids: tuple[int, ...] = (), **details: _types.Any) -> None:
        super().__init__(message, **details)
        self.file_ids = file_ids


class JournalError(PortalError):
    """The journal is locked, of another run, damaged, cannot be written, or waits for a decision."""

    code = "ERR_JOURNAL"

    reason: _types.JournalReason | None = None
    """Why it cannot be used, the same word in all languages; `None` of an error that lost its data on the way.

    `busy` and `undecided` go away by waiting or deciding; what to do about each is in the reference of the errors.
    """

    def __init__(self, message: str = "", *, reason: _types.JournalReason | None = None, **details: _types.Any) -> None:
        super().__init__(message, **details)
        self.reason = reason


class StoppedError(PortalError):
    """A batch was stopped on request; resume it with its journal. `report` has the state of every file."""

    code = "ERR_STOPPED"


class MissingJournalWarning(UserWarning):
    """Clients are e-mailed by a call that leaves no journal: made again, it would e-mail them again.

    It is issued once in each process, and again, with ids and time, by each call that sends what this process has sent
    like that before, also by each turn of a loop. That holds for calls with a journal as well, and for files that a
    batch has sent whose journal lies in no folder of journals: no folder knows of them, so none can refuse them. The
    warning comes before anything goes out: where it is turned into an error (`-W error`), nothing was sent. A
    `journal_dir` is what it asks for: what is sent from then on is refused a second time;
    `warnings.simplefilter("ignore", MissingJournalWarning)` silences it. The simulated portal, or any other on this
    machine, e-mails nobody: there it is issued for what is sent again.
    """


_CLASSES: dict[str, type[PortalError]] = {
    error.code: error
    for error in (
        ConfigError,
        InputError,
        ConnectError,
        RejectedError,
        AuthenticationError,
        PermissionDeniedError,
        RateLimitedError,
        OutcomeUnknownError,
        PublishFailuresError,
        AlreadySentError,
        JournalError,
        StoppedError,
    )
}

# The public names, for tracebacks and pickles.
for _public in (PortalError, MissingJournalWarning, *_CLASSES.values()):
    _public.__module__ = "addepar_portal"


def _rebuild(error: type[PortalError], message: str) -> PortalError:
    return error(message)


def from_core(failure: Failure) -> PortalError:
    """The exception for an error of the core. It needs no import: at the end of the interpreter there is none."""
    details = dict(_members(failure))
    error = _CLASSES[details.pop("code")]
    if error is not OutcomeUnknownError:
        del details["phase"]
    if error not in (OutcomeUnknownError, AlreadySentError):
        del details["file_ids"]
    if error is not RateLimitedError:
        del details["retry_after"]
    if error is not JournalError:
        del details["reason"]
    return error(details.pop("message"), report=failure.report(), **details)


def _members(failure: Failure) -> Iterator[tuple[str, Any]]:
    index = 0
    while (member := failure.member(index)) is not None:
        index += 1
        length = failure.length(member)
        if member == "errors":
            yield member, tuple(_api_error(failure, at) for at in range(length or 0))
        elif length is None:
            yield member, failure.value(member)
        else:
            yield member, tuple(failure.value(member, at) for at in range(length))


def _api_error(failure: Failure, at: int) -> ApiError:
    return ApiError(*(failure.value("errors", at, name) for name in ApiError.__match_args__))
