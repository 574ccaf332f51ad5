"""A call that e-mails clients and leaves no journal is warned of, before anything goes out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from addepar_portal import (
    AlreadySentError,
    AsyncPortalClient,
    ConfigError,
    ConnectError,
    Journal,
    MissingJournalWarning,
    OutcomeUnknownError,
    PortalClient,
    PortalError,
    RejectedError,
    init_journal_dir,
    publish_files,
    publish_files_async,
)
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}

# Python 3.12 and newer warn of a fork beside threads; that is what is tested.
pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


def in_new_process(work: Callable[[], object]) -> None:
    """What is said once in each process is said in a child again, whatever was said here before."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.alarm(20)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, simulated_portal: SimulatedPortal) -> dict[str, Any]:
    """Those of a client for a host that is not this machine, behind a proxy that refuses it."""
    monkeypatch.setenv("ADDEPAR_PORTAL_LIVE", "1")
    proxy = simulated_portal.control("endpoint", name="proxy_407")["url"]
    return {"base_url": "https://portal.invalid", "firm_id": 1, "key_id": "k", "key_secret": "s", "proxy": proxy}


def warned_of(use: Callable[[], object]) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with pytest.raises(PortalError):
            use()
    return [warning for warning in heard if warning.category is MissingJournalWarning]


def uses(settings: dict[str, Any]) -> Iterator[Callable[[], object]]:
    yield lambda: PortalClient(**settings).publish_files([37], **MODES)
    yield lambda: publish_files([37], client=PortalClient(**settings), **MODES)

    async def publish_by_method() -> None:
        await AsyncPortalClient(**settings).publish_files([37], **MODES)

    async def publish() -> None:
        await publish_files_async([37], client=AsyncPortalClient(**settings), **MODES)

    yield lambda: asyncio.run(publish_by_method())
    yield lambda: asyncio.run(publish())


