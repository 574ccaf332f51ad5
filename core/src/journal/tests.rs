//! Runs that are cut short anywhere, made up by the thousand: whatever the journal still has and
//! whatever the server did, nothing is sent twice and every file is accounted for. No I/O.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use addepar_portal_simulator::SimulatedPortal;
use fastrand::Rng;
use serde_json::json;
use url::Url;

use crate::client::portal_client::PortalClient;
use crate::error::JournalReason;
use crate::journal::file;
use crate::journal::fingerprint;
use crate::journal::history::{self, History};
use crate::journal::record::{Header, Line, Record};
use crate::journal::view::Journal;
use crate::model::attempt::Attempt;
use crate::model::attempt::Outcome;
use crate::model::batch::{BatchOptions, Repeat};
use crate::model::file_result::{FileResult, FileState, Status, UnexpectedResult, Verdict};
use crate::model::report::{Beside, UnreadPage};
use crate::model::request::{Asks, ContactNotification, PortalPublishing, PublishRequest};

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

    /// What a process finds that opens the journal: `repaired` is what it appends to.
    fn open(&mut self) -> History {
        let (history, last, repaired) = file::read_bytes(Path::new("journal"), &self.written).unwrap();
        (self.written, self.last) = (repaired, last);
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
            let evidence = [None, Some("looked"), Some("looked again")][self.rng.usize(..3)].map(str::to_owned);
            let record = Record::Decision { file_id, decision, by: "A. Person".to_owned(), evidence };
            self.note(&mut history, record)?;
        }
        // Somebody looks once more at what somebody has decided about.
        let decided =
            history.files().iter().filter(|file| file.state == FileState::Unknown && file.decision().is_some());
        for file_id in decided.map(|file| file.id).collect::<Vec<_>>() {
            let decision = match (self.rng.u8(..6), self.processed[&file_id]) {
                (0, _) => Verdict::Leave,
                (1, 0) => Verdict::NotPublished,
                (1, _) => Verdict::Published,
                _ => continue,
            };
            let evidence = [None, Some("looked")][self.rng.usize(..2)].map(str::to_owned);
            self.note(&mut history, Record::Decision { file_id, decision, by: "A. Person".to_owned(), evidence })?;
        }
        // Some file that is yet to be sent was published in some other way.
        let left = history.files().iter().filter(|file| file.state == FileState::NotProcessed);
        let left: Vec<(u64, bool)> = left.map(|file| (file.id, file.decision().is_some())).collect();
        if !left.is_empty() && self.rng.u8(..4) == 0 {
            let (file_id, is_decided) = left[self.rng.usize(..left.len())];
            let decision = match (self.processed[&file_id], self.rng.bool()) {
                (0, true) if is_decided => Verdict::NotPublished,
                (0, true) => Verdict::Leave,
                _ => Verdict::Published,
            };
            let record = Record::Decision { file_id, decision, by: "A. Person".to_owned(), evidence: None };
            // It may have been left out of its chunk already, and stays as it was decided.
            if history.clone().apply(&record, SystemTime::UNIX_EPOCH).is_ok() {
                self.note(&mut history, record)?;
                // A careful person publishes it once the journal knows.
                if decision == Verdict::Published {
                    self.processed.insert(file_id, 1);
                }
            }
        }
        if let Some(plan) = history.further_plan(history.chunk_size()) {
            self.note(&mut history, plan)?;
        }
        assert!(history.undecided().is_empty());
        while let Some((chunk, attempt, file_ids)) = history.next_chunk() {
            let is_whole = history.chunks().any(|(number, _, planned)| number == chunk && planned == file_ids);
            // As format 1 had it.
            let file_ids_written = (!is_whole || self.rng.bool()).then(|| file_ids.clone());
            self.note(&mut history, Record::Intent { chunk, attempt, file_ids: file_ids_written, uptime: None })?;
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
            (false, _) | (true, 0) => FileResult::unknown(*id, "no answer"),
            (true, draw) => {
                let publish_status = Some(if draw == 1 { Status::Fail } else { Status::Success });
                let answer = UnexpectedResult {
                    file_id: Some(*id),
                    publish_status,
                    notify_status: Some(Status::Success),
                    errors: Vec::new(),
                };
                FileResult::answered(*id, answer, Asks { publish: true, notify: true })
            }
        });
        let (files, result) = (files.collect(), attempted(outcome));
        let page = || UnreadPage {
            link: format!("/v1/{chunk}"),
            http_status: Some(500),
            reason: "no".to_owned(),
            raw: "<html>".to_owned(),
        };
        let beside = Beside { unread_pages: Vec::from_iter(self.rng.bool().then(page)), ..Beside::default() };
        Ok(Record::Outcome { chunk, attempt, outcome, result, files, beside, raw: "{}".to_owned() })
    }
}

