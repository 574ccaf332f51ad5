"""What a caller's own exceptions and signals do to a call, and what is raised in the end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from addepar_portal import (
    ConfigError,
    InputError,
    OutcomeUnknownError,
    PortalClient,
    PortalError,
    Progress,
    RejectedError,
    StoppedError,
    _drive,
    publish_files,
)
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}
STOPS = "The batch stops after the request in flight"

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def start(portal: SimulatedPortal, program: str) -> subprocess.Popen[str]:
    head = """
import asyncio, sys
from addepar_portal import AsyncPortalClient, PortalClient, PortalError
MODES = {"portal_publishing": "publish", "contact_notification": "notify"}
def told(error):
    print(type(error).__name__, type(error.__cause__).__name__, flush=True)
"""
    return subprocess.Popen(
        [sys.executable, "-c", head + program],
        env={**os.environ, **portal.environ()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_posts(portal: SimulatedPortal, process: subprocess.Popen[str], count: int) -> None:
    while sum(request["complete"] for request in portal.requests) < count:
        assert process.poll() is None
        time.sleep(0.005)


BATCHES = {
    "publish_batch": "PortalClient().publish_batch([1, 2], journal=JOURNAL, chunk_size=1, **MODES)",
    "publish_batch of asyncio": (
        "asyncio.run(AsyncPortalClient().publish_batch([1, 2], journal=JOURNAL, chunk_size=1, **MODES))"
    ),
    "resume": """
    try:
        PortalClient().publish_batch([1, 2], journal=JOURNAL, chunk_size=1, **MODES)
    except PortalError:
        PortalClient().resume(JOURNAL)
