//! A panic in the middle of a call, here in the logger of the host: the call ends with an error, and nobody is left
//! waiting for it.

#![allow(clippy::expect_used, clippy::panic, missing_docs)]

use std::fmt::{Debug, Write};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use addepar_portal::host::Turn;
use addepar_portal::{
    ContactNotification, FileState, Outcome, PortalClient, PortalPublishing, PublishReport, PublishRequest, Repeat,
};
use addepar_portal_simulator::SimulatedPortal;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Panics at every line that contains a text.
struct Panicking(Arc<Mutex<&'static str>>);

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
        write!(self.0, "{value:?}").expect("a string takes everything");
    }
}

impl Subscriber for Panicking {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "addepar_portal"
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let text = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(!line.0.contains(text), "the log is full");
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn states(report: &PublishReport) -> Vec<FileState> {
    report.files().iter().map(|file| file.state).collect()
}

/// Each line that a call logs, and what a panic there makes of it.
#[test]
fn a_panic_in_the_log_ends_the_call_with_an_error_and_keeps_nobody_waiting() {
    let text = Arc::new(Mutex::new(""));
    tracing::subscriber::set_global_default(Panicking(text.clone())).expect("the first");
    for (panics_at, posts, state) in
        [("Sending 2 files", 0, FileState::NotProcessed), ("Attempt 1: 200", 1, FileState::Ok)]
    {
        *text.lock().unwrap_or_else(PoisonError::into_inner) = panics_at;
        for way in ["background", "blocking"] {
            let portal = SimulatedPortal::start("{}").expect("a portal");
            let client = PortalClient::builder().base_url(portal.base_url()).firm_id("1");
            let client = client.key("simulated-key", "simulated-secret").build().expect("a client");
            let request = PublishRequest::new([37, 38], PortalPublishing::Publish, ContactNotification::Notify);
            let call = Arc::new(client.start(request.expect("a request"), Repeat::Refuse, |_| None));
            let turn = if way == "background" {
                let (done, ended) = channel();
                call.spawn(move |turn| done.send(turn).expect("somebody waits"));
                ended.recv_timeout(Duration::from_secs(60)).expect("nobody is left waiting")
            } else {
                call.run_blocking(|| std::ops::ControlFlow::Continue(())).expect("nobody breaks off")
            };
            assert_eq!(turn, Turn::Done, "{panics_at} {way}");
            assert_eq!(portal.control(r#"{"do": "posts"}"#).expect("a number"), posts.to_string());
            match call.ending().into_result() {
                Ok(report) => assert_eq!(states(&report), [state, state]),
                Err(error) => {
                    assert_eq!(states(error.report().expect("a report")), [state, state], "{error}");
                    assert_eq!(error.outcome() == Outcome::NotProcessed, posts == 0, "{error}");
                }
            }
        }
    }
}