fn attempted(outcome: Outcome) -> Attempt {
    Attempt {
        sent_at: None,
        answered_at: None,
        http_status: None,
        request_id: None,
        elapsed: Duration::from_millis(12),
        outcome,
        retry_after: None,
    }
}

const ASKS: Asks = Asks { publish: true, notify: true };

fn intent(chunk: u32, attempt: u32) -> Record {
    Record::Intent { chunk, attempt, file_ids: None, uptime: None }
}

fn intent_of(chunk: u32, attempt: u32, ids: &[u64]) -> Record {
    Record::Intent { chunk, attempt, file_ids: Some(ids.to_vec()), uptime: None }
}

fn refusal(chunk: u32, attempt: u32) -> Record {
    Record::NotProcessed { chunk, attempt, result: None, reason: "refused".to_owned() }
}

fn outcome(chunk: u32, outcome: Outcome, files: Vec<FileResult>) -> Record {
    let (result, beside) = (attempted(outcome), Beside::default());
    Record::Outcome { chunk, attempt: 1, outcome, result, files, beside, raw: "{}".to_owned() }
}

fn decision(file_id: u64, decision: Verdict) -> Record {
    Record::Decision { file_id, decision, by: "A. Person".to_owned(), evidence: None }
}

/// A history of the files from 1 on, with two in each chunk, and what happened since, a second after another.
fn history(files: u64, records: impl IntoIterator<Item = Record>) -> History {
    let ids: Vec<u64> = (1..=files).collect();
    let mut history = History::begin(header(), &history::chunks(&ids, 2, 1)).unwrap();
    for (seconds, record) in (1..).zip(records) {
        history.apply(&record, second(seconds)).unwrap_or_else(|reason| panic!("{reason}: {record:?}"));
    }
    history
}

fn second(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn header() -> Header {
    Header { run: "0".to_owned(), ..Header::example() }
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
            // What is read back is what the files add up to.
            let states = [FileState::Ok, FileState::Failed, FileState::Unknown, FileState::NotProcessed];
            assert_eq!(history.counts(), states.map(|state| history.report().count(state)), "seed {seed}");
            assert_eq!(history.counts().iter().sum::<usize>(), ids.len(), "seed {seed}");
            comes_to_the_same_when_it_is_rewritten(&history);
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
                (FileState::NotProcessed, Some(Verdict::Published | Verdict::Leave)) => {
                    assert!(times <= 1, "seed {seed}, file {id}");
                }
                other => panic!("seed {seed}, file {id}: {other:?}"),
            }
            *seen.entry(state.as_str()).or_default() += 1;
        }
    }
    for what in ["crashes", "ends", "ok", "failed", "unknown", "not_processed"] {
        assert!(seen.get(what).is_some_and(|times| *times > 100), "{seen:?}");
    }
}

