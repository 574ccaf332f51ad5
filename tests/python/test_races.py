"""Calls that are ended at random instants around the moment in which their request goes out.

Whatever a caller is told was not processed, the portal must never have received, then or later.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from addepar_portal import ConnectError, OutcomeUnknownError, PortalClient, PublishReport
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "do_not_publish", "contact_notification": "do_not_notify"}
COUNTS = [300, pytest.param(5000, marks=pytest.mark.long)]


class EndedError(BaseException):
    """What the handler of the timer raises."""


@pytest.fixture
def portal() -> Iterator[SimulatedPortal]:
    # The answer takes long enough for many calls to be ended in front of it.
    with SimulatedPortal(delay_ms=2) as portal:
        yield portal


def told(error: BaseException | None) -> str:
    """What the caller of one call knows about its file."""
    if isinstance(error, OutcomeUnknownError):
        return "unknown" if error.report is None else error.report.files[0].state
    assert error is None or isinstance(error, ConnectError)
    return "not_processed"


def ended_well(ends: dict[int, str], portal: SimulatedPortal) -> dict[str, int]:
    """Compares what callers were told with what the portal received, a while later."""
    time.sleep(0.3)
    # The head alone does no harm: a file counts from its body on.
    received = [request["body"]["data"]["attributes"]["files_id"] for request in portal.requests if request["complete"]]
    files = [file_id for file_ids in received for file_id in file_ids]
    assert len(files) == len(set(files)), "no file was sent twice"
    not_processed = {file_id for file_id, end in ends.items() if end == "not_processed"}
    assert not_processed.isdisjoint(files), "what was not processed never arrived"
    assert {file_id for file_id, end in ends.items() if end == "ok"} <= set(files)
    return {end: list(ends.values()).count(end) for end in ("ok", "unknown", "not_processed")}


def duration_of_a_call(client: PortalClient, fresh: bool) -> float:
    """How long one takes here and now: instants are spread around that."""
    took = []
    for file_id in range(1_000_001, 1_000_016):
        if fresh:
            client.close()
        started = time.perf_counter()
        client.publish_files([file_id], **MODES)
        took.append(time.perf_counter() - started)
    return statistics.median(took)


def spread(counts: dict[str, int]) -> None:
    """The instants were well chosen: some calls were ended before, and some after."""
    assert counts["not_processed"] > 0, counts
    assert counts["unknown"] > 0, counts


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")
@pytest.mark.parametrize("count", COUNTS)
def test_blocking_calls_that_a_signal_ends(
    count: int, portal: SimulatedPortal, record_property: Callable[[str, object], None]
) -> None:
    """Between any two steps of the facade, and where the call itself looks at its signals."""

    def end(number: int, frame: Any) -> None:
        within = []
        while frame is not None:
            within.append(frame.f_code)
            frame = frame.f_back
        # Python's own logging keeps its locks when it is interrupted: not here. The timer comes again.
        if any(code.co_name == "publish_files" for code in within) and within[0].co_filename != logging.__file__:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise EndedError

    ends: dict[int, str] = {}
    client = portal.client()
    usual = duration_of_a_call(client, fresh=True)
    before = signal.signal(signal.SIGALRM, end)
    try:
        for file_id in range(1, count + 1):
            client.close()
            if file_id % 10 == 0:
                portal.next_fault("hang")
            try:
                # The interval, for a signal that came before the call began.
                signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, 1.2 * usual), 0.05)
                ends[file_id] = client.publish_files([file_id], **MODES).files[0].state
            except EndedError as ended:
                ends[file_id] = told(ended.__cause__)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(ends) == count
    counts = ended_well(ends, portal)
    record_property("ends", counts)
    assert counts["unknown"] > 0


@pytest.mark.parametrize("count", COUNTS)
def test_blocking_calls_that_time_out(
    count: int, portal: SimulatedPortal, record_property: Callable[[str, object], None]
) -> None:
    ends: dict[int, str] = {}
    # Some are sent and never answered, however quick the others are.
    portal.control("faults", faults=[{"name": "hang", "times": count // 10}])

    def calls(file_ids: range) -> None:
        for file_id in file_ids:
            # From the shortest that there is, within which not all are sent, to one that a busy machine meets.
            client = portal.client(timeout=10 ** random.uniform(-3, -0.3))
            try:
                ends[file_id] = client.publish_files([file_id], **MODES).files[0].state
            except (ConnectError, OutcomeUnknownError) as error:
                ends[file_id] = told(error)

    # Many at once: what was not sent is tried again after a wait.
    threads = [threading.Thread(target=calls, args=(range(first, count + 1, 60),)) for first in range(1, 61)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == count
    counts = ended_well(ends, portal)
    record_property("ends", counts)
    assert counts["unknown"] > 0


@pytest.mark.parametrize("count", COUNTS)
def test_tasks_that_are_cancelled(
    count: int, portal: SimulatedPortal, record_property: Callable[[str, object], None]
) -> None:
    usual = duration_of_a_call(portal.client(), fresh=True)
    ends: dict[int, str] = {}

    async def one(client: Any, file_id: int) -> None:
        call: asyncio.Task[PublishReport] = asyncio.ensure_future(client.publish_files([file_id], **MODES))
        await asyncio.sleep(0)
        # Spinning: the loop's timers are too coarse for it.
        until = time.perf_counter() + random.uniform(0, 1.2 * usual)
        while time.perf_counter() < until:
            await asyncio.sleep(0)
        call.cancel()
        try:
            ends[file_id] = (await call).files[0].state
        except asyncio.CancelledError as cancelled:
            ends[file_id] = told(cancelled.__cause__)

    async def main() -> None:
        async with portal.async_client() as client:
            for first in range(1, count + 1, 3):
                await asyncio.gather(*(one(client, file_id) for file_id in range(first, min(first + 3, count + 1))))
                if first % 2:
                    # A connection is made anew for every other one.
                    await client.aclose()

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(main())
    assert len(ends) == count
    counts = ended_well(ends, portal)
    record_property("ends", counts)
    spread(counts)