""",
}


@posix
@pytest.mark.parametrize("what", BATCHES)
def test_the_first_ctrl_c_of_a_batch_says_at_once_what_happens_now(
    what: str, simulated_portal: SimulatedPortal, journal: Path
) -> None:
    """In a program that sets no logging up. What was said decides whether people press again."""
    posts = 1
    if what == "resume":
        simulated_portal.next_fault("status", status=403)
        posts = 2
    simulated_portal.next_fault("hang")
    program = f"JOURNAL = {str(journal)!r}\ntry:\n    {BATCHES[what].lstrip()}\n"
    process = start(simulated_portal, program + "except KeyboardInterrupt as error:\n    told(error)\n")
    try:
        wait_for_posts(simulated_portal, process, posts)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        # The request hangs, so nothing but the signal can have made it say anything.
        assert process.stderr.readline().startswith(STOPS)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    if "asyncio" not in what:  # there `asyncio.run` makes a new exception of the cancellation
        assert output == "KeyboardInterrupt OutcomeUnknownError\n"
    assert "1 file went to Addepar" in errors
    assert simulated_portal.control("posts") == posts


def interrupt_when_sent(portal: SimulatedPortal) -> None:
    def press() -> None:
        while not any(request["complete"] for request in portal.requests):
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()


@posix
def test_a_logger_that_fails_at_ctrl_c_loses_nothing(
    simulated_portal: SimulatedPortal, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: logging.LogRecord) -> bool:
        raise PortalError("broken")

    simulated_portal.control("set", delay_ms=300)
    logger = logging.getLogger("addepar_portal")
    logger.addFilter(broken)
    interrupt_when_sent(simulated_portal)
    try:
        with pytest.raises(KeyboardInterrupt) as raised:
            simulated_portal.client().publish_batch([1, 2], journal=journal, chunk_size=1, **MODES)
    finally:
        logger.removeFilter(broken)
    cause = raised.value.__cause__
    assert isinstance(cause, StoppedError)
    assert cause.report is not None
    assert [file.state for file in cause.report] == ["ok", "not_processed"]
    assert STOPS in capsys.readouterr().err


@posix
def test_a_batch_whose_last_request_is_refused_after_ctrl_c_has_that_error_as_the_cause(
    simulated_portal: SimulatedPortal, journal: Path
) -> None:
    simulated_portal.next_fault("status:400")
    simulated_portal.control("set", delay_ms=300)
    interrupt_when_sent(simulated_portal)
    with pytest.raises(KeyboardInterrupt) as raised:
        simulated_portal.client().publish_batch([1, 2], journal=journal, chunk_size=1, **MODES)
    cause = raised.value.__cause__
    assert isinstance(cause, RejectedError)
    assert cause.report is not None
    assert [file.state for file in cause.report] == ["not_processed", "not_processed"]
    assert simulated_portal.control("posts") == 1


ERRORS: list[Callable[[], BaseException]] = [
    lambda: InputError("mine"),
    lambda: StoppedError("mine"),
    lambda: OutcomeUnknownError("mine"),
    lambda: PortalError("mine"),
    lambda: LookupError("mine"),
    lambda: SystemExit("mine"),
]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("make", ERRORS, ids=lambda make: type(make()).__name__)
def test_whatever_on_progress_raises_has_the_true_report_behind_it(
    make: Callable[[], BaseException], asynchronous: bool, simulated_portal: SimulatedPortal, journal: Path
) -> None:
    earlier, mine = LookupError("earlier"), make()

    def on_progress(progress: Progress) -> None:
        if progress.succeeded:
            raise mine from earlier

    arguments: Any = {"journal": journal, "chunk_size": 10, "on_progress": on_progress, **MODES}

    def run() -> None:
        if asynchronous:
            asyncio.run(simulated_portal.async_client().publish_batch(range(1, 31), **arguments))
        else:
            simulated_portal.client().publish_batch(range(1, 31), **arguments)

    with pytest.raises(type(mine)) as raised:
        run()
    assert raised.value is mine
    cause = mine.__cause__
    assert isinstance(cause, StoppedError)
    assert cause is not mine
    assert cause.report is not None
    assert (len(cause.report.succeeded), len(cause.report.not_processed)) == (10, 20)
    assert cause.__cause__ is earlier
    assert simulated_portal.control("posts") == 1


@posix
@pytest.mark.parametrize("make", ERRORS, ids=lambda make: type(make()).__name__)
def test_whatever_a_signal_handler_raises_has_the_unknown_outcome_behind_it(
    make: Callable[[], BaseException], simulated_portal: SimulatedPortal, caplog: pytest.LogCaptureFixture
) -> None:
    mine = make()

    def handler(*_: object) -> None:
        raise mine

    simulated_portal.next_fault("hang")
    before = signal.signal(signal.SIGINT, handler)
    interrupt_when_sent(simulated_portal)
    try:
        with pytest.raises(type(mine)) as raised:
            publish_files([37], client=simulated_portal.client(), **MODES)
    finally:
        signal.signal(signal.SIGINT, before)
    assert raised.value is mine
    cause = mine.__cause__
    assert isinstance(cause, OutcomeUnknownError)
    assert cause is not mine
    assert cause.report is not None
    assert [file.state for file in cause.report] == ["unknown"]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@posix
def test_what_on_progress_raises_after_ctrl_c_hides_neither(simulated_portal: SimulatedPortal, journal: Path) -> None:
    def on_progress(progress: Progress) -> None:
        if progress.succeeded:
            raise LookupError("mine")

    simulated_portal.control("set", delay_ms=300)
    interrupt_when_sent(simulated_portal)
    with pytest.raises(LookupError) as raised:
        simulated_portal.client().publish_batch([1, 2], journal=journal, chunk_size=1, on_progress=on_progress, **MODES)
    cause = raised.value.__cause__
    assert isinstance(cause, StoppedError)
    assert cause.report is not None
    assert [file.state for file in cause.report] == ["ok", "not_processed"]
    assert isinstance(cause.__context__, KeyboardInterrupt)


@posix
def test_a_refusal_of_the_server_stays_as_it_is(simulated_portal: SimulatedPortal) -> None:
    simulated_portal.next_fault("status", status=400)
    with pytest.raises(RejectedError) as raised:
        publish_files([37], client=simulated_portal.client(), **MODES)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


@posix
@pytest.mark.parametrize("presses", [1, 2])
def test_an_interrupted_batch_leaves_its_client_to_nobody(
    presses: int, simulated_portal: SimulatedPortal, journal: Path
) -> None:
    """Without a garbage collection: no exception and no frame is held in a circle."""
    if presses == 2:
        simulated_portal.next_fault("hang")
    else:
        simulated_portal.control("set", delay_ms=300)
    clients: list[weakref.ref[PortalClient]] = []

    def handler(*_: object) -> None:
        pressed.append(time.monotonic())
        raise KeyboardInterrupt

    def press() -> None:
        for count in range(presses):
            while not any(request["complete"] for request in simulated_portal.requests) or len(pressed) < count:
                time.sleep(0.005)
            os.kill(os.getpid(), signal.SIGINT)

    def run() -> None:
        client = simulated_portal.client()
        clients.append(weakref.ref(client))
        try:
            client.publish_batch([1, 2], journal=journal, chunk_size=1, **MODES)
        except KeyboardInterrupt as error:
            causes.append(type(error.__cause__))

    pressed: list[float] = []
    causes: list[type] = []
    before = signal.signal(signal.SIGINT, handler)
    threading.Thread(target=press).start()
    gc.collect()
    gc.disable()
    try:
        run()
        assert causes == [StoppedError if presses == 1 else OutcomeUnknownError]
        assert [client() for client in clients] == [None]
    finally:
        gc.enable()
        signal.signal(signal.SIGINT, before)


@posix
@pytest.mark.parametrize("where", ["in the main greenlet", "in another greenlet"])
def test_ctrl_c_works_under_gevent_whichever_greenlet_called_first(
    where: str, simulated_portal: SimulatedPortal
) -> None:
    simulated_portal.control("faults", faults=[{"name": "close_idle"}, {"name": "hang"}])
    call = "hangs()" if where == "in the main greenlet" else "gevent.spawn(hangs).join()"
    program = f"""
