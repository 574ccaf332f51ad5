//! What generated reports showed about files. No I/O.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use crate::journal::record::Record;
use crate::model::moment::Uptime;

/// What a generated report showed about files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) job_id: String,
    /// When it was asked for.
    pub(crate) at: SystemTime,
    pub(crate) uptime: Option<Uptime>,
    pub(crate) published: HashSet<u64>,
    pub(crate) not_published: HashSet<u64>,
}

impl Look {
    /// What a record of a look says; `None` if it is none.
    pub(crate) fn of(record: &Record, at: SystemTime) -> Option<Self> {
        let Record::Look { job_id, published, not_published, uptime } = record else { return None };
        let ids = |ids: &[u64]| ids.iter().copied().collect();
        let (published, not_published) = (ids(published), ids(not_published));
        Some(Self { job_id: job_id.clone(), at, uptime: uptime.clone(), published, not_published })
    }

    /// It as a record.
    pub(crate) fn record(&self) -> Record {
        let ids = |ids: &HashSet<u64>| {
            let mut ids: Vec<u64> = ids.iter().copied().collect();
            ids.sort_unstable();
            ids
        };
        Record::Look {
            job_id: self.job_id.clone(),
            published: ids(&self.published),
            not_published: ids(&self.not_published),
            uptime: self.uptime.clone(),
        }
    }

    /// Whether a file was shown as published; `None` if nothing was said, or both.
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

    /// The same by the clock that says more; `None` if one of them was put back meanwhile.
    pub(crate) fn at_most_after(&self, sent_at: SystemTime, uptime: Option<&Uptime>) -> Option<Duration> {
        let wall = self.at.duration_since(sent_at).ok()?;
        match self.uptime.as_ref().zip(uptime) {
            Some((now, then)) if now.boot == then.boot && now.millis < then.millis => None,
            Some((now, then)) => Some(now.since(then).map_or(wall, |monotonic| monotonic.max(wall))),
            None => Some(wall),
        }
    }
}
