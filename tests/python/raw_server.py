"""Servers made of plain sockets: each connection meets what a test says, byte by byte.

`Relay` stands between a client and a simulated portal and cuts the connection at a chosen phase.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import urlsplit

from typing_extensions import Self

PATIENCE = 10.0
END_OF_HEAD = b"\r\n\r\n"


class Connection:
    """One accepted connection."""

    def __init__(self, accepted: socket.socket) -> None:
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted.settimeout(PATIENCE)
        self.socket = accepted
        self._unread = b""

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer if the client ends."""
        while len(self._unread) < size and (more := self.socket.recv(65536)):
            self._unread += more
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    def read_head(self) -> bytes:
        """The head of one message, with its empty line; less if the client ends."""
        while END_OF_HEAD not in self._unread and (more := self.socket.recv(65536)):
            self._unread += more
        head, end, self._unread = self._unread.partition(END_OF_HEAD)
        return head + end

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def waits(self, seconds: float) -> bool:
        """Waits so long; `False` as soon as the client sends or ends."""
        if self._unread:
            return False
        self.socket.settimeout(max(seconds, 1e-6))
        try:
            self._unread += self.socket.recv(65536)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)
        return False

    def finish(self) -> None:
        """FIN, and no RST for what the client still sends."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(65536):
                pass
        self.socket.close()

    def reset(self) -> None:
        """RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def body_length(head: bytes) -> int:
    """What `Content-Length` says; 0 without one."""
    lines = head.lower().split(b"\r\n")
    return next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)


def files_of(body: bytes) -> list[int]:
    """The files that a request names."""
    files: list[int] = json.loads(body)["data"]["attributes"]["files_id"]
    return files


def results(files: list[int]) -> bytes:
    """The body of an answer that reports success for these files."""
    success = {"publish_status": "success", "notify_status": "success"}
    data = [
        {"id": str(file), "type": "publish_files_result", "attributes": {"file_id": file, **success}} for file in files
    ]
    return json.dumps({"data": data, "links": {"next": None}}).encode()


def answer(files: list[int], *headers: str) -> bytes:
    """A whole answer that reports success for these files."""
    body = results(files)
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/vnd.api+json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + END_OF_HEAD + body


class RawServer:
    """Accepts connections on loopback and hands each to `serve` in a thread of its own.

    A connection is closed when `serve` returns. `requests` has the files of every whole request.
    """

    def __init__(self, serve: Callable[[Connection], None], host: str = "127.0.0.1") -> None:
        self.requests: list[list[int]] = []
        self.connections = 0
        self._serve = serve
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, 0), family=family)
        port = self._socket.getsockname()[1]
        self.base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def read_request(self, connection: Connection) -> list[int] | None:
        """The files of the next request; `None` if the client ends before it is whole."""
        head = connection.read_head()
        length = body_length(head)
        body = connection.read(length)
        if not body or len(body) < length:
            return None
        files = files_of(body)
        self.requests.append(files)
        return files

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._run, args=[Connection(accepted)], daemon=True).start()

    def _run(self, connection: Connection) -> None:
        with connection.socket, contextlib.suppress(OSError):
            self._serve(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # On Linux a thread that waits in accept() is woken by this, and not by closing.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(PATIENCE)


Phase = Literal[
    "before the request",
    "in the request's head",
    "in the request's body",
    "before the answer",
    "in the answer's head",
    "in the answer's body",
]
Ending = Literal["FIN", "RST"]


class Relay(RawServer):
    """Passes bytes between a client and a server, and cuts both connections at a phase of the first request."""

    def __init__(self, base_url: str, phase: Phase, ending: Ending) -> None:
        url = urlsplit(base_url)
        self.began = 0
        """How many connections brought a byte of a request."""
        self._upstream = (url.hostname or "", url.port or 0)
        self._phase = phase
        self._ending = ending
        super().__init__(self._relay)
        self.base_url += url.path

    def _relay(self, client: Connection) -> None:
        if self._phase != "before the request":
            with socket.create_connection(self._upstream, PATIENCE) as upstream:
                for piece in self._until_cut(client, Connection(upstream)):
                    client.send(piece)
                    if self._ending == "RST":
                        # It would overtake what was sent.
                        time.sleep(0.05)
        (client.finish if self._ending == "FIN" else client.reset)()

    def _until_cut(self, client: Connection, upstream: Connection) -> Iterator[bytes]:
        """Passes on what comes before the cut; yields what the client gets."""
        phase = self._phase
        start = client.read(20)
        self.began += bool(start)
        upstream.send(start)
        if phase == "in the request's head":
            return
        head = client.read_head()
        body = client.read(body_length(head))
        upstream.send(head + (body[: len(body) // 2] if phase == "in the request's body" else body))
        if phase == "in the request's body":
            return
        head = upstream.read_head()
        if phase == "in the answer's head":
            yield head[:20]
        if phase == "in the answer's body":
            yield head
            length = body_length(head)
            yield upstream.read(length)[: length // 2]
