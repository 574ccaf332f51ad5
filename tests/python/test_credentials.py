"""A callable that is asked for tokens, by one call or by many at once; and the OAuth example on top of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from addepar_portal import ConfigError, PortalClient, publish_files
from addepar_portal.testing import SimulatedPortal

MODES: Any = {"portal_publishing": "publish", "contact_notification": "do_not_notify"}
CALLS = 8
EXAMPLE = Path(__file__).parents[2] / "examples" / "python" / "oauth.py"


class Tokens:
    """Hands out one token after the other, each after a while in which other calls want one too."""

    def __init__(self, *tokens: str) -> None:
        self.asked = 0
        self._tokens = iter(tokens)

    def __call__(self) -> str:
        self.asked += 1
        time.sleep(0.2)
        return next(self._tokens)

    async def later(self) -> str:
        self.asked += 1
        await asyncio.sleep(0.2)
        return next(self._tokens)


def from_threads(portal: SimulatedPortal, tokens: Tokens) -> list[bool]:
    with portal.client(access_token=tokens) as client, ThreadPoolExecutor(CALLS) as pool:
        return [
            report.ok for report in pool.map(lambda file: client.publish_files([file], **MODES), range(1, CALLS + 1))
        ]


def from_tasks(portal: SimulatedPortal, tokens: Tokens) -> list[bool]:
    async def main() -> list[bool]:
        async with portal.async_client(access_token=tokens.later) as client:
            calls = [client.publish_files([file], **MODES) for file in range(1, CALLS + 1)]
            return [report.ok for report in await asyncio.gather(*calls)]

    return asyncio.run(main())


def from_loops(portal: SimulatedPortal, tokens: Tokens) -> list[bool]:
    """Each call in a loop and thread of its own, all with one client."""
    client = portal.async_client(access_token=tokens.later)

    def call(file: int) -> bool:
        return asyncio.run(client.publish_files([file], **MODES)).ok

    with ThreadPoolExecutor(CALLS) as pool:
        return list(pool.map(call, range(1, CALLS + 1)))


@pytest.mark.parametrize("publish", [from_threads, from_tasks, from_loops])
def test_a_callable_is_asked_once_for_many_waiting_calls_and_once_more_after_a_401(
    publish: Callable[[SimulatedPortal, Tokens], list[bool]], simulated_portal: SimulatedPortal
) -> None:
    # All of them are refused before the first of them can ask again.
    simulated_portal.control("set", delay_ms=200)
    tokens = Tokens("stale-token", "simulated-token")
    assert publish(simulated_portal, tokens) == [True] * CALLS
    assert tokens.asked == 2
    assert simulated_portal.control("posts") == 2 * CALLS


def test_a_callable_may_publish_with_another_client_while_it_is_asked(simulated_portal: SimulatedPortal) -> None:
    other = simulated_portal.client(access_token=lambda: "simulated-token")

    def token() -> str:
        assert other.publish_files([1], **MODES).ok
        return "simulated-token"

    assert simulated_portal.client(access_token=token).publish_files([2], **MODES).ok


def test_a_callable_that_publishes_with_its_own_client_is_told_so(simulated_portal: SimulatedPortal) -> None:
    def token() -> str:
        client.publish_files([1], **MODES)
        return "simulated-token"

    client = simulated_portal.client(access_token=token, timeout=0.5)
    started = time.monotonic()
    with pytest.raises(ConfigError) as raised:
        client.publish_files([2], **MODES)
    assert 0.5 <= time.monotonic() - started < 15
    assert "publishes with this client itself" in str(raised.value)
    assert "the callable raised ConfigError" in str(raised.value.__cause__)
    assert simulated_portal.requests == []


def test_a_callable_that_hangs_costs_other_calls_no_more_than_their_timeout(simulated_portal: SimulatedPortal) -> None:
    over = threading.Event()

    def token() -> str:
        assert over.wait(10)
        return "simulated-token"

    client = simulated_portal.client(access_token=token, timeout=0.5)
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(client.publish_files, [1], **MODES)
        time.sleep(0.1)
        with pytest.raises(ConfigError, match="another call has been asking for it") as raised:
            client.publish_files([2], **MODES)
        over.set()
        assert hanging.result(10).ok
    assert raised.value.report is not None
    assert [file.state for file in raised.value.report] == ["not_processed"]
    assert client.publish_files([3], **MODES).ok


def test_no_lock_is_held_while_a_callable_is_asked(simulated_portal: SimulatedPortal) -> None:
    """It may take its time: signals are handled, other clients and threads go on, the client can be closed."""
    handled: list[float] = []

    def token() -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        client.close()
        repr(client)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(publish_files, [1], client=simulated_portal.client(), **MODES).result(5).ok
        return "simulated-token"

    client: PortalClient = simulated_portal.client(access_token=token)
    before = signal.signal(signal.SIGTERM, lambda *_: handled.append(time.monotonic()))
    try:
        assert client.publish_files([2], **MODES).ok
    finally:
        signal.signal(signal.SIGTERM, before)
    assert len(handled) == 1


class TokenServer(ThreadingHTTPServer):
    """Grants an access token for the one refresh token that is not spent, which it rotates."""

    def __init__(self, *access_tokens: str) -> None:
        self.asked: list[dict[str, str]] = []
        self._access_tokens = iter(access_tokens)
        super().__init__(("127.0.0.1", 0), TokenRequest)

    def grant(self, form: dict[str, str]) -> dict[str, object] | None:
        expected = {
            "grant_type": "refresh_token",
            "refresh_token": f"refresh-{len(self.asked)}",
            "client_id": "client",
            "client_secret": "secret of the client",
        }
        if form != expected:
            return None
        self.asked.append(form)
        tokens = {"access_token": next(self._access_tokens), "refresh_token": f"refresh-{len(self.asked)}"}
        return {**tokens, "token_type": "bearer", "expires_in": 3600}


class TokenRequest(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert isinstance(self.server, TokenServer)
        tokens = self.server.grant(dict(parse_qsl(body)))
        self.send_response(200 if tokens else 400)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(tokens or {"error": "invalid_grant"}).encode())

    def log_message(self, *_: object, **__: object) -> None:
        pass


def test_the_oauth_example_rotates_its_refresh_token(simulated_portal: SimulatedPortal, tmp_path: Path) -> None:
    file = tmp_path / "refresh-token"
    with TokenServer("stale-token", "simulated-token", "simulated-token") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def run() -> subprocess.CompletedProcess[str]:
            environ = {
                **os.environ,
                **simulated_portal.environ(),
                "OAUTH_TOKEN_URL": f"http://127.0.0.1:{server.server_port}/token",
                "OAUTH_CLIENT_ID": "client",
                "OAUTH_CLIENT_SECRET": "secret of the client",
                "OAUTH_REFRESH_TOKEN_FILE": str(file),
            }
            command = [sys.executable, str(EXAMPLE), "37", "38"]
            return subprocess.run(command, env=environ, timeout=60, capture_output=True, text=True, check=False)

        file.write_text("refresh-0")
        for posts, rotated in ((2, "refresh-2"), (3, "refresh-3")):
            done = run()
            assert done.returncode == 0, done.stderr
            assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (rotated, 0o600)
            assert simulated_portal.control("posts") == posts
        # A spent one, as a second program would have it.
        file.write_text("refresh-0")
        done = run()
        server.shutdown()
    assert done.returncode == 1
    assert "ConfigError: No access token could be had: the callable raised HTTPError" in done.stderr
    assert "refresh-" not in done.stderr
    assert file.read_text() == "refresh-0"
    assert list(tmp_path.iterdir()) == [file]
    assert simulated_portal.control("posts") == 3
