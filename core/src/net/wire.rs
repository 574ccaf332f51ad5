//! One request and its answer on a connection of their own.
//!
//! The answer is read from the first byte that the request leaves: a server may refuse what it has not read to its end.
//! Nothing that the server says makes this side reserve memory that it cannot have.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::head::{self, Framing, Head};
use crate::protocol::exchange::MAX_BODY;

/// The most bytes before a body: all heads with their headers, or all trailers.
const MAX_HEAD: usize = 256 << 10;
/// How long the line may be that says how large a chunk is.
const MAX_CHUNK_LINE: usize = 16 << 10;
/// How much of an answer that is too large is kept for the reader.
const KEPT_OF_TOO_LARGE: usize = 64 << 10;
/// As much as one record of TLS has.
const PIECE: usize = 16 << 10;

/// What bytes go through: TCP, or TLS over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why an answer, or the rest of one, did not come.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection failed.
    Io(io::Error),
    /// What came is not an answer, or not the whole of one; a sentence's end says why.
    Answer(String),
}

impl From<&str> for Broken {
    fn from(why: &str) -> Self {
        Self::Answer(why.to_owned())
    }
}

impl Broken {
    /// Why, as a sentence's end.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Io(error) => error.to_string(),
            Self::Answer(why) => why.clone(),
        }
    }
}

/// A connection on which a request goes out and its answer comes in.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    request: Vec<u8>,
    sent: usize,
    is_flushed: bool,
    /// What kept the request from going out. The answer may be there all the same.
    unsent: Option<io::Error>,
    unread: Vec<u8>,
    piece: Box<[u8]>,
}

impl Wire {
    pub(crate) fn new(stream: Box<dyn Stream>, request: Vec<u8>) -> Self {
        let piece = vec![0; PIECE].into_boxed_slice();
        Self { stream, request, sent: 0, is_flushed: false, unsent: None, unread: Vec::new(), piece }
    }

    /// The connection, for another protocol from here on; `None`: the server has begun to speak already.
    pub(crate) fn into_stream(self) -> Option<Box<dyn Stream>> {
        self.unread.is_empty().then_some(self.stream)
    }

    /// The head of the answer. Those of interim answers are read over.
    pub(crate) async fn head(&mut self) -> Result<Head, Broken> {
        let (mut looked, mut passed) = (0, 0);
        loop {
            if !head::may_begin(&self.unread) {
                return Err("what came is not an answer in HTTP/1.1".into());
            }
            if let Some(length) = head::length(&self.unread, looked) {
                let head = Head::read(self.unread.get(..length).unwrap_or_default())?;
                self.unread.drain(..length);
                if !head.is_interim() {
                    return Ok(head);
                }
                (looked, passed) = (0, passed + length);
            } else {
                looked = self.unread.len();
                if passed + looked > MAX_HEAD {
                    return Err("the head of the answer is larger than 256 KiB".into());
                }
                if !self.read().await? {
                    return Err(self.closed("before the answer's head was whole"));
                }
            }
        }
    }

    /// The body that follows a head, into `body`, which has what came of it if not all came.
    pub(crate) async fn body(&mut self, head: &Head, body: &mut Vec<u8>) -> Result<(), Broken> {
        match head.framing {
            Framing::Nothing => Ok(()),
            Framing::Unclear(why) => Err(why.into()),
            // Its status says enough, and whether the chunks will agree with the length is not waited for.
            Framing::Chunks { announced: Some(_) } if !head.is_success() => {
                Err("it announces a length and chunks as well".into())
            }
            Framing::Length(length) => match usize::try_from(length) {
                Ok(length) if length <= MAX_BODY => self.so_many(length, body).await,
                _ => Err(Broken::Answer(too_large())),
            },
            Framing::UntilClose => self.until_close(body).await,
            Framing::Chunks { announced } => {
                self.chunks(body).await?;
                if announced.is_some_and(|announced| announced != body.len() as u64) {
                    return Err("its chunks are not as long as it announces".into());
                }
                Ok(())
            }
        }
    }

    /// Whether another answer follows right behind the one that was read.
    pub(crate) fn has_another_answer(&self) -> bool {
        self.unread.starts_with(b"HTTP/")
    }

