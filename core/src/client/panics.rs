//! Calls whose driver panics in the middle of a turn.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use addepar_portal_simulator::SimulatedPortal;
use tokio::runtime::Builder;

use crate::client::call::{PublishCall, Turn};
use crate::client::connection::Connection;
use crate::client::session::Opening;
use crate::config::settings::{Config, Settings};
use crate::error::{Error, ErrorKind};
use crate::journal::history::{self, History};
use crate::journal::lock::Caller;
use crate::journal::record::{Header, Record};
use crate::journal::store::{Dated, Store, Unrecorded};
use crate::model::attempt::Outcome;
use crate::model::file_result::FileState;
use crate::model::request::{ContactNotification, PortalPublishing, PublishRequest};
use crate::protocol::machine::{Opened, Policy};
use crate::protocol::pace::Pace;

type Lines = Arc<Mutex<Vec<Record>>>;

/// A store in memory.
struct Memory(Lines);

impl Store for Memory {
    fn record(&mut self, records: Vec<Dated>) -> Result<(), Unrecorded> {
        self.0.lock().unwrap().extend(records.into_iter().map(|(record, _)| record));
        Ok(())
    }

    fn rescue(&mut self, _: Vec<Dated>) -> Unrecorded {
        Unrecorded::Lost
    }

    fn release(&mut self) {}
}

fn request() -> PublishRequest {
    PublishRequest::new([37, 38], PortalPublishing::Publish, ContactNotification::Notify).unwrap()
}

fn call(base_url: &str, journal: Option<Lines>) -> PublishCall {
    let settings = Settings {
        base_url: Some(base_url.to_owned()),
        firm_id: Some("1".to_owned()),
        key_id: Some("simulated-key".to_owned()),
        key_secret: Some("simulated-secret".into()),
        ..Settings::default()
    };
    let connection = Arc::new(Connection::new(Config::new(settings, |_| None).unwrap()));
    let Some(lines) = journal else {
        return PublishCall::new(connection, Policy::single(Duration::ZERO, false), request(), None);
    };
    let policy = Policy::batch(Duration::ZERO, Some(Duration::from_secs(600)), false);
    let open = move |_: &Caller, _| {
        let history = History::begin(Header::example(), &history::chunks(request().file_ids(), 2, 1)).unwrap();
        let store: Box<dyn Store> = Box::new(Memory(lines));
        Ok((
            store,
            Opened { history, path: PathBuf::from("run.jsonl"), is_in_folder: true, pace: Pace::default(), boot: None },
        ))
    };
    PublishCall::new(connection, policy, request(), Some(Opening { path: None, open: Box::new(open) }))
}

/// Polls a turn on this thread until it ends, in whatever context this thread is.
fn polled(mut run: Pin<Box<impl Future<Output = Turn>>>) -> Turn {
    loop {
        if let Poll::Ready(turn) = run.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return turn;
        }
        // The journal's thread may be at work.
        thread::sleep(Duration::from_millis(1));
    }
}

fn failed(call: &PublishCall) -> Error {
    let error = call.ending().into_result().unwrap_err();
    assert!(error.message().contains("This library failed: "), "{error}");
    error
}

fn kinds(lines: &Lines) -> Vec<&'static str> {
    let lines = lines.lock().unwrap();
    let kind = |record: &Record| match record {
        Record::Intent { .. } => "intent",
        Record::NotProcessed { .. } => "not_processed",
        Record::Outcome { outcome: Outcome::Unknown, .. } => "unknown",
        other => panic!("{other:?}"),
    };
    lines.iter().map(kind).collect()
}

/// No runtime is there, so that the transport panics before it has a connection.
#[test]
fn a_panic_before_the_request_goes_out_ends_the_call_and_nothing_was_sent() {
    for lines in [None, Some(Lines::default())] {
        let call = call("http://127.0.0.1:9/api", lines.clone());
        assert_eq!(polled(Box::pin(call.run())), Turn::Done);
        let error = failed(&call);
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Config, Outcome::NotProcessed), "{error}");
        assert_eq!(error.report().unwrap().count(FileState::NotProcessed), 2);
        if let Some(lines) = lines {
            assert_eq!(kinds(&lines), ["intent", "not_processed"]);
        }
    }
}

/// The request is in flight; then the call is polled where no timer can be had, which its patience needs.
#[test]
fn a_panic_while_the_request_is_in_flight_leaves_its_files_unknown() {
    let portal = SimulatedPortal::start("{}").unwrap();
    portal.control(r#"{"do": "hold"}"#).unwrap();
    let lines = Lines::default();
    let call = call(portal.base_url(), Some(lines.clone()));
    let (whole, without_timers) =
        (Builder::new_current_thread().enable_all().build().unwrap(), Builder::new_current_thread().build().unwrap());
    let mut run = Box::pin(call.run());
    while portal.control(r#"{"do": "posts"}"#).unwrap() == "0" {
        let slice = async { tokio::time::timeout(Duration::from_millis(1), &mut run).await };
        assert!(whole.block_on(slice).is_err(), "it ended before it was answered");
    }
    assert!(call.interrupt());
    let turn = {
        let _context = without_timers.enter();
        polled(run)
    };
    assert_eq!(turn, Turn::Done);
    let error = failed(&call);
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::OutcomeUnknown, Outcome::Unknown), "{error}");
    assert!(!error.message().contains("Nothing was"), "{error}");
    assert_eq!(error.undecided(), [37, 38]);
    assert_eq!(kinds(&lines), ["intent", "unknown"]);
}