/// A journal whose lines were overwritten is written anew from what is known: nothing else may be sent after that.
fn comes_to_the_same_when_it_is_rewritten(history: &History) {
    let mut records = history.rewritten(SystemTime::UNIX_EPOCH).into_iter();
    let (Some((Record::Header(header), _)), Some((Record::Plan { chunks }, _))) = (records.next(), records.next())
    else {
        panic!("it begins with a header and a plan");
    };
    let mut again = History::begin(header, &chunks).unwrap();
    for (record, at) in records {
        again.apply(&record, at).unwrap_or_else(|reason| panic!("{reason}: {record:?}"));
    }
    assert_eq!(again.counts(), history.counts());
    assert_eq!(again.undecided(), history.undecided());
    assert_eq!(again.to_be_sent(), history.to_be_sent());
    assert_eq!(again.next_chunk(), history.next_chunk());
    assert_eq!(again.report().files(), history.report().files());
    assert_eq!(again.beside(), history.beside());
    let sends = |history: &History| {
        history.chunks().map(|(number, chunk, ids)| (number, chunk.attempts, ids)).collect::<Vec<_>>()
    };
    assert_eq!(sends(&again), sends(history));
    // What was said before a request went out is not said about it.
    for file in history.files() {
        for evidence in [None, Some("looked"), Some("looked again")] {
            let can_be = |history: &History| history.can_be_about_it(file.id, "A. Person", evidence);
            assert!(can_be(history) || !can_be(&again), "file {}: {evidence:?}", file.id);
        }
    }
}

/// Records in an order that no run writes are refused, each by itself.
#[test]
fn a_record_that_cannot_follow_is_refused() {
    let published = |file_id| decision(file_id, Verdict::Published);
    let missing = |file_id| decision(file_id, Verdict::NotPublished);
    let processed = |chunk, ids: &[u64]| {
        outcome(chunk, Outcome::Processed, ids.iter().map(|id| FileResult::succeeded(*id, ASKS)).collect())
    };
    let plan = |chunk, ids: &[u64]| Record::Plan { chunks: history::chunks(ids, 9, chunk) };
    for (before, refused) in [
        (vec![], intent(0, 1)),
        (vec![], intent(3, 1)),
        (vec![], intent(1, 2)),
        (vec![], refusal(1, 1)),
        (vec![], missing(1)),
        (vec![], plan(3, &[1])),
        (vec![], Record::Header(header())),
        (vec![intent(1, 1)], intent(1, 2)),
        (vec![intent(1, 1)], refusal(2, 1)),
        (vec![intent(1, 1)], plan(3, &[1])),
        (vec![intent(1, 1)], missing(77)),
        (vec![intent(1, 1), refusal(1, 1)], intent(1, 1)),
        (vec![intent(1, 1), refusal(1, 1)], missing(1)),
        (vec![intent(1, 1), missing(1)], plan(3, &[1, 2])),
        (vec![intent(1, 1), missing(1)], plan(4, &[1])),
        (vec![intent(1, 1), missing(1), plan(3, &[1])], plan(4, &[1])),
        (vec![], intent_of(1, 1, &[1])),
        (vec![], intent_of(1, 1, &[2, 1])),
        (vec![], intent_of(1, 1, &[1, 2, 3])),
        // A file that was published in some other way does not go out.
        (vec![published(1)], intent_of(1, 1, &[1, 2])),
        (vec![published(1), intent_of(1, 1, &[2])], missing(1)),
        (vec![published(1), intent_of(1, 1, &[2])], published(1)),
        (vec![published(1), intent_of(1, 1, &[2]), refusal(1, 1)], intent_of(1, 2, &[1, 2])),
        // It came back unprocessed, and may go out again: still without the file that was left out.
        (vec![published(1), intent_of(1, 1, &[2]), refusal(1, 1)], missing(1)),
        // A result of a file that is in another chunk, that nobody asked for, or that has one already.
        (vec![intent(1, 1)], processed(1, &[3])),
        (vec![intent(1, 1)], processed(1, &[9])),
        (vec![intent(1, 1)], processed(1, &[1, 1])),
        (vec![intent(1, 1), refusal(1, 1), intent(2, 1)], processed(2, &[1])),
        (vec![intent(1, 1)], outcome(1, Outcome::NotProcessed, Vec::new())),
        // What became of it is known.
        (vec![intent(1, 1), processed(1, &[1, 2])], published(1)),
        // Once it is decided that nobody sends it any more, no end of it can come.
        (vec![intent(1, 1), missing(1), plan(3, &[1])], refusal(1, 1)),
    ] {
        let mut history = History::begin(header(), &history::chunks(&[1, 2, 3], 2, 1)).unwrap();
        for record in &before {
            history.apply(record, SystemTime::UNIX_EPOCH).unwrap();
        }
        assert!(history.apply(&refused, SystemTime::UNIX_EPOCH).is_err(), "{before:?} {refused:?}");
    }
}

