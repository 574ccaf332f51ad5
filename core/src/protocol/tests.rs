//! What the machine does at single moments, step by step; and each value of its policy.

#![allow(clippy::unwrap_used, clippy::panic, clippy::needless_pass_by_value)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde_json::json;

use crate::error::{Error, ErrorKind, JournalReason};
use crate::journal::history::{self, History};
use crate::journal::record::{Header, Record};
use crate::journal::store::Unrecorded;
use crate::model::attempt::{Fault, Outcome};
use crate::model::batch::Progress;
use crate::model::file_result::FileState;
use crate::model::message::Language;
use crate::model::moment::Moment;
use crate::model::report::PublishReport;
use crate::model::request::{ContactNotification, PortalPublishing, PublishRequest};
use crate::protocol::exchange::{self, Answer, Exchange, Received};
use crate::protocol::latch::Latch;
use crate::protocol::log_record::{Level, LogRecord};
use crate::protocol::machine::{Action, Ending, Event, Interrupt, Machine, Opened, Policy};
use crate::protocol::pace::{PUBLISHED, Pace};

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
    let mut machine = Machine::new(policy, request(files), true);
    open(&mut machine, Pace::default());
    machine
}

fn open(machine: &mut Machine, pace: Pace) {
    assert!(matches!(machine.next(), Action::Open(_)));
    let chunks = history::chunks(machine.request().file_ids(), 2, 1);
    let history = History::begin(Header::example(), &chunks).unwrap();
    let opened = Opened { history, path: PathBuf::from("run.jsonl"), is_in_folder: true, pace, boot: None };
    machine.on(Event::Opened(Ok(Box::new(opened))), now(), 0.0);
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

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        url: String::new(),
        at: now(),
        after: Duration::ZERO,
        request_id: None,
        retry_after: None,
        body: body.as_bytes().to_vec(),
        broken: None,
        clock: None,
    }
}

fn received(machine: &mut Machine, exchange: Exchange) {
    let received = Received::read(machine.chunk_request(), exchange);
    machine.on(Event::Received(received), now(), 0.0);
}

fn answered(machine: &mut Machine, status: u16, body: &str, retry_after: Option<u64>) {
    let retry_after = retry_after.map(Duration::from_secs);
    received(machine, Exchange::Answered(Answer { retry_after, ..answer(status, body) }));
}

/// No answer comes.
fn lost(machine: &mut Machine, fault: Fault) {
    received(machine, Exchange::Lost { fault, cause: "cut".into() });
}

/// A page of results, with a link to the next one.
fn linking(ids: impl IntoIterator<Item = u64>, next: &str) -> String {
    rows(ids).replacen('{', &format!(r#"{{"links":{{"next":"{next}"}},"#), 1)
}

fn page(machine: &mut Machine, body: &str) {
    let page = exchange::read_further(Ok(Exchange::Answered(answer(200, body))));
    machine.on(Event::Page(page), now(), 0.0);
}

/// The error that a call failed with.
fn failure(machine: &mut Machine) -> Error {
    match ending(machine) {
        Ending::Failed(error) => error,
        other => panic!("{other:?}"),
    }
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
    answered(&mut machine, 200, &linking([1], "/v1/more"), None);
    assert!(matches!(machine.next(), Action::Follow(_)));
    assert!(machine.abandon(now()).is_some());
    let Ending::Interrupted(Some(error)) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!((error.undecided(), error.is_loss()), (vec![2], true));
}

#[test]
fn a_server_that_is_not_reached_is_tried_three_times() {
    let mut machine = Machine::new(single(60), request(2), false);
    for _ in 0..2 {
        sent(&mut machine);
        lost(&mut machine, Fault::Connection);
        assert!(matches!(machine.next(), Action::Wait(_)));
        machine.on(Event::Timer, now(), 0.0);
    }
    sent(&mut machine);
    lost(&mut machine, Fault::Connection);
    let error = failure(&mut machine);
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotProcessed));
    let attempts = error.report().unwrap().attempts();
    assert_eq!((attempts.len(), attempts.iter().all(|attempt| attempt.sent_at.is_none())), (3, true));
}

