//! The proof that a request was never sent: a two-way latch around its body.
//!
//! The body's first poll moves *idle* → *sending*; a timeout, a cancellation or the classifier move
//! *idle* → *revoked*. A revoked body yields an error instead of bytes. So "never sent" is not an
//! observation that a race can outdate, but a state that no later event can leave.

use crate::model::moment::Moment;
use crate::protocol::sync::{Arc, AtomicU8, OnceLock, Ordering};

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

    /// Begins to hand the body out; `false`: it was revoked, and no byte may go out.
    pub(crate) fn begin(&self, now: Moment) -> bool {
        // Before the state moves, so that "sending" is never seen without its time.
        let _ = self.0.sent_at.set(now);
        self.0.state.compare_exchange(IDLE, SENDING, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