from gevent import monkey
monkey.patch_all()
import gevent
client = PortalClient()
def hangs():
    try:
        client.publish_files([2], **MODES)
    except KeyboardInterrupt as error:
        told(error)
gevent.spawn(lambda: client.publish_files([1], **MODES)).join()
{call}
"""
    process = start(simulated_portal, program)
    try:
        wait_for_posts(simulated_portal, process, 2)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert output == "KeyboardInterrupt OutcomeUnknownError\n", errors


class EmptyClient(PortalClient):
    """A client that is false, as a subclass with a length may be."""

    def __len__(self) -> int:
        return 0


def test_a_falsy_client_is_the_one_that_is_used(
    simulated_portal: SimulatedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SimulatedPortal() as other:
        for name, value in other.environ().items():
            monkeypatch.setenv(name, value)
        client = EmptyClient(
            base_url=simulated_portal.base_url, firm_id=1, key_id="simulated-key", key_secret="simulated-secret"
        )
        assert not client
        assert publish_files([37], client=client, **MODES).ok
        assert other.requests == []
    assert simulated_portal.control("posts") == 1


class Falsy:
    """A callable that is false."""

    def __init__(self, returns: object = None) -> None:
        self.calls = 0
        self._returns = returns

    def __len__(self) -> int:
        return 0

    def __call__(self, *_: object) -> Any:
        self.calls += 1
        return self._returns


def test_falsy_functions_are_called_as_any_other(simulated_portal: SimulatedPortal, journal: Path) -> None:
    token, on_progress = Falsy("simulated-token"), Falsy()
    client = simulated_portal.client(access_token=token)
    assert client.publish_batch([1, 2], journal=journal, on_progress=on_progress, **MODES).ok
    assert (token.calls, on_progress.calls) == (1, 2)


def test_a_setting_that_is_empty_is_not_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADDEPAR_KEY_SECRET", "secret of the environment")
    with pytest.raises(ConfigError):
        PortalClient(base_url="http://127.0.0.1:9/api", firm_id="", key_id="k", key_secret="s")


def test_a_wait_that_no_signal_interrupts_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where Ctrl-C would otherwise be heard only once the server has answered."""
    glances: list[float] = []

    def glance(ears: Any, *others: Any) -> Any:
        glances.append(others[-1])
        return select.select(ears, *others)

    monkeypatch.setattr(_drive, "select", glance)
    monkeypatch.setattr(_drive, "is_main_thread", lambda: False)
    monkeypatch.setattr(_drive, "GLANCE", 0.01)
    with SimulatedPortal(files={37: [1]}) as portal:
        portal.control("hold")
        release = threading.Timer(0.5, portal.control, ["release"])
        release.start()
        report = publish_files([37], client=portal.client(), **MODES)
        release.join()
    assert report.ok
    assert len(glances) > 1
