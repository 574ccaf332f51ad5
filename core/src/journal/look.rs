//! What generated reports showed about files. No I/O.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use crate::model::moment::Uptime;

/// What generated reports showed about files at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) at: SystemTime,
    pub(crate) uptime: Option<Uptime>,
    pub(crate) published: HashSet<u64>,
    pub(crate) not_published: HashSet<u64>,
}

impl Look {
    /// Whether a file was shown as published; `None`: nothing was said, or both.
    pub(crate) fn says(&self, file_id: u64) -> Option<bool> {
        match (self.published.contains(&file_id), self.not_published.contains(&file_id)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }

    /// How long after a request it was, by the clock that says less.
    pub(crate) fn after(&self, sent_at: SystemTime, uptime: Option<&Uptime>) -> Duration {
        let wall = self.at.duration_since(sent_at).unwrap_or_default();
        let monotonic = self.uptime.as_ref().zip(uptime).and_then(|(now, then)| now.since(then));
        monotonic.map_or(wall, |monotonic| monotonic.min(wall))
    }
}
