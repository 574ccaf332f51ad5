"""Whom the package trusts, and what it does when TLS fails; the servers speak OpenSSL."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from networks.authority import Authority, self_signed, server_context
from networks.calls import KEY, MODES, USER_AGENT, publish, report_of
from networks.servers import Listener, TlsPortal, hold_handshake

from addepar_portal import (
    ConfigError,
    ConnectError,
    OutcomeUnknownError,
    PortalClient,
)
from addepar_portal.testing import SimulatedPortal


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder, "private")


@pytest.fixture(scope="module")
def stranger(folder: Path) -> Authority:
    return Authority(folder, "stranger")


# Trust


TRUST: tuple[tuple[dict[str, str], str | None, list[str]], ...] = (
    # variables, ca_file, whose certificates are accepted; a word in braces is the place of an authority's file
    ({}, None, []),
    ({}, "{private}", ["private"]),
    ({"SSL_CERT_FILE": "{stranger}"}, None, ["stranger"]),
    ({"SSL_CERT_DIR": "{hashed}"}, None, ["private"]),
    ({"SSL_CERT_FILE": "{stranger}", "SSL_CERT_DIR": "{hashed}"}, None, ["private", "stranger"]),
    ({"SSL_CERT_FILE": "{nowhere}", "SSL_CERT_DIR": "{hashed}"}, None, ["private"]),
    ({"SSL_CERT_FILE": "{stranger}"}, "{private}", ["private", "stranger"]),
    ({"SSL_CERT_FILE": "{stranger}", "REQUESTS_CA_BUNDLE": "{private}"}, None, ["private", "stranger"]),
    ({"SSL_CERT_FILE": "{stranger}", "NODE_EXTRA_CA_CERTS": "{private}"}, None, ["private", "stranger"]),
    ({"REQUESTS_CA_BUNDLE": "{hashed}"}, None, ["private"]),
    ({"REQUESTS_CA_BUNDLE": "{stranger}"}, "{private}", ["private"]),
    ({"SSL_CERT_FILE": "{nowhere}"}, "{private}", ["private"]),
)

CALLS = """
import json, sys
from addepar_portal import ConnectError, PortalClient

servers, ca_file, key, modes = json.loads(sys.argv[1])
accepted = []
for name, base_url in servers.items():
    try:
        assert PortalClient(base_url=base_url, ca_file=ca_file, **key).publish_files([37], **modes).ok
        accepted.append(name)
    except ConnectError as error:
        assert "ca_file" in str(error), error
