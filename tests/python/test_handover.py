"""Between an answer and its caller nothing can fail: no import, no file, no logger; and no secret is on the way."""

from __future__ import annotations

import asyncio
import functools
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from addepar_portal import AsyncPortalClient, ConfigError, Journal, OutcomeUnknownError, PortalClient, PortalError
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "do_not_notify"}

# Modules of a program's own that have names of the standard library's; those that Python itself needs to start are not
# among them.
NAMES = ("datetime", "inspect", "json", "logging", "socket", "traceback", "typing", "warnings", "weakref")

PROGRAM = """
import sys
import threading

sys.path.insert(0, {folder!r})  # as for a script in that folder
import json, logging

from addepar_portal import OutcomeUnknownError, PortalClient

MODES = {{"portal_publishing": "publish", "contact_notification": "do_not_notify"}}


def publish():
    with PortalClient() as client:
        report = client.publish_files([37, 38], **MODES)
        assert report.ok and report.attempts[0].sent_at.year > 2000 and report.attempts[0].http_status == 200
        assert [row["file_id"] for row in report.to_dicts()] == [37, 38]
        assert report.request.to_dict()["data"]["attributes"]["files_id"] == [37, 38]
        try:
            client.publish_files([37], **MODES)
        except OutcomeUnknownError as error:
            assert error.file_ids == (37,) and error.report.attempts[0].http_status == 503
            assert error.report.to_dicts()[0]["state"] == "unknown"
            done.append(1)


done = []
publish()
thread = threading.Thread(target=publish)
thread.start()
thread.join()
print(len(done))
"""


def test_modules_of_a_program_may_have_the_names_of_the_standard_library_s(
    simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("mine = True\n")
    simulated_portal.control("faults", faults=[{"name": "close_idle"}, {"name": "status", "status": 503}] * 2)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(folder=str(tmp_path))],
        env={**os.environ, **simulated_portal.environ()},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("2\n", "")


NO_DESCRIPTORS = """
import asyncio, resource, sys, threading
from addepar_portal import AsyncPortalClient, PortalClient, PortalError

MODES = {"portal_publishing": "publish", "contact_notification": "do_not_notify"}


def starve():
    sys.stdin.readline()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    print("starved", flush=True)


def told(publish):
    try:
        publish()
    except BaseException as error:
        report = error.report
        [attempt] = report.attempts
        print(type(error).__name__, [file.state for file in report], attempt.sent_at.year > 2000, flush=True)


threading.Thread(target=starve, daemon=True).start()
"""