/// What was answered is what the report of the run has, file by file.
#[test]
fn a_history_keeps_what_was_answered() {
    let failed = UnexpectedResult { publish_status: Some(Status::Fail), ..UnexpectedResult::success(2) };
    let files = vec![FileResult::succeeded(1, ASKS), FileResult::answered(2, failed, ASKS)];
    let words = |history: &History| {
        history.chunks().map(|(number, chunk, ids)| (number, history.state_of(chunk), ids)).collect::<Vec<_>>()
    };
    assert_eq!(words(&history(3, [])), [(1, "not_processed", vec![1, 2]), (2, "not_processed", vec![3])]);
    assert_eq!(words(&history(3, [intent(1, 1)]))[0].1, "unknown");
    let unknown = outcome(1, Outcome::Unknown, Vec::new());
    assert_eq!(words(&history(3, [intent(1, 1), unknown]))[0].1, "unknown");
    let processed = history(3, [intent(1, 1), outcome(1, Outcome::Processed, files.clone())]);
    assert_eq!(words(&processed)[0].1, "processed");
    let report = processed.report();
    assert_eq!(report.files()[..2], files[..]);
    assert_eq!(report.files()[2], FileResult::unanswered(3, FileState::NotProcessed));
    assert_eq!((processed.counts(), report.attempts().len()), ([1, 1, 0, 1], 1));
    assert_eq!((processed.sent_at(1), processed.sent_at(2), processed.sent_at(3)), (Some(second(1)), None, None));
    assert_eq!((processed.header().run.as_str(), processed.chunk_count()), ("0", 2));
}

#[test]
fn what_another_process_is_sending_is_in_flight_and_awaits_no_decision() {
    // File 1 has no result, 3 and 4 are being sent, 5 is yet to be.
    let files = vec![FileResult::unknown(1, "no result"), FileResult::succeeded(2, ASKS)];
    let history = history(5, [intent(1, 1), outcome(1, Outcome::Processed, files), intent(2, 1)]);
    let words = |history: &History| history.chunks().map(|(_, chunk, _)| history.state_of(chunk)).collect::<Vec<_>>();
    assert!(!history.is_written());
    assert_eq!((history.in_flight(), history.undecided()), (vec![], vec![1, 3, 4]));
    assert_eq!(words(&history), ["processed", "unknown", "not_processed"]);
    let history = history.written_by_another(true);
    assert!(history.is_written());
    assert_eq!((history.in_flight(), history.undecided()), (vec![3, 4], vec![1]));
    assert_eq!(history.report().in_flight(), [3, 4]);
    assert_eq!(words(&history), ["processed", "in_flight", "not_processed"]);
}

#[test]
fn requests_count_for_the_published_limits_from_when_they_went_out() {
    let sent = |seconds| Attempt { sent_at: Some(second(seconds)), ..attempted(Outcome::NotProcessed) };
    let refused = |seconds| Record::NotProcessed {
        chunk: 1,
        attempt: 1,
        result: Some(sent(seconds)),
        reason: "refused".to_owned(),
    };
    let ago = |history: &History, seconds| {
        let mut ago: Vec<_> = history.sent_ago(second(seconds)).map(|ago| ago.as_secs()).collect();
        ago.sort_unstable();
        ago
    };
    // Its intent is of second 1, it went out in second 2, and the next one is under way since second 3.
    let history = history(4, [intent(1, 1), refused(2), intent(2, 1)]);
    assert_eq!(ago(&history, 10), [7, 8]);
    // The clock may have been set back since.
    assert_eq!(ago(&history, 2), [0]);
}

