"""Processes: fork at every moment, multiprocessing in all its ways, prefork servers, other interpreters."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import multiprocessing
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import addepar_portal
from addepar_portal import AsyncPortalClient, PortalClient, PortalError, PublishReport
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}

has_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
# Python 3.12 and newer warn of a fork beside threads; that is what is tested.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def in_child(work: Callable[[], object]) -> int:
    """Forks; the child works and ends, with status 0 if all went well. Returns its process id."""
    pid = os.fork()
    if pid == 0:
        status = 1
        with contextlib.suppress(BaseException):
            signal.alarm(20)
            work()
            status = 0
        os._exit(status)
    return pid


def wait(pid: int) -> int:
    """The exit status of a child; a child that hangs is ended by its own alarm."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def publish(client: PortalClient, *file_ids: int) -> None:
    for file_id in file_ids:
        report = client.publish_files([file_id], **MODES)
        assert report.ok
        assert report.files[0].file_id == file_id


def publish_async(client: AsyncPortalClient, *file_ids: int) -> None:
    async def main() -> list[PublishReport]:
        return await asyncio.gather(*(client.publish_files([file_id], **MODES) for file_id in file_ids))

    reports = asyncio.run(main())
    assert [(report.ok, report.files[0].file_id) for report in reports] == [(True, file_id) for file_id in file_ids]


def published_once(portal: SimulatedPortal, *file_ids: int) -> None:
    sent = [file_id for request in portal.requests for file_id in request["body"]["data"]["attributes"]["files_id"]]
    assert sorted(sent) == sorted(file_ids)


@has_fork
@pytest.mark.parametrize("before", ["sync", "async", "both"])
def test_a_child_of_a_used_client_works_with_its_own_connections(
    before: str, simulated_portal: SimulatedPortal
) -> None:
    # The threads of the calls and of their look-ups wait for more at the fork, and the child has none of them.
    name = simulated_portal.base_url.replace("127.0.0.1", "localhost")
    client, async_client = simulated_portal.client(base_url=name), simulated_portal.async_client(base_url=name)
    if before != "async":
        publish(client, 1)
    if before != "sync":
        publish_async(async_client, 2, 3)

    def work() -> None:
        publish(client, 11, 12)
        publish_async(async_client, 13, 14)
        publish(client, 15)

    accepted = simulated_portal.control("connections")["accepted"]
    assert wait(in_child(work)) == 0
    assert simulated_portal.control("connections")["accepted"] > accepted
    publish(client, 21)
    publish_async(async_client, 22, 23)
    used = {"sync": (1,), "async": (2, 3), "both": (1, 2, 3)}[before]
    published_once(simulated_portal, *used, 11, 12, 13, 14, 15, 21, 22, 23)


@has_fork
@pytest.mark.parametrize("asynchronous", [False, True])
def test_fork_during_a_call_in_another_thread(asynchronous: bool, simulated_portal: SimulatedPortal) -> None:
    simulated_portal.control("set", delay_ms=200)
    client, async_client = simulated_portal.client(), simulated_portal.async_client()
    ended: list[bool] = []

    def call() -> None:
        if asynchronous:
            publish_async(async_client, 1)
        else:
            publish(client, 1)
        ended.append(True)

    def work() -> None:
        publish(client, 11)
        publish_async(async_client, 12)

    thread = threading.Thread(target=call)
    thread.start()
    while simulated_portal.control("posts") == 0:
        time.sleep(0.005)
    assert not ended
    assert wait(in_child(work)) == 0
    thread.join()
    assert ended == [True]
    published_once(simulated_portal, 1, 11, 12)


@has_fork
def test_a_child_forked_from_a_thread_is_interrupted_as_any_other(simulated_portal: SimulatedPortal) -> None:
    client = simulated_portal.client()
    publish(client, 1)
    simulated_portal.next_fault("hang")
    pids: list[int] = []

    def work() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with pytest.raises(KeyboardInterrupt) as raised:
            publish(client, 11)
        assert isinstance(raised.value.__cause__, addepar_portal.OutcomeUnknownError)
        publish(client, 12)

    thread = threading.Thread(target=lambda: pids.append(in_child(work)))
    thread.start()
    thread.join()
    while simulated_portal.control("posts") < 2:
        time.sleep(0.005)
    os.kill(pids[0], signal.SIGINT)
    assert wait(pids[0]) == 0
    published_once(simulated_portal, 1, 11, 12)


