"""Connections that end early, stall, speak oddly or are shared by nobody; and a process that is suspended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import pytest
from networks.calls import KEY, MODES, publish, report_of
from raw_server import (
    PATIENCE,
    Connection,
    Ending,
    Phase,
    RawServer,
    Relay,
    answer,
    body_length,
    files_of,
    results,
)

from addepar_portal import (
    AsyncPortalClient,
    ConnectError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PortalClient,
    PortalError,
    PublishReport,
    RejectedError,
)
from addepar_portal.testing import SimulatedPortal

both_clients = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])

Call = Callable[[list[int]], PublishReport]


@contextlib.contextmanager
def caller(asynchronous: bool, **settings: Any) -> Iterator[Call]:
    """Publishes with one client, call after call."""
    if not asynchronous:
        with PortalClient(**KEY, **settings) as client:
            yield lambda files: client.publish_files(files, **MODES)
        return
    loop = asyncio.new_event_loop()
    patient = AsyncPortalClient(**KEY, **settings)
    try:
        yield lambda files: loop.run_until_complete(patient.publish_files(files, **MODES))
    finally:
        loop.run_until_complete(patient.aclose())
        loop.close()


def ended(call: Call, files: list[int]) -> str:
    """`ok`, `unknown`, or what is wrong: an answer of another call, or an error that does not belong here."""
    try:
        report = call(files)
    except OutcomeUnknownError as error:
        return "unknown" if error.file_ids == tuple(files) else f"unknown are {error.file_ids}"
    except PortalError as error:
        return f"{type(error).__name__}: {error}"
    return "ok" if report.ok and not report.unexpected else f"wrong answer: {report}"


# Cut


@both_clients
@pytest.mark.parametrize("ending", get_args(Ending))
@pytest.mark.parametrize("phase", get_args(Phase)[1:])
def test_a_connection_cut_once_the_request_goes_out(
    phase: Phase, ending: Ending, asynchronous: bool, simulated_portal: SimulatedPortal
) -> None:
    with Relay(simulated_portal.base_url, phase, ending) as relay:
        with pytest.raises(OutcomeUnknownError) as raised:
            publish(asynchronous, base_url=relay.base_url)
        assert len(report_of(raised.value).attempts) == 1
        assert relay.began == 1
        assert relay.connections == 1


@both_clients
@pytest.mark.parametrize("ending", get_args(Ending))
def test_a_connection_cut_before_the_request(
    ending: Ending, asynchronous: bool, simulated_portal: SimulatedPortal
) -> None:
    """Whichever comes first: the library sees the end, or hands out the body. Never the second try after the latter."""
    with Relay(simulated_portal.base_url, "before the request", ending) as relay:
        for _ in range(4):
            before = relay.connections
            with pytest.raises((ConnectError, OutcomeUnknownError)) as raised:
                publish(asynchronous, base_url=relay.base_url)
            attempts = report_of(raised.value).attempts
            assert len(attempts) == relay.connections - before
            assert [attempt.outcome for attempt in attempts[:-1]] == ["not_processed"] * (len(attempts) - 1)
            assert attempts[-1].outcome == raised.value.outcome
            assert [attempt.sent_at is None for attempt in attempts] == [
                attempt.outcome == "not_processed" for attempt in attempts
            ]
            if isinstance(raised.value, ConnectError):
                assert len(attempts) == 3
    assert simulated_portal.requests == []


@both_clients
def test_ipv6_loopback(asynchronous: bool) -> None:
    with RawServer(lambda connection: answer_all(server, connection), "::1") as server:
        assert "[::1]" in server.base_url
        assert publish(asynchronous, base_url=server.base_url).ok
    assert server.requests == [[37, 38]]


def answer_all(server: RawServer, connection: Connection) -> None:
    while files := server.read_request(connection):
        connection.send(answer(files))


# Stalled

OK = answer([37, 38])
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
STALLS: dict[str, Callable[[], Iterator[bytes]]] = {
    "status line": lambda: (bytes([byte]) for byte in OK),
    "head": lambda: iter([b"HTTP/1.1 200 OK\r\n", *[b"X-Header: 1\r\n"] * 99]),
    "one endless header": lambda: iter([b"HTTP/1.1 200 OK\r\nX-Header: ", *[b"x"] * 999]),
    "body": lambda: iter([OK[:-100], *(bytes([byte]) for byte in OK[-100:])]),
    "chunks": lambda: iter([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 999]),
    "100 Continue": lambda: iter([CONTINUE] * 999),
}


@both_clients
def test_an_answer_that_drips_meets_the_timeout(asynchronous: bool) -> None:
    def drip(name: str) -> tuple[str, list[int], float]:
        def serve(connection: Connection) -> None:
            if server.read_request(connection):
                for piece in STALLS[name]():
                    connection.send(piece)
                    if not connection.waits(0.1):
                        return

        with RawServer(serve) as server:
            started = time.monotonic()
            with pytest.raises(OutcomeUnknownError) as raised:
                publish(asynchronous, base_url=server.base_url, timeout=1.5)
            took = time.monotonic() - started
            assert len(report_of(raised.value).attempts) == 1
            return name, [len(server.requests), server.connections], took

    with ThreadPoolExecutor(len(STALLS)) as pool:
        ended = list(pool.map(drip, STALLS))
    assert [posts for _, posts, _ in ended] == [[1, 1]] * len(STALLS)
    assert all(1.5 <= took < 15 for _, _, took in ended), ended


@both_clients
@pytest.mark.parametrize("piece", [CONTINUE * 500, b"X-Header: 1\r\n" * 500], ids=["100 Continue", "headers"])
def test_an_answer_that_pours_without_an_end_is_unknown_in_time(piece: bytes, asynchronous: bool) -> None:
    def serve(connection: Connection) -> None:
        if server.read_request(connection):
            connection.send(b"HTTP/1.1 200 OK\r\n" if piece.startswith(b"X") else b"")
            while True:
                connection.send(piece)

    with RawServer(serve) as server:
        started = time.monotonic()
        with pytest.raises(OutcomeUnknownError) as raised:
            publish(asynchronous, base_url=server.base_url, timeout=1.5)
        # All that has arrived is read before the clock is looked at: that is much where both share a core.
        assert time.monotonic() - started < 150
    assert len(report_of(raised.value).attempts) == 1
    assert server.requests == [[37, 38]]


# Odd

BODY = results([37, 38])
CHUNKED = b"%x\r\n%s\r\n" % (len(BODY), BODY)


def odd(status_line: str, *headers: str, body: bytes = BODY) -> bytes:
    """An answer with exactly these lines, `{n}` standing for the length of the body."""
    lines = [line.replace("{n}", str(len(body))) for line in (status_line, *headers)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


ODD_ANSWERS: tuple[tuple[str, bytes, bool], ...] = (
    # what is odd about it, the bytes, whether it can be read
    ("100 Continue before it", CONTINUE + OK, True),
    ("five of them, and early hints", CONTINUE * 5 + b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK, True),
    ("chunks", odd("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=CHUNKED + b"0\r\n\r\n"), True),
    (
        "chunks with trailers and an extension",
        odd(
            "HTTP/1.1 200 OK",
            "Trailer: X-Checksum",
            "Transfer-Encoding: chunked",
            body=CHUNKED.replace(b"\r\n", b";name=value\r\n", 1) + b"0\r\nX-Checksum: 1\r\nStatus: 500\r\n\r\n",
        ),
        True,
    ),
    ("chunks without an end", odd("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=CHUNKED), False),
    ("a chunk's size that is none", odd("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=b"zz\r\n" + BODY), False),
    (
        "a chunk larger than 64 bits say",
        odd("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=b"f" * 17 + b"\r\n" + BODY),
        False,
    ),
    ("HTTP/1.0", odd("HTTP/1.0 200 OK", "Content-Length: {n}"), True),
    ("HTTP/1.0 until the connection ends", odd("HTTP/1.0 200 OK"), True),
    ("HTTP/1.0 cut, which only the JSON shows", odd("HTTP/1.0 200 OK", body=BODY[:-1]), False),
    ("HTTP/1.1 until the connection ends", odd("HTTP/1.1 200 OK"), True),
    ("no reason phrase", odd("HTTP/1.1 200", "Content-Length: {n}"), True),
    ("the same length twice", odd("HTTP/1.1 200 OK", "Content-Length: {n}", "Content-Length: {n}"), True),
    ("two lengths", odd("HTTP/1.1 200 OK", "Content-Length: {n}", "Content-Length: 5"), False),
    ("a list of lengths", odd("HTTP/1.1 200 OK", "Content-Length: {n}, 5"), False),
    ("a list of the same length", odd("HTTP/1.1 200 OK", "Content-Length: {n}, {n}"), True),
    ("a folded length", odd("HTTP/1.1 200 OK", "Content-Length:", "\t{n}"), True),
    ("a blank before a length's colon", odd("HTTP/1.1 200 OK", "Content-Length : {n}"), True),
    ("a negative length", odd("HTTP/1.1 200 OK", "Content-Length: -1"), False),
    ("a length beyond 64 bits", odd("HTTP/1.1 200 OK", "Content-Length: 99999999999999999999"), False),
    ("a length that is not a number", odd("HTTP/1.1 200 OK", "Content-Length: many"), False),
    ("a length too large by one", odd("HTTP/1.1 200 OK", f"Content-Length: {len(BODY) + 1}"), False),
    ("a length too small by one", odd("HTTP/1.1 200 OK", f"Content-Length: {len(BODY) - 1}"), False),
    ("more bytes than it says", OK + b"\r\n\r\nmore", True),
    ("a second answer right behind it", OK + answer([99]), True),
    ("101 headers", odd("HTTP/1.1 200 OK", "Content-Length: {n}", *["X-Header: 1"] * 100), True),
    ("a header of 1 MB", odd("HTTP/1.1 200 OK", "X-Header: " + "x" * 1_000_000, "Content-Length: {n}"), False),
    ("a header of 8 KB", odd("HTTP/1.1 200 OK", "X-Header: " + "x" * 8_000, "Content-Length: {n}"), True),
    ("a header that is not ASCII", odd("HTTP/1.1 200 OK", "X-Request-Id: \xfc\xff", "Content-Length: {n}"), True),
    ("a header with a NUL", odd("HTTP/1.1 200 OK", "X-Header: \x00", "Content-Length: {n}"), False),
    ("a header without a name", odd("HTTP/1.1 200 OK", ": 1", "Content-Length: {n}"), True),
    ("a header without a colon", odd("HTTP/1.1 200 OK", "X-Header", "Content-Length: {n}"), True),
    ("line feeds alone", odd("HTTP/1.1 200 OK", "Content-Length: {n}").replace(b"\r\n", b"\n"), True),
    ("status 99", odd("HTTP/1.1 099 Odd", "Content-Length: {n}"), False),
    ("status 1000", odd("HTTP/1.1 1000 Odd", "Content-Length: {n}"), False),
    ("status 999", odd("HTTP/1.1 999 Odd", "Content-Length: {n}"), False),
    ("HTTP/2", odd("HTTP/2 200 OK", "Content-Length: {n}"), False),
    ("HTTP/0.9", BODY, False),
    ("another protocol", b"SSH-2.0-OpenSSH_9.2p1\r\n", False),
    ("101 Switching Protocols", odd("HTTP/1.1 101 Switching Protocols", "Upgrade: h2c", "Connection: Upgrade"), False),
    ("only 100 Continue", CONTINUE, False),
    ("nothing but an empty line", b"\r\n", False),
)


@both_clients
@pytest.mark.parametrize("pieces", ["in one piece", "byte by byte"])
@pytest.mark.parametrize(
    ("odd_answer", "readable"),
    [pytest.param(odd_answer, readable, id=name) for name, odd_answer, readable in ODD_ANSWERS],
)
def test_an_odd_answer(odd_answer: bytes, readable: bool, pieces: str, asynchronous: bool) -> None:
    """It is read or unknown, and never leaves anything to the call that follows on the same client."""
    size = len(odd_answer) if pieces == "in one piece" else 1
    if len(odd_answer) // size > 10_000:
        size = 100

    def serve(connection: Connection) -> None:
        while files := server.read_request(connection):
            if files != [37, 38]:
                connection.send(answer(files))
                continue
            for start in range(0, len(odd_answer), size):
                connection.send(odd_answer[start : start + size])
            # Long enough for what is left over to lie in wait for the next call.
            if connection.waits(0.05):
                connection.finish()

    with RawServer(serve) as server, caller(asynchronous, base_url=server.base_url, timeout=5) as call:
        assert ended(call, [37, 38]) == ("ok" if readable else "unknown")
        assert ended(call, [39]) == "ok"
    assert server.requests == [[37, 38], [39]]


REFUSED_AT_ONCE = {
    "no length": (),
    "an encoding that nobody asked for": ("Transfer-Encoding: gzip",),
    "a length beside chunks": ("Transfer-Encoding: chunked", "Content-Length: 12"),
}


@both_clients
@pytest.mark.parametrize("headers", REFUSED_AT_ONCE.values(), ids=REFUSED_AT_ONCE)
def test_a_refusal_whose_body_cannot_be_delimited_is_not_waited_for(
    headers: tuple[str, ...], asynchronous: bool
) -> None:
    """Its status says enough, and the server keeps the connection open."""

    def serve(connection: Connection) -> None:
        if server.read_request(connection):
            connection.send(odd("HTTP/1.1 403 Forbidden", *headers, body=b""))
            connection.waits(PATIENCE)

    with RawServer(serve) as server:
        started = time.monotonic()
        with pytest.raises(PermissionDeniedError) as raised:
            publish(asynchronous, base_url=server.base_url, timeout=30)
        assert time.monotonic() - started < PATIENCE
    assert raised.value.outcome == "not_processed"
    assert server.requests == [[37, 38]]


@both_clients
def test_a_refusal_may_come_before_a_large_request_is_read(asynchronous: bool) -> None:
    """The request is larger than all that lies between: who sent it to its end first would wait for ever."""
    contacts = range(1, 500_001)
    refused = threading.Event()

    def serve(connection: Connection) -> None:
        connection.read_head()
        connection.send(odd("HTTP/1.1 413 Too Large", "Content-Length: {n}", body=b"{}"))
        assert refused.wait(PATIENCE)

    def call() -> PublishReport:
        modes = {**MODES, "publish_override_contact_ids": contacts}
        settings = {"base_url": server.base_url, **KEY}
        if asynchronous:
            return asyncio.run(AsyncPortalClient(**settings).publish_files([37, 38], **modes))
        return PortalClient(**settings).publish_files([37, 38], **modes)

    with RawServer(serve) as server:
        with pytest.raises(RejectedError) as raised:
            call()
        refused.set()
    assert raised.value.http_status == 413


# A connection for each call

PROMISES: tuple[list[str], ...] = (
    [],
    ["Keep-Alive: timeout=75"],
    ["Keep-Alive: timeout=75, max=100", "Connection: keep-alive"],
    ["Connection: close"],
)


@both_clients
@pytest.mark.parametrize("headers", PROMISES, ids=[", ".join(headers) or "nothing" for headers in PROMISES])
def test_every_call_has_a_connection_of_its_own_whatever_the_server_promises(
    headers: list[str], asynchronous: bool
) -> None:
    """The client closes it at the end of the call, and does not ask the server to."""
    heads: list[bytes] = []
    closed = threading.Semaphore(0)

    def serve(connection: Connection) -> None:
        head = connection.read_head()
        heads.append(head.lower())
        files = files_of(connection.read(body_length(head)))
        connection.send(answer(files, *headers))
        assert connection.read(1) == b""
        closed.release()

    with RawServer(serve) as server, caller(asynchronous, base_url=server.base_url) as call:
        for number in range(1, 5):
            assert ended(call, [number]) == "ok"
            assert closed.acquire(timeout=10), "the connection is still open"
        assert server.connections == 4
    assert not [head for head in heads if b"\r\nconnection:" in head]


@both_clients
def test_an_answer_that_comes_late_never_meets_another_call(asynchronous: bool) -> None:
    """A refusal that is on its way to one call would make the next one be sent twice."""
    late = odd("HTTP/1.1 429 Too Many Requests", "X-RateLimit-Retry-After: 1", "Content-Length: {n}", body=b"{}")

    def serve(connection: Connection) -> None:
        if files := server.read_request(connection):
            connection.send(answer(files, "Keep-Alive: timeout=75") + late)
            connection.waits(PATIENCE)

    with RawServer(serve) as server, caller(asynchronous, base_url=server.base_url) as call:
        assert [ended(call, [number]) for number in range(1, 51)] == ["ok"] * 50
        assert server.requests == [[number] for number in range(1, 51)]
        assert server.connections == 50


IDLE = """
import asyncio, os, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from addepar_portal import AsyncPortalClient, PortalClient

