"""A forward proxy that wants a password, and nginx in front of the portal: what each does to a call."""

from __future__ import annotations

import json
import logging
import pickle
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from networks.authority import Authority, server_context
from networks.calls import KEY, MODES, USER_AGENT, publish, report_of
from networks.forward_proxy import PASSWORD, USER, ForwardProxy
from networks.nginx import Nginx
from networks.servers import TlsPortal, port_of

from addepar_portal import (
    AuthenticationError,
    ConfigError,
    ConnectError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PortalClient,
    PortalError,
    RateLimitedError,
    RejectedError,
)
from addepar_portal.testing import SimulatedPortal

# The first is a name that only the proxy knows. The second is this machine too, but not by a name for loopback: with
# and without a proxy it leads to the same server.
NAME, ADDRESS = "portal.test", "0.0.0.0"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"), "private")


@pytest.fixture(scope="module")
def running_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForwardProxy]:
    with ForwardProxy(tmp_path_factory.mktemp("proxy")) as proxy:
        yield proxy


@pytest.fixture
def proxy(running_proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch) -> ForwardProxy:
    monkeypatch.setenv("ADDEPAR_PORTAL_LIVE", "1")
    running_proxy.forget()
    return running_proxy


@pytest.fixture
def server(authority: Authority, simulated_portal: SimulatedPortal) -> Iterator[TlsPortal]:
    context = server_context(authority.certificate(NAME, ADDRESS, "localhost", "127.0.0.1"))
    with TlsPortal(context, simulated_portal) as server:
        yield server


