"""The interpreter ends while calls are in flight: no crash, no hang, the exit status of the program."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from addepar_portal import JournalError, init_journal_dir
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}

HEAD = """
import asyncio, atexit, os, random, signal, sys, threading, time
from addepar_portal import AsyncPortalClient, PortalClient, PortalError, publish_files, publish_files_async

MODES = {"portal_publishing": "publish", "contact_notification": "notify"}

def publish(count=1, first=1):
    client = PortalClient()
    for file_id in range(first, first + count):
        try:
            client.publish_files([file_id], **MODES)
        except PortalError:
            pass

async def publish_async(count=1, first=1):
    client = AsyncPortalClient()
    for file_id in range(first, first + count):
        try:
            await client.publish_files([file_id], **MODES)
        except PortalError:
            pass

def whatever():
    # Calls in a loop, refused ones too, and reads all there is to read.
    client = PortalClient()
    while True:
        for file_ids in ([1], [0], {2}, range(3, 40), "37"):
            try:
                client.publish_files(file_ids, **MODES).to_dicts()
            except PortalError as error:
                error.report is None or error.report.to_dicts()

async def whatever_async():
    client = AsyncPortalClient()
    while True:
        for file_ids in ([1], [0], {2}, range(3, 40), "37"):
            try:
                (await client.publish_files(file_ids, **MODES)).to_dicts()
            except PortalError as error:
                error.report is None or error.report.to_dicts()

def in_daemons(*targets):
    for target in targets:
        threading.Thread(target=target, daemon=True).start()
"""


def start(portal: SimulatedPortal, program: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    environ.update(portal.environ())
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + program],
        env=environ,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        output, errors = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, output, errors


# What hangs never answers: only the end of the process can end these calls.
HANGING = {
    "a daemon thread in a blocking call": ("in_daemons(publish); time.sleep(0.3)", 0),
    "an event loop in a daemon thread": ("in_daemons(lambda: asyncio.run(publish_async())); time.sleep(0.3)", 0),
    "a task of a loop that is not run to its end": (
        """
loop = asyncio.new_event_loop()
task = loop.create_task(publish_async())
loop.run_until_complete(asyncio.sleep(0.3))
""",
        0,
    ),
    "a task that asyncio.run cancels": (
        """
async def main():
    task = asyncio.create_task(publish_async())
    await asyncio.sleep(0.3)
asyncio.run(main())
""",
        0,
    ),
    "sys.exit beside a task": (
        """
async def main():
    task = asyncio.create_task(publish_async())
    await asyncio.sleep(0.3)
    sys.exit(3)
asyncio.run(main())
""",
        3,
    ),
    "sys.exit beside a daemon thread": ("in_daemons(publish); time.sleep(0.3); sys.exit(3)", 3),
    "an exception beside a daemon thread": ("in_daemons(publish); time.sleep(0.3); raise LookupError", 1),
    "os._exit beside both": (
        "in_daemons(publish, lambda: asyncio.run(publish_async())); time.sleep(0.3); os._exit(4)",
        4,
    ),
}


@pytest.mark.parametrize("what", HANGING)
def test_a_call_without_an_answer_does_not_keep_the_process(what: str, simulated_portal: SimulatedPortal) -> None:
    program, status = HANGING[what]
    simulated_portal.control("faults", faults=[{"name": "hang", "times": 10}])
    started = time.monotonic()
    code, _, errors = end(start(simulated_portal, program))
    assert code == status, errors
    assert simulated_portal.control("posts") >= 1
    assert time.monotonic() - started < 15
    assert "Fatal" not in errors
    assert "panicked" not in errors
    assert "shutting down" not in errors
    # Where Python itself ends the task, there is time to tell what may have happened.
    assert ("1 file went to Addepar" in errors) == ("task" in what), errors


# SIGTERM, as a service manager sends it: what the program does about it, its exit status, and what it tells.
TERMINATED = {
    "nothing": ("publish()", -signal.SIGTERM, ""),
    "nothing, in an event loop": ("asyncio.run(publish_async())", -signal.SIGTERM, ""),
    "it raises SystemExit": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); publish()",
        3,
        "1 file went to Addepar",
    ),
    "the loop cancels the task": (
        """
async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    await publish_async()
asyncio.run(main())
""",
        1,
        "OutcomeUnknownError: The call was cancelled before an answer came. 1 file went to Addepar",
    ),
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that a program could handle")
@pytest.mark.parametrize("what", TERMINATED)
def test_sigterm_ends_a_program_whatever_it_waits_for(what: str, simulated_portal: SimulatedPortal) -> None:
    program, status, told = TERMINATED[what]
    simulated_portal.next_fault("hang")
    process = start(simulated_portal, program)
    while simulated_portal.control("posts") == 0:
        assert process.poll() is None
        time.sleep(0.005)
    time.sleep(0.1)
    terminated = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code, _, errors = end(process)
    assert time.monotonic() - terminated < 30
    assert code == status, errors
    assert told in errors
    assert "Fatal" not in errors


# What is still to be done when the main thread is at its end, and is done.
FINISHING = {
    "a thread": "threading.Thread(target=lambda: (time.sleep(0.2), publish(), print('done'))).start()",
    "a daemon thread that atexit waits for": """
