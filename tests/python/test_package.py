"""The package itself: secrets, memory, examples."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import platform
import subprocess
import sys
import traceback
from base64 import b64encode
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from addepar_portal import PortalError
from addepar_portal.testing import SimulatedPortal

ROOT = Path(__file__).parent.parent.parent
MODES: Any = {"portal_publishing": "publish", "contact_notification": "notify"}
SECRETS = ("secret-of-the-key", "token-of-the-caller", "password-of-the-proxy")


def outputs(value: object) -> list[str]:
    shown = [repr(value), str(value)]
    try:
        shown.append(pickle.dumps(value).decode("latin-1"))
    except (TypeError, pickle.PicklingError) as error:
        shown.append(str(error))
    if isinstance(value, PortalError):
        shown += [*traceback.format_exception(value), repr(value.__dict__)]
        if value.report is not None:
            shown += [value.report.to_json(), repr(value.report.attempts)]
    return shown


def test_no_output_shows_a_secret(
    simulated_portal: SimulatedPortal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (None, "addepar_portal", "asyncio", *logging.root.manager.loggerDict):
        caplog.set_level(1, name)
    monkeypatch.setenv("ADDEPAR_PORTAL_LIVE", "1")
    key, token, password = SECRETS
    refused = simulated_portal.control("endpoint", name="proxy_407")["url"]
    settings: list[dict[str, Any]] = [
        {"key_secret": key},
        {"access_token": token},
        {"access_token": lambda: token},
        {"access_token": f"{token}\n"},
        {"access_token": lambda: f"{token} {token}"},
        {"key_secret": f"{key}\n"},
        {"base_url": f"https://user:{password}@portal.invalid"},
        {"base_url": f"https://user:{password}@portal invalid"},
        {"base_url": "https://portal.invalid", "proxy": refused.replace("//", f"//user:{password}@")},
        {"base_url": "https://portal.invalid", "proxy": f"http://user:{password}@pro xy"},
        {"base_url": "https://portal.invalid", "proxy": f"socks5://user:{password}@127.0.0.1"},
    ]
    shown: list[str] = []
    for setting in settings:
        for fault in ("status:401", "status:503"):
            simulated_portal.control("reset")
            simulated_portal.next_fault(fault)
            try:
                client = simulated_portal.client(**setting)
                shown += outputs(client)
                shown += outputs(client.publish_files([37], **MODES))
            except PortalError as error:
                shown += outputs(error)
            try:
                patient = simulated_portal.async_client(**setting)
                # In its debug mode the loop logs what it runs.
                shown += outputs(asyncio.run(patient.publish_files([37], **MODES), debug=True))
            except PortalError as error:
                shown += outputs(error)
            shown += [repr(simulated_portal), json.dumps(simulated_portal.requests)]
    assert "Attempt 1: 401" in caplog.text
    shown.append(caplog.text)
    assert len(shown) > 40
    headers = [f"simulated-key:{key}", f"user:{password}"]
    for secret in (*SECRETS, *(b64encode(header.encode()).decode() for header in headers)):
        assert not [text for text in shown if secret in text]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such threshold")
def test_freed_memory_is_kept() -> None:
    """glibc takes a block that is larger than its threshold from the kernel, not from its heap."""
    program = """
from addepar_portal import publish_files
block = bytes(3 << 20)
heap = next(line for line in open("/proc/self/maps") if line.endswith("[heap]\\n")).split()[0]
first, last = (int(address, 16) for address in heap.split("-"))
print(first <= id(block) < last)
"""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, timeout=60, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(
    "fault",
    [
        {"name": "huge", "bytes": 600_000_000},
        {"name": "huge", "bytes": 600_000_000, "content_length": True},
        {"name": "nested", "depth": 200_000},
        {"name": "invalid_utf8"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_a_hostile_answer_stays_within_150_mb(simulated_portal: SimulatedPortal, fault: dict[str, Any]) -> None:
    program = """
from addepar_portal import OutcomeUnknownError, publish_files
try:
    publish_files([37], portal_publishing="publish", contact_notification="notify")
except OutcomeUnknownError as error:
    # Not getrusage: its peak counts the process that started this one.
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
    print(error.file_ids, peak)
"""
    simulated_portal.next_fault(**fault)
    environ = {**os.environ, **simulated_portal.environ()}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, timeout=60, capture_output=True, text=True, check=True
    )
    file_ids, kilobytes = done.stdout.rsplit(maxsplit=1)
    assert file_ids == "(37,)"
    assert int(kilobytes) < 150_000


def test_the_package_needs_nothing_at_run_time() -> None:
    requires = metadata.requires("addepar-portal") or []
    assert [requirement for requirement in requires if "extra ==" not in requirement] == []


EXAMPLES = sorted((ROOT / "examples").glob("python/*.py")) + sorted((ROOT / "examples").glob("command-line/*.sh"))
# test_credentials runs the one that needs a token server.
EXAMPLES.remove(ROOT / "examples" / "python" / "oauth.py")
# test_workers runs the one that needs Airflow.
EXAMPLES.remove(ROOT / "examples" / "python" / "airflow_dag.py")
# What an example is called with; the others take nothing.
ARGUMENTS = {
    "publish.py": ["37", "38"],
    "resume.py": ["files.csv", "run.jsonl"],
    "publish.sh": ["files.csv", "run.jsonl"],
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_runs(path: Path, simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    (tmp_path / "files.csv").write_text("name,file_id\na,37\nb,38\n")
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh" if path.suffix == ".sh" else sys.executable, path, *ARGUMENTS.get(path.name, [])],
        env={**os.environ, **simulated_portal.environ(), "PATH": programs},
        cwd=tmp_path,
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
