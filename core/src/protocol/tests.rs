//! What the machine does at single moments, step by step; and each value of its policy.

#![allow(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value)]

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde_json::json;

use crate::error::ErrorKind;
use crate::journal::history::{self, History};
use crate::journal::record::{Header, Record};
use crate::model::attempt::Outcome;
use crate::model::file_result::FileState;
use crate::model::moment::Moment;
use crate::model::report::PublishReport;
use crate::model::request::{ContactNotification, PortalPublishing, PublishRequest};
use crate::protocol::exchange::{Answer, Exchange, Received};
use crate::protocol::latch::Latch;
use crate::protocol::machine::{Action, Ending, Event, Machine, Opened, Policy};
use crate::protocol::pace::Pace;

fn now() -> Moment {
    Moment { monotonic: Instant::now(), wall: SystemTime::now() }
}

fn request(files: u64) -> PublishRequest {
    PublishRequest::new(1..=files, PortalPublishing::Publish, ContactNotification::Notify).unwrap()
}

fn single(max_wait: u64) -> Policy {
    Policy::single(Duration::from_secs(max_wait), false)
}

fn batch(max_wait: u64) -> Policy {
    Policy::batch(Duration::from_secs(max_wait), Some(Duration::from_secs(5)), false)
}

/// A machine whose journal is open, with two files in each chunk.
fn opened(policy: Policy, files: u64) -> Machine {
    let request = request(files);
    let history = History::begin(Header::example(), &history::chunks(request.file_ids(), 2, 1)).unwrap();
    let mut machine = Machine::new(policy, request, true);
    assert!(matches!(machine.next(), Action::Open(_)));
    let opened = Opened { history, path: PathBuf::from("run.jsonl"), pace: Pace::default(), boot: None };
    machine.on(Event::Opened(Ok(Box::new(opened))), now(), 0.0);
    machine
}

fn recorded(machine: &mut Machine) -> Record {
    let Action::Record(records) = machine.next() else { panic!("nothing is recorded") };
    machine.on(Event::Recorded(Ok(())), now(), 0.0);
    records.into_iter().next().unwrap().0
}

/// Goes on until a request is in flight.
fn sent(machine: &mut Machine) -> (Bytes, Latch) {
    assert!(matches!(machine.next(), Action::Authorize { .. }));
    machine.on(Event::Authorized, now(), 0.0);
    match machine.next() {
        Action::Record(_) => machine.on(Event::Recorded(Ok(())), now(), 0.0),
        Action::Send(body, latch) => return (body, latch),
        other => panic!("{other:?}"),
    }
    let Action::Send(body, latch) = machine.next() else { panic!("nothing is sent") };
    (body, latch)
}

fn answered(machine: &mut Machine, status: u16, body: &str, retry_after: Option<u64>) {
    let answer = Answer {
        status,
        url: String::new(),
        at: now(),
        after: Duration::ZERO,
        request_id: None,
        retry_after: retry_after.map(Duration::from_secs),
        body: body.as_bytes().to_vec(),
        broken: None,
        clock: None,
    };
    let received = Received::read(machine.chunk_request(), Exchange::Answered(answer));
    machine.on(Event::Received(received), now(), 0.0);
}

fn rows(ids: impl IntoIterator<Item = u64>) -> String {
    let row = |id: u64| {
        json!({ "id": id.to_string(), "attributes":
            { "file_id": id, "publish_status": "success", "notify_status": "success" } })
    };
    json!({ "data": ids.into_iter().map(row).collect::<Vec<_>>() }).to_string()
}

/// Closes the journal, if that is what is left to do.
fn ending(machine: &mut Machine) -> Ending {
    if let Action::Close = machine.next() {
        machine.on(Event::Closed, now(), 0.0);
    }
    machine.ending().cloned().unwrap_or_else(|| panic!("it goes on: {machine:#?}"))
}

fn states(report: &PublishReport) -> [usize; 4] {
    [FileState::Ok, FileState::Failed, FileState::Unknown, FileState::NotProcessed].map(|state| report.count(state))
}