#[test]
fn another_run_s_files_are_as_this_one_has_them() {
    let unknown = outcome(2, Outcome::Unknown, vec![FileResult::unknown(3, "no"), FileResult::unknown(4, "no")]);
    let records = [
        intent(1, 1),
        outcome(1, Outcome::Processed, vec![FileResult::succeeded(1, ASKS), FileResult::succeeded(2, ASKS)]),
        intent(2, 1),
        unknown,
        decision(4, Verdict::NotPublished),
        decision(6, Verdict::Published),
        intent(4, 1),
    ];
    let history = history(8, records).written_by_another(true);
    let modes = (PortalPublishing::Publish, ContactNotification::DoNotNotify);
    let other = PublishRequest::for_batch([9, 8, 6, 5, 4, 3, 2], modes.0, modes.1).unwrap();
    let report = history.report_on(&other);
    let shown: Vec<_> = report.files().iter().map(|file| (file.file_id, file.state, file.decision)).collect();
    let expected = [
        (9, FileState::NotProcessed, None),
        (8, FileState::Unknown, None),
        (6, FileState::NotProcessed, Some(Verdict::Published)),
        (5, FileState::NotProcessed, None),
        (4, FileState::Unknown, Some(Verdict::NotPublished)),
        (3, FileState::Unknown, None),
        (2, FileState::Ok, None),
    ];
    assert_eq!(shown, expected);
    // The files of that request, under what this run asked for.
    assert_eq!((report.in_flight(), report.request()), (&[8][..], &other.asking_what(history.request())));
    assert_eq!((report.undecided(), report.left().count()), (vec![3], 2));
    assert_eq!(report.file(3).and_then(|file| file.reason.as_deref()), Some("no"));
}

#[test]
fn files_that_a_person_found_missing_are_planned_once_more() {
    let missed = history(3, [intent(1, 1), decision(2, Verdict::NotPublished), decision(1, Verdict::Published)]);
    assert_eq!((missed.to_be_sent(), missed.next_chunk()), (vec![2, 3], Some((2, 1, vec![3]))));
    assert_eq!(missed.further_plan(9), Some(Record::Plan { chunks: history::chunks(&[2], 9, 3) }));
    assert_eq!(history(3, []).further_plan(9), None);
    #[cfg(feature = "cli")]
    assert_eq!(missed.to_come(), [history::chunks(&[3], 2, 2), history::chunks(&[2], 2, 3)].concat());
}

#[test]
fn a_run_keeps_its_chunk_size_and_reports_in_the_order_that_is_asked_for() {
    let planned = history(5, []);
    assert_eq!(planned.chunk_size(), 2);
    assert_eq!([1, 2, 3, 9].map(|size| planned.is_planned_in(size)), [false, true, false, false]);
    let small = history(1, []);
    assert_eq!([1, 2, 9].map(|size| small.is_planned_in(size)), [true, true, true]);
    let modes = (PortalPublishing::Publish, ContactNotification::Notify);
    let request = PublishRequest::for_batch([5, 1, 4, 2, 3], modes.0, modes.1).unwrap();
    let ids: Vec<u64> = planned.in_order_of(&request).report().files().iter().map(|file| file.file_id).collect();
    assert_eq!(ids, [5, 1, 4, 2, 3]);
}

#[test]
fn a_rewritten_journal_has_each_decision_in_a_line_of_its_own() {
    let no_result = vec![FileResult::unknown(1, "no result"), FileResult::succeeded(2, ASKS)];
    let processed = outcome(1, Outcome::Processed, no_result.clone());
    let records = [intent(1, 1), processed.clone(), decision(1, Verdict::Published)];
    let rewritten: Vec<Record> =
        history(3, records).rewritten(second(9)).into_iter().map(|(record, _)| record).collect();
    let plan = Record::Plan { chunks: history::chunks(&[1, 2, 3], 2, 1) };
    let Record::Outcome { beside, .. } = processed else { panic!("{processed:?}") };
    // When it was answered and what exactly is lost.
    let result = Attempt { sent_at: Some(second(1)), elapsed: Duration::ZERO, ..attempted(Outcome::Processed) };
    let processed = Record::Outcome {
        chunk: 1,
        attempt: 1,
        outcome: Outcome::Processed,
        result,
        files: no_result,
        beside,
        raw: String::new(),
    };
    let expected =
        [Record::Header(header()), plan, intent_of(1, 1, &[1, 2]), processed, decision(1, Verdict::Published)];
    assert_eq!(rewritten, expected);
}

