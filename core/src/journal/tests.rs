//! Runs that are cut short anywhere, made up by the thousand: whatever the journal still has and
//! whatever the server did, nothing is sent twice and every file is accounted for. No I/O.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use fastrand::Rng;

use crate::journal::file;
use crate::journal::history::{self, History};
use crate::journal::record::{FORMAT, Header, Line, Record, Verdict};
use crate::outcome::Outcome;
use crate::report::{Attempt, FileResult, FileState, Status, UnexpectedResult};
use crate::request::{ContactNotification, PortalPublishing};

/// A journal as bytes, and the server's own record of how often it processed each file.
struct World {
    rng: Rng,
    written: Vec<u8>,
    last: Option<String>,
    processed: HashMap<u64, u32>,
}

/// The power failed.
struct Crash;

impl World {
    /// Writes a line, or a piece of it.
    fn append(&mut self, record: Record) -> Result<(), Crash> {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let (line, hash) = Line { record, at, prev: self.last.clone() }.encode();
        let crash = self.rng.u8(..10) == 0;
        let reached = if crash { self.rng.usize(..=line.len()) } else { line.len() };
        self.written.extend_from_slice(&line[..reached]);
        self.last = Some(hash);
        if crash { Err(Crash) } else { Ok(()) }
    }

    /// What a process finds that opens the journal: `mend` as it does before it appends.
    fn open(&mut self) -> History {
        let (history, last, mended) = file::read_bytes(Path::new("journal"), &self.written).unwrap();
        (self.written, self.last) = (mended, last);
        history
    }