WAYS = {
    "on the main thread": "told(lambda: PortalClient().publish_files([37], **MODES))",
    "on another thread": (
        "thread = threading.Thread(target=lambda: told(lambda: PortalClient().publish_files([37], **MODES)))\n"
        "thread.start(); thread.join()"
    ),
    "in a loop": "told(lambda: asyncio.run(AsyncPortalClient().publish_files([37], **MODES)))",
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
@pytest.mark.parametrize("way", WAYS)
def test_an_unknown_outcome_is_handed_over_without_descriptors(way: str, simulated_portal: SimulatedPortal) -> None:
    simulated_portal.control("hold")
    simulated_portal.next_fault("status:503")
    process = subprocess.Popen(
        [sys.executable, "-c", NO_DESCRIPTORS + WAYS[way]],
        env={**os.environ, **simulated_portal.environ()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not any(request["complete"] for request in simulated_portal.requests):
            assert process.poll() is None
            time.sleep(0.005)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("now\n")
        process.stdin.flush()
        assert process.stdout.readline() == "starved\n"
        simulated_portal.control("release")
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert output == "OutcomeUnknownError ['unknown'] True\n", errors


SECRETS = ("key-secret-of-a-firm", "token-of-a-firm", "password-of-a-proxy")


def frames(error: BaseException) -> str:
    """What tools show of an exception: the local variables of each frame of this package, and of its causes."""
    shown: list[str] = []
    seen: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        if (one := todo.pop()) is None or one in seen:
            continue
        seen.append(one)
        todo += [one.__cause__, one.__context__]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if "addepar_portal" in frame.f_code.co_filename:
                shown.append(
                    f"{frame.f_code.co_qualname if sys.version_info >= (3, 11) else ''} {dict(frame.f_locals)!r}"
                )
    assert shown
    return "\n".join(shown)


BAD_SETTINGS: list[dict[str, Any]] = [
    {"key_id": "k", "key_secret": SECRETS[0], "timeout": "90"},
    {"key_id": "k", "key_secret": SECRETS[0], "timeout": -1.0},
    {"key_id": "k", "key_secret": SECRETS[0], "access_token": SECRETS[1]},
    {"key_id": "k", "key_secret": SECRETS[0] + "\udc80"},
    {"access_token": SECRETS[1] + " "},
    {"access_token": SECRETS[1], "firm_id": 1.5},
    {
        "access_token": SECRETS[1],
        "proxy": f"socks5://operator:{SECRETS[2]}@localhost",
        "base_url": "https://portal.invalid",
    },
]


@pytest.mark.parametrize("client", [PortalClient, AsyncPortalClient])
@pytest.mark.parametrize("settings", BAD_SETTINGS, ids=range(len(BAD_SETTINGS)))
def test_no_secret_is_in_a_frame_of_a_constructor_that_fails(
    client: Callable[..., Any], settings: dict[str, Any]
) -> None:
    with pytest.raises((ConfigError, TypeError)) as raised:
        client(**{"base_url": "http://127.0.0.1:9/api", "firm_id": 1, **settings})
    shown = frames(raised.value)
    assert "that could not be made" in shown, "the client itself is shown, whatever it lacks"
    assert not [secret for secret in SECRETS if secret in shown]


def give(token: str) -> str:
    return token


async def give_later(token: str) -> str:
    return token


TOKENS: dict[str, Callable[[], Any]] = {
    "a token": lambda: SECRETS[1],
    "a function": lambda: functools.partial(give, SECRETS[1]),
    "an async function": lambda: functools.partial(give_later, SECRETS[1]),
    "a function of another type": lambda: functools.partial(lambda token: [token], SECRETS[1]),
}


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("token", TOKENS)
def test_no_secret_is_in_a_frame_of_a_call_that_fails(
    token: str, asynchronous: bool, simulated_portal: SimulatedPortal
) -> None:
    if token == "an async function" and not asynchronous:
        pytest.skip("asyncio's own")
    simulated_portal.control("accept_token", token=SECRETS[1])
    simulated_portal.next_fault("status:503")
    client: Any = (simulated_portal.async_client if asynchronous else simulated_portal.client)(
        access_token=TOKENS[token]()
    )
    with pytest.raises(PortalError) as raised:
        asyncio.run(client.publish_files([37], **MODES)) if asynchronous else client.publish_files([37], **MODES)
    assert not [secret for secret in SECRETS if secret in frames(raised.value)]


def test_what_could_not_be_made_can_be_shown(tmp_path: Path) -> None:
    for kind in (PortalClient, AsyncPortalClient, Journal, SimulatedPortal):
        assert "could not be" in repr(kind.__new__(kind))


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_secret_that_the_server_repeats_is_nowhere(
    asynchronous: bool, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    body = {"errors": [{"detail": f"Bearer {SECRETS[1]}", "title": SECRETS[1]}]}
    simulated_portal.control("accept_token", token=SECRETS[1])
    simulated_portal.next_fault("answer", status=503, body=body, headers={"X-Request-Id": SECRETS[1]})
    journal = tmp_path / "run.jsonl"

    def publish() -> None:
        if asynchronous:
            client = simulated_portal.async_client(access_token=SECRETS[1])
            asyncio.run(client.publish_batch([37], journal=journal, **MODES))
        else:
            simulated_portal.client(access_token=SECRETS[1]).publish_batch([37], journal=journal, **MODES)

    with pytest.raises(OutcomeUnknownError) as raised:
        publish()
    error = raised.value
    assert error.report is not None
    shown = (
        str(error),
        repr(error.errors),
        error.report.to_json(),
        error.report.raw,
        error.request_id,
        journal.read_text(),
    )
    assert not [text for text in shown if SECRETS[1] in str(text)]
    assert error.errors[0].title == "***"


def test_a_token_that_never_comes_ends_an_async_call_within_its_timeout(simulated_portal: SimulatedPortal) -> None:
    seconds = 0.4
    cancelled = threading.Event()

    async def never() -> str:
        try:
            await asyncio.get_running_loop().create_future()
            return "too late"
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def main() -> None:
        client = simulated_portal.async_client(access_token=never, timeout=seconds)
        started = time.monotonic()
        with pytest.raises(ConfigError) as raised:
            await client.publish_files([37], **MODES)
        assert seconds <= time.monotonic() - started < seconds + 10
        assert "No access token could be had" in str(raised.value)
        assert str(raised.value).endswith("Nothing was sent.")
        assert raised.value.report is not None
        assert [file.state for file in raised.value.report] == ["not_processed"]
        await asyncio.sleep(0)
        assert cancelled.is_set()

    asyncio.run(main())
    assert simulated_portal.requests == []


@pytest.mark.parametrize("raised", [LookupError, KeyboardInterrupt, asyncio.CancelledError])
def test_what_an_awaited_token_function_raises_has_the_error_behind_it_and_its_own_cause_behind_that(
    raised: type[BaseException], simulated_portal: SimulatedPortal
) -> None:
    mine, earlier = raised("mine"), LookupError("earlier")

    async def token() -> str:
        await asyncio.sleep(0)
        raise mine from earlier

    async def main() -> BaseException | None:
        try:
            await simulated_portal.async_client(access_token=token).publish_files([37], **MODES)
        except BaseException as error:
            return error
        return None

    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(main()) is mine
    finally:
        loop.close()
    cause = mine.__cause__
    assert isinstance(cause, ConfigError)
    assert f"the callable raised {raised.__name__}" in str(cause)
    assert cause.__cause__ is earlier
    assert simulated_portal.requests == []