#[test]
fn a_rewritten_journal_has_a_line_for_each_that_was_lost_and_comes_to_the_same() {
    let unknown = |chunk, ids: &[u64]| {
        outcome(chunk, Outcome::Unknown, ids.iter().map(|id| FileResult::unknown(*id, "no answer")).collect())
    };
    let again = Record::Plan { chunks: history::chunks(&[1], 2, 3) };
    for records in [
        // Tried again and again, and yet to be sent, under way or over.
        vec![intent(1, 1), refusal(1, 1), intent(1, 2), refusal(1, 2)],
        vec![intent(1, 1), refusal(1, 1), intent(1, 2)],
        vec![intent(1, 1), unknown(1, &[1, 2]), decision(1, Verdict::NotPublished), decision(2, Verdict::Leave)],
        // A file that was left out, one that is to be, and one that is to be sent after all.
        vec![decision(1, Verdict::Published), intent_of(1, 1, &[2]), refusal(1, 1), decision(3, Verdict::Leave)],
        vec![decision(1, Verdict::Leave), decision(1, Verdict::NotPublished)],
        // A file that was sent again.
        vec![intent(1, 1), decision(1, Verdict::NotPublished), decision(2, Verdict::Published), again.clone()],
        vec![intent(1, 1), unknown(1, &[1, 2]), decision(1, Verdict::NotPublished), again, intent(3, 1)],
    ] {
        // And two with the words that stood before a later request.
        let is_again = records.iter().any(|record| matches!(record, Record::Intent { chunk: 3, .. }));
        let lines = 2 + records.len() + if is_again { 2 } else { 0 };
        let history = history(3, records.clone());
        assert_eq!(history.rewritten(second(9)).len(), lines, "{records:?}");
        comes_to_the_same_when_it_is_rewritten(&history);
    }
}

#[test]
fn what_the_answers_have_beside_the_files_is_kept_of_every_chunk() {
    let with = |chunk, ids: &[u64], unexpected| {
        let files = ids.iter().map(|id| FileResult::succeeded(*id, ASKS)).collect();
        let Record::Outcome { attempt, outcome, result, files, raw, .. } = outcome(chunk, Outcome::Processed, files)
        else {
            panic!("an outcome")
        };
        let beside = Beside { unexpected: vec![UnexpectedResult::success(unexpected)], ..Beside::default() };
        Record::Outcome { chunk, attempt, outcome, result, files, beside, raw }
    };
    let history = history(3, [intent(1, 1), with(1, &[1, 2], 77), intent(2, 1), with(2, &[3], 78)]);
    assert_eq!(history.report().unexpected(), [77, 78].map(UnexpectedResult::success));
    comes_to_the_same_when_it_is_rewritten(&history);
}

/// The lines of a journal as an earlier version wrote them.
fn format_1(base_url: &str, at: SystemTime, records: &[serde_json::Value]) -> String {
    format_1_of("1", base_url, at, records)
}

