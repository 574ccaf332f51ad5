"""Logging under `addepar_portal`, which costs a program that does not log nothing."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._errors import PortalError
    from ._native import Call


def watched(call: Call) -> Call:
    """The call, asked for its notes if somebody reads them. Who never imported `logging` does not."""
    logging = sys.modules.get("logging")
    if logging is not None and logging.getLogger("addepar_portal").isEnabledFor(logging.INFO):
        call.watch()
    return call


def tell(call: Call) -> None:
    """Logs what a watched call has to tell."""
    for level, message in call.notes():
        import logging

        logging.getLogger("addepar_portal").log(logging.DEBUG if level == "debug" else logging.INFO, "%s", message)


def warn_dropped(error: PortalError) -> None:
    """Tells whoever reads the log: the exception may be swallowed on its way."""
    import logging

    logging.getLogger("addepar_portal").warning("%s", error)
