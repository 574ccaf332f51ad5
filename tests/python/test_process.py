"""Threads, signals, event loops: what a call does to the process around it, and the other way round."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import logging
import os
import pickle
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from jupyter_client.manager import start_new_kernel

import addepar_portal
from addepar_portal import AsyncPortalClient, OutcomeUnknownError, publish_files, publish_files_async
from addepar_portal.testing import SimulatedPortal

# Seconds within which what is ended is over, on a machine as busy as may be. An answer would be waited for 90 s.
PROMPT = 30.0

MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}


since_python_3_11 = pytest.mark.skipif(sys.version_info < (3, 11), reason="new in Python 3.11")


def run_with_uvloop(main: Coroutine[Any, Any, Any]) -> Any:
    if sys.platform == "win32":
        main.close()
        pytest.skip("uvloop has no Windows version")
    import uvloop

    return uvloop.run(main)


def wait_for_post(portal: SimulatedPortal) -> None:
    deadline = time.monotonic() + PROMPT
    while not any(request["complete"] for request in portal.requests):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def chain_of(error: BaseException) -> list[BaseException]:
    """The error and everything that led to it."""
    chain = [error]
    while following := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(following)
    return chain


class AlarmError(Exception):
    """What a signal handler of the caller's raises."""


class Shutdown(BaseException):
    """The same, past every `except Exception`."""


Handler = Callable[[int, Any], Any]


def raises(error: type[BaseException]) -> Handler:
    def handler(number: int, frame: object) -> None:
        raise error

    return handler


@contextlib.contextmanager
def handled(number: int, handler: Handler) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def press(portal: SimulatedPortal, *numbers: int, apart: float = 0.0) -> list[float]:
    """Sends signals to this process as soon as the portal has the whole request; notes when."""
    pressed: list[float] = []

    def signals() -> None:
        wait_for_post(portal)
        for number in numbers:
            pressed.append(time.monotonic())
            os.kill(os.getpid(), number)
            time.sleep(apart)

    threading.Thread(target=signals).start()
    return pressed


INTERRUPTS: list[tuple[int, Handler, type[BaseException]]] = [
    (signal.SIGINT, signal.default_int_handler, KeyboardInterrupt),
    (signal.SIGINT, raises(AlarmError), AlarmError),
    (signal.SIGTERM, raises(SystemExit), SystemExit),
    (signal.SIGTERM, raises(Shutdown), Shutdown),
    (signal.SIGTERM, raises(TimeoutError), TimeoutError),
]


@pytest.mark.parametrize(("number", "handler", "error"), INTERRUPTS)
def test_what_a_signal_handler_raises_ends_a_blocking_call_with_the_unknown_outcome_as_cause(
    number: int,
    handler: Handler,
    error: type[BaseException],
    simulated_portal: SimulatedPortal,
    caplog: pytest.LogCaptureFixture,
) -> None:
    simulated_portal.next_fault("hang")
    pressed = press(simulated_portal, number)
    with handled(number, handler), pytest.raises(error) as raised:
        publish_files([37], client=simulated_portal.client(), **MODES)
    assert time.monotonic() - pressed[0] < PROMPT
    cause = raised.value.__cause__
    assert isinstance(cause, OutcomeUnknownError)
    assert cause.file_ids == (37,)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    time.sleep(0.1)
    assert simulated_portal.control("connections")["open"] == 0
    assert simulated_portal.control("posts") == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")
def test_an_alarm_ends_a_blocking_call(simulated_portal: SimulatedPortal) -> None:
    simulated_portal.next_fault("hang")
    client = simulated_portal.client()
    started = time.monotonic()
    with handled(signal.SIGALRM, raises(AlarmError)):
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(AlarmError) as raised:
            client.publish_files([37], **MODES)
    assert 0.3 <= time.monotonic() - started < PROMPT
    assert isinstance(raised.value.__cause__, OutcomeUnknownError)
    assert client.publish_files([38], **MODES).ok