#[test]
fn a_single_call_drops_its_request_at_the_first_interrupt() {
    let mut machine = Machine::new(single(60), request(2), false);
    let (_, latch) = sent(&mut machine);
    assert!(latch.begin(now()));
    assert!(!machine.interrupt(now()).0);
    let Ending::Interrupted(Some(lost)) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!((lost.kind(), states(lost.report().unwrap())), (ErrorKind::OutcomeUnknown, [0, 0, 2, 0]));
}

#[test]
fn a_single_call_of_which_nothing_went_out_ends_without_an_error_of_its_own() {
    let mut machine = Machine::new(single(60), request(2), false);
    let (_, latch) = sent(&mut machine);
    assert!(!machine.interrupt(now()).0);
    assert!(matches!(ending(&mut machine), Ending::Interrupted(None)));
    assert!(!latch.begin(now()), "it can still go out");
}

#[test]
fn a_batch_awaits_its_request_at_the_first_interrupt_and_drops_it_at_the_second() {
    for second in [false, true] {
        let mut machine = opened(batch(60), 4);
        let (_, latch) = sent(&mut machine);
        assert!(latch.begin(now()));
        assert!(machine.interrupt(now()).0);
        let expected = if second {
            let (goes_on, rest) = machine.interrupt(now());
            assert!(!goes_on);
            let records = rest.unwrap().records;
            assert!(matches!(
                records.as_slice(),
                [(Record::Outcome { chunk: 1, attempt: 1, outcome: Outcome::Unknown, .. }, _)]
            ));
            (ErrorKind::OutcomeUnknown, [0, 0, 2, 2])
        } else {
            answered(&mut machine, 200, &rows([1, 2]), None);
            assert!(matches!(recorded(&mut machine), Record::Outcome { chunk: 1, .. }));
            (ErrorKind::Stopped, [2, 0, 0, 2])
        };
        let Ending::Interrupted(Some(error)) = ending(&mut machine) else { panic!("{machine:#?}") };
        assert_eq!((error.kind(), states(error.report().unwrap())), expected);
    }
}

#[test]
fn a_batch_that_is_interrupted_before_its_body_goes_out_withdraws_it() {
    let mut machine = opened(batch(60), 2);
    let (_, latch) = sent(&mut machine);
    assert!(machine.interrupt(now()).0);
    assert!(!latch.begin(now()), "it can still go out");
    assert!(matches!(recorded(&mut machine), Record::NotProcessed { chunk: 1, attempt: 1, result: None, .. }));
    let Ending::Interrupted(Some(error)) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!(states(error.report().unwrap()), [0, 0, 0, 2]);
}

#[test]
fn a_batch_that_is_dropped_before_its_body_goes_out_takes_its_intent_back() {
    let mut machine = opened(batch(60), 2);
    let (_, latch) = sent(&mut machine);
    let rest = machine.abandon(now()).unwrap();
    assert!(!latch.begin(now()), "it can still go out");
    assert!(matches!(rest.records.as_slice(), [(Record::NotProcessed { chunk: 1, attempt: 1, .. }, _)]));
    assert_eq!(rest.history.counts(), [0, 0, 0, 2]);
}

#[test]
fn an_interrupt_while_the_intent_is_recorded_sends_nothing() {
    let mut machine = opened(batch(60), 2);
    assert!(matches!(machine.next(), Action::Authorize { .. }));
    machine.on(Event::Authorized, now(), 0.0);
    assert!(matches!(machine.next(), Action::Record(_)));
    assert!(machine.interrupt(now()).0);
    machine.on(Event::Recorded(Ok(())), now(), 0.0);
    assert!(matches!(recorded(&mut machine), Record::NotProcessed { chunk: 1, attempt: 1, .. }));
    let Ending::Interrupted(Some(error)) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!((error.kind(), states(error.report().unwrap())), (ErrorKind::Stopped, [0, 0, 0, 2]));
}

