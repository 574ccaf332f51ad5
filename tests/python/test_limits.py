"""No thread, descriptor or memory to be had: an error of this library in time, and never a panic."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from raw_server import PATIENCE, Connection, RawServer

from addepar_portal.testing import SimulatedPortal

resource = pytest.importorskip("resource", reason="this system has no limits for a process")
pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list descriptors")

PROGRAM = Path(__file__).parents[2] / "target" / "debug" / "addepar-portal"

# Publishes in one of three ways, again and again, and says what came of it.
SCRIPT = """
import asyncio, os, resource, sys, threading
from addepar_portal import AsyncPortalClient, PortalClient, PortalError

base_url, way = sys.argv[1:3]
settings = dict(firm_id="1", key_id="simulated-key", key_secret="simulated-secret", timeout=20)
modes = dict(portal_publishing="publish", contact_notification="do_not_notify")
loop = asyncio.new_event_loop()

def call(base_url):
    if way == "async":
        client = AsyncPortalClient(base_url=base_url, **settings)
        return loop.run_until_complete(client.publish_files([37], **modes))
    return PortalClient(base_url=base_url, **settings).publish_files([37], **modes)

def tell(base_url):
    try:
        told = call(base_url).files[0].state
    except PortalError as error:
        told = f"{type(error).__name__} {error.outcome}: {error}"
    except BaseException as error:
        told = f"not ours: {error!r}"
    print(told, flush=True)
    return told

def without(limit):
    if way != "thread":
        return limit()
    thread = threading.Thread(target=limit)
    thread.start()
    thread.join()
"""

# With no descriptor, then with one, and so on until it works.
DESCRIPTORS = (
    SCRIPT
    + """
def limit():
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    while tell(base_url) != "ok":
        os.close(held.pop())

without(limit)
"""
)

# The first call has what it needs, the second needs one more thread.
THREADS = (
    SCRIPT
    + """
def limit():
    if way != "async" or sys.argv[3] == "warm":
        tell(base_url.replace("localhost", "127.0.0.1"))
    if os.getuid() == 0:
        os.setuid(65534)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    tell(base_url)

without(limit)
"""
)


def told(script: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done
    assert "panic" not in done.stderr, done
    return done.stdout.splitlines()


def assert_ours(line: str) -> None:
    assert line.startswith(("ConfigError not_processed: ", "ConnectError not_processed: ")), line
    assert "Nothing was sent" in line


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("way", ["sync", "thread", "async"])
def test_no_descriptor(way: str, host: str, simulated_portal: SimulatedPortal) -> None:
    """Wherever on its way the call meets the limit."""
    *failed, last = told(DESCRIPTORS, simulated_portal.base_url.replace("127.0.0.1", host), way)
    assert last == "ok"
    assert len(failed) > 2
    for line in failed:
        assert_ours(line)
    assert simulated_portal.control("posts") == 1


@pytest.mark.parametrize("first", ["warm", "cold"])
@pytest.mark.parametrize("way", ["sync", "thread", "async"])
def test_no_thread(way: str, first: str, simulated_portal: SimulatedPortal) -> None:
    """The look-up of a name takes one, and so does the loop of all calls that are not the main thread's."""
    *before, last = told(THREADS, simulated_portal.base_url.replace("127.0.0.1", "localhost"), way, first)
    assert before in ([], ["ok"])
    assert_ours(last)


# Takes something away from itself, then becomes the program.
FEWER_DESCRIPTORS = "resource.setrlimit(resource.RLIMIT_NOFILE, ({0}, {0}))"
NO_THREADS = "os.getuid() or os.setuid(65534); resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))"


