//! What a transport brings back, as plain data.

use std::time::Duration;

use crate::model::attempt::Fault;
use crate::runtime::clock::Moment;

/// The largest answer that is read, and the most that all its pages may have together.
pub(crate) const MAX_BODY: usize = 64 << 20;

/// What came back.
pub(crate) enum Exchange {
    /// Nothing; `cause` in the words of the layer that failed.
    Lost { fault: Fault, cause: String },
    /// An answer's head, and as much of its body as arrived.
    Answered(Answer),
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) at: Moment,
    /// From the request body's first byte to the answer's head.
    pub(crate) after: Duration,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
    /// Why the body is not whole.
    pub(crate) broken: Option<String>,
}
