"""What the log is told, and that no secret is in it."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from typing import Any

import pytest

from addepar_portal import publish_files, publish_files_async
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "do_not_notify"}
STARTS = (
    ("INFO", "Sending 2 files, attempt 1: portal_publishing publish, contact_notification do_not_notify, 0 override"),
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
    assert again - waited >= 0.9, "the wait is told of when it begins"


def test_no_file_is_named_above_debug_level(
    simulated_portal: SimulatedPortal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "addepar_portal")
    simulated_portal.fail_publish(37, [1])
    assert not publish_files([37, 38], client=simulated_portal.client(), **MODES).ok
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]
    assert "37" not in caplog.text.replace(":37", "")
    assert "1 failed" in caplog.records[-1].getMessage()


def test_a_filter_that_raises_costs_nobody_the_outcome(simulated_portal: SimulatedPortal) -> None:
    class Broken(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            if record.getMessage().startswith("Attempt"):
                raise LookupError("broken")
            return True

    logger, broken = logging.getLogger("addepar_portal"), Broken()
    logger.addFilter(broken)
    logger.setLevel(logging.INFO)
    try:
        with pytest.raises(LookupError) as raised:
            publish_files([37], client=simulated_portal.client(), **MODES)
    finally:
        logger.removeFilter(broken)
        logger.setLevel(logging.NOTSET)
    report = getattr(raised.value.__cause__, "report", None)
    assert report is not None
    assert [file.state for file in report] == ["ok"]


def test_a_program_that_does_not_log_never_imports_logging(simulated_portal: SimulatedPortal) -> None:
    code = (
        "import sys, addepar_portal\n"
        f"client = addepar_portal.PortalClient(base_url={simulated_portal.base_url!r}, firm_id=1,"
        " key_id='simulated-key', key_secret='simulated-secret')\n"
        "client.publish_files([37], portal_publishing='publish', contact_notification='do_not_notify')\n"
        "assert 'logging' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