# A forward proxy


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", ["proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_call_goes_through_the_proxy(
    *,
    name: str,
    asynchronous: bool,
    proxy: ForwardProxy,
    server: TlsPortal,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {"proxy": proxy.url()} if name == "proxy" else {}
    if not settings:
        monkeypatch.setenv(name, proxy.url())
    assert publish(asynchronous, base_url=server.base_url(NAME), ca_file=authority.file, **settings).ok
    # The proxy sees neither the portal's credentials nor the firm, and the portal not the proxy's password.
    headers = ["host", "proxy-authorization", "user-agent"]
    target = f"{NAME}:{server.port}"
    assert proxy.asked == [{"method": "CONNECT", "target": target, "headers": headers, "user_agent": USER_AGENT}]
    assert len(server.requests) == 1
    assert b"proxy-authorization" not in server.requests[0].lower()


DEAD = "http://127.0.0.1:1"
WAYS: tuple[tuple[dict[str, str], str | None, bool], ...] = (
    # variables, the setting, whether the proxy is used
    ({}, None, False),
    ({"HTTPS_PROXY": "{proxy}"}, None, True),
    ({"HTTPS_PROXY": "{proxy}", "NO_PROXY": ADDRESS}, None, False),
    ({"HTTPS_PROXY": "{proxy}", "no_proxy": ADDRESS}, None, False),
    ({"ALL_PROXY": "{proxy}", "NO_PROXY": f"example.com, {ADDRESS}"}, None, False),
    ({"HTTPS_PROXY": "{proxy}", "NO_PROXY": "0.0.0.0/8"}, None, False),
    ({"HTTPS_PROXY": "{proxy}", "NO_PROXY": f"example.com {ADDRESS}"}, None, False),
    ({"HTTPS_PROXY": "{proxy}", "NO_PROXY": f"{ADDRESS}:{{port}}"}, None, False),
    ({"HTTPS_PROXY": "{proxy}", "NO_PROXY": f"{ADDRESS}:443"}, None, True),
    ({"HTTPS_PROXY": "{proxy}", "NO_PROXY": "*"}, None, False),
    ({"HTTPS_PROXY": "{proxy}", "NO_PROXY": "example.com"}, None, True),
    ({"HTTPS_PROXY": "{proxy}", "NO_PROXY": ""}, None, True),
    ({"HTTPS_PROXY": "{proxy}", "ALL_PROXY": DEAD}, None, True),
    ({"HTTPS_PROXY": "", "ALL_PROXY": "{proxy}"}, None, True),
    ({"HTTP_PROXY": DEAD, "http_proxy": DEAD}, None, False),
    # What the caller says goes before the environment.
    ({"HTTPS_PROXY": DEAD, "NO_PROXY": ADDRESS}, "{proxy}", True),
)


@pytest.mark.parametrize(("variables", "setting", "used"), WAYS)
def test_which_way_a_call_goes(
    *,
    variables: dict[str, str],
    setting: str | None,
    used: bool,
    proxy: ForwardProxy,
    server: TlsPortal,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(proxy=proxy.url(), port=server.port))
    settings = {"proxy": setting.format(proxy=proxy.url())} if setting else {}
    assert publish(base_url=server.base_url(ADDRESS), ca_file=authority.file, **settings).ok
    assert len(proxy.asked) == used
    assert len(server.requests) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", None], ids=["localhost", "127.0.0.1", "plain http"])
def test_this_machine_is_never_reached_through_a_proxy(
    *,
    host: str | None,
    proxy: ForwardProxy,
    server: TlsPortal,
    authority: Authority,
    simulated_portal: SimulatedPortal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url())
        monkeypatch.setenv(name.lower(), proxy.url())
    base_url = server.base_url(host) if host else simulated_portal.base_url
    assert publish(base_url=base_url, ca_file=authority.file, proxy=proxy.url()).ok
    assert proxy.asked == []
    assert len(simulated_portal.requests) == 1


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("password", ["wrong", None])
def test_a_proxy_that_wants_another_password(
    password: str | None, asynchronous: bool, proxy: ForwardProxy, server: TlsPortal, authority: Authority
) -> None:
    url = proxy.url(password)
    with pytest.raises(ConnectError) as raised:
        publish(asynchronous, base_url=server.base_url(NAME), ca_file=authority.file, proxy=url)
    assert_not_sent(raised.value, server)
    assert f"the proxy 127.0.0.1:{proxy.port} did not open a tunnel to {NAME}:{server.port}" in str(raised.value)
    assert "proxy authorization required" in str(raised.value)
    assert len(proxy.asked) == 1


def test_a_proxy_that_does_not_reach_the_server(proxy: ForwardProxy, server: TlsPortal, authority: Authority) -> None:
    with pytest.raises(ConnectError) as raised:
        publish(base_url=f"https://{NAME}:1", ca_file=authority.file, proxy=proxy.url())
    assert_not_sent(raised.value, server)
    assert len(proxy.asked) == 1


def test_a_proxy_that_is_not_there(proxy: ForwardProxy, server: TlsPortal, authority: Authority) -> None:
    with pytest.raises(ConnectError) as raised:
        publish(base_url=server.base_url(NAME), ca_file=authority.file, proxy=DEAD)
    assert_not_sent(raised.value, server)
    assert "127.0.0.1:1" in str(raised.value)


def assert_not_sent(error: ConnectError, server: TlsPortal) -> None:
    assert error.outcome == "not_processed"
    assert len(report_of(error).attempts) == 1
    for words in ("Nothing was sent", "`proxy`", "HTTPS_PROXY", "NO_PROXY"):
        assert words in str(error)
    assert server.requests == []


def test_a_proxy_behind_tls(
    server: TlsPortal, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADDEPAR_PORTAL_LIVE", "1")
    with ForwardProxy(tmp_path, authority.certificate("127.0.0.1")) as proxy:
        settings = {"base_url": server.base_url(NAME), "ca_file": authority.file}
        assert publish(proxy=proxy.url(), **settings).ok
        with pytest.raises(ConnectError) as raised:
            publish(proxy=proxy.url().replace("127.0.0.1", "localhost"), **settings)
        # A proxy is a server like any other: its certificate is for another name.
        assert "127.0.0.1" in str(raised.value)
        assert "`ca_file`" in str(raised.value)
        assert len(proxy.asked) == 1
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "ftp"])
def test_other_proxies_are_refused_by_name(
    name: str, scheme: str, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = proxy.url().replace("http", scheme, 1)
    if name != "proxy":
        monkeypatch.setenv(name, url)
    with pytest.raises(ConfigError, match=f"`{name}` must be an http or https proxy, not {scheme}"):
        PortalClient(base_url=f"https://{NAME}", proxy=url if name == "proxy" else None, **KEY)


def test_nobody_is_told_the_password(
    proxy: ForwardProxy, server: TlsPortal, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.NOTSET)
    caplog.set_level(1, "addepar_portal")
    url = proxy.url()
    host = f"127.0.0.1:{proxy.port}"
    told: list[str] = []
    for port, way in (
        (server.port, url),
        (1, url),  # 502
        (server.port, url.replace(USER, "somebody")),  # 407
        (server.port, url.replace(host, "127.0.0.1:1")),
        (server.port, url.replace(host, "[::1")),
        (server.port, url.replace(host, "127.0.0.1:port")),
        (server.port, url.replace(host, "")),
        (server.port, url.replace("http", "socks5")),
    ):
        try:
            client = PortalClient(base_url=f"https://{NAME}:{port}/api", proxy=way, ca_file=authority.file, **KEY)
            told += [repr(client), client.publish_files([37], **MODES).to_json()]
        except PortalError as error:
            told += [
                str(error),
                repr(error),
                str(vars(error)),
                str(pickle.dumps(error)),
                "" if error.report is None else error.report.to_json(),
            ]
    assert len(proxy.asked) == 3
    secrets = (PASSWORD, quote(PASSWORD, safe=""), b64encode(f"{USER}:{PASSWORD}".encode()).decode())
    assert "Attempt 1" in caplog.text
    for text in [*told, caplog.text]:
        assert not [secret for secret in secrets if secret in text]


# nginx


PLACES = """
    default_type text/html;
    location /down/ { proxy_pass http://127.0.0.1:1/; }
    location /slow/ { proxy_pass PORTAL; proxy_read_timeout 300ms; }
    location /through/ { proxy_pass PORTAL; }
    location /small/ { proxy_pass PORTAL; client_max_body_size 100; }
    location /closed/ { return 503; }
    location /maintenance/ { return 503 "<!doctype html><title>Down for maintenance</title>"; }
    location /page/ { return 200 "<!doctype html><title>Sign in</title>"; }
    location /denied/ { proxy_pass PORTAL; deny all; }
    location /password/ { proxy_pass PORTAL; auth_basic portal; auth_basic_user_file /dev/null; }
    location /limited/ { proxy_pass PORTAL; limit_req zone=one; limit_req_status 429; }
    location /moved/ { return 301 https://localhost:$server_port/through/api/v1/portal/publish_files; }
    location /read-only/ { proxy_pass PORTAL; limit_except GET { deny all; } }
    location /hang-up/ { return 444; }
"""

ANSWERS: tuple[tuple[str, str | None, int | None, type[PortalError], int], ...] = (
    # place, what the portal does, status, error, POSTs that reached the portal
    ("down", None, 502, OutcomeUnknownError, 0),
    ("slow", "hang", 504, OutcomeUnknownError, 1),
    ("through", "reset_before_answer", 502, OutcomeUnknownError, 1),
    ("through", "close_in_headers", 502, OutcomeUnknownError, 1),
    ("through", "close_in_body", 200, OutcomeUnknownError, 1),
    ("small", None, 413, RejectedError, 0),
    ("closed", None, 503, OutcomeUnknownError, 0),
    ("maintenance", None, 503, OutcomeUnknownError, 0),
    ("page", None, 200, OutcomeUnknownError, 0),
    ("denied", None, 403, PermissionDeniedError, 0),
    ("password", None, 401, AuthenticationError, 0),
    ("limited", None, 429, RateLimitedError, 0),
    ("moved", None, 301, OutcomeUnknownError, 0),
    ("read-only", None, 403, PermissionDeniedError, 0),
    ("hang-up", None, None, OutcomeUnknownError, 0),
)


@pytest.fixture(scope="module")
def portal() -> Iterator[SimulatedPortal]:
    with SimulatedPortal() as portal:
        yield portal


@pytest.fixture(scope="module")
def nginx(authority: Authority, portal: SimulatedPortal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with Nginx(
        tmp_path_factory.mktemp("nginx"),
        authority.certificate("localhost"),
        http="limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;",
        server=PLACES.replace("PORTAL", f"http://127.0.0.1:{port_of(portal)}/"),
    ) as nginx:
        # The one request of this minute that is let through.
        assert publish(base_url=nginx.base_url("/limited"), ca_file=authority.file).ok
        yield nginx


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("place", "fault", "status", "error", "posts"), ANSWERS)
def test_what_nginx_answers(
    *,
    place: str,
    fault: str | None,
    status: int | None,
    error: type[PortalError],
    posts: int,
    asynchronous: bool,
    authority: Authority,
    portal: SimulatedPortal,
    nginx: Nginx,
) -> None:
    if fault:
        portal.next_fault(fault)
    before = len(portal.requests)
    with pytest.raises(PortalError) as raised:
        publish(asynchronous, base_url=nginx.base_url(f"/{place}"), ca_file=authority.file)
    outcome = "unknown" if error is OutcomeUnknownError else "not_processed"
    assert type(raised.value) is error
    assert (raised.value.http_status, raised.value.outcome) == (status, outcome)
    assert len(report_of(raised.value).attempts) == 1
    assert len(portal.requests) - before == posts


def in_front(portal: SimulatedPortal, folder: Path, authority: Authority, directives: str, *, http: str = "") -> Nginx:
    location = f"location / {{ proxy_pass http://127.0.0.1:{port_of(portal)}; }}"
    return Nginx(folder, authority.certificate("localhost"), server=directives + location, http=http)


HEADERS = {
    "host": "localhost:{port}",
    "user-agent": USER_AGENT,
    "accept": "application/vnd.api+json",
    "accept-encoding": "identity",
    "addepar-firm": "1",
    "authorization": "Basic c2ltdWxhdGVkLWtleTpzaW11bGF0ZWQtc2VjcmV0",
    "content-length": "{length}",
    "content-type": "application/vnd.api+json",
}
RECORD = ", ".join(f'"{name}": "$http_{name.replace("-", "_")}"' for name in HEADERS)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_the_exact_request_as_nginx_records_it(
    asynchronous: bool, authority: Authority, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    """These headers, this body and, as the length of the whole tells, nothing else."""
    log = tmp_path / "requests.jsonl"
    record = f"""{{"line": "$request", "body": "$request_body", "length": $request_length, "headers": {{{RECORD}}}}}"""
    http = f"log_format exact escape=json '{record}';"
    with in_front(simulated_portal, tmp_path, authority, f"access_log {log} exact;", http=http) as nginx:
        assert publish(asynchronous, base_url=nginx.base_url(), ca_file=authority.file).ok
        port = nginx.port
    (line,) = log.read_text().splitlines()
    recorded = json.loads(line)
    body = (
        '{"data":{"type":"publish_portal_files_request","attributes":{"files_id":[37,38],'
        '"portal_publishing":"PUBLISH","contact_notification":"DO_NOT_NOTIFY"}}}'
    )
    headers = {name: value.format(port=port, length=len(body)) for name, value in HEADERS.items()}
    assert recorded["line"] == "POST /api/v1/portal/publish_files HTTP/1.1"
    assert recorded["headers"] == headers
    assert recorded["body"] == body
    head = [recorded["line"], *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    assert recorded["length"] == len("\r\n".join(head)) + len(body)


@pytest.mark.parametrize("directives", ["keepalive_timeout 0;", "keepalive_requests 3;"])
def test_nginx_may_close_after_an_answer(
    directives: str, authority: Authority, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    with in_front(simulated_portal, tmp_path, authority, directives) as nginx:
        client = PortalClient(base_url=nginx.base_url(), ca_file=authority.file, **KEY)
        for _ in range(20):
            assert client.publish_files([37], **MODES).ok
    assert len(simulated_portal.requests) == 20


@pytest.mark.parametrize("limit", [0.3, 1.0])
def test_nginx_may_close_idle_connections(
    limit: float, authority: Authority, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    """Without a promise that they stay open, none is used again."""
    pauses = [limit + milliseconds / 1000 for milliseconds in (-20, -10, -1, 0, 10)]
    directives = f"keepalive_timeout {limit * 1000:.0f}ms;"
    with in_front(simulated_portal, tmp_path, authority, directives) as nginx:
        for pause in pauses:
            client = PortalClient(base_url=nginx.base_url(), ca_file=authority.file, **KEY)
            assert client.publish_files([37], **MODES).ok
            time.sleep(pause)
            assert client.publish_files([37], **MODES).ok
    assert len(simulated_portal.requests) == 2 * len(pauses)


def test_nginx_may_reload_between_calls(
    authority: Authority, simulated_portal: SimulatedPortal, tmp_path: Path
) -> None:
    """Its old worker closes idle connections, some milliseconds after the signal."""
    pauses = [milliseconds / 1000 for milliseconds in (0, 1, 2, 3, 5, 8, 13, 21, 34, 55)] * 3
    with in_front(simulated_portal, tmp_path, authority, "") as nginx:
        client = PortalClient(base_url=nginx.base_url(), ca_file=authority.file, **KEY)
        for pause in pauses:
            nginx.reload()
            time.sleep(pause)
            assert client.publish_files([37], **MODES).ok
    assert len(simulated_portal.requests) == len(pauses)