#[test]
fn a_request_that_nobody_answered_says_when_it_went_out_and_how_it_was_lost() {
    for (fault, words) in [
        (Fault::Timeout, "No answer after "),
        (Fault::Connection, "The connection was lost before an answer came (cut)."),
        (Fault::Dropped, "No answer came: cut."),
    ] {
        let mut machine = Machine::new(single(60), request(2), false);
        let (_, latch) = sent(&mut machine);
        let begun = now();
        assert!(latch.sent_at().is_none());
        assert!(latch.begin(begun));
        lost(&mut machine, fault);
        let error = failure(&mut machine);
        assert_eq!((error.kind(), states(error.report().unwrap())), (ErrorKind::OutcomeUnknown, [0, 0, 2, 0]));
        assert!(error.message().starts_with(words), "{}", error.message());
        assert_eq!(error.report().unwrap().attempts().first().unwrap().sent_at, Some(begun.utc()));
    }
}

#[test]
fn a_body_that_was_withdrawn_was_never_sent() {
    let latch = Latch::default();
    assert!(latch.revoke());
    assert!(!latch.begin(now()));
    assert!(latch.sent_at().is_none());
}

#[test]
fn an_answer_is_a_refusal_only_if_the_api_gives_it_in_time() {
    const ERRORS: &str = r#"{"errors":[{"title":"Taken"}]}"#;
    let unclear = "does not say what was done";
    let cut_off = "when its own time limit cuts requests off";
    for (status, body, seconds, outcome, words) in [
        (409, ERRORS, 0, Outcome::NotProcessed, "refused the request with 409"),
        (409, "", 0, Outcome::Unknown, unclear),
        (409, ERRORS, 50, Outcome::Unknown, cut_off),
        (400, "", 49, Outcome::NotProcessed, "refused the request with 400"),
        (400, "", 50, Outcome::Unknown, cut_off),
        (422, "", 61, Outcome::Unknown, cut_off),
        (500, "", 61, Outcome::Unknown, unclear),
        (202, "", 0, Outcome::Unknown, unclear),
        (200, "<html>", 0, Outcome::Unknown, "cannot be read"),
    ] {
        let mut machine = Machine::new(single(60), request(2), false);
        let (_, latch) = sent(&mut machine);
        assert!(latch.begin(now()));
        let answer = Answer { after: Duration::from_secs(seconds), ..answer(status, body) };
        received(&mut machine, Exchange::Answered(answer));
        let error = failure(&mut machine);
        assert_eq!(error.outcome(), outcome, "{status} after {seconds} s");
        assert!(error.message().contains(words), "{status} after {seconds} s: {}", error.message());
    }
}

#[test]
fn a_request_is_sent_at_most_four_times_to_a_server_that_limits_the_rate() {
    let mut machine = Machine::new(single(60), request(2), false);
    for _ in 0..3 {
        sent(&mut machine);
        answered(&mut machine, 429, "", Some(1));
        assert!(matches!(machine.next(), Action::Wait(delay) if delay == Duration::from_secs(1)));
        machine.on(Event::Timer, now(), 0.0);
    }
    sent(&mut machine);
    answered(&mut machine, 429, "", Some(1));
    let error = failure(&mut machine);
    let delays: Vec<_> = error.report().unwrap().attempts().iter().map(|attempt| attempt.retry_after).collect();
    assert_eq!((error.kind(), delays), (ErrorKind::RateLimited, vec![Some(Duration::from_secs(1)); 4]));
}

#[test]
fn only_a_429_has_a_delay_that_the_server_asked_for() {
    let mut machine = Machine::new(single(60), request(2), false);
    sent(&mut machine);
    answered(&mut machine, 503, "", Some(1));
    let error = failure(&mut machine);
    let attempt = error.report().unwrap().attempts().first().unwrap();
    assert_eq!((attempt.http_status, attempt.retry_after, error.retry_after()), (Some(503), None, None));
}

