//! What becomes of a journal that is settled: two looks at generated reports, and what they prove. No I/O.

use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::journal::history::History;
use crate::journal::look::Look;
use crate::journal::record::Record;
use crate::journal::settle::{self, Patience};
use crate::journal::store::Dated;
use crate::model::message::{message, name};
use crate::model::moment::Boot;
use crate::model::settlement::Settlement;
use crate::protocol::reading::{Looked, Reading};

/// A journal that is being settled.
#[derive(Debug)]
pub(crate) struct Settling {
    job_ids: Vec<String>,
    /// Whether the looks and what they prove are recorded.
    applies: bool,
    /// What was seen before the last time that every report was asked for, and then.
    earlier: Vec<Look>,
    last: Vec<Look>,
    looked_at: Vec<SystemTime>,
    records: Vec<Dated>,
    patience: Patience,
}

impl Settling {
    pub(crate) fn new(job_ids: Vec<String>, applies: bool) -> Self {
        let (earlier, last, looked_at, records) = Default::default();
        Self { job_ids, applies, earlier, last, looked_at, records, patience: Patience::new(1.0) }
    }

    /// Finds out which reports to look at: the journal's own, if no others are named.
    pub(crate) fn begin(&mut self, history: &History) -> Result<(), Error> {
        if self.job_ids.is_empty() {
            self.job_ids.clone_from(&history.header().reports);
        }
        if self.job_ids.is_empty() {
            return Err(Error::input(message![
                name("job_ids"),
                " must name the generated reports that the files came out of: the journal names none.",
            ]));
        }
        Ok(())
    }

    /// One look at every report.
    pub(crate) fn reading(&self, max_wait: Duration, fresh_token: bool) -> Reading {
        Reading::of_jobs(&self.job_ids, max_wait, fresh_token)
    }

    /// Takes in one look at every report. `Some`: how long to wait before the next one, which is needed.
    pub(crate) fn looked(
        &mut self,
        history: &History,
        looked: &[Looked],
        boot: Option<&Boot>,
        clock: f64,
    ) -> Option<Duration> {
        self.patience = Patience::new(clock);
        let seen: Vec<Dated> = looked.iter().map(|looked| looked.record(|id| history.has(id), boot)).collect();
        self.earlier.append(&mut self.last);
        self.last.extend(seen.iter().filter_map(|(record, at)| Look::of(record, *at)));
        self.looked_at.extend(seen.first().map(|(_, at)| *at));
        self.records.extend(seen);
        let is_enough =
            self.looked_at.len() > 1 || !settle::needs_another_look(history, &self.earlier, &self.last, self.patience);
        (!is_enough).then(|| self.patience.apart())
    }

    /// What is to be recorded, and what is proven.
    pub(crate) fn conclude(&mut self, history: &History, now: SystemTime) -> (Vec<Dated>, Settlement) {
        let files = settle::settle(history, &self.earlier, &self.last, self.patience);
        let mut records = std::mem::take(&mut self.records);
        for file in &files {
            if let Some(decision) = file.decision {
                let (by, evidence) = (settle::BY.to_owned(), Some(file.evidence.clone()));
                records.push((Record::Decision { file_id: file.file_id, decision, by, evidence }, now));
            }
        }
        if !self.applies {
            records.clear();
        }
        (records, Settlement { files, applied: self.applies, looked_at: self.looked_at.clone() })
    }
}
