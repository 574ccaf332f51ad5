//! The latch in every order in which its parties can come, as loom finds them: the body that is about to go out,
//! a caller who cancels, and the code that classifies a failure.

#![allow(clippy::expect_used, missing_docs)]

use latch::Latch;
use loom::thread;

#[allow(dead_code, reason = "the model needs a part of it")]
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
    pub(crate) use crate::sync;
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

/// What a transport asks before the first byte of a request goes out.
fn begin(latch: &Latch) -> bool {
    latch.begin(clock::now())
}

#[test]
fn nothing_begins_once_it_was_revoked() {
    loom::model(|| {
        let latch = Latch::default();
        assert!(latch.revoke());
        assert!(!begin(&latch));
        assert!(latch.revoke());
        assert!(latch.sent_at().is_none());
    });
}

#[test]
fn what_began_cannot_be_revoked() {
    loom::model(|| {
        let latch = Latch::default();
        assert!(begin(&latch));
        assert!(!latch.revoke());
        assert!(latch.sent_at().is_some());
        assert!(!begin(&latch), "once");
    });
}

#[test]
fn in_every_order_there_are_either_the_bytes_or_the_proof() {
    loom::model(|| {
        let latch = Latch::default();
        let (sending, other) = (latch.clone(), latch.clone());
        let sends = thread::spawn(move || begin(&sending));
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