def test_a_signal_whose_handler_returns_is_handled_at_once_and_the_call_goes_on(
    simulated_portal: SimulatedPortal, caplog: pytest.LogCaptureFixture
) -> None:
    simulated_portal.control("set", delay_ms=600)
    handled_at: list[float] = []
    pressed = press(simulated_portal, signal.SIGTERM, signal.SIGTERM, apart=0.1)
    with handled(signal.SIGTERM, lambda *_: handled_at.append(time.monotonic())):
        assert publish_files([37], client=simulated_portal.client(), **MODES).ok
    assert len(handled_at) == 2
    assert all(after - before < PROMPT for before, after in zip(pressed, handled_at, strict=True))
    assert caplog.records == []


def test_the_second_ctrl_c_ends_the_call_where_the_first_is_only_noted(simulated_portal: SimulatedPortal) -> None:
    presses: list[int] = []

    def handler(number: int, frame: object) -> None:
        presses.append(number)
        if len(presses) == 2:
            raise KeyboardInterrupt

    simulated_portal.next_fault("hang")
    pressed = press(simulated_portal, signal.SIGINT, signal.SIGINT, apart=0.15)
    with handled(signal.SIGINT, handler), pytest.raises(KeyboardInterrupt) as raised:
        publish_files([37], client=simulated_portal.client(), **MODES)
    assert time.monotonic() - pressed[1] < PROMPT
    assert isinstance(raised.value.__cause__, OutcomeUnknownError)


def strikes_in_line(count: int) -> Callable[[Any, str, object], Any]:
    """Traces the package: a Ctrl-C in the so-manieth line that it runs from now on."""
    left = count

    def trace(frame: Any, event: str, _: object) -> Any:
        nonlocal left
        if os.path.dirname(frame.f_code.co_filename) != os.path.dirname(addepar_portal.__file__):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    return trace


