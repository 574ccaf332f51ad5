//! What a call tells the log, and that no secret is in it.

#![allow(clippy::expect_used, missing_docs)]

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use addepar_portal::{ContactNotification, PortalClient, PortalPublishing, PublishRequest};
use addepar_portal_simulator::SimulatedPortal;
use tokio::time::timeout;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps every event of every target and level.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
        write!(self.0, " {value:?}").expect("a string takes everything");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut line = Line(format!("span {}", attributes.metadata().target()));
        attributes.record(&mut line);
        self.0.lock().expect("a lock").push(line.0);
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut line);
        self.0.lock().expect("a lock").push(line.0);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Lines {
    fn ours(&self) -> Vec<String> {
        let lines = self.0.lock().expect("a lock");
        lines.iter().filter(|line| line.contains(" addepar_portal ")).cloned().collect()
    }

    fn all(&self) -> String {
        self.0.lock().expect("a lock").join("\n")
    }
}

fn portal() -> SimulatedPortal {
    SimulatedPortal::start(r#"{"files": {"37": [1], "38": [2]}}"#).expect("a portal")
}

fn client(portal: &SimulatedPortal) -> PortalClient {
    let builder = PortalClient::builder().base_url(portal.base_url()).firm_id("1");
    builder.key("simulated-key", "simulated-secret").build().expect("a client")
}

fn request() -> PublishRequest {
    PublishRequest::new([37, 38], PortalPublishing::Publish, ContactNotification::DoNotNotify).expect("a request")
}

#[test]
fn a_call_tells_when_it_goes_out_waits_and_ends() {
    let (portal, lines) = (portal(), Lines::default());
    portal.control(r#"{"do": "fault", "fault": {"name": "rate_limited", "retry_after": 1}}"#).expect("a fault");
    tracing::subscriber::with_default(lines.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(client(&portal).publish_files(&request())).expect("a report");
    });
    let ours = lines.ours();
    let starts = [
        "INFO addepar_portal Sending 2 files, attempt 1: portal_publishing publish, contact_notification do_not_notify",
        "DEBUG addepar_portal Files of attempt 1: 37, 38",
        "INFO addepar_portal Attempt 1: 429 after ",
        "INFO addepar_portal Sending 2 files, attempt 2",
        "DEBUG addepar_portal Files of attempt 2: 37, 38",
        "INFO addepar_portal Attempt 2: 200 after ",
    ];
    assert_eq!(ours.len(), starts.len(), "{ours:#?}");
    for (line, start) in ours.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    assert!(ours.iter().all(|line| line.starts_with("DEBUG") || !line.contains("37")), "{ours:#?}");
    let all = lines.all();
    for secret in ["simulated-secret", "c2ltdWxhdGVkLWtleTpzaW11bGF0ZWQtc2VjcmV0"] {
        assert!(!all.contains(secret), "{all}");
    }
}

#[test]
fn a_dropped_future_that_had_sent_is_warned_of() {
    let (portal, lines) = (portal(), Lines::default());
    portal.control(r#"{"do": "fault", "fault": {"name": "hang"}}"#).expect("a fault");
    tracing::subscriber::with_default(lines.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (client, request) = (client(&portal), request());
        runtime.block_on(async {
            let dropped = timeout(Duration::from_millis(500), client.publish_files(&request)).await;
            assert!(dropped.is_err());
        });
    });
    let warnings: Vec<String> = lines.ours().into_iter().filter(|line| line.starts_with("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings.iter().all(|line| line.contains("(files 37, 38)")), "{warnings:#?}");
}