print(json.dumps(accepted))
"""


@pytest.mark.parametrize(("variables", "ca_file", "accepted"), TRUST)
def test_who_is_trusted(
    *,
    variables: dict[str, str],
    ca_file: str | None,
    accepted: list[str],
    folder: Path,
    authority: Authority,
    stranger: Authority,
    simulated_portal: SimulatedPortal,
) -> None:
    """In a process of its own: the system's certificates are read once."""
    hashed = folder / "hashed" / "0a1b2c3d.0"  # such names `openssl rehash` makes
    hashed.parent.mkdir(exist_ok=True)
    hashed.write_bytes(authority.file.read_bytes())
    places = {"private": authority.file, "stranger": stranger.file, "hashed": hashed.parent, "nowhere": folder / "none"}
    with contextlib.ExitStack() as running:
        servers = {
            one.name: running.enter_context(
                TlsPortal(server_context(one.certificate("localhost")), simulated_portal)
            ).base_url("localhost")
            for one in (authority, stranger)
        }
        arguments = [servers, ca_file and ca_file.format(**places), KEY, MODES]
        environment = {name: value.format(**places) for name, value in variables.items()}
        command = [sys.executable, "-c", CALLS, json.dumps(arguments)]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=30)
    assert json.loads(done.stdout) == accepted
    assert len(simulated_portal.requests) == len(accepted)


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\x30\x82\x01\x0a"])
@pytest.mark.parametrize("setting", ["ca_file", "REQUESTS_CA_BUNDLE"])
def test_a_file_that_cannot_be_used_is_named(
    setting: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "roots.pem"
    if content is not None:
        file.write_bytes(content)
    settings = {}
    if setting == "ca_file":
        settings["ca_file"] = file
    else:
        monkeypatch.setenv(setting, str(file))
    with Listener(lambda _: None) as server, pytest.raises(ConfigError) as raised:
        publish(base_url=f"https://localhost:{server.port}", **settings)
    assert setting in str(raised.value)
    assert str(file) in str(raised.value)
    assert server.connections == 0


PRIVATE = "MIGHAgEAMBMGByqGSM49"


def changed(content: bytes) -> bytes:
    """One sign in the middle of a certificate is not base64."""
    middle = content.index(b"-----END") - 80
    return content[:middle] + b"*" + content[middle + 1 :]


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "one of several is not base64": (lambda pem: pem + changed(pem) + pem, "certificate number 2"),
    "one of several is none": (lambda pem: pem + pem.replace(b"MII", b"AAA", 1), "certificate number 2"),
    "one of several has no end": (lambda pem: pem + pem.partition(b"-----END")[0], "certificate number 2"),
    "line feeds written out": (lambda pem: pem.replace(b"\n", b"\\n"), "\\n"),
    "a key with line feeds written out": (
        lambda _: f"-----BEGIN PRIVATE KEY-----\\n{PRIVATE}\\n-----END PRIVATE KEY-----\\n".encode(),
        "\\n",
    ),
    "a key": (lambda _: f"-----BEGIN PRIVATE KEY-----\n{PRIVATE}\n".encode(), "private key"),
    "UTF-16": (lambda pem: pem.decode().encode("utf-16"), "UTF-16"),
    "DER": (lambda pem: ssl.PEM_cert_to_DER_cert(pem.decode()), "openssl x509"),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_damaged_certificate_is_named_and_its_bytes_are_not_shown(
    damage: Callable[[bytes], bytes], words: str, place: str, authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "bundle.pem"
    file.write_bytes(damage(authority.file.read_bytes()))
    ca_file = file if place == "file" else tmp_path
    with Listener(lambda _: None) as server, pytest.raises(ConfigError) as raised:
        publish(base_url=f"https://localhost:{server.port}", ca_file=ca_file)
    told = str(raised.value)
    assert "`ca_file`" in told
    assert str(tmp_path) in told
    if words in ("private key", "openssl x509"):
        # In a folder there may be anything beside certificates.
        assert place == "folder" or words in told
    else:
        assert str(file) in told
        assert words in told
    assert PRIVATE not in told
    assert str(list(PRIVATE.encode()))[1:20] not in told
    assert server.connections == 0


GLUED: dict[str, Callable[[bytes, bytes], bytes]] = {
    "a byte-order mark": lambda pem, _: b"\xef\xbb\xbf" + pem,
    "two files without a line feed in between": lambda pem, other: other.rstrip(b"\n") + pem,
    "text before and behind": lambda pem, other: b"# our roots\n" + other + b"\r\n# the second\r\n" + pem + b"the end",
    "carriage returns": lambda pem, other: (other + pem).replace(b"\n", b"\r\n"),
    "OpenSSL's own form": lambda pem, _: (
        subprocess.run(
            ["openssl", "x509", "-trustout", "-addtrust", "serverAuth"], input=pem, capture_output=True, check=True
        ).stdout
    ),
}


@pytest.mark.parametrize("glue", GLUED.values(), ids=GLUED)
def test_no_certificate_of_a_file_is_passed_over(
    glue: Callable[[bytes, bytes], bytes],
    authority: Authority,
    stranger: Authority,
    simulated_portal: SimulatedPortal,
    tmp_path: Path,
) -> None:
    file = tmp_path / "bundle.pem"
    file.write_bytes(glue(authority.file.read_bytes(), stranger.file.read_bytes()))
    with TlsPortal(server_context(authority.certificate("localhost")), simulated_portal) as server:
        assert publish(base_url=server.base_url("localhost"), ca_file=file).ok


def test_over_plain_http_no_certificate_is_read(
    simulated_portal: SimulatedPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
    assert publish(base_url=simulated_portal.base_url).ok


def in_a_process(code: str, *arguments: object, **environment: str) -> str:
    """What Python prints in a process of its own: the system's certificates are read once."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=30).stdout


NO_ROOTS = """
import sys
from addepar_portal import ConfigError, PortalClient
try:
    PortalClient(base_url=sys.argv[1], firm_id="1", key_id="id", key_secret="secret").publish_files(
        [37], portal_publishing="publish", contact_notification="do_not_notify"
    )
except ConfigError as error:
    print(error)
"""


def test_a_system_without_certificates_is_told_what_it_lacks(tmp_path: Path) -> None:
    places = {"SSL_CERT_FILE": str(tmp_path / "none.pem"), "SSL_CERT_DIR": str(tmp_path / "none")}
    with Listener(lambda _: None) as server:
        told = in_a_process(NO_ROOTS, f"https://localhost:{server.port}", **places)
        assert "ca-certificates" in told
        assert "`ca_file`" in told
        assert "unexpected" not in told
        assert server.connections == 0


READ_ONCE = """
import os, sys
from addepar_portal import ConnectError, PortalClient
base_url, system = sys.argv[1:]
def publish():
    with PortalClient(base_url=base_url, firm_id="1", key_id="simulated-key", key_secret="simulated-secret") as client:
        return client.publish_files([37], portal_publishing="publish", contact_notification="do_not_notify").ok
print(publish())
os.remove(system)
print(publish())
with open(os.environ["REQUESTS_CA_BUNDLE"], "a") as bundle:
    bundle.write("# changed")
try:
    print(publish())
except ConnectError as error:
    print("ca_file" in str(error))
"""


def test_clients_that_trust_the_same_bundle_read_the_system_s_certificates_once(
    authority: Authority, stranger: Authority, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    """The system alone trusts the server; its file is gone for the second client. The third has another bundle."""
    system, bundle = tmp_path / "system.pem", tmp_path / "bundle.pem"
    system.write_bytes(stranger.file.read_bytes())
    bundle.write_bytes(authority.file.read_bytes())
    places = {"SSL_CERT_FILE": str(system), "SSL_CERT_DIR": str(tmp_path / "none"), "REQUESTS_CA_BUNDLE": str(bundle)}
    with TlsPortal(server_context(stranger.certificate("localhost")), simulated_portal) as server:
        assert in_a_process(READ_ONCE, server.base_url("localhost"), system, **places).split() == ["True"] * 3
        assert server.resumed == [False, True]


LATE = """
import os, pathlib, sys
from addepar_portal import PortalClient
at_hand, elsewhere, authority, folder = sys.argv[1:]
for base_url in at_hand, elsewhere:
    with PortalClient(base_url=base_url, firm_id="1", key_id="simulated-key", key_secret="simulated-secret") as client:
        report = client.publish_files([37], portal_publishing="publish", contact_notification="do_not_notify")
    pathlib.Path(folder, "late.pem").write_bytes(pathlib.Path(authority).read_bytes())
    print(report.ok)
"""


def test_a_folder_of_certificates_is_read_when_the_bundle_does_not_do(
    authority: Authority, stranger: Authority, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    """It is still empty during the first call, whose server the bundle vouches for."""
    places = {"SSL_CERT_FILE": str(authority.file), "SSL_CERT_DIR": str(tmp_path)}
    with (
        TlsPortal(server_context(authority.certificate("localhost")), simulated_portal) as first,
        TlsPortal(server_context(stranger.certificate("localhost")), simulated_portal) as second,
    ):
        base_urls = [server.base_url("localhost") for server in (first, second)]
        assert in_a_process(LATE, *base_urls, stranger.file, tmp_path, **places).split() == ["True", "True"]


# Certificates that are refused


def test_a_server_that_shows_the_certificate_of_an_authority_is_told_apart(
    folder: Path, simulated_portal: SimulatedPortal
) -> None:
    """`openssl req -x509` makes such ones; to name it in `ca_file` did not help, so that is not the advice."""
    certificate = self_signed(folder, "localhost", as_authority=True)
    with TlsPortal(server_context(certificate), simulated_portal) as server, pytest.raises(ConnectError) as raised:
        publish(base_url=server.base_url("localhost"), ca_file=certificate)
    assert f"localhost:{server.port}" in str(raised.value)
    assert "CA:FALSE" in str(raised.value)
    assert "name its file" not in str(raised.value)
    assert (server.connections, simulated_portal.requests) == (1, [])


REFUSED: tuple[tuple[Callable[[Authority, Authority, Path], Path], str], ...] = (
    (lambda _, stranger, __: stranger.certificate("localhost"), "UnknownIssuer"),
    (lambda authority, _, __: authority.certificate("portal.test"), "portal.test"),
    (lambda authority, _, __: authority.certificate("127.0.0.1"), "127.0.0.1"),
    (lambda authority, _, __: authority.certificate("localhost", expired=True), "expired"),
    (lambda _, __, folder: self_signed(folder, "localhost"), "UnknownIssuer"),
)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("make", "reason"), REFUSED, ids=["unknown authority", "other host", "address for a name", "expired", "self-signed"]
)
def test_a_certificate_that_is_refused(
    *,
    make: Callable[[Authority, Authority, Path], Path],
    reason: str,
    asynchronous: bool,
    folder: Path,
    authority: Authority,
    stranger: Authority,
    simulated_portal: SimulatedPortal,
) -> None:
    context = server_context(make(authority, stranger, folder))
    with TlsPortal(context, simulated_portal) as server, pytest.raises(ConnectError) as raised:
        publish(asynchronous, base_url=server.base_url("localhost"), ca_file=authority.file)
    error = raised.value
    assert error.outcome == "not_processed"
    assert len(report_of(error).attempts) == 1
    for words in ("Nothing was sent", "`ca_file`", reason):
        assert words in str(error)
    assert (server.connections, server.requests, simulated_portal.requests) == (1, [], [])


def test_a_self_signed_certificate_can_be_trusted_by_name(
    folder: Path, authority: Authority, simulated_portal: SimulatedPortal
) -> None:
    certificate = self_signed(folder, "localhost")
    with TlsPortal(server_context(certificate), simulated_portal) as server:
        assert publish(base_url=server.base_url("localhost"), ca_file=certificate).ok
    assert len(simulated_portal.requests) == 1


# Handshakes that fail


@pytest.mark.parametrize(
    ("version", "error", "connections"),
    [
        # The server's refusal is a part of the handshake.
        (ssl.TLSVersion.TLSv1_2, ConnectError, 3),
        # The handshake is over for the client before the server looks at its certificate.
        (ssl.TLSVersion.TLSv1_3, OutcomeUnknownError, 1),
    ],
)
def test_a_server_that_wants_a_client_certificate(
    version: ssl.TLSVersion,
    error: type[Exception],
    connections: int,
    authority: Authority,
) -> None:
    context = server_context(authority.certificate("localhost"), version)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    with Listener(lambda connection: hold_handshake(context, connection)) as server, pytest.raises(error) as raised:
        publish(base_url=f"https://localhost:{server.port}", ca_file=authority.file)
    assert "received fatal alert" in str(raised.value)
    assert server.connections == connections


def reset(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def answer(text: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(text)

    return serve


def silence(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        pass


@pytest.mark.parametrize(
    ("serve", "settings", "connections"),
    [
        (lambda _: None, {}, 3),
        (answer(b""), {}, 3),
        (answer(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"), {}, 3),
        (answer(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), {}, 3),
        (reset, {}, 3),
        (silence, {"connect_timeout": 0.2}, 3),
        (silence, {"timeout": 0.2}, 1),
    ],
    ids=["at once", "after the hello", "inside the hello", "no TLS", "reset", "connect timeout", "timeout"],
)
def test_a_handshake_that_is_cut(
    serve: Callable[[socket.socket], None],
    settings: dict[str, float],
    connections: int,
    authority: Authority,
) -> None:
    with Listener(serve) as server, pytest.raises(ConnectError) as raised:
        publish(base_url=f"https://localhost:{server.port}", ca_file=authority.file, **settings)
    error = raised.value
    assert error.outcome == "not_processed"
    assert [attempt.sent_at for attempt in report_of(error).attempts] == [None] * connections
    assert "Nothing was sent" in str(error)
    assert server.connections == connections


def test_a_handshake_that_is_cut_once_costs_nothing(authority: Authority, simulated_portal: SimulatedPortal) -> None:
    context = server_context(authority.certificate("localhost"))
    with TlsPortal(context, simulated_portal) as server:
        server.cut_handshakes = 1
        report = publish(base_url=server.base_url("localhost"), ca_file=authority.file)
    assert report.ok
    assert [attempt.http_status for attempt in report.attempts] == [None, 200]
    assert server.connections == 2
    assert len(simulated_portal.requests) == 1


# What goes over the wire


@pytest.mark.parametrize(
    ("credentials", "authorization"),
    [
        (
            {"key_id": "simulated-key", "key_secret": "simulated-secret"},
            "Basic c2ltdWxhdGVkLWtleTpzaW11bGF0ZWQtc2VjcmV0",
        ),
        ({"access_token": "simulated-token"}, "Bearer simulated-token"),
    ],
    ids=["key", "token"],
)
def test_the_exact_request(
    credentials: dict[str, str], authorization: str, authority: Authority, simulated_portal: SimulatedPortal
) -> None:
    context = server_context(authority.certificate("localhost"))
    with TlsPortal(context, simulated_portal) as server:
        base_url = server.base_url("localhost")
        with PortalClient(base_url=base_url, firm_id="1", ca_file=authority.file, **credentials) as client:  # type: ignore[arg-type]
            for _ in range(3):
                client.publish_files(
                    ["38", 37],
                    portal_publishing="publish",
                    contact_notification="use_contact_preference",
                    publish_override_contact_ids=[23],
                )
    # A connection for each call, and one TLS session for all.
    assert server.resumed == [False, True, True]
    body = (
        '{"data":{"type":"publish_portal_files_request","attributes":{"files_id":[38,37],'
        '"portal_publishing":"PUBLISH","contact_notification":"USE_CONTACT_PREFERENCE",'
        '"publish_override_contact_ids":[23]}}}'
    )
    expected = {
        "accept": "application/vnd.api+json",
        "accept-encoding": "identity",
        "addepar-firm": "1",
        "authorization": authorization,
        "content-length": str(len(body)),
        "content-type": "application/vnd.api+json",
        "host": f"localhost:{server.port}",
        "user-agent": USER_AGENT,
    }
    for request in server.requests:
        head, _, received = request.decode().partition("\r\n\r\n")
        line, *headers = head.split("\r\n")
        assert line == "POST /api/v1/portal/publish_files HTTP/1.1"
        assert sorted(header.lower() for header in headers) == sorted(
            f"{name}: {value}".lower() for name, value in expected.items()
        )
        assert received == body
    assert len(server.requests) == 3
