"""Cancelling an asynchronous batch: how often it counts, what it costs, and what is left of it afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import scopes

HERE = Path(__file__).parent
MAJORS = ["3", "4"]
# Scenarios that need anyio 4, which names the scope in what it cancels with; and Python 3.11.
ONLY_4 = {"task_inside_a_scope", "starlette_disconnect"}
SINCE_3_11 = {"timeout_after_scope", "asyncio_timeout", "asyncio_timeout_in_a_timeout", "asyncio_task_group"}
# The scope cancels the task that waits, and nothing of ours is asked.
BUSY = {"task_inside_a_scope"}


@pytest.fixture(scope="session")
def anyio_3() -> Path:
    """A folder with the other major of anyio, which is installed there once."""
    folder = HERE.parent.parent / ".test" / "anyio-3"
    lock = HERE / "anyio-3.txt"
    installed = folder / "lock.txt"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
        subprocess.run([*pip, "--require-hashes", "--target", str(folder), "-r", str(lock)], check=True)
        installed.write_bytes(lock.read_bytes())
    return folder


def outcome(major: str, anyio_3: Path, *arguments: str) -> dict[str, Any]:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if major == "3":
        environ["PYTHONPATH"] = str(anyio_3)
    program = [sys.executable, str(HERE / "scopes.py"), *arguments]
    done = subprocess.run(program, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["anyio"] == major
    return told


def named(scenarios: list[scopes.Scenario]) -> list[str]:
    names = [scenario.__name__ for scenario in scenarios]
    return [name for name in names if name not in SINCE_3_11 or sys.version_info >= (3, 11)]


CASES = [
    pytest.param(major, name, id=f"anyio {major}: {name}")
    for name in named(scopes.STOPPED + scopes.DROPPED)
    for major in MAJORS
    if major == "4" or name not in ONLY_4
]


@pytest.mark.parametrize(("major", "name"), CASES)
def test_one_cancellation_stops_a_batch_and_a_second_one_drops_its_request(
    major: str, name: str, anyio_3: Path
) -> None:
    told = outcome(major, anyio_3, name)
    dropped = name in named(scopes.DROPPED)
    assert told["posts"] == 1
    assert told["ended"] == "CancelledError"
    assert told["cause"] == ("OutcomeUnknownError" if dropped else "StoppedError")
    assert told["ok, unknown, not processed"] == ([0, 10, 20] if dropped else [10, 0, 20])
    assert "A second interrupt" in told["warnings"][0]
    assert len(told["warnings"]) == 1 + dropped
    if name not in BUSY:
        assert told["turns"] < 2000, "a scope that cancels on every turn makes ten thousands"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not list the descriptors of a process")
@pytest.mark.parametrize("cancels", [1, 2])
def test_a_cancelled_batch_leaves_neither_its_client_nor_descriptors_behind(cancels: int, anyio_3: Path) -> None:
    told = outcome("4", anyio_3, "leaks", "10", str(cancels))
    assert told["kept without a collection"] == 0
    assert told["kept"] == 0
    assert told["descriptors"] <= 0
