"""The server while it runs, and the authority that vouches for it."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
from http.client import HTTPSConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import certifi
import trustme
from parts import RELEASE

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server:
    """What is asked of it here goes over one connection that is kept, so that it does not count."""

    def __init__(self, port: int, folder: Path) -> None:
        self._origin = f"https://localhost:{port}"
        # The authority's certificate, and that beside the roots that a system has.
        self.ca_file, self.bundle = str(folder / "ca.pem"), str(folder / "bundle.pem")
        self._asked = HTTPSConnection("localhost", port, context=ssl.create_default_context(cafile=self.ca_file))

    def url(self, form: str = "compact") -> str:
        return f"{self._origin}/{form}"

    def last_request(self) -> str:
        return self._get("/last")

    def connections(self) -> tuple[int, int]:
        """How many were opened since this was asked before, and how many of them resumed a session."""
        opened, resumed = json.loads(self._get("/connections"))
        return opened, resumed

    def _get(self, path: str) -> str:
        self._asked.request("GET", path)
        return self._asked.getresponse().read().decode()


@contextlib.contextmanager
def running() -> Iterator[Server]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        for pem in certificate.cert_chain_pems:
            pem.write_to_path(folder / "certificate.pem", append=True)
        authority.cert_pem.write_to_path(folder / "ca.pem")
        (folder / "bundle.pem").write_text(Path(certifi.where()).read_text() + authority.cert_pem.bytes().decode())
        os.environ["BENCH_CA_FILE"] = str(folder / "ca.pem")
        program = [RELEASE / "addepar-portal-bench-server", folder / "certificate.pem", folder / "key.pem"]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin
            assert process.stdout
            yield Server(int(process.stdout.readline()), folder)
            process.stdin.close()
