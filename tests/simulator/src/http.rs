//! Just enough HTTP/1.1 to read any request and to write any answer, right or wrong.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

const MAX_HEAD: usize = 64 << 10;
const MAX_BODY: usize = 16 << 20;

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case; the values of a repeated one are joined by commas.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// The client wants the connection closed after the answer.
    pub(crate) last: bool,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, path, version) = (words.next()?, words.next()?, words.next()?.strip_prefix("HTTP/1.")?);
        if words.next().is_some() || method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let mut headers = BTreeMap::<String, String>::new();
        for line in lines {
            let (name, value) = line.split_once(':')?;
            headers
                .entry(name.to_ascii_lowercase())
                .and_modify(|values| *values = format!("{values}, {}", value.trim()))
                .or_insert_with(|| value.trim().to_owned());
        }
        let close = headers.get("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let (method, path) = (method.to_owned(), path.to_owned());
        Some(Self { method, path, headers, body: Vec::new(), last: close || version == "0" })
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// Bytes of a connection that were read but not used yet.
#[derive(Default)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    async fn fill(&mut self, socket: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        if self.0.len() > MAX_HEAD + MAX_BODY {
            return Err(invalid("The request is too large."));
        }
        match socket.read_buf(&mut self.0).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// The head of the next request.
    pub(crate) async fn head(&mut self, socket: &mut (impl AsyncRead + Unpin)) -> io::Result<Request> {
        loop {
            if let Some(request) = self.next_head()? {
                return Ok(request);
            }
            self.fill(socket).await?;
        }
    }

    /// The head of the next request, if it was read already.
    pub(crate) fn next_head(&mut self) -> io::Result<Option<Request>> {
        let Some(end) = self.0.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if self.0.len() > MAX_HEAD { Err(invalid("The head is too large.")) } else { Ok(None) };
        };
        let bytes: Vec<u8> = self.0.drain(..end + 4).collect();
        let head = std::str::from_utf8(&bytes).ok().and_then(|head| Request::parse(head.strip_suffix("\r\n\r\n")?));
        head.map(Some).ok_or_else(|| invalid("The head is not HTTP/1.1."))
    }

    /// The body of the request whose head was read.
    pub(crate) async fn body(
        &mut self,
        socket: &mut (impl AsyncRead + Unpin),
        request: &mut Request,
    ) -> io::Result<()> {
        if request.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            loop {
                let line = self.line(socket).await?;
                let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
                    .map_err(|_| invalid("A chunk has no size."))?;
                if size == 0 {
                    while !self.line(socket).await?.is_empty() {}
                    return Ok(());
                }
                let room = MAX_BODY - request.body.len();
                request.body.append(&mut self.take(socket, size, room).await?);
                self.line(socket).await?;
            }
        }
        let length = request.header("content-length").unwrap_or("0").parse();
        let length = length.map_err(|_| invalid("Content-Length is not a number."))?;
        request.body = self.take(socket, length, MAX_BODY).await?;
        Ok(())
    }

    async fn take(&mut self, socket: &mut (impl AsyncRead + Unpin), size: usize, room: usize) -> io::Result<Vec<u8>> {
        if size > room {
            return Err(invalid("The body is too large."));
        }
        while self.0.len() < size {
            self.fill(socket).await?;
        }
        Ok(self.0.drain(..size).collect())
    }

    async fn line(&mut self, socket: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
        loop {
            if let Some(end) = self.0.windows(2).position(|window| window == b"\r\n") {
                let line = self.take(socket, end + 2, MAX_HEAD).await?;
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.0.len() > MAX_HEAD {
                return Err(invalid("A line is too long."));
            }
            self.fill(socket).await?;
        }
    }

    /// What ended the connection.
    pub(crate) async fn closed(&mut self, socket: &mut (impl AsyncRead + Unpin)) -> io::Error {
        loop {
            if let Err(error) = self.fill(socket).await {
                return error;
            }
        }
    }

    /// Waits; an error as soon as the client goes away.
    pub(crate) async fn pause(&mut self, socket: &mut (impl AsyncRead + Unpin), millis: u64) -> io::Result<()> {
        if millis == 0 {
            return Ok(());
        }
        match timeout(Duration::from_millis(millis), self.closed(socket)).await {
            Ok(error) => Err(error),
            Err(_elapsed) => Ok(()),
        }
    }

    /// What is left, for another protocol from here on.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let answer = Self { status, body: body.into(), headers: Vec::new() };
        answer.with("Content-Type", "application/vnd.api+json")
    }

    /// Replaces the header, whatever the case of its name.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(present, _)| !present.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn replaced(&self, status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), headers: self.headers.clone() }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(present, _)| present.eq_ignore_ascii_case(name))
    }

    /// The head, with the body's length unless the headers say another or none can be.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Simulated\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let framed = self.has("Content-Length") || self.has("Transfer-Encoding");
        if !framed && !matches!(self.status, 100..200 | 204 | 304) {
            let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// Head and body in one piece.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.head().as_slice(), &self.body].concat()
    }
}
