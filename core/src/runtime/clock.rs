//! The clocks, and a timeout that neither a suspended machine nor a corrected clock can lengthen.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

use tokio::time;

use crate::model::moment::Moment;

/// Now, on both clocks.
pub(crate) fn now() -> Moment {
    Moment { monotonic: Instant::now(), wall: SystemTime::now() }
}

/// The time is up.
#[derive(Debug)]
pub(crate) struct Elapsed;

/// Gives a future so much time, on the clock that runs ahead. Timers stand still with the monotonic
/// clock, so a machine that was suspended is noticed within a second of its return.
pub(crate) async fn timeout<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    const LOOK: Duration = Duration::from_secs(1);
    let started = now();
    let mut future = pin!(future);
    loop {
        let left = limit.saturating_sub(now().since(&started));
        match time::timeout(left.min(LOOK), future.as_mut()).await {
            Ok(done) => return Ok(done),
            Err(_) if now().since(&started) >= limit => return Err(Elapsed),
            Err(_) => {}
        }
    }
}