#[test]
fn a_single_call_returns_unknown_files_and_a_batch_stops_before_the_next_chunk() {
    let mut machine = opened(single(60), 2);
    sent(&mut machine);
    answered(&mut machine, 200, &rows([1]), None);
    recorded(&mut machine);
    let Ending::Reported(report) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!(states(&report), [1, 0, 1, 0]);

    let mut machine = opened(batch(60), 4);
    sent(&mut machine);
    answered(&mut machine, 200, &rows([1]), None);
    recorded(&mut machine);
    let Ending::Failed(error) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!((error.kind(), error.undecided()), (ErrorKind::Journal, vec![2]));
    assert_eq!(states(error.report().unwrap()), [1, 0, 1, 2]);
}

#[test]
fn the_waits_of_a_batch_count_together() {
    let mut machine = opened(batch(50), 4);
    sent(&mut machine);
    answered(&mut machine, 429, "", Some(30));
    assert!(matches!(recorded(&mut machine), Record::NotProcessed { attempt: 1, .. }));
    assert!(matches!(machine.next(), Action::Wait(delay) if delay == Duration::from_secs(30)));
    machine.on(Event::Timer, now(), 0.0);
    sent(&mut machine);
    answered(&mut machine, 200, &rows([1, 2]), None);
    recorded(&mut machine);
    sent(&mut machine);
    answered(&mut machine, 429, "", Some(30));
    recorded(&mut machine);
    let Ending::Failed(error) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!((error.kind(), states(error.report().unwrap())), (ErrorKind::RateLimited, [2, 0, 0, 2]));
}

#[test]
fn an_interrupted_call_awaits_its_request_only_so_long() {
    let mut machine = opened(batch(60), 4);
    let (_, latch) = sent(&mut machine);
    assert!(latch.begin(now()));
    assert_eq!(machine.patience(now()), None);
    let start = now();
    assert!(machine.interrupt(start).0);
    let later = Moment { monotonic: start.monotonic + Duration::from_secs(2), ..start };
    assert_eq!(machine.patience(later), Some(Duration::from_secs(3)));
    machine.on(Event::OutOfPatience, later, 0.0);
    recorded(&mut machine);
    let Ending::Interrupted(Some(error)) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!((error.kind(), states(error.report().unwrap())), (ErrorKind::OutcomeUnknown, [0, 0, 2, 2]));
}

#[test]
fn a_batch_that_is_interrupted_at_its_end_says_that_it_was_stopped_after_it() {
    let mut machine = opened(batch(60), 2);
    sent(&mut machine);
    answered(&mut machine, 200, &rows([1, 2]), None);
    recorded(&mut machine);
    assert!(machine.interrupt(now()).0);
    let Ending::Interrupted(Some(error)) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Stopped, Outcome::Processed));
}

#[test]
fn an_interrupted_batch_does_not_wait_to_send_again() {
    let mut machine = opened(batch(60), 2);
    let (_, latch) = sent(&mut machine);
    assert!(latch.begin(now()));
    assert!(machine.interrupt(now()).0);
    answered(&mut machine, 429, "", Some(1));
    assert!(matches!(recorded(&mut machine), Record::NotProcessed { attempt: 1, .. }));
    let Ending::Interrupted(Some(error)) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!((error.kind(), states(error.report().unwrap())), (ErrorKind::Stopped, [0, 0, 0, 2]));
}

#[test]
fn a_batch_that_is_dropped_before_its_last_page_leaves_a_warning() {
    let mut machine = opened(batch(60), 2);
    let (_, latch) = sent(&mut machine);
    assert!(latch.begin(now()));
    let page = rows([1]).replacen('{', r#"{"links":{"next":"/v1/more"},"#, 1);
    answered(&mut machine, 200, &page, None);
    assert!(matches!(machine.next(), Action::Follow(_)));
    assert!(machine.abandon(now()).is_some());
    let Ending::Interrupted(Some(error)) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!((error.undecided(), error.is_loss()), (vec![2], true));
}
