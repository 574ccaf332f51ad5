//! Time that neither a suspended machine nor a corrected clock can shorten.

use std::time::{Duration, Instant, SystemTime};

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
