//! Time that neither a suspended machine nor a corrected clock can shorten.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

use tokio::time;

/// A point in time on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// The larger of what the monotonic and the wall clock say: the monotonic one stands still while
    /// the machine is suspended.
    pub(crate) fn elapsed(&self) -> Duration {
        let wall = self.wall.elapsed().unwrap_or_default();
        self.monotonic.elapsed().max(wall)
    }

    /// The wall clock, to the microsecond, as reports write it.
    pub(crate) fn utc(&self) -> SystemTime {
        let since_epoch = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        SystemTime::UNIX_EPOCH + whole_micros(since_epoch)
    }
}

/// A duration to the microsecond, as reports write it.
pub(crate) fn whole_micros(duration: Duration) -> Duration {
    Duration::new(duration.as_secs(), duration.subsec_micros() * 1_000)
}

/// The wall clock, to the microsecond, as journals write it.
pub(crate) fn now() -> SystemTime {
    Moment::now().utc()
}

/// A time in UTC for a person to read, to the second.
pub(crate) fn text(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// The time is up.
#[derive(Debug)]
pub(crate) struct Elapsed;

/// Gives a future so much time, on the clock that runs ahead. Timers stand still with the monotonic
/// clock, so a machine that was suspended is noticed within a second of its return.
pub(crate) async fn timeout<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    const LOOK: Duration = Duration::from_secs(1);
    let started = Moment::now();
    let mut future = pin!(future);
    loop {
        let left = limit.saturating_sub(started.elapsed());
        match time::timeout(left.min(LOOK), future.as_mut()).await {
            Ok(done) => return Ok(done),
            Err(_) if started.elapsed() >= limit => return Err(Elapsed),
            Err(_) => {}
        }
    }
}
