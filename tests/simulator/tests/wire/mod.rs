//! A client that is only a socket: what the simulator sends is seen as it is.

#![allow(clippy::expect_used, dead_code)]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use addepar_portal_simulator::SimulatedPortal;
use serde_json::{Value, json};

pub(crate) const KEY: &str = "Basic c2ltdWxhdGVkLWtleTpzaW11bGF0ZWQtc2VjcmV0";
pub(crate) const ROUTE: &str = "/api/v1/portal/publish_files";

pub(crate) fn start(options: &Value) -> SimulatedPortal {
    SimulatedPortal::start(&options.to_string()).expect("a portal")
}

pub(crate) fn control(portal: &SimulatedPortal, command: &Value) -> Value {
    let answer = portal.control(&command.to_string()).expect("an answer");
    serde_json::from_str(&answer).expect("JSON")
}

pub(crate) fn ask(portal: &SimulatedPortal, what: &str) -> Value {
    control(portal, &json!({ "do": what }))
}

pub(crate) fn call(files: &Value, publishing: &str, notification: &str, overrides: &Value) -> Value {
    json!({ "data": { "type": "publish_portal_files_request", "attributes": {
        "files_id": files,
        "portal_publishing": publishing,
        "contact_notification": notification,
        "publish_override_contact_ids": overrides,
    } } })
}

/// A request line and headers that the portal accepts; a header given replaces, an empty value removes.
pub(crate) fn request(line: &str, changes: &[(&str, &str)], body: &str) -> Vec<u8> {
    let length = body.len().to_string();
    let accepted = [
        ("Host", "127.0.0.1"),
        ("Authorization", KEY),
        ("Addepar-Firm", "1"),
        ("Content-Type", "application/vnd.api+json"),
        ("Content-Length", &length),
    ];
    let mut text = format!("{line} HTTP/1.1\r\n");
    for (name, value) in accepted {
        if !changes.iter().any(|(changed, _)| changed.eq_ignore_ascii_case(name)) {
            text.extend([name, ": ", value, "\r\n"]);
        }
    }
    for (name, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
        text.extend([name, ": ", value, "\r\n"]);
    }
    (text + "\r\n" + body).into_bytes()
}

pub(crate) fn post(body: &Value) -> Vec<u8> {
    request(&format!("POST {ROUTE}"), &[], &body.to_string())
}

/// The POST of file 37, with no e-mail.
pub(crate) fn post_37() -> Vec<u8> {
    post(&call(&json!([37]), "PUBLISH", "DO_NOT_NOTIFY", &json!([])))
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(present, _)| present.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

pub(crate) struct Wire {
    socket: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    pub(crate) fn open(portal: &SimulatedPortal) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", portal.port())).expect("a connection");
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        Self { socket, read: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("sent");
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Sends a request and reads an answer that has a Content-Length.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Answer {
        self.send(request);
        self.answer()
    }

    pub(crate) fn answer(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(self.more().expect("a head") > 0, "closed in {:?}", String::from_utf8_lossy(&self.read));
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).expect("UTF-8");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        while self.read.len() < length {
            assert!(self.more().expect("a body") > 0, "closed in the body");
        }
        answer.body = self.read.drain(..length).collect();
        answer
    }

    /// Everything up to the end of the connection, and how that came.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, Result<(), ErrorKind>) {
        loop {
            match self.more() {
                Ok(0) => return (std::mem::take(&mut self.read), Ok(())),
                Ok(_) => {}
                Err(error) => return (std::mem::take(&mut self.read), Err(error)),
            }
        }
    }

    fn more(&mut self) -> Result<usize, ErrorKind> {
        let mut piece = [0; 8 << 10];
        let size = self.socket.read(&mut piece).map_err(|error| error.kind())?;
        self.read.extend(piece.iter().take(size));
        Ok(size)
    }
}

/// Waits, but not for ever.
pub(crate) fn eventually(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "not within a minute");
        sleep(Duration::from_millis(2));
    }
}
