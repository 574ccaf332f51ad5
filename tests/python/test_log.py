"""What the log is told, and that no secret is in it."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from addepar_portal import (
    OutcomeUnknownError,
    PortalError,
    PublishReport,
    StoppedError,
    publish_files,
    publish_files_async,
)
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "do_not_notify"}
STARTS = (
    (
        "INFO",
        'Sending 2 files, attempt 1: portal_publishing="publish", contact_notification="do_not_notify", 0 over',
    ),
    ("DEBUG", "Files of attempt 1: 37, 38"),
    ("INFO", "Attempt 1: 429 after "),
    ("INFO", "Sending 2 files, attempt 2"),
    ("DEBUG", "Files of attempt 2: 37, 38"),
    ("INFO", "Attempt 2: 200 after "),
)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_call_tells_when_it_goes_out_waits_and_ends(
    asynchronous: bool, simulated_portal: SimulatedPortal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.NOTSET)
    caplog.set_level(logging.DEBUG, "addepar_portal")
    simulated_portal.next_fault("rate_limited", retry_after=1)
    if asynchronous:
        assert asyncio.run(publish_files_async([37, 38], client=simulated_portal.async_client(), **MODES)).ok
    else:
        assert publish_files([37, 38], client=simulated_portal.client(), **MODES).ok
    ours = [record for record in caplog.records if record.name == "addepar_portal"]
    assert len(ours) == len(STARTS)
    for record, (level, start) in zip(ours, STARTS, strict=True):
        assert record.levelname == level
        assert record.getMessage().startswith(start)
    assert "simulated-secret" not in caplog.text
    waited, again = ours[2].created, ours[3].created
    assert again - waited >= 0.9, "the wait is reported when it begins"


def test_no_file_is_named_above_debug_level(
    simulated_portal: SimulatedPortal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "addepar_portal")
    simulated_portal.fail_publish(37, [1])
    assert not publish_files([37, 38], client=simulated_portal.client(), **MODES).ok
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]
    assert "37" not in caplog.text.replace(":37", "")
    assert "1 failed" in caplog.records[-1].getMessage()


class BrokenFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        raise PortalError("broken")


class BrokenHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise OSError("broken")


class BrokenLogger(logging.Logger):
    """A logger of a subclass, as some frameworks set one up."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        return True

    def handle(self, record: logging.LogRecord) -> None:
        raise LookupError("broken")


class BlindLogger(logging.Logger):
    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        raise LookupError("broken")


def with_filter(logger: logging.Logger) -> None:
    logger.addFilter(BrokenFilter())


def with_handler(logger: logging.Logger) -> None:
    logger.addHandler(BrokenHandler())


def with_arguments(logger: logging.Logger) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(missing)s"))
    logger.addHandler(handler)


def with_class(kind: type[logging.Logger]) -> Callable[[logging.Logger], None]:
    def give(logger: logging.Logger) -> None:
        logger.__class__ = kind

    return give


BROKEN = {
    "a filter": with_filter,
    "a handler": with_handler,
    "a formatter": with_arguments,
    "a class": with_class(BrokenLogger),
    "a class that does not say what it reads": with_class(BlindLogger),
}


@pytest.fixture
def our_logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("addepar_portal")
    before = (logger.__class__, list(logger.filters), list(logger.handlers), logger.level)
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.__class__, logger.filters, logger.handlers, level = before
    logger.setLevel(level)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("broken", BROKEN)
def test_a_logger_that_fails_costs_nobody_the_outcome(
    broken: str,
    asynchronous: bool,
    simulated_portal: SimulatedPortal,
    our_logger: logging.Logger,
    capsys: pytest.CaptureFixture[str],
) -> None:
    BROKEN[broken](our_logger)

    def publish() -> PublishReport:
        if asynchronous:
            return asyncio.run(publish_files_async([37], client=simulated_portal.async_client(), **MODES))
        return publish_files([37], client=simulated_portal.client(), **MODES)

    assert publish().ok
    simulated_portal.next_fault("status:503")
    with pytest.raises(OutcomeUnknownError) as raised:
        publish()
    assert raised.value.file_ids == (37,)
    assert simulated_portal.control("posts") == 2
    if broken in ("a filter", "a handler", "a class"):
        assert "The logger `addepar_portal` failed (" in capsys.readouterr().err


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_inside_a_logger_stops_a_batch_with_the_true_report(
    interrupt: type[BaseException], simulated_portal: SimulatedPortal, our_logger: logging.Logger, tmp_path: Path
) -> None:
    class Interrupted(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("Attempt 1: 200"):
                raise interrupt

    our_logger.addHandler(Interrupted())
    with pytest.raises(interrupt) as raised:
        simulated_portal.client().publish_batch([1, 2], journal=tmp_path / "run.jsonl", chunk_size=1, **MODES)
    cause = raised.value.__cause__
    assert isinstance(cause, StoppedError)
    assert cause.report is not None
    assert [file.state for file in cause.report] == ["ok", "not_processed"]


def test_a_program_that_does_not_log_never_imports_logging(simulated_portal: SimulatedPortal) -> None:
    code = (
        "import sys, addepar_portal\n"
        f"client = addepar_portal.PortalClient(base_url={simulated_portal.base_url!r}, firm_id=1,"
        " key_id='simulated-key', key_secret='simulated-secret')\n"
        "client.publish_files([37], portal_publishing='publish', contact_notification='do_not_notify')\n"
        "assert 'logging' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