settings = dict(base_url=sys.argv[1], firm_id="1", key_id="simulated-key", key_secret="simulated-secret")
modes = dict(portal_publishing="publish", contact_notification="do_not_notify")

def held():
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

async def settled(before):
    # In a second or two.
    for _ in range(3000):
        if all(now <= then for now, then in zip(held(), before)):
            return True
        await asyncio.sleep(0.01)
    return (before, held())

def sync(first, count):
    with ThreadPoolExecutor(20) as pool:
        calls = pool.map(lambda n: client.publish_files([n], **modes), range(first, first + count))
        assert all(report.ok for report in calls)

async def main():
    # The loop has descriptors of its own.
    before = held()
    sync(1, 100)
    # Twice in a loop that goes on: what is gone by then is made anew.
    for first in (101, 201):
        calls = [patient.publish_files([n], **modes) for n in range(first, first + 100)]
        assert all(report.ok for report in await asyncio.gather(*calls))
        print(await settled(before))

client, patient = PortalClient(**settings), AsyncPortalClient(**settings)
asyncio.run(main())
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="this system does not list descriptors")
def test_a_client_that_nobody_uses_holds_neither_descriptors_nor_threads(simulated_portal: SimulatedPortal) -> None:
    """Whatever it did before: the name of its server was looked up, too."""
    command = [sys.executable, "-c", IDLE, simulated_portal.base_url.replace("127.0.0.1", "localhost")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout.split("\n") == ["True", "True", ""], done


# Suspended

SCRIPT = """
import sys
from addepar_portal import PortalClient, PortalError
try:
    with PortalClient(base_url=sys.argv[1], firm_id="1", key_id="id", key_secret="secret") as client:
        report = client.publish_files([37], portal_publishing="publish", contact_notification="do_not_notify")
except PortalError as error:
    report = error.report
    print(type(error).__name__, end=" ")
print(report.file(37).state, len(report.attempts))
"""
REFUSAL = odd("HTTP/1.1 400 Bad Request", "Content-Length: {n}", body=b'{"errors":[]}')


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot suspend a process")
@pytest.mark.long
@pytest.mark.parametrize(
    ("reply", "seconds", "told"),
    [
        (REFUSAL, 1, "RejectedError not_processed 1"),
        (REFUSAL, 70, "OutcomeUnknownError unknown 1"),
        (answer([37]), 70, "ok 1"),
    ],
    ids=["400 after 1 s", "400 after 70 s", "200 after 70 s"],
)
def test_a_process_that_is_suspended_while_the_answer_comes(reply: bytes, seconds: int, told: str) -> None:
    """How long the server took cannot be known any more: its own time limit may have cut the request off."""
    received, suspended = threading.Event(), threading.Event()

    def serve(connection: Connection) -> None:
        if server.read_request(connection):
            received.set()
            assert suspended.wait(10)
            connection.send(reply)
            connection.waits(seconds + 10)

    environment = {**os.environ, "ADDEPAR_PORTAL_LIVE": "0"}
    with RawServer(serve) as server:
        command = [sys.executable, "-c", SCRIPT, server.base_url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
            try:
                assert received.wait(10)
                child.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
                suspended.set()
                time.sleep(seconds)
                child.send_signal(signal.SIGCONT)
                output, _ = child.communicate(timeout=10)
            finally:
                child.kill()
    assert output.strip() == told
    assert server.requests == [[37]]