fn format_1_of(firm_id: &str, base_url: &str, at: SystemTime, records: &[serde_json::Value]) -> String {
    let url = Url::parse(base_url).unwrap();
    let request = PublishRequest::for_batch(1..=6, PortalPublishing::Publish, ContactNotification::Notify).unwrap();
    let header = json!({
        "type": "header", "format": 1, "library": "0.1.0", "run": "0123456789abcdef", "base_url": base_url,
        "firm_id": firm_id, "portal_publishing": "publish", "contact_notification": "notify",
        "publish_override_contact_ids": [], "operator": "root", "host": "host", "simulated": true,
        "fingerprint": fingerprint::fingerprint(&url.origin().ascii_serialization(), firm_id, &request),
    });
    let plan = json!({ "type": "plan", "chunks": history::chunks(&[1, 2, 3, 4, 5, 6], 2, 1) });
    let mut text = String::new();
    let mut last = None;
    for record in [header, plan].iter().chain(records) {
        let mut line = record.clone();
        line["at"] = humantime::format_rfc3339_micros(at).to_string().into();
        line["prev"] = last.into();
        let line = line.to_string();
        last = Some(fingerprint::sha256(line.as_bytes()));
        text += &(line + "\n");
    }
    text
}

/// A file of its own for each test.
fn scratch(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("addepar-portal-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("run.jsonl")
}

#[test]
fn a_journal_of_format_1_is_resumed_in_format_2() {
    let portal = SimulatedPortal::start("{}").unwrap();
    let path = scratch("format-1");
    let asks = Asks { publish: true, notify: true };
    let files: Vec<FileResult> = [1, 2].map(|id| FileResult::succeeded(id, asks)).to_vec();
    let mut files = serde_json::to_value(files).unwrap();
    for file in files.as_array_mut().unwrap() {
        file.as_object_mut().unwrap().retain(|member, _| !["decision", "reason"].contains(&member.as_str()));
    }
    let result = json!({
        "sent_at": "2026-11-24T21:14:07.000000Z", "answered_at": "2026-11-24T21:14:08.000000Z", "http_status": 200,
        "request_id": null, "elapsed": 1.0, "outcome": "processed", "retry_after": null,
    });
    let records = [
        json!({ "type": "intent", "chunk": 1, "attempt": 1 }),
        json!({ "type": "outcome", "chunk": 1, "attempt": 1, "outcome": "processed", "result": result, "files": files,
                "unexpected": [], "raw": "{}" }),
        json!({ "type": "intent", "chunk": 2, "attempt": 1 }),
    ];
    std::fs::write(&path, format_1(portal.base_url(), SystemTime::now(), &records)).unwrap();
    let client =
        PortalClient::builder().base_url(portal.base_url()).firm_id("1").key("simulated-key", "simulated-secret");
    let client = client.build().unwrap();
    let run = || {
        let call = client.start_resume(&BatchOptions::new(&path), |_| None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(call.run());
        call.ending().into_result()
    };
    assert_eq!(run().unwrap_err().report().unwrap().undecided(), [3, 4]);
    let mut journal = Journal::open(&path).unwrap();
    journal.decide([3], Verdict::NotPublished, "A. Person", None).unwrap();
    journal.decide([4, 6], Verdict::Published, "A. Person", None).unwrap();
    let report = run().unwrap();
    let states: Vec<_> = report.files().iter().map(|file| file.state.as_str()).collect();
    assert_eq!(states, ["ok", "ok", "ok", "unknown", "ok", "not_processed"]);
    assert!(report.settled());
    let sent: serde_json::Value = serde_json::from_str(&portal.control(r#"{"do": "requests"}"#).unwrap()).unwrap();
    let sent: Vec<_> =
        sent.as_array().unwrap().iter().map(|post| &post["body"]["data"]["attributes"]["files_id"]).collect();
    assert_eq!(sent, [&json!([5]), &json!([3])]);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(r#""type":"intent","chunk":3,"attempt":1,"file_ids":[5]"#), "{text}");
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

/// Journals were written with the id as it was given.
#[test]
fn a_journal_knows_its_firm_by_an_id_with_leading_zeros() {
    let portal = SimulatedPortal::start("{}").unwrap();
    let path = scratch("zeros");
    let folder = path.parent().unwrap();
    let intent = json!({ "type": "intent", "chunk": 1, "attempt": 1 });
    std::fs::write(&path, format_1_of("01", portal.base_url(), SystemTime::now(), &[intent])).unwrap();
    std::fs::write(folder.join("run.jsonl.lock"), "").unwrap();
    let client =
        PortalClient::builder().base_url(portal.base_url()).firm_id("001").journal_dir(folder.to_str().unwrap());
    let client = client.key("simulated-key", "simulated-secret").build().unwrap();
    let run = |call: crate::client::call::PublishCall| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(call.run());
        call.ending().into_result()
    };
    let request = PublishRequest::new([1], PortalPublishing::Publish, ContactNotification::Notify).unwrap();
    let sent = run(client.start(request, Repeat::Refuse, |_| None)).unwrap_err();
    assert_eq!((sent.kind(), sent.undecided()), (crate::error::ErrorKind::AlreadySent, vec![1]), "{sent}");
    Journal::open(&path).unwrap().decide([1, 2], Verdict::NotPublished, "A. Person", None).unwrap();
    assert!(run(client.start_resume(&BatchOptions::new(&path), |_| None)).unwrap().ok());
    std::fs::remove_dir_all(folder).unwrap();
}

/// A script that runs again has looked at nothing.
#[test]
fn what_was_found_about_an_earlier_request_is_not_said_again() {
    let path = scratch("repeated");
    let intent = |chunk: u32| json!({ "type": "intent", "chunk": chunk, "attempt": 1 });
    let decision = |decision: &str| json!({ "type": "decision", "file_id": 1, "decision": decision, "by": "A. Person", "evidence": null });
    let replanned = json!({ "type": "plan", "chunks": [{ "chunk": 4, "file_ids": [1] }] });
    let decide = |earlier: &str, verdict, by: &str, evidence: Option<&str>| {
        let records = [intent(1), decision(earlier), decision("not_published"), replanned.clone(), intent(4)];
        std::fs::write(&path, format_1("http://127.0.0.1:9/api", SystemTime::now(), &records)).unwrap();
        Journal::open(&path).unwrap().decide([1], verdict, by, evidence)
    };
    let error = decide("published", Verdict::NotPublished, "A. Person", None).unwrap_err();
    assert_eq!(error.reason(), Some(JournalReason::Outdated));
    assert_eq!((error.outcome(), error.undecided()), (Outcome::Unknown, vec![1, 2]));
    assert!(
        error.message().contains("takes no `published` or `not_published` in these words: 1 file (1) was sent at ")
    );
    for none in [None, Some(""), Some(" \t")] {
        for verdict in [Verdict::Published, Verdict::NotPublished] {
            assert!(decide("leave", verdict, "Another Person", none).is_err(), "without evidence");
        }
    }
    for verdict in [Verdict::Published, Verdict::NotPublished] {
        decide("leave", verdict, "A. Person", Some("looked at 10:30")).unwrap();
    }
    decide("leave", Verdict::Leave, "A. Person", None).unwrap();
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

/// The server may still be publishing what nobody sees yet.
#[test]
fn not_published_is_not_believed_at_once() {
    let path = scratch("haste");
    let intent = [json!({ "type": "intent", "chunk": 1, "attempt": 1 })];
    let decide = |base_url: &str, ago: u64, verdict| {
        let at = SystemTime::now() - Duration::from_secs(ago);
        std::fs::write(&path, format_1(base_url, at, &intent)).unwrap();
        Journal::open(&path).unwrap().decide([1, 2], verdict, "A. Person", None)
    };
    let firm = "https://examplefirm.addepar.com/api";
    let error = decide(firm, 30, Verdict::NotPublished).unwrap_err();
    assert_eq!(error.reason(), Some(JournalReason::TooEarly));
    assert!(error.message().contains("takes no `not_published`") && error.message().contains("Nothing was recorded"));
    assert_eq!(Journal::open(&path).unwrap().undecided(), [1, 2]);
    decide(firm, 100, Verdict::NotPublished).unwrap();
    decide(firm, 30, Verdict::Published).unwrap();
    decide(firm, 30, Verdict::Leave).unwrap();
    decide("http://127.0.0.1:9/api", 30, Verdict::NotPublished).unwrap();
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}
