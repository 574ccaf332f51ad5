"""nginx in front of a simulated portal: the one on PATH, or Debian's package, unpacked into the working tree."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from typing_extensions import Self

from .servers import PATIENCE

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tests" / "debian.sh"
DEBIAN = ROOT / ".test" / "debian"

CONFIGURATION = """
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {certificate};
    ssl_certificate_key {certificate};
    {http}
    server {{
        listen 127.0.0.1:{port} ssl;
        {server}
    }}
}}
"""


def binary() -> str:
    """The program; the test is skipped where there is neither nginx nor apt-get."""
    command = ["sh", str(SCRIPT), "nginx", "nginx"]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, check=False)
    if found.returncode != 0 and not shutil.which("apt-get"):
        pytest.skip("there is no nginx and no apt-get to get it with")
    found.check_returncode()
    return found.stdout.strip()


class Nginx:
    """A running nginx with TLS on loopback. `http` and `server` are directives of these blocks."""

    def __init__(self, folder: Path, certificate: Path, *, server: str, http: str = "") -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        configuration = folder / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(folder=folder, certificate=certificate, port=self.port, http=http, server=server)
        )
        libraries = ":".join(
            str(path) for path in (DEBIAN / "usr" / "lib", DEBIAN / "lib") for path in path.glob("*-linux-gnu*")
        )
        self._errors = folder / "error.log"
        self._process = subprocess.Popen(
            [binary(), "-p", folder, "-c", configuration, "-e", self._errors],
            env={"PATH": os.defpath, "LD_LIBRARY_PATH": libraries},
        )
        self._wait_until_it_listens()

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            assert self._process.poll() is None, self._errors.read_text()
            assert time.monotonic() < deadline, "nginx did not start in time"
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.02)
            else:
                return

    def base_url(self, place: str = "") -> str:
        return f"https://localhost:{self.port}{place}/api"

    def reload(self) -> None:
        """New workers take over; the old ones end after their last request."""
        self._process.send_signal(signal.SIGHUP)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
