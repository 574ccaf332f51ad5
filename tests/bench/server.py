"""The servers while they run, and the authority that vouches for them."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
from http.client import HTTPSConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, get_args

import certifi
import trustme
from parts import RELEASE

if TYPE_CHECKING:
    from collections.abc import Iterator


Key = Literal["RSA", "ECDSA"]


class Server:
    """One program for each kind of key. Most public servers have an RSA key, whose signature takes long.

    What is asked here goes over a connection that is kept, so that it does not count.
    """

    def __init__(self, ports: dict[Key, int], folder: Path) -> None:
        self._ports = ports
        # The authority's certificate, and that beside the roots that a system has.
        self.ca_file, self.bundle = str(folder / "ca.pem"), str(folder / "bundle.pem")
        tls = ssl.create_default_context(cafile=self.ca_file)
        self._asked = HTTPSConnection("localhost", ports["RSA"], context=tls)

    def url(self, form: str = "compact", key: Key = "RSA") -> str:
        return f"https://localhost:{self._ports[key]}/{form}"

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
    with TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        authority = trustme.CA(key_type=trustme.KeyType.RSA)
        authority.cert_pem.write_to_path(folder / "ca.pem")
        (folder / "bundle.pem").write_text(Path(certifi.where()).read_text() + authority.cert_pem.bytes().decode())
        os.environ["BENCH_CA_FILE"] = str(folder / "ca.pem")
        ports = {key: stack.enter_context(started(folder, authority, key)) for key in get_args(Key)}
        yield Server(ports, folder)


@contextlib.contextmanager
def started(folder: Path, authority: trustme.CA, key: Key) -> Iterator[int]:
    """A program with a certificate that an intermediate authority signed; its port."""
    kind = trustme.KeyType[key]
    certificate = authority.create_child_ca(key_type=kind).issue_cert("localhost", key_type=kind)
    certificate.private_key_pem.write_to_path(folder / f"{key}.key")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(folder / f"{key}.pem", append=True)
    program = [RELEASE / "addepar-portal-bench-server", folder / f"{key}.pem", folder / f"{key}.key"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield int(process.stdout.readline())
        process.stdin.close()
