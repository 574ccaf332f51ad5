//! Just enough HTTP/1.1 to read a request and to write any answer, right or wrong.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

const MAX_HEAD: usize = 64 << 10;
const MAX_BODY: usize = 16 << 20;

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn content_length(&self) -> io::Result<usize> {
        let length = self.header("content-length").unwrap_or("0").parse().ok();
        length.filter(|length| *length <= MAX_BODY).ok_or_else(|| invalid("content-length"))
    }
}

pub(crate) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP: {what}"))
}

/// Bytes of a connection that were read but not used yet.
#[derive(Default)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    async fn fill(&mut self, socket: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        socket.read_buf(&mut self.0).await
    }

    /// The head of the next request; `None` where the client closed the connection.
    pub(crate) async fn head(&mut self, socket: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Request>> {
        let end = loop {
            if let Some(end) = self.0.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if self.0.len() > MAX_HEAD {
                return Err(invalid("head too large"));
            }
            if self.fill(socket).await? == 0 {
                return Ok(None);
            }
        };
        let head: Vec<u8> = self.0.drain(..end + 4).collect();
        let head = String::from_utf8(head).map_err(|_| invalid("head"))?;
        let mut lines = head.trim_end().split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (Some(method), Some(path)) = (words.next(), words.next()) else { return Err(invalid("request line")) };
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Some(Request { method, path, headers, body: Vec::new() }))
    }

    /// The body of the request whose head was read.
    pub(crate) async fn body(
        &mut self,
        socket: &mut (impl AsyncRead + Unpin),
        request: &mut Request,
    ) -> io::Result<()> {
        let length = request.content_length()?;
        while self.0.len() < length {
            if self.fill(socket).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        request.body = self.0.drain(..length).collect();
        Ok(())
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: String) -> Self {
        let content_type = ("Content-Type".to_owned(), "application/vnd.api+json".to_owned());
        Self { status, headers: BTreeMap::from([content_type]), body: body.into_bytes() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }

    /// Head and body in one piece, with a Content-Length unless the headers have their own.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Simulated\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let framed = ["Content-Length", "Transfer-Encoding"].iter().any(|name| self.headers.contains_key(*name));
        if !framed && self.status != 204 && self.status != 304 {
            let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}