#[test]
fn pages_are_followed_up_to_twenty_and_each_link_once() {
    let mut machine = Machine::new(single(60), request(22), false);
    sent(&mut machine);
    answered(&mut machine, 200, &linking([1], "/1"), None);
    for number in 1..=20 {
        assert!(matches!(machine.next(), Action::Follow(link) if link == format!("/{number}")));
        assert!(machine.is_in_flight());
        page(&mut machine, &linking([number + 1], &format!("/{}", number + 1)));
    }
    let Ending::Reported(report) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!(states(&report), [21, 0, 1, 0]);
    let unread = report.unread_pages().first().unwrap();
    assert_eq!((unread.link.as_str(), unread.reason.as_str()), ("/21", "No more than 20 pages are followed."));

    let mut machine = Machine::new(single(60), request(2), false);
    sent(&mut machine);
    answered(&mut machine, 200, &linking([1], "/1"), None);
    assert!(matches!(machine.next(), Action::Follow(_)));
    page(&mut machine, &linking([], "/1"));
    let Ending::Reported(report) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!(report.unread_pages().first().unwrap().reason, "The link was followed before.");
}

#[test]
fn the_record_of_an_attempt_that_came_to_nothing_says_why() {
    let reason = |machine: &mut Machine| match recorded(machine) {
        Record::NotProcessed { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    let mut machine = opened(batch(60), 2);
    sent(&mut machine);
    answered(&mut machine, 429, "", Some(1));
    assert_eq!(reason(&mut machine), "it is tried again");
    assert!(matches!(machine.next(), Action::Wait(_)));
    machine.on(Event::Timer, now(), 0.0);
    sent(&mut machine);
    answered(&mut machine, 403, "", None);
    assert_eq!(reason(&mut machine), "The server refused the request with 403.");

    let mut machine = opened(batch(60), 2);
    sent(&mut machine);
    assert!(machine.interrupt(now()).0);
    assert_eq!(reason(&mut machine), "the call was stopped before anything was sent");
}

#[test]
fn a_batch_keeps_to_the_published_limits_and_its_waits_for_them_count() {
    let full = |policy: Policy| {
        let mut machine = Machine::new(policy, request(4), true);
        // Fifty requests a minute ago: the next one has to wait for the rest of a quarter of an hour.
        let ago = std::iter::repeat_n(Duration::from_secs(60), 50);
        machine.listen(Level::Info);
        open(&mut machine, Pace::resumed(&PUBLISHED, ago, Instant::now()));
        machine
    };
    let mut machine = full(batch(300));
    let error = failure(&mut machine);
    assert_eq!((error.kind(), states(error.report().unwrap())), (ErrorKind::RateLimited, [0, 0, 0, 4]));

    let mut machine = full(batch(900));
    assert!(machine.is_waiting());
    assert!(matches!(machine.next(), Action::Wait(delay) if delay.as_secs() > 600));
    assert!(
        machine.take_log().first().unwrap().message_in(Language::Rust).contains("to keep to the published rate limits")
    );
    let later = Moment { monotonic: Instant::now() + Duration::from_secs(900), ..now() };
    machine.on(Event::Timer, later, 0.0);
    assert!(!machine.is_waiting());
    sent(&mut machine);
    // There is less than five minutes left for the server's own limit.
    answered(&mut machine, 429, "", Some(300));
    recorded(&mut machine);
    assert_eq!(failure(&mut machine).kind(), ErrorKind::RateLimited);
}

#[test]
fn a_request_is_announced_once_for_each_attempt_and_in_as_much_detail_as_is_asked_for() {
    let messages = |machine: &mut Machine| {
        machine.take_log().into_iter().map(|record| record.message_in(Language::Rust)).collect::<Vec<_>>()
    };
    let sending = |attempt: usize| {
        format!(
            "Sending 2 files, attempt {attempt}: portal_publishing=\"publish\", contact_notification=\"notify\", 0 \
             override contacts"
        )
    };
    for (least, files) in [(Level::Debug, Some("Files of attempt 1: 1, 2".to_owned())), (Level::Info, None)] {
        let mut machine = Machine::new(single(60), request(2), false);
        machine.listen(least);
        assert!(!machine.has_news());
        assert!(!machine.take_news());
        machine.announce();
        machine.announce();
        assert!(machine.has_news());
        assert!(machine.take_news());
        assert!(!machine.take_news());
        assert_eq!(messages(&mut machine), [sending(1)].into_iter().chain(files).collect::<Vec<_>>());
        assert!(!machine.has_news());
        sent(&mut machine);
        machine.announce();
        assert!(!machine.has_news(), "it is in flight");
        answered(&mut machine, 429, "", Some(1));
        let waiting = machine.take_log();
        assert_eq!(waiting.first().unwrap().fields.wait, Some(Duration::from_secs(1)));
        machine.on(Event::Timer, now(), 0.0);
        machine.announce();
        assert_eq!(messages(&mut machine).first(), Some(&sending(2)));
    }
}

#[test]
fn warnings_are_logged_and_nothing_else_unless_somebody_listens() {
    let mut machine = Machine::new(batch(60), request(2), true);
    machine.on(Event::Warned("Another process has the folder.".to_owned()), now(), 0.0);
    assert!(machine.take_news());
    assert_eq!(machine.take_log(), [LogRecord::warning("Another process has the folder.".to_owned())]);
    open(&mut machine, Pace::default());
    machine.announce();
    sent(&mut machine);
    answered(&mut machine, 200, &rows([1, 2]), None);
    assert_eq!((machine.take_news(), machine.has_news()), (false, false));
}

#[test]
fn a_batch_reports_its_progress_to_a_host_that_follows_it() {
    let mut machine = Machine::new(batch(60), request(4), true);
    machine.follow_progress();
    open(&mut machine, Pace::default());
    let start = Progress {
        total: 4,
        succeeded: 0,
        failed: 0,
        unknown: 0,
        not_processed: 4,
        chunk: 1,
        chunks: 2,
        waiting: None,
    };
    assert_eq!((machine.has_news(), machine.take_news()), (true, true));
    assert_eq!(machine.take_progress(), Some(start));
    assert_eq!((machine.has_news(), machine.take_progress()), (false, None));
    sent(&mut machine);
    answered(&mut machine, 429, "", Some(1));
    recorded(&mut machine);
    assert_eq!(machine.take_progress(), Some(Progress { waiting: Some(1.0), ..start }));
    assert!(matches!(machine.next(), Action::Wait(_)));
    machine.on(Event::Timer, now(), 0.0);
    sent(&mut machine);
    answered(&mut machine, 200, &rows([1, 2]), None);
    recorded(&mut machine);
    assert_eq!(machine.take_progress(), Some(Progress { succeeded: 2, not_processed: 2, ..start }));

    let mut unfollowed = opened(batch(60), 4);
    assert_eq!((unfollowed.take_news(), unfollowed.take_progress()), (false, None));
    let mut call = Machine::new(single(60), request(2), true);
    call.follow_progress();
    open(&mut call, Pace::default());
    sent(&mut call);
    answered(&mut call, 429, "", Some(1));
    recorded(&mut call);
    assert_eq!((call.take_news(), call.take_progress()), (false, None));
}

#[test]
fn an_action_is_put_back_as_long_as_the_call_waits_for_it() {
    let mut machine = Machine::new(batch(60), request(2), true);
    let action = machine.next();
    assert!(machine.put_back(action));
    assert!(matches!(machine.next(), Action::Open(_)));
    machine.abandon(now());
    assert!(!machine.put_back(Action::Open(Ok(Vec::new()))));
    assert!(matches!(machine.next(), Action::Nothing));

    let mut machine = Machine::new(single(60), request(2), false);
    let action = machine.next();
    assert!(machine.put_back(action));
    assert!(matches!(machine.next(), Action::Authorize { fresh: false }));
    machine.abandon(now());
    assert!(!machine.put_back(Action::Authorize { fresh: false }));
    assert!(matches!(machine.next(), Action::Nothing));
}

#[test]
fn a_call_that_has_only_its_journal_to_close_is_concluded_without_that() {
    let mut machine = opened(batch(60), 2);
    assert!(machine.conclude().is_none());
    assert!(!machine.is_in_flight());
    sent(&mut machine);
    assert_eq!((machine.is_in_flight(), machine.is_waiting(), machine.is_closing()), (true, false, false));
    answered(&mut machine, 200, &rows([1, 2]), None);
    recorded(&mut machine);
    assert!(machine.is_closing());
    let rest = machine.conclude().unwrap();
    assert_eq!((rest.records.len(), rest.history.counts()), (0, [2, 0, 0, 0]));
    assert!(machine.is_over() && !machine.is_closing());
    assert!(matches!(machine.next(), Action::Nothing));
    assert!(matches!(machine.ending(), Some(Ending::Reported(_))));
}

#[test]
fn a_batch_that_is_interrupted_while_nothing_is_in_flight_ends_at_once() {
    let mut opening = Machine::new(batch(60), request(2), true);
    assert!(!opening.interrupt(now()).0);
    assert!(matches!(ending(&mut opening), Ending::Interrupted(None)));

    let mut authorizing = opened(batch(60), 2);
    let mut waiting = opened(batch(60), 2);
    sent(&mut waiting);
    answered(&mut waiting, 429, "", Some(1));
    recorded(&mut waiting);
    assert!(waiting.is_waiting());
    for machine in [&mut authorizing, &mut waiting] {
        assert!(machine.interrupt(now()).0);
        let Ending::Interrupted(Some(error)) = ending(machine) else { panic!("{machine:#?}") };
        assert_eq!((error.kind(), states(error.report().unwrap())), (ErrorKind::Stopped, [0, 0, 0, 2]));
    }
}

#[test]
fn a_failure_of_this_side_ends_a_request_at_once_unless_its_body_is_going_out() {
    for has_begun in [false, true] {
        let mut machine = Machine::new(single(60), request(2), false);
        let (_, latch) = sent(&mut machine);
        if has_begun {
            assert!(latch.begin(now()));
        }
        machine.on(Event::Failed(Error::broken_off()), now(), 0.0);
        let error = failure(&mut machine);
        let expected = if has_begun {
            (ErrorKind::OutcomeUnknown, [0, 0, 2, 0])
        } else {
            (Error::broken_off().kind(), [0, 0, 0, 2])
        };
        assert_eq!((error.kind(), states(error.report().unwrap())), expected);
        assert!(!latch.begin(now()), "it can still go out");
    }
}

#[test]
fn a_journal_that_cannot_be_opened_has_a_report_if_the_files_are_known() {
    for (request, states_of) in [(request(2), Some([0, 0, 0, 2])), (PublishRequest::of_nothing(), None)] {
        let mut machine = Machine::new(batch(60), request, true);
        assert!(matches!(machine.next(), Action::Open(_)));
        let error = Error::of_journal(Path::new("run.jsonl"), JournalReason::CannotWrite, "cannot be opened");
        machine.on(Event::Opened(Err(error)), now(), 0.0);
        assert_eq!(failure(&mut machine).report().map(states), states_of);
    }
}

#[test]
fn a_single_call_that_is_dropped_at_its_end_has_an_error_only_if_anything_was_processed() {
    let mut machine = Machine::new(single(60), request(2), false);
    sent(&mut machine);
    answered(&mut machine, 200, &rows([1, 2]), None);
    assert!(machine.abandon(now()).is_none());
    let Ending::Interrupted(Some(error)) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!((error.kind(), states(error.report().unwrap())), (ErrorKind::OutcomeUnknown, [2, 0, 0, 0]));

    for (status, is_loss) in [(403, false), (500, true)] {
        let mut machine = Machine::new(single(60), request(2), false);
        let (_, latch) = sent(&mut machine);
        assert!(latch.begin(now()));
        answered(&mut machine, status, "", None);
        assert!(machine.abandon(now()).is_none());
        let Ending::Interrupted(error) = ending(&mut machine) else { panic!("{machine:#?}") };
        assert_eq!(error.is_some(), is_loss, "{status}");
    }

    // The journal was about to take how it ended.
    for (status, body, is_loss) in [(200, rows([1, 2]), true), (500, String::new(), true), (403, String::new(), false)]
    {
        let mut machine = opened(single(60), 2);
        sent(&mut machine);
        answered(&mut machine, status, &body, None);
        assert!(machine.abandon(now()).is_some());
        let Ending::Interrupted(error) = ending(&mut machine) else { panic!("{machine:#?}") };
        assert_eq!(error.is_some(), is_loss, "{status}");
    }
}

#[test]
fn a_single_call_that_awaits_its_request_returns_the_report_to_a_host_that_interrupted_it() {
    let mut machine = Machine::new(Policy { interrupt: Interrupt::Await, ..single(60) }, request(2), false);
    let (_, latch) = sent(&mut machine);
    assert!(latch.begin(now()));
    assert!(machine.interrupt(now()).0);
    answered(&mut machine, 200, &rows([1, 2]), None);
    let Ending::Reported(report) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!(states(&report), [2, 0, 0, 0]);
}

/// The records of the last action cannot be written; `is_saved`: what is known was saved in some other way.
fn unrecorded(machine: &mut Machine, is_saved: bool) {
    let error = Error::of_journal(Path::new("run.jsonl"), JournalReason::CannotWrite, "cannot be written");
    machine.on(Event::Recorded(Err(Unrecorded::Failed { error, is_saved })), now(), 0.0);
}

#[test]
fn a_call_whose_intent_cannot_be_recorded_sends_nothing() {
    for policy in [single(60), batch(60)] {
        let mut machine = opened(policy, 2);
        assert!(matches!(machine.next(), Action::Authorize { .. }));
        machine.on(Event::Authorized, now(), 0.0);
        assert!(matches!(machine.next(), Action::Record(_)));
        unrecorded(&mut machine, false);
        let error = failure(&mut machine);
        assert_eq!((error.kind(), states(error.report().unwrap())), (ErrorKind::Journal, [0, 0, 0, 2]));
    }
}

#[test]
fn an_outcome_that_cannot_be_recorded_is_in_the_report_of_the_error() {
    for policy in [single(60), batch(60)] {
        for (status, body, expected) in [(200, rows([1, 2]), [2, 0, 0, 0]), (500, String::new(), [0, 0, 2, 0])] {
            let mut machine = opened(policy.clone(), 2);
            let (_, latch) = sent(&mut machine);
            assert!(latch.begin(now()));
            answered(&mut machine, status, &body, None);
            assert!(matches!(machine.next(), Action::Record(_)));
            unrecorded(&mut machine, false);
            let error = failure(&mut machine);
            assert_eq!((error.kind(), states(error.report().unwrap())), (ErrorKind::Journal, expected));
            assert_eq!(error.http_status(), Some(status));
            assert!(error.message().contains("the journal is not"), "{}", error.message());
        }
    }
}

#[test]
fn a_journal_that_was_overwritten_is_saved_anew_with_what_is_known() {
    for is_saved in [true, false] {
        let mut machine = opened(batch(60), 4);
        sent(&mut machine);
        answered(&mut machine, 200, &rows([1, 2]), None);
        assert!(matches!(machine.next(), Action::Record(_)));
        machine.on(Event::Recorded(Err(Unrecorded::Lost)), now(), 0.0);
        let Action::Rescue(records) = machine.next() else { panic!("{machine:#?}") };
        assert!(matches!(records.first(), Some((Record::Header(_), _))));
        assert!(matches!(records.last(), Some((Record::Outcome { chunk: 1, .. }, _))));
        if is_saved {
            unrecorded(&mut machine, true);
        } else {
            machine.on(Event::Recorded(Err(Unrecorded::Lost)), now(), 0.0);
        }
        let error = failure(&mut machine);
        assert_eq!((error.kind(), states(error.report().unwrap())), (ErrorKind::Journal, [2, 0, 0, 2]));
        let says_to_look = error.message().contains("or it may show that request as unknown");
        assert_eq!(says_to_look, !is_saved, "{}", error.message());
    }
}

#[test]
fn a_batch_that_may_not_wait_sends_what_needs_no_wait() {
    let mut machine = opened(batch(0), 2);
    sent(&mut machine);
    answered(&mut machine, 429, "", Some(1));
    recorded(&mut machine);
    assert_eq!(failure(&mut machine).kind(), ErrorKind::RateLimited);
}

#[test]
fn a_host_that_finds_no_token_ends_the_call_unless_it_says_so_too_late() {
    let no_token = || Error::no_token("asked in vain");
    let mut machine = Machine::new(single(60), request(2), false);
    machine.host_failed(no_token(), now());
    let Ending::Interrupted(Some(error)) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!((error.kind(), states(error.report().unwrap())), (no_token().kind(), [0, 0, 0, 2]));

    let mut machine = opened(batch(60), 4);
    sent(&mut machine);
    answered(&mut machine, 200, &rows([1, 2]), None);
    recorded(&mut machine);
    machine.host_failed(no_token(), now());
    let Ending::Interrupted(Some(error)) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!((error.kind(), states(error.report().unwrap())), (no_token().kind(), [2, 0, 0, 2]));
    assert!(error.message().contains("The batch stopped here"), "{}", error.message());

    let mut machine = Machine::new(single(60), request(2), false);
    sent(&mut machine);
    machine.host_failed(no_token(), now());
    assert!(machine.is_in_flight());
}

#[test]
fn an_error_of_a_call_with_a_journal_says_how_to_resume_it_unless_the_journal_failed() {
    let mut machine = opened(single(60), 2);
    sent(&mut machine);
    answered(&mut machine, 403, "", None);
    recorded(&mut machine);
    let refused = failure(&mut machine);
    assert!(refused.message().contains("or resume with"), "{}", refused.message());

    let mut machine = opened(single(60), 2);
    assert!(matches!(machine.next(), Action::Authorize { .. }));
    machine.on(Event::Authorized, now(), 0.0);
    assert!(matches!(machine.next(), Action::Record(_)));
    unrecorded(&mut machine, false);
    let failed = failure(&mut machine);
    assert!(!failed.message().contains("resume with"), "{}", failed.message());
    assert_eq!((refused.journal(), failed.journal()), (Some(Path::new("run.jsonl")), Some(Path::new("run.jsonl"))));
}

#[test]
fn a_batch_that_is_dropped_hands_over_the_records_that_nobody_took() {
    let mut machine = opened(batch(60), 4);
    sent(&mut machine);
    answered(&mut machine, 200, &rows([1, 2]), None);
    let rest = machine.abandon(now()).unwrap();
    assert!(matches!(rest.records.as_slice(), [(Record::Outcome { chunk: 1, .. }, _)]));
    assert_eq!(rest.history.counts(), [2, 0, 0, 2]);
    assert!(matches!(ending(&mut machine), Ending::Interrupted(Some(_))));

    let mut machine = opened(batch(60), 2);
    assert!(machine.abandon(now()).unwrap().records.is_empty());
    let Ending::Interrupted(Some(error)) = ending(&mut machine) else { panic!("{machine:#?}") };
    assert_eq!(error.kind(), ErrorKind::Stopped);
}

#[cfg(feature = "cli")]
#[test]
fn a_batch_sends_no_file_that_nobody_agreed_to() {
    for (agreed, is_sent) in [(vec![1, 2, 3, 4], true), (vec![1], false), (vec![3, 4], false)] {
        let mut machine = Machine::new(batch(60), request(4), true);
        machine.agree_to(agreed.into_iter().collect());
        assert!(!machine.has_opened());
        open(&mut machine, Pace::default());
        assert!(machine.has_opened());
        if is_sent {
            sent(&mut machine);
        } else {
            let error = failure(&mut machine);
            assert_eq!((error.kind(), states(error.report().unwrap())), (ErrorKind::Journal, [0, 0, 0, 4]));
        }
    }
}

#[cfg(feature = "cli")]
#[test]
fn a_single_call_awaits_its_request_when_interrupted_if_its_host_asks_for_that() {
    let mut machine = Machine::new(single(60), request(2), false);
    machine.await_when_interrupted();
    let (_, latch) = sent(&mut machine);
    assert!(latch.begin(now()));
    assert!(machine.interrupt(now()).0);
    assert!(machine.is_in_flight());
}
