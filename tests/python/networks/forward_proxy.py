"""An authenticating forward proxy: proxy.py, which asks for a password and notes what it was asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from proxy.http.parser import HttpParser
from proxy.http.proxy.auth import AuthPlugin
from typing_extensions import Self

from .servers import PATIENCE

USER, PASSWORD = "operator", "pass:w/rd@5%"  # every sign that means something in a URL
NOTES = "FORWARD_PROXY_NOTES"


class NotingAuthPlugin(AuthPlugin):
    """Notes each request before its password is looked at; every host is this machine."""

    def before_upstream_connection(self, request: HttpParser) -> HttpParser | None:
        headers = request.headers or {}
        note = {
            "method": (request.method or b"").decode(),
            "target": f"{(request.host or b'').decode()}:{request.port}",
            "headers": sorted(name.decode().lower() for name in headers),
            "user_agent": headers[b"user-agent"][1].decode() if b"user-agent" in headers else None,
        }
        with Path(os.environ[NOTES]).open("a") as notes:
            notes.write(json.dumps(note) + "\n")
        return super().before_upstream_connection(request)

    def resolve_dns(self, host: str, port: int) -> tuple[str | None, tuple[str, int] | None]:
        return "127.0.0.1", None


class ForwardProxy:
    """A running proxy."""

    def __init__(self, folder: Path, certificate: Path | None = None) -> None:
        self._notes = folder / "notes.jsonl"
        self._notes.touch()
        self._scheme = "https" if certificate else "http"
        port_file = folder / "port"
        command = [
            sys.executable,
            "-m",
            "proxy",
            "--hostname",
            "127.0.0.1",
            "--port",
            "0",
            "--port-file",
            str(port_file),
        ]
        command += ["--num-acceptors", "1", "--num-workers", "1", "--data-dir", str(folder), "--log-level", "ERROR"]
        command += ["--basic-auth", f"{USER}:{PASSWORD}", "--auth-plugin", f"{__name__}.{NotingAuthPlugin.__name__}"]
        if certificate:
            command += ["--cert-file", str(certificate), "--key-file", str(certificate)]
        environment = {**os.environ, NOTES: str(self._notes), "PYTHONPATH": str(Path(__file__).parents[1])}
        self._process = subprocess.Popen(command, env=environment)
        deadline = time.monotonic() + PATIENCE
        while not (port_file.exists() and port_file.read_text().strip()):
            assert self._process.poll() is None, "the proxy did not start"
            assert time.monotonic() < deadline, "the proxy did not start in time"
            time.sleep(0.02)
        self.port = int(port_file.read_text())

    def url(self, password: str | None = PASSWORD) -> str:
        user = "" if password is None else f"{quote(USER, safe='')}:{quote(password, safe='')}@"
        return f"{self._scheme}://{user}127.0.0.1:{self.port}"

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What the proxy was asked for so far."""
        return [json.loads(line) for line in self._notes.read_text().splitlines()]

    def forget(self) -> None:
        self._notes.write_text("")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