@has_fork
def test_prefork_workers_share_nothing_of_a_client_that_was_made_and_used_before(
    simulated_portal: SimulatedPortal,
) -> None:
    client, async_client = simulated_portal.client(), simulated_portal.async_client()
    publish(client, 1)
    publish_async(async_client, 2)

    def work(first: int) -> None:
        threads = [threading.Thread(target=publish, args=(client, first + n, first + n + 1)) for n in (0, 2)]
        for thread in threads:
            thread.start()
        publish_async(async_client, *range(first + 4, first + 8))
        for thread in threads:
            thread.join()
        publish(client, first + 8)
        # A worker of a worker.
        assert wait(in_child(lambda: publish(client, first + 9))) == 0

    starts = range(100, 160, 10)
    workers = [in_child(functools.partial(work, start)) for start in starts]
    publish(client, 3)
    publish_async(async_client, 4, 5)
    assert [wait(pid) for pid in workers] == [0] * len(workers)
    publish(client, 6)
    published_once(simulated_portal, 1, 2, 3, 4, 5, 6, *range(100, 160))


@has_fork
def test_a_child_that_ends_tidily_leaves_the_parents_call_alone(simulated_portal: SimulatedPortal) -> None:
    """Exiting the ordinary way runs every finalizer of what was inherited."""
    program = """
import os, sys, threading, time
from addepar_portal import PortalClient
modes = {"portal_publishing": "publish", "contact_notification": "notify"}
client = PortalClient()
assert client.publish_files([1], **modes).ok
reports = []
thread = threading.Thread(target=lambda: reports.append(client.publish_files([2], **modes)))
thread.start()
time.sleep(0.15)
pid = os.fork()
if pid == 0:
    client.close()
    del client
    sys.exit(0)
assert os.waitpid(pid, 0)[1] == 0
thread.join()
assert reports[0].ok
assert client.publish_files([3], **modes).ok
"""
    simulated_portal.control("set", delay_ms=400)
    environ = {**os.environ, **simulated_portal.environ()}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], env=environ, timeout=30, check=False)
    assert done.returncode == 0
    published_once(simulated_portal, 1, 2, 3)


# --- multiprocessing: what crosses between processes ---------------------------------------------------


def report_of(base_url: str, file_ids: list[int]) -> PublishReport:
    client = PortalClient(base_url=base_url, firm_id=1, key_id="simulated-key", key_secret="simulated-secret")
    return client.publish_files(file_ids, **MODES)


def failures_of(base_url: str, file_ids: list[int]) -> PublishReport:
    return report_of(base_url, file_ids).raise_for_failures()


def journal_error(base_url: str, file_ids: list[int]) -> PublishReport:
    raise addepar_portal.JournalError("locked", report=report_of(base_url, file_ids))


def stopped_error(base_url: str, file_ids: list[int]) -> PublishReport:
    raise addepar_portal.StoppedError("stopped", report=report_of(base_url, file_ids))


def already_sent_error(base_url: str, file_ids: list[int]) -> PublishReport:
    raise addepar_portal.AlreadySentError("sent", report=report_of(base_url, file_ids), file_ids=tuple(file_ids))


def unused_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


# Class → what the portal does, and which call ends so.
ENDS: dict[str, tuple[str | None, Callable[[str, list[int]], PublishReport]]] = {
    "InputError": (None, lambda base_url, _: report_of(base_url, [0])),
    "ConfigError": (None, lambda _, file_ids: report_of("ftp://127.0.0.1/api", file_ids)),
    "ConnectError": (None, lambda _, file_ids: report_of(f"http://127.0.0.1:{unused_port()}/api", file_ids)),
    "RejectedError": ("status:400", report_of),
    "AuthenticationError": ("status:401", report_of),
    "PermissionDeniedError": ("status:403", report_of),
    "RateLimitedError": ("status:429", report_of),
    "OutcomeUnknownError": ("status:503", report_of),
    "PublishFailuresError": (None, failures_of),
    "AlreadySentError": (None, already_sent_error),
    "JournalError": (None, journal_error),
    "StoppedError": (None, stopped_error),
}


def ends_with(name: str, base_url: str) -> PublishReport:
    return ENDS[name][1](base_url, [37, 38])


def plain(error: PortalError) -> dict[str, Any]:
    """All that an error carries, save times, ports and numbers of requests."""
    data = {name: value for name, value in vars(error).items() if name not in {"elapsed", "request_id", "message"}}
    data["report"] = [] if error.report is None else [(file.file_id, file.state) for file in error.report]
    data["attempts"] = [] if error.report is None else [attempt.http_status for attempt in error.report.attempts]
    data["errors"] = [(one.code, one.title, one.detail) for one in error.errors]
    return {**data, "type": type(error), "has_words": bool(str(error)) and str(error) == error.message}


METHODS = [
    pytest.param("fork", marks=has_fork),
    "spawn",
    pytest.param("forkserver", marks=has_fork),
]