def program(limit: str, folder: Path, base_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = f"import os, resource, sys; {limit}; os.execv(sys.argv[1], sys.argv[1:])"
    modes = ["--portal-publishing", "publish", "--contact-notification", "do_not_notify", "--yes"]
    command = [sys.executable, "-c", script, str(PROGRAM), "publish", "37", *modes, *arguments]
    key = {"ADDEPAR_FIRM_ID": "1", "ADDEPAR_KEY_ID": "simulated-key", "ADDEPAR_KEY_SECRET": "simulated-secret"}
    environment = {**key, "ADDEPAR_BASE_URL": base_url}
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=100, check=False
    )
    assert "panic" not in done.stderr, done
    assert done.returncode == 0 or (done.returncode in (2, 4) and "Nothing was sent" in done.stderr), done
    return done


@pytest.mark.skipif(not PROGRAM.exists(), reason="the program is not built")
def test_the_program_without_descriptors(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    base_url = simulated_portal.base_url
    statuses = [program(FEWER_DESCRIPTORS.format(most), tmp_path, base_url).returncode for most in range(4, 16)]
    works = statuses.index(0)
    assert works > 2
    assert set(statuses[:works]) <= {2, 4}
    assert set(statuses[works:]) == {0}
    assert simulated_portal.control("posts") == len(statuses) - works


@pytest.mark.skipif(not PROGRAM.exists(), reason="the program is not built")
@pytest.mark.parametrize("needs", ["a name", "a journal"])
def test_the_program_without_threads(needs: str, simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)  # for the user that root becomes
    tmp_path.chmod(0o777)
    base_url = simulated_portal.base_url
    if needs == "a name":
        done = program(NO_THREADS, tmp_path, base_url.replace("127.0.0.1", "localhost"))
    else:
        done = program(NO_THREADS, tmp_path, base_url, "--journal", "run.jsonl")
    assert done.returncode != 0
    assert "thread" in done.stderr
    assert simulated_portal.control("posts") == 0


SIMULATOR = """
import os, resource
from addepar_portal.testing import SimulatedPortal

held = []
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
while True:
    try:
        SimulatedPortal().close()
        break
    except ValueError as error:
        print("Too many open files" in str(error))
    os.close(held.pop())
"""


def test_the_simulated_portal_without_descriptors() -> None:
    lines = told(SIMULATOR)
    assert len(lines) > 2
    assert set(lines) == {"True"}


MEMORY = """
import resource, sys
from addepar_portal import OutcomeUnknownError, PortalClient

with open("/proc/self/statm") as statm:
    pages = int(statm.read().split()[0])
limit = pages * resource.getpagesize() + (24 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
client = PortalClient(base_url=sys.argv[1], firm_id="1", key_id="id", key_secret="secret", timeout=30)
try:
    client.publish_files([37], portal_publishing="publish", contact_notification="do_not_notify")
except OutcomeUnknownError as error:
    print(error.http_status, "memory" in str(error))
"""

LARGE = 60 << 20


@pytest.mark.parametrize("announces", [True, False], ids=["a length", "chunks"])
def test_no_memory_for_an_answer(announces: bool) -> None:
    """How large it is, the server chooses: that must not end the process."""

    def serve(connection: Connection) -> None:
        if server.read_request(connection):
            framing = f"Content-Length: {LARGE}" if announces else "Transfer-Encoding: chunked"
            connection.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
            piece = b" " * (1 << 20)
            for _ in range(LARGE // len(piece)):
                connection.send(piece if announces else b"%x\r\n%s\r\n" % (len(piece), piece))
            connection.waits(PATIENCE)

    with RawServer(serve) as server:
        assert told(MEMORY, server.base_url) == ["200 True"]
        assert server.requests == [[37]]


def test_a_large_answer_that_never_comes_takes_no_memory() -> None:
    """It is announced, and then the connection ends: what was never sent needs no room."""

    def serve(connection: Connection) -> None:
        if server.read_request(connection):
            connection.send(f"HTTP/1.1 403 Forbidden\r\nContent-Length: {LARGE}\r\n\r\n".encode())
            connection.finish()

    script = MEMORY.replace("OutcomeUnknownError", "PermissionDeniedError")
    with RawServer(serve) as server:
        assert told(script, server.base_url) == ["403 False"]
