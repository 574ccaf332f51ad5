"""Unofficial client for one call of the Addepar API: `POST /v1/portal/publish_files`.

>>> from addepar_portal import publish_files
>>> report = publish_files([37, 38], portal_publishing="publish", contact_notification="notify")

The call has no idempotency key, so the package makes two promises. Never twice: nothing that the
server may have begun to process is sent again. Never silent: every file comes back `ok`, `failed`,
`unknown` or `not_processed`.
"""

from ._client import PortalClient, publish_batch, publish_files, resume
from ._errors import (
    AlreadySentError,
    AuthenticationError,
    ConfigError,
    ConnectError,
    InputError,
    JournalError,
    MissingJournalWarning,
    OutcomeUnknownError,
    PermissionDeniedError,
    PortalError,
    PublishFailuresError,
    RateLimitedError,
    RejectedError,
    StoppedError,
)
from ._native import FileError, FileResult, Progress, PublishReport, PublishRequest, __version__
from ._rows import ApiError, Attempt, FailedContacts, UnexpectedResult, UnreadPage

__all__ = [
    "AlreadySentError",
    "ApiError",
    "AsyncPortalClient",
    "Attempt",
    "AuthenticationError",
    "ConfigError",
    "ConnectError",
    "ContactNotification",
    "Environment",
    "FailedContacts",
    "FailedPortfolio",
    "FileError",
    "FileResult",
    "GeneratedPortfolio",
    "GeneratedReport",
    "GeneratedReports",
    "Id",
    "InputError",
    "Journal",
    "JournalError",
    "JournalReason",
    "JournalledChunk",
    "JournalledFile",
    "MissingJournalWarning",
    "Outcome",
    "OutcomeUnknownError",
    "PermissionDeniedError",
    "PortalClient",
    "PortalError",
    "PortalPublishing",
    "Progress",
    "Proof",
    "PublishFailuresError",
    "PublishReport",
    "PublishRequest",
    "RateLimitedError",
    "RejectedError",
    "Repeat",
    "SettledFile",
    "Settlement",
    "State",
    "Step",
    "StoppedError",
    "UnexpectedResult",
    "UnreadPage",
    "Verdict",
    "__version__",
    "forget_journal",
    "init_journal_dir",
    "publish_batch",
    "publish_batch_async",
    "publish_files",
    "publish_files_async",
    "resume",
    "resume_async",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._aliases import (
        ContactNotification,
        Environment,
        Id,
        JournalReason,
        Outcome,
        PortalPublishing,
        Proof,
        Repeat,
        State,
        Step,
        Verdict,
    )
    from ._async_client import AsyncPortalClient, publish_batch_async, publish_files_async, resume_async
    from ._generated_reports import (
        FailedPortfolio,
        GeneratedPortfolio,
        GeneratedReport,
        GeneratedReports,
        SettledFile,
        Settlement,
    )
    from ._journal import Journal, JournalledChunk, JournalledFile, forget_journal, init_journal_dir

# What few programs need is loaded when it is asked for.
_LATER = {
    **dict.fromkeys(
        ("AsyncPortalClient", "publish_batch_async", "publish_files_async", "resume_async"), "_async_client"
    ),
    **dict.fromkeys(
        ("FailedPortfolio", "GeneratedPortfolio", "GeneratedReport", "GeneratedReports", "SettledFile", "Settlement"),
        "_generated_reports",
    ),
    **dict.fromkeys(("Journal", "JournalledChunk", "JournalledFile", "forget_journal", "init_journal_dir"), "_journal"),
    **dict.fromkeys(
        (
            "ContactNotification",
            "Environment",
            "Id",
            "JournalReason",
            "Outcome",
            "PortalPublishing",
            "Proof",
            "Repeat",
            "State",
            "Step",
            "Verdict",
        ),
        "_aliases",
    ),
}


def __getattr__(name: str) -> object:
    if module := _LATER.get(name):
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def _name_what_is_public() -> None:
    """For tracebacks and pickles. The native classes have their public names already."""
    for value in map(globals().get, __all__):
        if getattr(value, "__module__", "").startswith(f"{__name__}."):
            value.__module__ = __name__


_name_what_is_public()
