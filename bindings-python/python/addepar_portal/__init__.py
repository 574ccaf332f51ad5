"""Unofficial client for one call of the Addepar API: `POST /v1/portal/publish_files`.

>>> from addepar_portal import publish_files
>>> report = publish_files([37, 38], portal_publishing="publish", contact_notification="notify")

The call has no idempotency key, so the package makes two promises. Never twice: nothing that the
server may have begun to process is sent again within a call, nor by a later one where a journal or
`journal_dir` shows it. Never silent: every file comes back `ok`, `failed`,
`unknown` or `not_processed`.
"""

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
    from ._generated_reports import (
        FailedPortfolio,
        GeneratedPortfolio,
        GeneratedReport,
        GeneratedReports,
        SettledFile,
        Settlement,
    )
    from ._journal import Journal, JournalledChunk, JournalledFile, forget_journal, init_journal_dir
    from ._native import FileError, FileResult, Progress, PublishReport, PublishRequest, __version__
    from ._rows import ApiError, Attempt, FailedContacts, UnexpectedResult, UnreadPage

# Loaded when a name of theirs is asked for. The program needs none of them; a test session that has the fixture, or a
# file of tasks that a scheduler parses again and again, may not either.
_NAMES = {
    "_aliases": (
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
    "_async_client": ("AsyncPortalClient", "publish_batch_async", "publish_files_async", "resume_async"),
    "_client": ("PortalClient", "publish_batch", "publish_files", "resume"),
    "_errors": (
        "AlreadySentError",
        "AuthenticationError",
        "ConfigError",
        "ConnectError",
        "InputError",
        "JournalError",
        "MissingJournalWarning",
        "OutcomeUnknownError",
        "PermissionDeniedError",
        "PortalError",
        "PublishFailuresError",
        "RateLimitedError",
        "RejectedError",
        "StoppedError",
    ),
    "_generated_reports": (
        "FailedPortfolio",
        "GeneratedPortfolio",
        "GeneratedReport",
        "GeneratedReports",
        "SettledFile",
        "Settlement",
    ),
    "_journal": ("Journal", "JournalledChunk", "JournalledFile", "forget_journal", "init_journal_dir"),
    "_native": ("FileError", "FileResult", "Progress", "PublishReport", "PublishRequest", "__version__"),
    "_rows": ("ApiError", "Attempt", "FailedContacts", "UnexpectedResult", "UnreadPage"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}
# Whatever is asked for: with the client the native classes are complete, and annotations of other classes name these.
_FIRST = ("_client", "_native", "_rows", "_errors")


if not TYPE_CHECKING:  # type checkers refuse what is not there

    def __getattr__(name):
        if module := _MODULES.get(name):
            for part in dict.fromkeys((*_FIRST, module)):
                loaded = __import__(part, globals(), None, _NAMES[part], 1)
                for each in _NAMES[part]:
                    globals().setdefault(each, getattr(loaded, each))
            return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
