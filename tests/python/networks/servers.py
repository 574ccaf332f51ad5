"""Servers that count their connections, and one that puts TLS in front of a simulated portal."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import BinaryIO
from urllib.parse import urlsplit

from typing_extensions import Self

from addepar_portal.testing import SimulatedPortal

PATIENCE = 10.0


class Listener:
    """Accepts connections on loopback, counts them, and hands each to `serve` in a thread of its own."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self.connections = 0
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(PATIENCE)
            threading.Thread(target=self._run, args=[connection], daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._serve(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # On Linux a thread that waits in accept() is woken by this, and not by closing.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(PATIENCE)


class TlsPortal(Listener):
    """A TLS server in front of a simulated portal. It keeps what it decrypted, byte by byte.

    Of the first `cut_handshakes` connections it closes each at once.
    """

    def __init__(self, context: ssl.SSLContext, portal: SimulatedPortal) -> None:
        self.requests: list[bytes] = []
        self.resumed: list[bool | None] = []
        """Of each connection, whether its TLS session is one from before."""
        self.cut_handshakes = 0
        self._context = context
        self._portal = ("127.0.0.1", port_of(portal))
        super().__init__(self._converse)

    def base_url(self, host: str) -> str:
        return f"https://{host}:{self.port}/api"

    def _converse(self, connection: socket.socket) -> None:
        if self.connections <= self.cut_handshakes:
            return
        with self._context.wrap_socket(connection, server_side=True) as tls, tls.makefile("rb") as stream:
            self.resumed.append(tls.session_reused)
            while request := read_message(stream):
                self.requests.append(request)
                with socket.create_connection(self._portal, PATIENCE) as upstream:
                    upstream.sendall(request)
                    with upstream.makefile("rb") as answers:
                        tls.sendall(read_message(answers))


def hold_handshake(context: ssl.SSLContext, connection: socket.socket) -> None:
    """A handshake whose last step comes late, as it does over a distance."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    done = False
    while not done:
        incoming.write(connection.recv(1 << 16))
        try:
            tls.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            time.sleep(0.2)
        except ssl.SSLError:
            connection.sendall(outgoing.read())
            raise


def port_of(portal: SimulatedPortal) -> int:
    port = urlsplit(portal.base_url).port
    assert port
    return port


def read_message(stream: BinaryIO) -> bytes:
    """One HTTP message with a `Content-Length`; empty at the end of the stream."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return head
        head += line
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return head + stream.read(int(lengths[0]) if lengths else 0)
