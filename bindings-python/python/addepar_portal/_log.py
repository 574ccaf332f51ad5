"""What people are told beside results: logging under `addepar_portal`, which costs a program that does not log nothing,
and warnings of Python's.

Nothing is imported here: a record may stand between an answer and its caller. A logger that fails costs nobody a
result; what it was to be told goes to standard error. What is not an `Exception` is an interrupt like any other.
"""

from __future__ import annotations

import sys
from _warnings import warn_explicit

from ._errors import MissingJournalWarning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Literal

    from ._native import Call, Failure


def warn_of_missing_journal(call: Call) -> None:
    """Issues the warning that the core wants: before a call begins, or once its journal says what it sends. Where it is
    an error, it is one at the next call as well."""
    said = call.take_warning()
    if said is not None:
        warn(f"{said}.", MissingJournalWarning, each_time=True)


def warn(said: str, kind: type[Warning], *, each_time: bool = False) -> None:
    """Warns of a line of the caller's, however many of this package's own are in between.

    Python lists what it has shown in each module, and shows an equal warning on the same line once. With `each_time` it
    is not listed, so that a loop is warned of at each turn; the filters of the program count as ever.
    """
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while _module(frame).partition(".")[0] == "addepar_portal" and frame.f_back is not None:
        frame = frame.f_back
    listed = None if each_time else frame.f_globals.setdefault("__warningregistry__", {})
    warn_explicit(said, kind, frame.f_code.co_filename, frame.f_lineno, _module(frame), listed)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))


def _logging() -> Any:
    """The module, if the program has imported it: nobody else has set logging up."""
    return sys.modules.get("logging")


def is_read() -> bool:
    """Whether somebody reads how calls go on."""
    logging = _logging()
    try:
        return logging is not None and bool(logging.getLogger("addepar_portal").isEnabledFor(logging.INFO))
    except Exception:
        return False  # such as a module of the program's own by that name


def tell(call: Call) -> None:
    """Logs what a call has to tell. Its warnings are told even where nobody reads the rest."""
    warn_of_missing_journal(call)
    while (record := call.log_record()) is not None:
        if record.level == "warn":
            _log("warning", f"{record.message}.")
        else:
            _log(record.level, record.message)


def warn_dropped(failure: Failure) -> None:
    """Warns in the log, since the exception may be swallowed on its way."""
    _log("warning", failure.message())


def warn_of_decision(said: str) -> None:
    """Warns in the log of a decision that may be a slip."""
    _log("warning", f"{said}.")


def warn_stopping() -> None:
    """Warns the person who interrupted a batch and now waits."""
    _log(
        "warning",
        "The batch stops after the request in flight, whose answer is awaited and recorded. A second interrupt (Ctrl-C,"
        " or cancelling again) drops that request: the outcome of its files is then unknown.",
    )


def _log(level: Literal["debug", "info", "warning"], message: str) -> None:
    logging = _logging()
    if logging is None:
        _show(message)  # as `logging` does with a warning where nobody has set it up
        return
    try:
        getattr(logging.getLogger("addepar_portal"), level)("%s", message)
    except Exception as error:
        _show(f"The logger `addepar_portal` failed ({type(error).__name__}). {message}")


def _show(message: str) -> None:
    try:
        if sys.stderr is not None:
            print(message, file=sys.stderr)
    except Exception:
        return  # nobody can be told; the exception that is about to be raised says it too