def test_a_second_ctrl_c_right_after_the_first_hides_nothing(
    simulated_portal: SimulatedPortal, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever the second one strikes: the file is named in the exception's chain or in the log."""
    client = simulated_portal.client()
    hidden = []
    for line in range(1, 31):
        trace = strikes_in_line(line)

        def first(number: int, frame: Any, trace: Any = trace) -> None:
            sys.settrace(trace)
            while frame is not None:
                frame.f_trace = trace if "addepar_portal" in frame.f_code.co_filename else frame.f_trace
                frame = frame.f_back
            raise KeyboardInterrupt

        caplog.clear()
        simulated_portal.control("reset")
        simulated_portal.next_fault("hang")
        press(simulated_portal, signal.SIGINT)
        before = sys.gettrace()
        with handled(signal.SIGINT, first), pytest.raises(KeyboardInterrupt) as raised:
            client.publish_files([37], **MODES)
        sys.settrace(before)
        told = any(isinstance(error, OutcomeUnknownError) for error in chain_of(raised.value))
        if not told and not any("1 file" in record.getMessage() for record in caplog.records):
            hidden.append(line)
    assert hidden == []


def test_ctrl_c_before_anything_went_out_sends_nothing_and_has_no_cause(simulated_portal: SimulatedPortal) -> None:
    def token() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
        return "simulated-token"

    with pytest.raises(KeyboardInterrupt) as raised:
        publish_files([37], client=simulated_portal.client(access_token=token), **MODES)
    assert raised.value.__cause__ is None
    assert simulated_portal.requests == []


def after_the_429(portal: SimulatedPortal, act: Callable[[], object]) -> threading.Thread:
    """Acts while the call waits for the rate limit."""

    def wait() -> None:
        wait_for_post(portal)
        time.sleep(0.2)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def nothing_more_is_sent(portal: SimulatedPortal) -> None:
    time.sleep(1.3)
    assert portal.control("posts") == 1


def test_ctrl_c_while_it_waits_for_the_rate_limit_ends_the_wait_at_once(
    simulated_portal: SimulatedPortal, caplog: pytest.LogCaptureFixture
) -> None:
    simulated_portal.next_fault("rate_limited", x_retry_after=1)
    pressed: list[float] = []

    def press_ctrl_c() -> None:
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    after_the_429(simulated_portal, press_ctrl_c)
    with handled(signal.SIGINT, signal.default_int_handler), pytest.raises(KeyboardInterrupt) as raised:
        publish_files([37], client=simulated_portal.client(), **MODES)
    assert time.monotonic() - pressed[0] < PROMPT
    assert raised.value.__cause__ is None, "the server refused the one request that went out"
    assert caplog.records == []
    nothing_more_is_sent(simulated_portal)


@pytest.mark.parametrize("run", [asyncio.run, run_with_uvloop], ids=["asyncio", "uvloop"])
def test_cancelling_while_it_waits_for_the_rate_limit_ends_the_wait_at_once(
    run: Any, simulated_portal: SimulatedPortal, caplog: pytest.LogCaptureFixture
) -> None:
    simulated_portal.next_fault("rate_limited", x_retry_after=1)

    async def main() -> None:
        task = asyncio.create_task(publish_files_async([37], client=simulated_portal.async_client(), **MODES))
        await asyncio.to_thread(wait_for_post, simulated_portal)
        await asyncio.sleep(0.2)
        cancelled = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await task
        assert time.monotonic() - cancelled < PROMPT
        assert raised.value.__cause__ is None

    run(main())
    assert [record for record in caplog.records if record.name == "addepar_portal"] == []
    nothing_more_is_sent(simulated_portal)


def test_a_cancelled_task_carries_the_unknown_outcome(
    simulated_portal: SimulatedPortal, caplog: pytest.LogCaptureFixture
) -> None:
    simulated_portal.next_fault("hang")

    async def main() -> BaseException | None:
        task = asyncio.create_task(publish_files_async([37], client=simulated_portal.async_client(), **MODES))
        await asyncio.to_thread(wait_for_post, simulated_portal)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await task
        return raised.value.__cause__

    cause = asyncio.run(main())
    assert isinstance(cause, OutcomeUnknownError)
    assert cause.report is not None
    assert [file.state for file in cause.report] == ["unknown"]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    time.sleep(0.1)
    assert simulated_portal.control("connections")["open"] == 0


def test_a_task_that_is_cancelled_before_it_runs_sends_nothing(simulated_portal: SimulatedPortal) -> None:
    async def main() -> None:
        task = asyncio.create_task(publish_files_async([37], client=simulated_portal.async_client(), **MODES))
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as raised:
            await task
        assert raised.value.__cause__ is None

    asyncio.run(main())
    assert simulated_portal.requests == []


def test_wait_for_times_out_with_the_unknown_outcome_in_its_chain(simulated_portal: SimulatedPortal) -> None:
    simulated_portal.next_fault("hang")

    async def main() -> None:
        await asyncio.wait_for(publish_files_async([37], client=simulated_portal.async_client(), **MODES), 0.3)

    with pytest.raises(asyncio.TimeoutError) as raised:
        asyncio.run(main())
    assert any(isinstance(error, OutcomeUnknownError) for error in chain_of(raised.value))


def published_after_cancelling(portal: SimulatedPortal) -> None:
    """The dropped request's connection is closed at once, and the client is as good as new."""
    deadline = time.monotonic() + PROMPT
    while portal.control("connections")["open"] > 0:
        assert time.monotonic() < deadline
        time.sleep(0.005)


async def cancelled_by_timeout(client: AsyncPortalClient) -> None:
    async with asyncio.timeout(0.3):
        await client.publish_files([37], **MODES)


async def cancelled_by_a_task_group(client: AsyncPortalClient) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(client.publish_files([37], **MODES))
        await asyncio.sleep(0.3)
        raise LookupError


async def cancelled_by_a_sibling(client: AsyncPortalClient) -> None:
    async def failing() -> None:
        await asyncio.sleep(0.3)
        raise LookupError

    async with asyncio.TaskGroup() as group:
        group.create_task(client.publish_files([37], **MODES))
        group.create_task(failing())


async def swallowed_by_gather(client: AsyncPortalClient) -> None:
    call = asyncio.ensure_future(client.publish_files([37], **MODES))
    asyncio.get_running_loop().call_later(0.3, call.cancel)
    await asyncio.gather(call, return_exceptions=True)


async def cancelled_with_gather(client: AsyncPortalClient) -> None:
    both = asyncio.gather(client.publish_files([37], **MODES), asyncio.sleep(10))
    asyncio.get_running_loop().call_later(0.3, both.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await both


async def cancelled_twice(client: AsyncPortalClient) -> None:
    call = asyncio.ensure_future(client.publish_files([37], **MODES))
    await asyncio.sleep(0.3)
    call.cancel()
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call
    call.cancel()


async def left_to_the_end_of_the_loop(client: AsyncPortalClient) -> None:
    call = asyncio.ensure_future(client.publish_files([37], **MODES))
    await asyncio.sleep(0.3)
    assert not call.done()


SWALLOWED = [
    pytest.param(cancelled_by_timeout, TimeoutError, marks=since_python_3_11),
    pytest.param(cancelled_by_a_task_group, Exception, marks=since_python_3_11),
    pytest.param(cancelled_by_a_sibling, Exception, marks=since_python_3_11),
    (swallowed_by_gather, None),
    (cancelled_with_gather, None),
    (cancelled_twice, None),
    (left_to_the_end_of_the_loop, None),
]


@pytest.mark.parametrize("run", [asyncio.run, run_with_uvloop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(("main", "error"), SWALLOWED)
def test_a_swallowed_cancellation_logs_one_warning(
    run: Any,
    main: Callable[[AsyncPortalClient], Coroutine[Any, Any, None]],
    error: type[Exception] | None,
    simulated_portal: SimulatedPortal,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    simulated_portal.next_fault("hang")
    client = simulated_portal.async_client()
    with pytest.raises(error) if error else contextlib.nullcontext():
        run(main(client))
    warnings = [record for record in caplog.records if record.name == "addepar_portal"]
    assert [record.levelno for record in warnings] == [logging.WARNING]
    assert "1 file went to Addepar" in warnings[0].getMessage()
    published_after_cancelling(simulated_portal)
    assert run(client.publish_files([38], **MODES)).ok
    assert simulated_portal.control("posts") == 2


@pytest.mark.parametrize("run", [asyncio.run, run_with_uvloop], ids=["asyncio", "uvloop"])
def test_a_cancellation_is_there_at_once(run: Any, simulated_portal: SimulatedPortal) -> None:
    simulated_portal.control("faults", faults=[{"name": "hang", "times": 10}])

    async def main() -> list[float]:
        client = simulated_portal.async_client()
        took = []
        for number in range(1, 11):
            call = asyncio.ensure_future(client.publish_files([number], **MODES))
            while simulated_portal.control("posts") < number:
                await asyncio.sleep(0.005)
            started = time.monotonic()
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
            took.append(time.monotonic() - started)
        return took

    assert statistics.median(run(main())) < PROMPT
    published_after_cancelling(simulated_portal)


def test_the_async_functions_are_real_coroutine_functions(simulated_portal: SimulatedPortal) -> None:
    assert inspect.iscoroutinefunction(publish_files_async)
    assert inspect.iscoroutinefunction(addepar_portal.AsyncPortalClient.publish_files)

    async def main() -> list[bool]:
        async with simulated_portal.async_client() as client:
            calls = [publish_files_async([file_id], client=client, **MODES) for file_id in range(1, 21)]
            return [report.ok for report in await asyncio.gather(*calls)]

    assert asyncio.run(main()) == [True] * 20
    assert simulated_portal.control("posts") == 20


@pytest.mark.parametrize("run", [asyncio.run, run_with_uvloop], ids=["asyncio", "uvloop"])
def test_event_loops_one_after_the_other_share_a_client(run: Any, simulated_portal: SimulatedPortal) -> None:
    client = simulated_portal.async_client()

    async def main(first: int) -> list[bool]:
        calls = [client.publish_files([file_id], **MODES) for file_id in range(first, first + 10)]
        return [report.ok for report in await asyncio.gather(*calls)]

    for first in (1, 11, 21):
        assert run(main(first)) == [True] * 10
    assert simulated_portal.control("posts") == 30


def test_the_event_loop_is_never_stalled(
    simulated_portal: SimulatedPortal, record_property: Callable[[str, object], None]
) -> None:
    """By no report of 500 files: what the loop's thread works between two turns, however busy the machine is."""
    for file_id in range(1, 501):
        simulated_portal.fail_notify(file_id, [1])
    simulated_portal.control("set", delay_ms=20)

    async def heartbeat(gaps: list[float]) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            gaps.append(now - last)
            last = now

    async def main() -> list[float]:
        client = simulated_portal.async_client()
        stalls = []
        for _ in range(20):
            gaps: list[float] = []
            beating = asyncio.ensure_future(heartbeat(gaps))
            await asyncio.sleep(0)
            report = await client.publish_files(range(1, 501), **MODES)
            await asyncio.sleep(0)
            beating.cancel()
            assert len(report.failed) == 500
            stalls.append(max(gaps))
        return stalls

    stalls = asyncio.run(main())
    record_property("median_stall_ms", statistics.median(stalls) * 1000)
    record_property("longest_stall_ms", max(stalls) * 1000)
    assert min(stalls) < 0.005


def test_other_threads_run_during_a_blocking_call(simulated_portal: SimulatedPortal) -> None:
    simulated_portal.control("set", delay_ms=300)
    client = simulated_portal.client()
    counted = 0
    over = threading.Event()

    def count() -> None:
        nonlocal counted
        while not over.wait(0.001):
            counted += 1

    thread = threading.Thread(target=count)
    thread.start()
    before = counted
    assert client.publish_files([37], **MODES).ok
    during = counted - before
    over.set()
    thread.join()
    assert during >= 30


@pytest.mark.skipif(sys.platform == "win32", reason="a kernel of Jupyter is interrupted in another way there")
def test_jupyter(simulated_portal: SimulatedPortal) -> None:
    """In a cell a loop runs already: both kinds of calls work, and a kernel that is interrupted lives on."""
    manager, kernel = start_new_kernel(kernel_name="python3", env={**os.environ, **simulated_portal.environ()})

    def cell(code: str) -> tuple[str, dict[str, str], list[str]]:
        shown: dict[str, str] = {}
        printed: list[str] = []

        def hook(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "execute_result":
                shown.update(content["data"])
            elif message["msg_type"] == "stream":
                printed.append(content["text"])

        reply = kernel.execute_interactive(code, timeout=30, output_hook=hook)["content"]
        return reply.get("ename", reply["status"]), shown, printed

    def interrupts(interrupt: Callable[[], None]) -> None:
        wait_for_post(simulated_portal)
        interrupt()

    try:
        modes = "portal_publishing='publish', contact_notification='notify'"
        assert cell("from addepar_portal import publish_files, publish_files_async")[0] == "ok"
        status, shown, _ = cell(f"await publish_files_async([37], {modes})")
        assert status == "ok"
        assert "<table" in shown["text/html"]
        assert cell(f"publish_files([38], {modes}).file(38).state")[1]["text/plain"] == "'ok'"
        # The kernel ends its cells with a signal, which an `await` receives when the loop wakes up next.
        interrupted = {
            f"publish_files([39], {modes})": manager.interrupt_kernel,
            f"import asyncio; await asyncio.wait_for(publish_files_async([39], {modes}), 0.3)": lambda: None,
        }
        for code, interrupt in interrupted.items():
            simulated_portal.control("reset")
            simulated_portal.next_fault("hang")
            interrupter = threading.Thread(target=interrupts, args=(interrupt,))
            interrupter.start()
            status, _, printed = cell(code)
            interrupter.join()
            assert status in {"KeyboardInterrupt", "TimeoutError"}
            assert any("1 file went to Addepar" in text for text in printed)
            assert cell(f"publish_files([40], {modes}).ok")[1]["text/plain"] == "True"
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)


def test_one_client_serves_threads_in_parallel(simulated_portal: SimulatedPortal) -> None:
    simulated_portal.control("hold")
    client = simulated_portal.client()
    reports: list[bool] = []
    threads = [
        threading.Thread(target=lambda: reports.append(client.publish_files([37], **MODES).ok)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    # All of them are in flight before one is answered.
    while simulated_portal.control("posts") < 8:
        time.sleep(0.005)
    simulated_portal.control("release")
    for thread in threads:
        thread.join()
    assert reports == [True] * 8


def test_a_stray_answer_is_never_taken_for_the_next_calls(simulated_portal: SimulatedPortal) -> None:
    client = simulated_portal.client()
    for _ in range(10):
        simulated_portal.next_fault("stray_bytes")
        assert client.publish_files([37], **MODES).ok
        time.sleep(0.05)
        report = client.publish_files([38], **MODES)
        assert report.ok
        assert report.unexpected == ()


def test_a_connection_that_the_server_closes_costs_nothing(simulated_portal: SimulatedPortal) -> None:
    client = simulated_portal.client()
    for _ in range(30):
        simulated_portal.next_fault("close_idle")
        assert client.publish_files([37], **MODES).ok
        time.sleep(0.005)  # what was not closed when the next call goes out, no client can see


def test_a_token_callable_is_asked_once_and_again_after_a_401(simulated_portal: SimulatedPortal) -> None:
    tokens = ["simulated-token", "second-token"]
    client = simulated_portal.client(access_token=lambda: tokens.pop(0))
    assert client.publish_files([37], **MODES).ok
    assert client.publish_files([37], **MODES).ok
    assert tokens == ["second-token"]
    simulated_portal.control("revoke_token", token="simulated-token")
    simulated_portal.control("accept_token", token="second-token")
    assert client.publish_files([37], **MODES).ok
    assert tokens == []
    assert simulated_portal.control("posts") == 4


def test_an_async_token_callable(simulated_portal: SimulatedPortal) -> None:
    async def token() -> str:
        await asyncio.sleep(0)
        return "simulated-token"

    async def main() -> bool:
        async with simulated_portal.async_client(access_token=token) as client:
            return (await client.publish_files([37], **MODES)).ok

    assert asyncio.run(main())


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("error", [RuntimeError, addepar_portal.ConfigError, addepar_portal.RejectedError])
def test_what_a_token_callable_raises_is_raised_with_the_core_error_as_its_cause(
    error: type[Exception], asynchronous: bool, simulated_portal: SimulatedPortal
) -> None:
    earlier = LookupError("earlier")

    def token() -> str:
        raise error("do-not-show-this") from earlier

    def run() -> None:
        if asynchronous:
            asyncio.run(simulated_portal.async_client(access_token=token).publish_files([37], **MODES))
        else:
            simulated_portal.client(access_token=token).publish_files([37], **MODES)

    with pytest.raises(error, match="do-not-show-this") as raised:
        run()
    cause = raised.value.__cause__
    assert isinstance(cause, addepar_portal.ConfigError)
    assert error.__name__ in str(cause)
    assert "do-not-show-this" not in str(cause)
    assert cause.report is not None
    assert [file.state for file in cause.report] == ["not_processed"]
    assert cause.__cause__ is earlier
    assert simulated_portal.requests == []


def test_errors_are_pickled_whole(simulated_portal: SimulatedPortal) -> None:
    simulated_portal.next_fault("status:503")
    with pytest.raises(OutcomeUnknownError) as raised:
        publish_files([37], client=simulated_portal.client(), **MODES)
    raised.value.add_attribute_of_a_framework = 1  # type: ignore[attr-defined]
    again = pickle.loads(pickle.dumps(raised.value))
    assert again.__dict__ == raised.value.__dict__
    assert type(again) is OutcomeUnknownError
    assert str(again) == str(raised.value)
    for builtin in (OSError, ConnectionError, TimeoutError):
        assert not isinstance(again, builtin)


def test_an_error_that_lost_its_data_has_what_its_class_proves() -> None:
    """As mocks and task queues make them: from the class alone, or without `__init__`."""
    publish = mock.Mock(side_effect=OutcomeUnknownError)
    with pytest.raises(OutcomeUnknownError) as raised:
        publish([37])
    for error in (raised.value, OutcomeUnknownError.__new__(OutcomeUnknownError)):
        assert (error.code, error.outcome, error.message, str(error)) == ("ERR_OUTCOME_UNKNOWN", "unknown", "", "")
        assert (error.file_ids, error.undecided, error.errors) == ((), (), ())
        assert (error.report, error.http_status, error.request_id, error.elapsed, error.phase) == (None,) * 5
        assert type(pickle.loads(pickle.dumps(error))) is OutcomeUnknownError


UNITTEST = """
import unittest
from addepar_portal import ConfigError, PortalClient

class Test(unittest.TestCase):
    def test(self):
        with self.assertRaisesRegex(ConfigError, "this is a test run .it was started as .*-m unittest"):
            PortalClient(firm_name="examplefirm", firm_id=1, key_id="k", key_secret="s")
"""


def test_unittest_reaches_only_this_machine(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(UNITTEST)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "NODE_ENV"))}
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "test_it"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_portal_runs_although_nobody_refers_to_it() -> None:
    """The script that is tested may keep its address alone."""
    environ = SimulatedPortal(files={37: [1]}).environ()
    gc.collect()
    client = addepar_portal.PortalClient(
        base_url=environ["ADDEPAR_BASE_URL"], firm_id=1, key_id="simulated-key", key_secret="simulated-secret"
    )
    assert client.publish_files([37], **MODES).ok


def test_inside_a_test_run_only_this_machine_is_reached() -> None:
    with pytest.raises(addepar_portal.ConfigError, match="PYTEST_CURRENT_TEST"):
        addepar_portal.PortalClient(firm_name="examplefirm", firm_id=1, key_id="k", key_secret="s")


@pytest.mark.parametrize("name", ["PYTEST_CURRENT_TEST", "VITEST"])
def test_a_client_from_before_the_test_run_is_stopped_as_well(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    client = addepar_portal.PortalClient(base_url="https://portal.invalid", firm_id=1, key_id="k", key_secret="s")
    monkeypatch.setenv(name, "x")
    with pytest.raises(addepar_portal.ConfigError, match=name) as raised:
        client.publish_files([37], **MODES)
    assert raised.value.report is not None
    assert [file.state for file in raised.value.report] == ["not_processed"]


def test_the_wrong_kind_of_client_sends_nothing(simulated_portal: SimulatedPortal) -> None:
    with pytest.raises(addepar_portal.InputError, match="AsyncPortalClient"):
        publish_files([37], client=simulated_portal.async_client(), **MODES)  # type: ignore[arg-type]
    with pytest.raises(addepar_portal.InputError, match="AsyncPortalClient"):
        asyncio.run(publish_files_async([37], client=simulated_portal.client(), **MODES))  # type: ignore[arg-type]
    assert simulated_portal.requests == []


def test_cancelled_calls_do_not_keep_others_from_asking_for_a_token(simulated_portal: SimulatedPortal) -> None:
    async def round_of_calls() -> None:
        tokens: list[str | Exception] = [RuntimeError(), "simulated-token"]

        async def token() -> str:
            await asyncio.sleep(0)
            given = tokens.pop(0)
            if isinstance(given, Exception):
                raise given
            return given

        client = simulated_portal.async_client(access_token=token)
        calls = [asyncio.create_task(client.publish_files([file_id], **MODES)) for file_id in range(1, 7)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        for call in calls:
            call.cancel()
        kept = await asyncio.gather(*calls, return_exceptions=True)
        tokens[:] = ["simulated-token"] * 3
        report = await asyncio.wait_for(client.publish_files([7], **MODES), 5)
        assert report.ok
        assert len(kept) == 6

    for _ in range(50):
        asyncio.run(round_of_calls())


def test_ctrl_c_while_the_result_is_built_still_tells_what_happened(
    simulated_portal: SimulatedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    from addepar_portal import _drive

    def interrupted(*_: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    simulated_portal.next_fault("status:503")
    client = simulated_portal.client()
    monkeypatch.setattr(_drive, "from_core", interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        client.publish_files([37], **MODES)
    assert isinstance(raised.value.__cause__, OutcomeUnknownError)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_token_callable_that_returns_no_text_sends_nothing(
    asynchronous: bool, simulated_portal: SimulatedPortal
) -> None:
    def run() -> None:
        if asynchronous:
            asyncio.run(simulated_portal.async_client(access_token=lambda: 37).publish_files([37], **MODES))
        else:
            simulated_portal.client(access_token=lambda: 37).publish_files([37], **MODES)

    with pytest.raises(addepar_portal.ConfigError, match="returned int") as raised:
        run()
    assert raised.value.report is not None
    assert simulated_portal.requests == []


def test_a_timeout_below_the_servers_own_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADDEPAR_PORTAL_LIVE", "1")
    with pytest.warns(UserWarning, match="unknown"):
        addepar_portal.PortalClient(firm_name="examplefirm", firm_id=1, key_id="k", key_secret="s", timeout=30)