    /// One process: from opening the journal to its end or a crash.
    fn run(&mut self) -> Result<(), Crash> {
        let mut history = self.open();
        // A person looks at the server's record and decides, maybe not about all at once.
        for file_id in history.undecided() {
            let decision = match (self.rng.u8(..8), self.processed[&file_id]) {
                (0, _) => return Ok(()),
                (1, _) => Verdict::Leave,
                (_, 0) => Verdict::NotPublished,
                _ => Verdict::Published,
            };
            let record = Record::Decision { file_id, decision, by: "A. Person".to_owned(), evidence: None };
            self.note(&mut history, record)?;
        }
        if let Some(plan) = history.further_plan(history.chunk_size()) {
            self.note(&mut history, plan)?;
        }
        assert!(history.undecided().is_empty());
        while let Some((chunk, attempt, file_ids)) = history.next_chunk() {
            self.note(&mut history, Record::Intent { chunk, attempt })?;
            let end = self.request(chunk, attempt, &file_ids)?;
            let stops = matches!(end, Record::Outcome { outcome: Outcome::Unknown, .. });
            self.note(&mut history, end)?;
            if stops || !history.undecided().is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn note(&mut self, history: &mut History, record: Record) -> Result<(), Crash> {
        history.apply(&record, SystemTime::UNIX_EPOCH).unwrap();
        self.append(record)
    }

    /// The server meets a request: it refuses, does all, some or none of it, and answers or not.
    fn request(&mut self, chunk: u32, attempt: u32, file_ids: &[u64]) -> Result<Record, Crash> {
        let attempted = |outcome| Attempt {
            sent_at: None,
            answered_at: None,
            http_status: None,
            request_id: None,
            elapsed: Duration::from_millis(12),
            outcome,
            retry_after: None,
        };
        if self.rng.u8(..5) == 0 {
            let (result, reason) = (Some(attempted(Outcome::NotProcessed)), "refused".to_owned());
            return Ok(Record::NotProcessed { chunk, attempt, result, reason });
        }
        let done = [0, file_ids.len() / 2, file_ids.len(), file_ids.len()][self.rng.usize(..4)];
        for id in &file_ids[..done] {
            *self.processed.get_mut(id).unwrap() += 1;
        }
        if self.rng.u8(..10) == 0 {
            return Err(Crash);
        }
        let readable = done == file_ids.len() && self.rng.u8(..4) > 0;
        let outcome = if readable { Outcome::Processed } else { Outcome::Unknown };
        let files = file_ids.iter().map(|id| match (readable, self.rng.u8(..6)) {
            (false, _) | (true, 0) => FileResult::unanswered(*id, FileState::Unknown),
            (true, draw) => {
                let publish_status = Some(if draw == 1 { Status::Fail } else { Status::Success });
                let answer = UnexpectedResult {
                    file_id: Some(*id),
                    publish_status,
                    notify_status: Some(Status::Success),
                    errors: Vec::new(),
                };
                FileResult::answered(*id, answer)
            }
        });
        let (files, result) = (files.collect(), attempted(outcome));
        Ok(Record::Outcome { chunk, attempt, outcome, result, files, unexpected: Vec::new(), raw: "{}".to_owned() })
    }
}

fn header() -> Header {
    Header {
        format: FORMAT,
        library: "0".to_owned(),
        run: "0".to_owned(),
        base_url: "http://127.0.0.1".to_owned(),
        firm_id: "1".to_owned(),
        portal_publishing: PortalPublishing::Publish,
        contact_notification: ContactNotification::Notify,
        publish_override_contact_ids: Vec::new(),
        operator: None,
        host: None,
        simulated: true,
        fingerprint: String::new(),
    }
}

#[test]
fn no_crash_makes_a_file_go_out_twice_or_get_lost() {
    const RUNS: u64 = 500;
    let mut seen = HashMap::<&str, usize>::new();
    for seed in 0..RUNS {
        let mut rng = Rng::with_seed(seed);
        let ids: Vec<u64> = (1..=rng.u64(1..=9)).collect();
        let chunks = history::chunks(&ids, rng.usize(1..=4), 1);
        let processed = ids.iter().map(|id| (*id, 0)).collect();
        let mut world = World { rng, written: Vec::new(), last: None, processed };
        // These two lines appear at once, by renaming a file.
        for record in [Record::Header(header()), Record::Plan { chunks }] {
            let (line, hash) = Line { record, at: SystemTime::UNIX_EPOCH, prev: world.last.take() }.encode();
            world.written.extend(line);
            world.last = Some(hash);
        }
        for process in 0.. {
            let crashed = world.run().is_err();
            *seen.entry(if crashed { "crashes" } else { "ends" }).or_default() += 1;
            assert!(world.processed.values().all(|times| *times <= 1), "seed {seed}: {:?}", world.processed);
            let history = world.open();
            // Whoever reads it back finds what the files add up to.
            let states = [FileState::Ok, FileState::Failed, FileState::Unknown, FileState::NotProcessed];
            assert_eq!(history.counts(), states.map(|state| history.report().count(state)), "seed {seed}");
            assert_eq!(history.counts().iter().sum::<usize>(), ids.len(), "seed {seed}");
            if history.undecided().is_empty() && history.to_be_sent().is_empty() {
                break;
            }
            assert!(process < 500, "seed {seed} comes to no end");
        }
        for file in world.open().files() {
            let (id, state) = (file.id, file.state);
            let verdict = file.decision().map(|decision| decision.verdict);
            let times = world.processed[&id];
            match (state, verdict) {
                (FileState::Ok | FileState::Failed, _) | (FileState::Unknown, Some(Verdict::Published)) => {
                    assert_eq!(times, 1, "seed {seed}, file {id}");
                }
                (FileState::Unknown, Some(Verdict::Leave)) => {}
                other => panic!("seed {seed}, file {id}: {other:?}"),
            }
            *seen.entry(state.as_str()).or_default() += 1;
        }
    }
    for what in ["crashes", "ends", "ok", "failed", "unknown"] {
        assert!(seen.get(what).is_some_and(|times| *times > 100), "{seen:?}");
    }
}

/// Records in an order that no run writes are refused, each by itself.
#[test]
fn a_record_that_cannot_follow_is_refused() {
    let intent = |chunk, attempt| Record::Intent { chunk, attempt };
    let refusal = |chunk, attempt| Record::NotProcessed { chunk, attempt, result: None, reason: "refused".to_owned() };
    let decision = |file_id| Record::Decision {
        file_id,
        decision: Verdict::NotPublished,
        by: "A. Person".to_owned(),
        evidence: None,
    };
    let plan = |chunk, ids: &[u64]| Record::Plan { chunks: history::chunks(ids, 9, chunk) };
    for (before, refused) in [
        (vec![], intent(0, 1)),
        (vec![], intent(3, 1)),
        (vec![], intent(1, 2)),
        (vec![], refusal(1, 1)),
        (vec![], decision(1)),
        (vec![], plan(3, &[1])),
        (vec![], Record::Header(header())),
        (vec![intent(1, 1)], intent(1, 2)),
        (vec![intent(1, 1)], refusal(2, 1)),
        (vec![intent(1, 1)], plan(3, &[1])),
        (vec![intent(1, 1)], decision(77)),
        (vec![intent(1, 1), refusal(1, 1)], intent(1, 1)),
        (vec![intent(1, 1), refusal(1, 1)], decision(1)),
        (vec![intent(1, 1), decision(1)], plan(3, &[1, 2])),
        (vec![intent(1, 1), decision(1)], plan(4, &[1])),
        (vec![intent(1, 1), decision(1), plan(3, &[1])], plan(4, &[1])),
        // Once it is decided that nobody sends it any more, no end of it can come.
        (vec![intent(1, 1), decision(1), plan(3, &[1])], refusal(1, 1)),
    ] {
        let mut history = History::begin(header(), &history::chunks(&[1, 2, 3], 2, 1)).unwrap();
        for record in &before {
            history.apply(record, SystemTime::UNIX_EPOCH).unwrap();
        }
        assert!(history.apply(&refused, SystemTime::UNIX_EPOCH).is_err(), "{before:?} {refused:?}");
    }
}
