//! As much of HTTP/1.1 as the contenders speak.

use std::io::{self, ErrorKind};

/// A request that has arrived as a whole.
pub(crate) struct Request<'a> {
    pub(crate) path: &'a str,
    pub(crate) whole: &'a [u8],
    /// The client wants the connection to be closed after the answer.
    pub(crate) is_last: bool,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The first request of what was received; `None` if it is not whole yet.
    pub(crate) fn read(received: &'a [u8]) -> io::Result<Option<Self>> {
        let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
        let invalid = |what: &str| io::Error::new(ErrorKind::InvalidData, what.to_owned());
        let head = received.get(..end).and_then(|head| str::from_utf8(head).ok()).ok_or_else(|| invalid("head"))?;
        let mut lines = head.split("\r\n");
        let path = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or_else(|| invalid("request line"))?;
        let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
        let value = |wanted: &str| {
            let header = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            header.map(|(_, value)| value.trim())
        };
        let is_last = value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let length: usize = match value("content-length") {
            Some(length) => length.parse().map_err(|_| invalid("content length"))?,
            None if head.starts_with("GET ") => 0,
            None => return Err(invalid("a body without a length")),
        };
        let start = end + 4;
        let body = received.get(start..start + length);
        Ok(body.zip(received.get(..start + length)).map(|(body, whole)| Self { path, whole, is_last, body }))
    }

    /// How many bytes it takes.
    pub(crate) fn length(&self) -> usize {
        self.whole.len()
    }

    /// The first of the consecutive files, and how many they are.
    pub(crate) fn file_ids(&self) -> (u64, u64) {
        let list = self.body.split(|byte| *byte == b'[').nth(1).unwrap_or_default();
        let list = list.split(|byte| *byte == b']').next().unwrap_or_default();
        let first = list.split(|byte| *byte == b',').next().unwrap_or_default();
        let first = str::from_utf8(first).ok().and_then(|id| id.trim().parse().ok()).unwrap_or_default();
        let commas = list.iter().map(|byte| u64::from(*byte == b',')).sum::<u64>();
        (first, commas + 1)
    }
}