    /// Lets the server know that nothing more comes, as far as that takes no time.
    pub(crate) fn close(mut self) {
        let _ = Pin::new(&mut self.stream).poll_shutdown(&mut Context::from_waker(Waker::noop()));
    }

    async fn so_many(&mut self, length: usize, body: &mut Vec<u8>) -> Result<(), Broken> {
        // What is announced may never come: a large body gets its memory as it comes.
        reserve(body, length.min(1 << 20))?;
        while body.len() < length {
            self.take(length - body.len(), body)?;
            if body.len() < length && !self.read().await? {
                return Err(self.closed("before its body was whole"));
            }
        }
        Ok(())
    }

    async fn until_close(&mut self, body: &mut Vec<u8>) -> Result<(), Broken> {
        loop {
            self.take(usize::MAX, body)?;
            if !self.read().await? {
                return Ok(());
            }
        }
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> Result<(), Broken> {
        loop {
            let line = self.line(MAX_CHUNK_LINE).await?;
            let size = chunk_size(&line).ok_or(Broken::from("a chunk of it has no readable size"))?;
            if size == 0 {
                break;
            }
            let end = body.len().saturating_add(size);
            while body.len() < end {
                self.take(end - body.len(), body)?;
                if body.len() < end && !self.read().await? {
                    return Err(self.closed("inside a chunk of its body"));
                }
            }
            if !self.line(MAX_CHUNK_LINE).await?.is_empty() {
                return Err("a chunk of it is larger than it says".into());
            }
        }
        let mut room = MAX_HEAD;
        loop {
            let trailer = self.line(room).await?;
            if trailer.is_empty() {
                return Ok(());
            }
            room = room.saturating_sub(trailer.len());
        }
    }

    /// Moves what was read into the body, and no more than so much.
    fn take(&mut self, most: usize, body: &mut Vec<u8>) -> Result<(), Broken> {
        let bytes = self.unread.get(..most).unwrap_or(&self.unread);
        if body.len() + bytes.len() > MAX_BODY {
            body.truncate(KEPT_OF_TOO_LARGE);
            body.shrink_to_fit();
            return Err(Broken::Answer(too_large()));
        }
        reserve(body, bytes.len())?;
        body.extend_from_slice(bytes);
        let taken = bytes.len();
        self.unread.drain(..taken);
        Ok(())
    }

    /// The next line, without its end.
    async fn line(&mut self, most: usize) -> Result<Vec<u8>, Broken> {
        let mut looked = 0;
        loop {
            let fresh = self.unread.get(looked..).unwrap_or_default();
            if let Some(end) = fresh.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.unread.drain(..=looked + end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            looked = self.unread.len();
            if looked > most {
                return Err("a line between its chunks is too long".into());
            }
            if !self.read().await? {
                return Err(self.closed("before its last chunk"));
            }
        }
    }

    fn closed(&mut self, when: &str) -> Broken {
        match self.unsent.take() {
            Some(error) => Broken::Io(error),
            None => Broken::Answer(format!("the connection was closed {when}")),
        }
    }

    /// Reads on, while what is left of the request goes out; `false`: the server has ended.
    async fn read(&mut self) -> Result<bool, Broken> {
        let count = poll_fn(|context| self.poll_read(context)).await.map_err(Broken::Io)?;
        let bytes = self.piece.get(..count).unwrap_or_default();
        reserve(&mut self.unread, count)?;
        self.unread.extend_from_slice(bytes);
        Ok(count > 0)
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if !self.is_flushed
            && let Poll::Ready(sent) = self.poll_send(context)
        {
            self.is_flushed = true;
            self.unsent = sent.err();
        }
        let mut piece = ReadBuf::new(&mut self.piece);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece))?;
        Poll::Ready(Ok(piece.filled().len()))
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.request.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }
}

fn too_large() -> String {
    format!("it is larger than {} MiB", MAX_BODY >> 20)
}

/// Room for so many bytes more, or an error: what the server sends must not end the process.
fn reserve(bytes: &mut Vec<u8>, more: usize) -> Result<(), Broken> {
    bytes.try_reserve(more).map_err(|_| "this machine has not enough memory for it".into())
}

fn chunk_size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    usize::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}
