//! A point in time, on both clocks.

use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

/// A point in time on the monotonic and on the wall clock. Neither a suspended machine nor a corrected clock can shorten
/// what lies between two of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) monotonic: Instant,
    pub(crate) wall: SystemTime,
}

impl Moment {
    /// The larger of what the monotonic and the wall clock say: the monotonic one stands still while the machine is
    /// suspended.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        self.monotonic.saturating_duration_since(earlier.monotonic).max(wall)
    }

    /// The wall clock, to the microsecond, as reports and journals write it.
    pub(crate) fn utc(&self) -> SystemTime {
        let since_epoch = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        SystemTime::UNIX_EPOCH + whole_micros(since_epoch)
    }
}

/// A duration to the microsecond, as reports write it.
pub(crate) fn whole_micros(duration: Duration) -> Duration {
    Duration::new(duration.as_secs(), duration.subsec_micros() * 1_000)
}

/// How long a machine has been running: time that no corrected clock changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Uptime {
    /// The id of the boot.
    pub(crate) boot: String,
    /// Milliseconds since then.
    pub(crate) millis: u64,
}

impl Uptime {
    /// How long ago another one was; `None` if that was before the machine was started anew.
    pub(crate) fn since(&self, earlier: &Self) -> Option<Duration> {
        (self.boot == earlier.boot).then(|| Duration::from_millis(self.millis.saturating_sub(earlier.millis)))
    }
}

/// A boot of a machine, and how long it had been running at some moment.
#[derive(Debug, Clone)]
pub(crate) struct Boot {
    pub(crate) id: String,
    pub(crate) uptime: Duration,
    pub(crate) at: Instant,
}

impl Boot {
    /// How long the machine has been running.
    pub(crate) fn uptime(&self, now: Instant) -> Uptime {
        let uptime = self.uptime + now.saturating_duration_since(self.at);
        Uptime { boot: self.id.clone(), millis: u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX) }
    }
}
