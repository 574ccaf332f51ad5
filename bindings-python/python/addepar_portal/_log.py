"""Logging under `addepar_portal`, which costs a program that does not log nothing."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._native import Call, Failure


def is_read() -> bool:
    """Whether somebody reads how calls go on. Who never imported `logging` does not."""
    logging = sys.modules.get("logging")
    return logging is not None and logging.getLogger("addepar_portal").isEnabledFor(logging.INFO)


def tell(call: Call) -> None:
    """Logs what a call has to tell. Its warnings are told even where nobody reads the rest."""
    while (record := call.log_record()) is not None:
        if record.level == "warn":
            _warn(f"{record.message}.")
            continue
        import logging

        logging.getLogger("addepar_portal").log(
            logging.DEBUG if record.level == "debug" else logging.INFO, "%s", record.message
        )


def warn_dropped(failure: Failure) -> None:
    """Warns in the log, since the exception may be swallowed on its way."""
    _warn(failure.message())


def warn_stopping() -> None:
    """Warns the person who interrupted a batch and now waits."""
    _warn(
        "The batch stops after the request in flight, whose answer is awaited and recorded. A second interrupt (Ctrl-C,"
        " or cancelling again) drops that request: the outcome of its files is then unknown."
    )


def _warn(message: str) -> None:
    """Without a logger set up it goes to standard error. A logger that fails costs nobody the outcome."""
    try:
        import logging

        logging.getLogger("addepar_portal").warning("%s", message)
    except Exception:
        _show(message)


def _show(message: str) -> None:
    try:
        print(message, file=sys.stderr)
    except Exception:
        return  # nobody can be told; the exception that is about to be raised says it too
