"""Threads, signals, event loops: what a call does to the process around it, and the other way round."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

import addepar_portal
from addepar_portal import OutcomeUnknownError, publish_files, publish_files_async
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}


def wait_for_post(portal: SimulatedPortal) -> None:
    deadline = time.monotonic() + 10
    while not any(request["complete"] for request in portal.requests):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_ctrl_c_ends_a_blocking_call_with_the_unknown_outcome_as_cause(
    simulated_portal: SimulatedPortal, caplog: pytest.LogCaptureFixture
) -> None:
    simulated_portal.next_fault("hang")
    pressed: list[float] = []

    def press() -> None:
        wait_for_post(simulated_portal)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt) as raised:
        publish_files([37], client=simulated_portal.client(), **MODES)
    assert time.monotonic() - pressed[0] < 0.2
    cause = raised.value.__cause__
    assert isinstance(cause, OutcomeUnknownError)
    assert cause.file_ids == (37,)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    time.sleep(0.1)
    assert simulated_portal.control("connections")["open"] == 0
    assert simulated_portal.control("posts") == 1


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
    chain: list[BaseException] = [raised.value]
    while following := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(following)
    assert any(isinstance(error, OutcomeUnknownError) for error in chain)


def test_the_async_functions_are_real_coroutine_functions(simulated_portal: SimulatedPortal) -> None:
    assert inspect.iscoroutinefunction(publish_files_async)
    assert inspect.iscoroutinefunction(addepar_portal.AsyncPortalClient.publish_files)

    async def main() -> list[bool]:
        async with simulated_portal.async_client() as client:
            calls = [publish_files_async([file_id], client=client, **MODES) for file_id in range(1, 21)]
            return [report.ok for report in await asyncio.gather(*calls)]

    assert asyncio.run(main()) == [True] * 20
    assert simulated_portal.control("posts") == 20


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop has no Windows version")
def test_uvloop(simulated_portal: SimulatedPortal) -> None:
    import uvloop

    async def main() -> bool:
        async with simulated_portal.async_client() as client:
            return (await client.publish_files([37], **MODES)).ok

    assert uvloop.run(main())


def test_one_client_serves_threads_in_parallel(simulated_portal: SimulatedPortal) -> None:
    simulated_portal.control("set", delay_ms=300)
    client = simulated_portal.client()
    started = time.monotonic()
    reports: list[bool] = []
    threads = [
        threading.Thread(target=lambda: reports.append(client.publish_files([37], **MODES).ok)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reports == [True] * 8
    assert time.monotonic() - started < 1.2


def test_a_connection_is_reused_while_fresh_and_not_later(simulated_portal: SimulatedPortal) -> None:
    client = simulated_portal.client()
    for _ in range(10):
        client.publish_files([37], **MODES)
    assert simulated_portal.control("connections")["accepted"] == 1
    time.sleep(1.1)
    client.publish_files([37], **MODES)
    assert simulated_portal.control("connections")["accepted"] == 2


def test_a_stray_answer_is_never_taken_for_the_next_calls(simulated_portal: SimulatedPortal) -> None:
    client = simulated_portal.client()
    for _ in range(10):
        simulated_portal.next_fault("stray_bytes")
        assert client.publish_files([37], **MODES).ok
        time.sleep(0.05)
        report = client.publish_files([38], **MODES)
        assert report.ok
        assert report.unexpected == ()


def test_a_closed_idle_connection_costs_nothing(simulated_portal: SimulatedPortal) -> None:
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


def test_a_token_callable_that_fails_sends_nothing(simulated_portal: SimulatedPortal) -> None:
    def token() -> str:
        raise RuntimeError("do-not-show-this")

    with pytest.raises(addepar_portal.ConfigError, match="RuntimeError") as raised:
        simulated_portal.client(access_token=token).publish_files([37], **MODES)
    assert "do-not-show-this" not in str(raised.value)
    assert isinstance(raised.value.__cause__, RuntimeError)
    assert raised.value.report is not None
    assert [file.state for file in raised.value.report] == ["not_processed"]
    assert simulated_portal.requests == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process")
def test_a_forked_child_works_and_leaves_the_parents_connections_alone(simulated_portal: SimulatedPortal) -> None:
    client = simulated_portal.client()
    assert client.publish_files([37], **MODES).ok
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os._exit(0 if client.publish_files([38], **MODES).ok else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert client.publish_files([39], **MODES).ok


def test_exit_with_a_call_in_flight(simulated_portal: SimulatedPortal) -> None:
    program = """
import asyncio, os, threading, time
from addepar_portal import publish_files, publish_files_async
modes = {"portal_publishing": "publish", "contact_notification": "notify"}
threading.Thread(target=lambda: publish_files([37], **modes), daemon=True).start()
async def main():
    asyncio.ensure_future(publish_files_async([38], **modes))
    await asyncio.sleep(0.3)
asyncio.run(main())
"""
    simulated_portal.control("faults", faults=["hang", "hang"])
    environ = {
        **{name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        **simulated_portal.environ(),
    }
    done = subprocess.run([sys.executable, "-c", program], env=environ, timeout=20, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


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
    from addepar_portal import _errors

    def interrupted(*_: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    simulated_portal.next_fault("status:503")
    client = simulated_portal.client()
    monkeypatch.setattr(_errors, "from_core", interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        client.publish_files([37], **MODES)
    assert isinstance(raised.value.__cause__, OutcomeUnknownError)


def test_a_token_callable_that_returns_no_text_sends_nothing(simulated_portal: SimulatedPortal) -> None:
    with pytest.raises(addepar_portal.ConfigError) as raised:
        simulated_portal.client(access_token=lambda: 37).publish_files([37], **MODES)
    assert "int" in str(raised.value.__cause__)
    assert simulated_portal.requests == []


def test_a_timeout_below_the_servers_own_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADDEPAR_PORTAL_LIVE", "1")
    with pytest.warns(UserWarning, match="unknown"):
        addepar_portal.PortalClient(firm_name="examplefirm", firm_id=1, key_id="k", key_secret="s", timeout=30)