@pytest.mark.parametrize("method", METHODS)
def test_a_pool_passes_back_reports_and_every_error(method: str, simulated_portal: SimulatedPortal) -> None:
    assert set(ENDS) == {error.__name__ for error in vars(addepar_portal).values() if is_final_error(error)}
    simulated_portal.fail_notify(38, [1])
    here = report_of(simulated_portal.base_url, [37, 38])
    with multiprocessing.get_context(method).Pool(2) as pool:
        there = pool.apply_async(report_of, (simulated_portal.base_url, [37, 38])).get(30)
        assert there.to_dicts() == here.to_dicts()
        assert there.files == here.files
        for name, (fault, _) in ENDS.items():
            ended = []
            for run in (ends_with, lambda *args: pool.apply_async(ends_with, args).get(30)):
                if fault:
                    simulated_portal.next_fault(fault)
                with pytest.raises(PortalError) as raised:
                    run(name, simulated_portal.base_url)
                ended.append(plain(raised.value))
            assert ended[0] == ended[1]
            assert ended[0]["type"].__name__ == name
        # A pool whose exceptions do not unpickle hangs here.
        assert pool.apply_async(report_of, (simulated_portal.base_url, [37])).get(30).ok


def is_final_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, PortalError) and value is not PortalError


@pytest.mark.parametrize("method", METHODS)
def test_process_pool_executor(method: str, simulated_portal: SimulatedPortal) -> None:
    publish(simulated_portal.client(), 1)
    simulated_portal.next_fault("status:503")
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as executor:
        with pytest.raises(addepar_portal.OutcomeUnknownError) as raised:
            executor.submit(report_of, simulated_portal.base_url, [37]).result(30)
        assert raised.value.file_ids == (37,)
        chunks = [[n, n + 1] for n in range(101, 121, 2)]
        reports = executor.map(functools.partial(report_of, simulated_portal.base_url), chunks, timeout=30)
        assert [[file.file_id for file in report if file.state == "ok"] for report in reports] == chunks


def test_a_client_is_not_pickled_and_says_what_to_do(simulated_portal: SimulatedPortal) -> None:
    for client in (simulated_portal.client(), simulated_portal.async_client()):
        with pytest.raises(TypeError, match="make one where it is needed"):
            pickle.dumps(client)


def test_another_interpreter_of_the_process_is_refused_in_words_or_works(simulated_portal: SimulatedPortal) -> None:
    program = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
from addepar_portal import publish_files
modes = {"portal_publishing": "publish", "contact_notification": "notify"}
assert publish_files([1], **modes).ok
inner = '''
try:
    import addepar_portal
except ImportError as error:
    assert "interpreter" in str(error), error
else:
    assert addepar_portal.publish_files([2], portal_publishing="publish", contact_notification="notify").ok
'''
other = interpreters.create()
failure = interpreters.run_string(other, inner)
interpreters.destroy(other)
assert not failure, failure
assert publish_files([3], **modes).ok
"""
    environ = {**os.environ, **simulated_portal.environ()}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, timeout=30, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@has_fork
@pytest.mark.parametrize("batch", [False, True], ids=["call", "batch"])
@pytest.mark.parametrize("moment", ["in a wait", "in flight"])
def test_a_child_that_a_signal_handler_forks_during_a_call_does_not_continue_with_it(
    moment: str, batch: bool, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    """Parent and child return from the same handler, into the same call: only the parent's goes on."""
    if moment == "in a wait":
        simulated_portal.next_fault("rate_limited", retry_after=2)
    else:
        simulated_portal.control("set", delay_ms=2000)
    client = simulated_portal.client()
    forked: list[int] = []

    def handler(*_: object) -> None:
        forked.append(os.fork())
        if not forked[0]:
            signal.alarm(20)

    def call() -> PublishReport:
        if batch:
            return client.publish_batch([1, 2], **MODES, journal=tmp_path / "run.jsonl")
        return client.publish_files([1, 2], **MODES)

    def work() -> None:
        signal.signal(signal.SIGUSR1, handler)
        try:
            report = call()
        except addepar_portal.OutcomeUnknownError as error:
            # The child, and nobody else.
            os._exit(7 if (forked, error.file_ids, "forked" in str(error)) == ([0], (1, 2), True) else 8)
        assert report.ok
        assert wait(forked[0]) == 7

    pid = in_child(work)
    while simulated_portal.control("posts") == 0:
        time.sleep(0.005)
    os.kill(pid, signal.SIGUSR1)
    assert wait(pid) == 0
    published_once(simulated_portal, *([1, 2] * (2 if moment == "in a wait" else 1)))