def test_it_is_warned_of_once_in_the_callers_own_line(
    settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def once(use: Callable[[], object]) -> None:
        (warning,) = warned_of(use)
        assert str(warning.message) == (
            "This call e-mails clients and leaves no journal: made again, it would e-mail them again. Set "
            "`journal_dir` to a folder of journals, and what is sent from then on is refused a second time."
        )
        assert Path(warning.filename) == Path(__file__)
        assert warned_of(use) == []
        assert "no journal" not in caplog.text  # once is enough

    for use in uses(settings):
        warned_of(use)
        assert warned_of(use) == []
        in_new_process(lambda use=use: once(use))  # type: ignore[misc]


@pytest.mark.parametrize("mode", ["notify", "use_contact_preference"])
def test_as_an_error_it_comes_before_anything_goes_out(mode: str, settings: dict[str, Any]) -> None:
    def work() -> None:
        with socket.create_server(("127.0.0.1", 0)) as proxy, warnings.catch_warnings():
            proxy.setblocking(False)
            warnings.simplefilter("error", MissingJournalWarning)
            client = PortalClient(**{**settings, "proxy": f"http://127.0.0.1:{proxy.getsockname()[1]}"})
            for _ in range(2):  # it is an error at the next call as well
                with pytest.raises(MissingJournalWarning):
                    client.publish_files([37], **{**MODES, "contact_notification": mode})
            with pytest.raises(BlockingIOError):
                proxy.accept()

    in_new_process(work)


def repeats(portal: SimulatedPortal) -> Iterator[Callable[[], object]]:
    yield lambda: portal.client().publish_files([37, 38], **MODES)

    async def publish() -> None:
        await portal.async_client().publish_files([37, 38], **MODES)

    yield lambda: asyncio.run(publish())


def test_a_cell_that_is_run_twice_is_warned_of_each_time(simulated_portal: SimulatedPortal) -> None:
    client = simulated_portal.client()
    client.publish_files([38, 39], **MODES)
    for use in repeats(simulated_portal):
        for _ in range(2):
            with pytest.warns(MissingJournalWarning) as heard:
                use()
            (warning,) = heard
            assert re.fullmatch(
                r"(1 of these files \(38\) was|These 2 files \(37, 38\) were) already sent by this process "
                r"at \d\d:\d\d:\d\d UTC, and no folder of journals shows it, so that none can refuse it: "
                r"sent again, clients may be e-mailed twice\. Set `journal_dir` to a folder of journals, and what is "
                r"sent from then on is refused a second time\.",
                str(warning.message),
            )
            assert Path(warning.filename) == Path(__file__)


def test_a_repeat_as_an_error_sends_nothing(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    client = simulated_portal.client()
    client.publish_files([37], **MODES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client.publish_files([37], **{**MODES, "contact_notification": "do_not_notify"})
        client.publish_files([38], **MODES)
        for _ in range(2):
            with pytest.raises(MissingJournalWarning, match=r"^1 of these files \(37\) was already sent"):
                client.publish_files([37, 39], **MODES)
        # What was refused was not sent.
        simulated_portal.next_fault("status:400")
        for _ in range(2):
            with contextlib.suppress(RejectedError):
                client.publish_files([40], **MODES)
    assert simulated_portal.control("posts") == 5


def test_a_pilot_without_a_journal_is_warned_of_by_the_batch_with_one(
    simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    simulated_portal.client().publish_files([37, 38], **MODES)  # the pilot
    folder = tmp_path / "journals"
    init_journal_dir(folder)
    client, later = simulated_portal.client(journal_dir=folder), simulated_portal.async_client(journal_dir=folder)
    words = r"^2 of these files \(37, 38\) were already sent by this process .*no folder of journals shows it"
    calls: list[Callable[[], object]] = [
        lambda: client.publish_batch([37, 38, 39], journal=folder / "run.jsonl", **MODES),
        lambda: client.resume(folder / "run.jsonl"),
        lambda: asyncio.run(later.resume(folder / "run.jsonl")),
        lambda: client.publish_files([37, 38, 40], **MODES),
        lambda: asyncio.run(later.publish_files([37, 38, 40], **MODES)),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for call in calls:
            with pytest.raises(MissingJournalWarning, match=words):
                call()
    assert simulated_portal.control("posts") == 1

    async def resume() -> None:
        await later.resume(folder / "run.jsonl")

    with pytest.warns(MissingJournalWarning, match=words) as heard:
        asyncio.run(resume())
    assert [Path(warning.filename) for warning in heard] == [Path(__file__)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Nothing is sent of what the journal knows, nor of what the guard refuses.
        client.publish_batch([37, 38, 39], journal=folder / "run.jsonl", **MODES)
        with pytest.raises(AlreadySentError):
            client.publish_files([37, 38, 40], **MODES)
    assert simulated_portal.control("posts") == 2


def test_a_batch_whose_journal_is_in_no_folder_is_remembered(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    """The folder was forgotten, then added: it knows nothing of the first batch."""
    folder = tmp_path / "journals"
    init_journal_dir(folder)
    client, later = simulated_portal.client(), simulated_portal.client(journal_dir=folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulated_portal.control("faults", faults=[{"name": "drip", "every_ms": 0}, "status:403"])
        with pytest.raises(RejectedError):
            client.publish_batch([37, 38, 39, 40], journal=tmp_path / "run.jsonl", chunk_size=2, **MODES)
        # What its own journal shows it does not send, and what was not processed was not sent.
        assert client.resume(tmp_path / "run.jsonl").ok
    words = r"^4 of these files \(37, 38, 39, 40\) were already sent by this process .*no folder of journals shows it"
    (tmp_path / "run.jsonl").unlink()  # to start over, under the same name
    calls: list[Callable[[], object]] = [
        lambda: client.publish_batch(range(37, 42), journal=tmp_path / "run.jsonl", **MODES),
        lambda: later.publish_batch(range(37, 42), journal=folder / "run.jsonl", **MODES),
        lambda: client.publish_batch(range(37, 42), journal=tmp_path / "other.jsonl", **MODES),
        lambda: client.publish_files(range(37, 42), **MODES),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for call in calls:
            with pytest.raises(MissingJournalWarning, match=words):
                call()
    assert simulated_portal.control("posts") == 3


def test_a_copy_of_a_journal_knows_nothing_of_what_was_sent_after_it(
    simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    client, run, copy = simulated_portal.client(), tmp_path / "run.jsonl", tmp_path / "copy.jsonl"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulated_portal.control("faults", faults=["status:403", "close_before_answer"])
        with pytest.raises(RejectedError):
            client.publish_batch([37, 38], journal=run, **MODES)
        copy.write_bytes(run.read_bytes())
        with pytest.raises(OutcomeUnknownError):
            client.resume(run)
        # The journal itself shows what it sends again.
        Journal(run).decide([37, 38], "not_published", by="A. Smith")
        assert client.resume(run).ok
        with pytest.raises(MissingJournalWarning, match=r"^These 2 files \(37, 38\) were already sent by this process"):
            client.resume(copy)
    assert simulated_portal.control("posts") == 3


def test_a_repeat_with_allow_is_warned_of_where_its_outcome_is_unknown(
    simulated_portal: SimulatedPortal,
) -> None:
    client = simulated_portal.client()
    simulated_portal.fail_publish(37, [1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client.publish_files([37, 38], **MODES)
        client.publish_files([37, 38], repeat="allow", **MODES)
        simulated_portal.next_fault("close_before_answer")
        with contextlib.suppress(OutcomeUnknownError):
            client.publish_files([38], repeat="allow", **MODES)
        with pytest.raises(MissingJournalWarning, match=r"^1 of these files \(38\) was already sent"):
            client.publish_files([37, 38], repeat="allow", **MODES)
        with pytest.raises(MissingJournalWarning, match=r"^These 2 files \(37, 38\) were already sent"):
            client.publish_files([37, 38], **MODES)
    assert simulated_portal.control("posts") == 3


LOOP = """
from addepar_portal.testing import SimulatedPortal
with SimulatedPortal() as portal:
    client = portal.client()
    for _ in range(6):
        client.publish_files([37], portal_publishing="publish", contact_notification="notify")
    print(portal.control("posts"))
"""
WARNING = "<string>:6: MissingJournalWarning: This file (37) was already sent by this process "


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ([], 5),
        (["-W", "default"], 5),
        (["-W", "always"], 5),
        (["-W", "ignore"], 0),
        (["-W", "ignore::UserWarning"], 0),
        (["-W", "ignore:This file"], 0),
        (["-W", "ignore::UserWarning:__main__:6"], 0),
    ],
)
def test_a_loop_is_warned_of_each_time_unless_the_program_says_otherwise(options: list[str], count: int) -> None:
    command = [sys.executable, *options, "-c", LOOP]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.count(WARNING) == count, done.stderr
    assert done.stdout == "6\n"


def test_a_loop_ends_at_its_first_repeat_where_warnings_are_errors() -> None:
    command = [sys.executable, "-W", "error", "-c", LOOP]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "MissingJournalWarning: This file (37) was already sent" in done.stderr


def test_a_short_timeout_is_warned_of_once_on_a_line() -> None:
    code = """
from addepar_portal import PortalClient
for _ in range(3):
    PortalClient(firm_name="f", firm_id=1, key_id="k", key_secret="s", timeout=20)
"""
    environ = {**os.environ, "ADDEPAR_PORTAL_LIVE": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.count("<string>:4: UserWarning: ") == 1, done.stderr


def test_a_caller_without_a_name_is_warned_too(settings: dict[str, Any]) -> None:
    def work() -> None:
        namespace: dict[str, Any] = {"__name__": None, "client": PortalClient(**settings), "MODES": MODES}
        assert len(warned_of(lambda: exec("client.publish_files([37], **MODES)", namespace))) == 1

    in_new_process(work)


def test_it_can_be_silenced(settings: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", MissingJournalWarning)
        with pytest.raises(ConnectError):
            PortalClient(**settings).publish_files([37], **MODES)


def test_there_is_nothing_to_warn_of(settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_new_process(lambda: nothing_to_warn_of(settings, tmp_path, monkeypatch))


def nothing_to_warn_of(settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "journals"
    init_journal_dir(folder)
    quiet = {**MODES, "contact_notification": "do_not_notify"}
    client = PortalClient(**settings)
    assert warned_of(lambda: client.publish_files([37], **quiet)) == []
    assert warned_of(lambda: client.publish_batch([37], journal=tmp_path / "run.jsonl", **MODES)) == []
    assert warned_of(lambda: client.resume(tmp_path / "run.jsonl")) == []
    assert warned_of(lambda: PortalClient(**settings, journal_dir=folder).publish_files([37], **MODES)) == []
    # Nothing is sent out of a test.
    monkeypatch.delenv("ADDEPAR_PORTAL_LIVE")
    with pytest.raises(ConfigError):
        client.publish_files([37], **MODES)
    assert warned_of(lambda: client.publish_files([37], **MODES)) == []


def test_a_portal_on_this_machine_e_mails_nobody(simulated_portal: SimulatedPortal) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        simulated_portal.client().publish_files([37], **MODES)
