//! Calls whose journal is on a disk that does not answer, or whose journal's thread dies.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::client::call::{PublishCall, Turn};
use crate::client::connection::Connection;
use crate::client::session::{Opening, Session};
use crate::config::settings::{Config, Settings};
use crate::error::{Error, ErrorKind};
use crate::journal::history::{self, History};
use crate::journal::record::Header;
use crate::journal::store::{Dated, Store, Unrecorded};
use crate::model::file_result::FileState;
use crate::model::request::{ContactNotification, PortalPublishing, PublishRequest};
use crate::protocol::machine::{Ending, Opened, Policy};
use crate::protocol::pace::Pace;

/// A store that waits for the test, and notes on which threads it is used.
struct Slow {
    used: Arc<Mutex<Vec<ThreadId>>>,
    gate: Receiver<()>,
}

impl Store for Slow {
    fn record(&mut self, _: Vec<Dated>) -> Result<(), Unrecorded> {
        self.used.lock().unwrap().push(thread::current().id());
        let _ = self.gate.recv();
        Ok(())
    }

    fn rescue(&mut self, _: Vec<Dated>) -> Unrecorded {
        Unrecorded::Lost
    }

    fn release(&mut self) {
        self.used.lock().unwrap().push(thread::current().id());
    }
}

/// A store whose thread dies with it.
struct Dying;

impl Store for Dying {
    fn record(&mut self, _: Vec<Dated>) -> Result<(), Unrecorded> {
        panic!("the disk is gone");
    }

    fn rescue(&mut self, _: Vec<Dated>) -> Unrecorded {
        Unrecorded::Lost
    }

    fn release(&mut self) {}
}

fn opened(store: impl Store + 'static) -> Session {
    let request = request();
    let history = History::begin(Header::example(), &history::chunks(request.file_ids(), 1, 1)).unwrap();
    (
        Box::new(store),
        Opened { history, path: PathBuf::from("run.jsonl"), is_in_folder: true, pace: Pace::default(), boot: None },
    )
}

fn request() -> PublishRequest {
    PublishRequest::new([37, 38], PortalPublishing::Publish, ContactNotification::Notify).unwrap()
}

fn call(open: impl FnOnce() -> Result<Session, Error> + Send + 'static) -> PublishCall {
    let settings = Settings {
        base_url: Some("http://127.0.0.1:9/api".to_owned()),
        firm_id: Some("1".to_owned()),
        key_id: Some("key".to_owned()),
        key_secret: Some("secret".into()),
        ..Settings::default()
    };
    let connection = Arc::new(Connection::new(Config::new(settings, |_| None).unwrap()));
    let policy = Policy::batch(Duration::ZERO, None, false);
    PublishCall::new(connection, policy, request(), Some(Opening { path: None, open: Box::new(|_, _| open()) }))
}

fn run_until(call: &PublishCall, is_reached: impl Fn() -> bool) -> Option<Turn> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut run = Box::pin(call.run());
        loop {
            match tokio::time::timeout(Duration::from_millis(1), &mut run).await {
                Ok(turn) => return Some(turn),
                // It stays under way: to drop it would abandon the call.
                Err(_) if is_reached() => {
                    std::mem::forget(run);
                    return None;
                }
                Err(_) => {}
            }
        }
    })
}

fn slow() -> (PublishCall, Arc<Mutex<Vec<ThreadId>>>, Sender<()>) {
    let (used, (opens, gate)) = (Arc::default(), channel());
    let store = Slow { used: Arc::clone(&used), gate };
    (call(move || Ok(opened(store))), used, opens)
}

/// If it did wait, this test would never end: the disk answers after it.
#[test]
fn neither_an_interrupt_nor_abandoning_waits_for_the_disk() {
    let (call, used, opens) = slow();
    assert_eq!(run_until(&call, || !used.lock().unwrap().is_empty()), None);
    assert!(call.interrupt());
    call.abandon();
    let Ending::Interrupted(Some(stopped)) = call.ending() else { panic!("{:?}", call.ending()) };
    assert_eq!(stopped.kind(), ErrorKind::Stopped);
    assert_eq!(stopped.report().unwrap().count(FileState::NotProcessed), 2);
    drop(opens);
    while used.lock().unwrap().len() < 3 {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(!used.lock().unwrap().contains(&thread::current().id()), "the journal was touched by the caller's thread");
}

/// The runtime has one thread: if the disk kept it, the other call would wait as well.
#[test]
fn a_call_without_a_journal_waits_for_no_disk() {
    let (slow, used, opens) = slow();
    assert_eq!(run_until(&slow, || !used.lock().unwrap().is_empty()), None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let plain = call(|| Err(Error::input("This one has no journal.")));
        assert_eq!(plain.run().await, Turn::Done);
    });
    slow.abandon();
    drop(opens);
}

#[test]
fn a_panic_on_the_journal_s_thread_ends_the_call_with_an_error() {
    for open in [|| Ok(opened(Dying)), || -> Result<Session, Error> { panic!("the folder is gone") }] {
        let call = call(open);
        assert_eq!(run_until(&call, || false), Some(Turn::Done));
        let error = call.ending().into_result().unwrap_err();
        assert!(error.message().contains("The journal's thread broke off"), "{error}");
        assert_eq!(error.report().unwrap().count(FileState::NotProcessed), 2);
    }
}
