//! A request's body, which goes out through its latch.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::protocol::latch::Latch;
use crate::runtime::clock;

/// The body of one attempt: handed out once, as one piece, unless revoked before.
#[derive(Debug)]
pub(crate) struct LatchedBody {
    latch: Latch,
    bytes: Option<Bytes>,
}

impl LatchedBody {
    pub(crate) fn new(latch: Latch, bytes: Bytes) -> Self {
        Self { latch, bytes: Some(bytes) }
    }
}

/// The body was revoked: no byte of it was or will be sent.
#[derive(Debug)]
pub(crate) struct Revoked;

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was withdrawn before it was sent")
    }
}

impl std::error::Error for Revoked {}

impl Body for LatchedBody {
    type Data = Bytes;
    type Error = Revoked;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Revoked>>> {
        let Some(bytes) = self.bytes.take() else { return Poll::Ready(None) };
        Poll::Ready(Some(if self.latch.begin(clock::now()) { Ok(Frame::data(bytes)) } else { Err(Revoked) }))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
