//! The proof that a request was never sent: a two-way latch around its body.
//!
//! The body's first poll moves *idle* → *sending*; a timeout, a cancellation or the classifier move
//! *idle* → *revoked*. A revoked body yields an error instead of bytes. So "never sent" is not an
//! observation that a race can outdate, but a state that no later event can leave.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::protocol::sync::{Arc, AtomicU8, OnceLock, Ordering};
use crate::runtime::clock::Moment;

const IDLE: u8 = 0;
const SENDING: u8 = 1;
const REVOKED: u8 = 2;

/// Whether the body of one attempt began to go out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latch(Arc<State>);

#[derive(Debug, Default)]
struct State {
    state: AtomicU8,
    sent_at: OnceLock<Moment>,
}

impl Latch {
    /// Makes sure that the body never goes out from now on; `false` if it already began to.
    pub(crate) fn revoke(&self) -> bool {
        match self.0.state.compare_exchange(IDLE, REVOKED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(state) => state == REVOKED,
        }
    }

    /// When the body began to go out; `None` as long as it did not.
    pub(crate) fn sent_at(&self) -> Option<&Moment> {
        (self.0.state.load(Ordering::Acquire) == SENDING).then(|| self.0.sent_at.get()).flatten()
    }

    /// How long ago the body began to go out.
    pub(crate) fn since_sent(&self) -> Duration {
        self.sent_at().map(Moment::elapsed).unwrap_or_default()
    }

    fn begin(&self) -> bool {
        // Before the state moves, so that "sending" is never seen without its time.
        let _ = self.0.sent_at.set(Moment::now());
        self.0.state.compare_exchange(IDLE, SENDING, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

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
        Poll::Ready(Some(if self.latch.begin() { Ok(Frame::data(bytes)) } else { Err(Revoked) }))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
