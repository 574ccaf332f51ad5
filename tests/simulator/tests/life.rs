//! Starting, stopping, and the addresses at which connections fail.

#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod wire;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use addepar_portal_simulator::SimulatedPortal;
use serde_json::json;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use wire::{Wire, ask, control, eventually, post_37, start};

fn address(portal: &SimulatedPortal, endpoint: &str, scheme: &str) -> SocketAddr {
    let url = control(portal, &json!({ "do": "endpoint", "name": endpoint }))["url"].clone();
    assert_eq!(control(portal, &json!({ "do": "endpoint", "name": endpoint }))["url"], url, "each is started once");
    let authority = url.as_str().and_then(|url| url.strip_prefix(scheme)).expect(scheme);
    authority.strip_suffix("/api").unwrap_or(authority).parse().expect("an address")
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).expect("a connection");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    socket
}

#[test]
fn stop_takes_no_time_whatever_is_open() {
    let portal = start(&json!({ "faults": ["hang", { "name": "huge", "bytes": 1_u64 << 40 }], "delay_ms": 10 }));
    for endpoint in ["blackhole", "handshake_hang", "proxy"] {
        control(&portal, &json!({ "do": "endpoint", "name": endpoint }));
    }
    let mut wires: Vec<Wire> = (0..4).map(|_| Wire::open(&portal)).collect();
    wires[1].send(&post_37());
    wires[2].send(&post_37());
    wires[3].send(b"POST /api");
    eventually(|| ask(&portal, "posts") == 2 && ask(&portal, "connections")["accepted"] == 4);
    let began = Instant::now();
    portal.stop();
    portal.stop();
    // Otherwise it would have waited for its thread in vain, for 5 s each time.
    assert!(began.elapsed() < Duration::from_secs(5));
    for wire in &mut wires {
        let _ = wire.rest();
    }
    let refused = TcpStream::connect(("127.0.0.1", portal.port())).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(ask(&portal, "posts"), 2);
    assert_eq!(ask(&portal, "connections"), json!({ "accepted": 4, "open": 0 }));
    assert!(portal.control(r#"{"do": "endpoint", "name": "self_signed"}"#).is_err());
}

#[test]
fn options_and_commands_that_are_wrong_are_named() {
    for (options, said) in [
        ("{", vec!["it must be JSON, and is not at column 1"]),
        (r#"{"flies": {}}"#, vec!["`flies`", "`files`", "`emails`"]),
        (r#"{"emails": "daily"}"#, vec!["`daily`", "`per_file`", "`per_call`"]),
        (r#"{"files": {"a": [1]}}"#, vec!["a key must be a number in quotes"]),
        (r#"{"port": 70000}"#, vec!["70000", "a whole number from 0"]),
        (r#"{"faults": ["hnag"]}"#, vec!["`hnag`", "`hang`"]),
    ] {
        let reason = SimulatedPortal::start(options).expect_err("a reason");
        assert!(said.iter().all(|part| reason.contains(part)), "{reason}");
    }
    let portal = start(&json!({}));
    for (command, said) in [
        (r#"{"do": "outbx"}"#, vec!["`outbx`", "`outbox`"]),
        (r#"{"do": "outbox", "file": 37}"#, vec!["`file`"]),
        (r#"{"do": "published"}"#, vec!["`file`"]),
        (r#"{"do": "endpoint", "name": "nowhere"}"#, vec!["`nowhere`", "`refused`", "`proxy_407`"]),
    ] {
        let reason = portal.control(command).expect_err("a reason");
        assert!(said.iter().all(|part| reason.contains(part)), "{reason}");
    }
    let taken = SimulatedPortal::start(&json!({ "port": portal.port() }).to_string()).expect_err("a reason");
    assert!(taken.contains(&portal.port().to_string()), "{taken}");
}

#[test]
fn what_is_not_http_is_refused() {
    let portal = start(&json!({}));
    for bytes in [
        b"\x16\x03\x01\r\n\r\n".to_vec(),
        b"GET / HTTP/2.0\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n".to_vec(),
        vec![b'A'; (64 << 10) + 1],
    ] {
        let mut wire = Wire::open(&portal);
        assert_eq!(wire.exchange(&bytes).status, 400);
        assert_eq!(wire.rest(), (Vec::new(), Ok(())));
    }
}

#[test]
fn connecting_is_refused_or_never_ends() {
    let portal = start(&json!({}));
    let refused = TcpStream::connect(address(&portal, "refused", "http://")).expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let blackhole = address(&portal, "blackhole", "http://");
    let endless = TcpStream::connect_timeout(&blackhole, Duration::from_millis(300)).expect_err("no connection");
    assert_eq!(endless.kind(), ErrorKind::TimedOut);
}

#[test]
fn handshakes_are_cut_or_hang() {
    let portal = start(&json!({}));
    let mut cut = connect(address(&portal, "handshake_cut", "https://"));
    cut.write_all(b"\x16\x03\x01").expect("sent");
    assert_eq!(cut.read(&mut [0; 16]).expect("the end"), 0);
    let mut hang = connect(address(&portal, "handshake_hang", "https://"));
    hang.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    hang.write_all(b"\x16\x03\x01").expect("sent");
    assert_eq!(hang.read(&mut [0; 16]).expect_err("nothing").kind(), ErrorKind::WouldBlock);
}

#[test]
fn proxies_refuse_or_tunnel_to_this_machine() {
    let portal = start(&json!({}));
    let answer = |endpoint: &str, request: &str| {
        let mut proxy = connect(address(&portal, endpoint, "http://"));
        proxy.write_all(request.as_bytes()).expect("sent");
        let mut text = String::new();
        proxy.read_to_string(&mut text).expect("an answer");
        text
    };
    let connect_to = |target: &str| format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    assert!(answer("proxy_407", &connect_to("example.com:443")).starts_with("HTTP/1.1 407"));
    assert!(answer("proxy_502", &connect_to("example.com:443")).starts_with("HTTP/1.1 502"));
    assert!(answer("proxy", &connect_to("example.com:443")).starts_with("HTTP/1.1 403"));
    assert!(answer("proxy", "GET http://127.0.0.1/ HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
    let here = format!("127.0.0.1:{}", portal.port());
    let inside = String::from_utf8(wire::request("POST /none", &[("Connection", "close")], "")).expect("UTF-8");
    let tunnelled = answer("proxy", &(connect_to(&here) + &inside));
    assert!(tunnelled.starts_with("HTTP/1.1 200 Connected\r\n\r\nHTTP/1.1 404"), "{tunnelled}");
    assert_eq!(ask(&portal, "proxied"), json!(["example.com:443", "example.com:443", "example.com:443", here]));
    assert_eq!(ask(&portal, "posts"), 1);
}

#[test]
fn behind_a_certificate_that_nobody_trusts_is_the_same_portal() {
    let portal = start(&json!({ "faults": ["close_in_body"] }));
    let mut trusting = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../src/self_signed.pem")).expect("a certificate");
    trusting.add(certificate).expect("a root");
    let attempt = |roots: RootCertStore| {
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut tls = StreamOwned::new(client, connect(address(&portal, "self_signed", "https://")));
        tls.write_all(&post_37())?;
        let mut text = String::new();
        let _ = tls.read_to_string(&mut text);
        Ok::<_, std::io::Error>(text)
    };
    assert!(attempt(RootCertStore::empty()).is_err());
    assert_eq!(ask(&portal, "posts"), 0);
    assert!(attempt(trusting).expect("an answer").contains("{\"data\":["));
    assert_eq!(ask(&portal, "posts"), 1);
}
