//! The latch in every order in which its parties can come, as loom finds them: the body that is about to go out,
//! a caller who cancels, and the code that classifies a failure.

#![allow(clippy::expect_used, missing_docs)]

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use body::{LatchedBody, Revoked};
use bytes::Bytes;
use http_body::{Body, Frame};
use latch::Latch;
use loom::thread;

#[path = "../src/net/body.rs"]
mod body;
#[allow(dead_code, reason = "the body needs a part of it")]
#[path = "../src/runtime/clock.rs"]
mod clock;
#[allow(dead_code, reason = "the model needs a part of it")]
#[path = "../src/protocol/latch.rs"]
mod latch;
#[allow(dead_code, reason = "the latch needs a part of it")]
#[path = "../src/model/moment.rs"]
mod moment;

// As the core names them.
mod model {
    pub(crate) use crate::moment;
}
mod protocol {
    pub(crate) use crate::{latch, sync};
}
mod runtime {
    pub(crate) use crate::clock;
}

mod sync {
    pub(crate) use loom::sync::Arc;
    use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::{AtomicU8, Ordering};

    /// loom has none. What is set is never dropped, so that it can be lent.
    #[derive(Debug)]
    pub(crate) struct OnceLock<T: 'static>(Mutex<Option<&'static T>>);

    impl<T> Default for OnceLock<T> {
        fn default() -> Self {
            Self(Mutex::new(None))
        }
    }

    impl<T> OnceLock<T> {
        pub(crate) fn set(&self, value: T) -> Result<(), T> {
            let mut slot = self.0.lock().expect("a lock");
            if slot.is_some() {
                return Err(value);
            }
            *slot = Some(Box::leak(Box::new(value)));
            Ok(())
        }

        pub(crate) fn get(&self) -> Option<&T> {
            *self.0.lock().expect("a lock")
        }
    }
}

fn latched() -> (Latch, LatchedBody) {
    let latch = Latch::default();
    let body = LatchedBody::new(latch.clone(), Bytes::from_static(b"x"));
    (latch, body)
}

fn poll(body: &mut LatchedBody) -> Option<Result<Frame<Bytes>, Revoked>> {
    match Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(frame) => frame,
        Poll::Pending => unreachable!("a body in memory is always ready"),
    }
}

#[test]
fn a_revoked_body_yields_no_bytes() {
    loom::model(|| {
        let (latch, mut body) = latched();
        assert!(latch.revoke());
        assert!(matches!(poll(&mut body), Some(Err(Revoked))));
        assert!(latch.revoke());
        assert!(latch.sent_at().is_none());
    });
}

#[test]
fn a_body_that_began_cannot_be_revoked() {
    loom::model(|| {
        let (latch, mut body) = latched();
        assert!(matches!(poll(&mut body), Some(Ok(_))));
        assert!(!latch.revoke());
        assert!(latch.sent_at().is_some());
        assert!(poll(&mut body).is_none());
    });
}

#[test]
fn in_every_order_there_are_either_the_bytes_or_the_proof() {
    loom::model(|| {
        let (latch, mut body) = latched();
        let sends = thread::spawn(move || matches!(poll(&mut body), Some(Ok(_))));
        let other = latch.clone();
        let cancels = thread::spawn(move || other.revoke());
        let proven = latch.revoke();
        // Without a proof, the time at which the body went out is known.
        assert_eq!(latch.sent_at().is_some(), !proven);
        let (sent, cancelled) = (sends.join().expect("no panic"), cancels.join().expect("no panic"));
        assert_ne!(proven, sent);
        // All hear the same, and no later event changes it.
        assert_eq!(proven, cancelled);
        assert_eq!(proven, latch.revoke());
    });
}