thread = threading.Thread(target=lambda: (publish(), print('done')), daemon=True)
atexit.register(thread.join)
thread.start()
""",
    "atexit": "atexit.register(lambda: (publish(), print('done')))",
    "atexit after use": "publish(); atexit.register(lambda: (publish(first=2), print('done')))",
    "atexit with asyncio": "atexit.register(lambda: (asyncio.run(publish_async()), print('done')))",
    "atexit with asyncio after use": (
        "asyncio.run(publish_async()); atexit.register(lambda: (asyncio.run(publish_async(first=2)), print('done')))"
    ),
    "a finalizer of a global after use": """
class Last:
    def __del__(self):
        publish(first=2)
        print('done')
publish()
last = Last()
""",
}


@pytest.mark.parametrize("is_slow", [False, True])
@pytest.mark.parametrize("what", FINISHING)
def test_what_publishes_at_the_end_still_does(what: str, is_slow: bool, simulated_portal: SimulatedPortal) -> None:
    if is_slow:
        # The second call waits until it looks at the signals, as no other did before.
        simulated_portal.control("faults", faults=[{"name": "close_idle"}, {"name": "drip", "every_ms": 20}])
    code, output, errors = end(start(simulated_portal, FINISHING[what]))
    assert (code, output) == (0, "done\n"), errors
    assert errors == ""
    assert 1 <= simulated_portal.control("posts") <= 2


def test_a_finalizer_at_the_very_end_panics_not(simulated_portal: SimulatedPortal) -> None:
    # Nothing can be imported any more: the call may be refused, in words.
    program = """
class Last:
    def __del__(self):
        try:
            PortalClient().publish_files([37], **MODES)
        except Exception as error:
            print(type(error).__name__)
        else:
            print('done')
last = Last()
"""
    code, output, errors = end(start(simulated_portal, program))
    assert (code, errors) == (0, "")
    assert output == "done\n" or simulated_portal.requests == []


# Short scripts whose answers arrive about when the interpreter ends.
SHORT = (
    "publish(2)",
    "asyncio.run(publish_async(2))",
    "in_daemons(lambda: publish(1000)); time.sleep(random.random() * 0.1)",
    "in_daemons(*[lambda: publish(1000)] * 4); publish(3)",
    "in_daemons(*[lambda: asyncio.run(publish_async(1000))] * 2); time.sleep(random.random() * 0.1)",
    "in_daemons(lambda: publish(1000), lambda: asyncio.run(publish_async(1000))); asyncio.run(publish_async(3))",
    "in_daemons(*[whatever] * 4); time.sleep(random.random() * 0.1)",
    "in_daemons(whatever, whatever, lambda: asyncio.run(whatever_async())); publish(3)",
    """
async def main():
    tasks = [asyncio.create_task(publish_async(1000)) for _ in range(4)]
    await asyncio.sleep(random.random() * 0.1)
asyncio.run(main())
""",
    """
loop = asyncio.new_event_loop()
tasks = [loop.create_task(publish_async(1000)) for _ in range(4)]
loop.run_until_complete(asyncio.sleep(random.random() * 0.1))
""",
)


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Other processes that want the CPU."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


@pytest.mark.parametrize(("scripts", "load"), [(20, 3), pytest.param(500, 8, marks=pytest.mark.long)])
def test_short_scripts_on_a_busy_machine_end_without_an_abort(scripts: int, load: int) -> None:
    # Most answers are errors: making an exception may run Python code at a bad moment.
    whole = {"name": "drip", "every_ms": 0, "bytes": 100_000}
    faults = [whole, {"name": "status", "status": 503, "times": 3}] * 10_000
    with SimulatedPortal(delay_ms=3, faults=faults) as portal, busy(load):
        ends = []
        for first in range(0, scripts, 2):
            pair = [start(portal, SHORT[number % len(SHORT)]) for number in (first, first + 1)]
            ends += [(first, *end(process)) for process in pair]
    bad = [(number, code, errors) for number, code, _, errors in ends if code != 0 or "panicked" in errors]
    assert bad == []


def test_an_older_copy_of_a_journal_whose_process_was_killed_is_refused(
    simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    init_journal_dir(tmp_path)
    journal = tmp_path / "run.jsonl"
    program = f"""
def wait(progress):
    print(progress.succeeded, flush=True)
    sys.stdin.readline()
PortalClient().publish_batch(range(1, 9), journal={str(journal)!r}, chunk_size=2, on_progress=wait, **MODES)
"""
    with start(simulated_portal, program, stdin=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdin
        copies = []
        for succeeded in range(0, 6, 2):
            assert process.stdout.readline() == f"{succeeded}\n"
            copies.append(journal.read_bytes())
            if succeeded < 4:
                process.stdin.write("\n")
                process.stdin.flush()
        process.kill()
    older, whole = copies[1], journal.read_bytes()
    journal.write_bytes(older)
    client = simulated_portal.client(journal_dir=tmp_path)
    lost = "run.jsonl lost lines that it had: something cut or edited it, or put an older copy in its place"
    with pytest.raises(JournalError, match=lost):
        client.publish_files([9], **MODES)
    with pytest.raises(JournalError, match=lost):
        client.resume(journal)
    journal.write_bytes(whole)
    assert client.resume(journal).ok
    sent = [request["body"]["data"]["attributes"]["files_id"] for request in simulated_portal.requests]
    assert sent == [[1, 2], [3, 4], [5, 6], [7, 8]]
