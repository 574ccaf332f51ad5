//! What a call tells the log, and that no secret is in it.

#![allow(clippy::expect_used, clippy::panic, missing_docs)]

use std::fmt::{Debug, Write};
use std::fs;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use addepar_portal::host::{AccessToken, Ending, Host, Settings, Turn, forget_sent_to};
use addepar_portal::{
    BatchOptions, ContactNotification, Journal, PortalClient, PortalPublishing, PublishRequest, Repeat, Verdict,
    init_journal_dir,
};
use addepar_portal_simulator::SimulatedPortal;
use serde_json::json;
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

/// The same for crates that speak to `log`, as reqwest does. A process has one.
static RECORDS: OnceLock<Lines> = OnceLock::new();

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().expect("a lock").push(format!("{} {} {}", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
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
        "INFO addepar_portal Sending 2 files, attempt 1: portal_publishing=\"publish\", contact_notification=",
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
fn a_decision_about_files_that_were_never_sent_is_warned_of() {
    let (portal, lines) = (portal(), Lines::default());
    let name = format!("log-decision-{}.jsonl", std::process::id());
    let journal = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    portal.control(r#"{"do": "fault", "fault": {"name": "close_before_answer"}}"#).expect("a fault");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let options = BatchOptions { chunk_size: 1, ..BatchOptions::new(&journal) };
    runtime.block_on(client(&portal).publish_batch(&request(), &options, |_| {})).expect_err("a lost request");
    tracing::subscriber::with_default(lines.clone(), || {
        let mut journal = Journal::open(&journal).expect("a journal");
        journal.decide([37, 38], Verdict::Published, "A. Person", None).expect("a decision");
    });
    std::fs::remove_file(&journal).expect("a journal");
    let of = format!("1 file of the journal {} (38)", journal.display());
    assert_eq!(lines.ours(), [format!("WARN addepar_portal {of} was never sent, and will not be")]);
}

#[test]
fn a_dropped_future_that_had_sent_is_warned_of() {
    let (portal, lines) = (portal(), Lines::default());
    portal.control(r#"{"do": "fault", "fault": {"name": "hang"}}"#).expect("a fault");
    tracing::subscriber::with_default(lines.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (client, request) = (client(&portal), request());
        runtime.block_on(async {
            let mut call = Box::pin(client.publish_files(&request));
            while !portal.control(r#"{"do": "requests"}"#).expect("requests").contains(r#""complete":true"#) {
                assert!(timeout(Duration::from_millis(5), &mut call).await.is_err());
            }
        });
    });
    let warnings: Vec<String> = lines.ours().into_iter().filter(|line| line.starts_with("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings.iter().all(|line| line.contains("(files 37, 38)")), "{warnings:#?}");
}

/// For a host that is not this machine, which no proxy leads to.
fn client_elsewhere(host: Host) -> PortalClient {
    let settings = Settings {
        base_url: Some("https://portal.invalid".to_owned()),
        firm_id: Some("1".to_owned()),
        access_token: Some(AccessToken::Fixed("simulated-token".into())),
        proxy: Some("http://127.0.0.1:1".into()),
        host,
        ..Settings::default()
    };
    PortalClient::new(settings, |_| None).expect("a client")
}

#[test]
fn a_call_that_e_mails_and_leaves_no_journal_is_warned_of_once_before_it_goes_out() {
    let start = |notification, host| {
        let request = PublishRequest::new([37], PortalPublishing::Publish, notification).expect("a request");
        client_elsewhere(host).start(request, Repeat::Refuse, |_| None)
    };
    let hosts = [
        (Host::Rust, "`journal_dir`"),
        (Host::Python(3, 11), "`journal_dir`"),
        (Host::Node(20, 0), "`journalDir`"),
        (Host::CommandLine, "`ADDEPAR_JOURNAL_DIR`"),
    ];
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        for (host, setting) in hosts {
            for notification in [ContactNotification::Notify, ContactNotification::UseContactPreference] {
                let call = start(notification, host);
                let warning = call.take_warning().expect("a warning");
                assert!(warning.contains(&format!(
                    "and leaves no journal: made again, it would e-mail them again. Set {setting} "
                )));
                assert_eq!(call.take_warning(), None);
            }
            assert_eq!(start(ContactNotification::DoNotNotify, host).take_warning(), None);
        }
        // Where the host has no way of its own it is logged, before anything goes out.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        for _ in 0..2 {
            let call = start(ContactNotification::Notify, Host::Rust);
            assert_eq!(runtime.block_on(call.run()), Turn::Done);
        }
    });
    let ours = lines.ours();
    assert_eq!(ours.iter().filter(|line| line.contains("leaves no journal")).count(), 1, "{ours:#?}");
    assert!(ours.first().is_some_and(|line| line.starts_with("WARN addepar_portal This call e-mails")), "{ours:#?}");
}

/// A cell of a notebook that is run twice: this process knows what it has sent, on this machine too.
#[test]
fn a_call_that_repeats_what_this_process_sent_without_a_journal_is_warned_of() {
    let portal = SimulatedPortal::start("{}").expect("a portal");
    let client = client(&portal);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let start = |ids: Vec<u64>, notification| {
        let request = PublishRequest::new(ids, PortalPublishing::Publish, notification).expect("a request");
        client.start(request, Repeat::Refuse, |_| None)
    };
    let warned = |ids: Vec<u64>| start(ids, ContactNotification::Notify).take_warning();
    let publish = |ids: Vec<u64>, notification| {
        let call = start(ids, notification);
        assert_eq!(runtime.block_on(call.run()), Turn::Done);
        call.ending()
    };
    publish(vec![37], ContactNotification::DoNotNotify);
    assert_eq!(warned(vec![37]), None, "nobody was e-mailed");
    let refused = json!({ "do": "faults", "faults": [{ "name": "status", "status": 400 }] });
    portal.control(&refused.to_string()).expect("an answer");
    publish(vec![37], ContactNotification::Notify);
    assert_eq!(warned(vec![37]), None, "it was not processed");
    let lost = json!({ "do": "faults", "faults": [{ "name": "close_before_answer" }] });
    portal.control(&lost.to_string()).expect("an answer");
    publish(vec![38], ContactNotification::UseContactPreference);
    publish(vec![37], ContactNotification::Notify);
    for (ids, beginning) in [
        (vec![37], "This file (37) was already sent by this process at "),
        (vec![39, 37], "1 of these files (37) was already sent by this process at "),
        (vec![38, 37], "These 2 files (38, 37) were already sent by this process "),
        (vec![39, 38, 37], "2 of these files (38, 37) were already sent by this process "),
    ] {
        let warning = warned(ids).expect("a warning");
        assert!(
            warning.starts_with(beginning) && warning.contains(" UTC, and no folder of journals shows it"),
            "{warning}"
        );
        assert!(warning.contains("Set `journal_dir` to a folder of journals"), "{warning}");
    }
    assert_eq!(warned(vec![39]), None);
    assert_eq!(start(vec![37], ContactNotification::DoNotNotify).take_warning(), None);
    // Without a host that warns in its own way it is logged, each time.
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        for _ in 0..2 {
            publish(vec![37], ContactNotification::Notify);
        }
    });
    let ours = lines.ours();
    assert_eq!(ours.iter().filter(|line| line.contains("already sent by this process")).count(), 2, "{ours:#?}");
    // A call with a journal is warned of them as well, since no journal knows of them; but not of what it does not send.
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("log-{}", std::process::id()));
    init_journal_dir(&folder).expect("a folder");
    let batch = |ids: std::ops::RangeInclusive<u64>, name: &str, notification| {
        let lines = Lines::default();
        let ending = tracing::subscriber::with_default(lines.clone(), || {
            let request = PublishRequest::for_batch(ids, PortalPublishing::Publish, notification).expect("a request");
            let call = client.start_batch(&request, &BatchOptions::new(folder.join(name)), |_| None);
            while runtime.block_on(call.run()) != Turn::Done {}
            call.ending()
        });
        (ending, lines.ours().into_iter().filter(|line| line.contains("already sent")).collect::<Vec<_>>())
    };
    assert_eq!(batch(37..=39, "quiet.jsonl", ContactNotification::DoNotNotify).1, [""; 0]);
    fs::remove_dir_all(&folder).expect("a folder");
    init_journal_dir(&folder).expect("a folder");
    let (ending, warnings) = batch(37..=39, "run.jsonl", ContactNotification::Notify);
    assert!(matches!(ending, Ending::Reported(_)), "{ending:?}");
    let [warning] = warnings.as_slice() else { panic!("one warning: {warnings:?}") };
    assert!(warning.starts_with("WARN addepar_portal 2 of these files (37, 38) were already sent by this process "));
    let end = "no folder of journals shows it, so that none can refuse it: sent again, clients may be e-mailed twice";
    assert!(warning.ends_with(end), "{warning}");
    assert_eq!(batch(37..=39, "run.jsonl", ContactNotification::Notify).1, [""; 0], "all of it is sent");
    assert_eq!(batch(37..=40, "other.jsonl", ContactNotification::Notify).1, [""; 0], "it is refused");
    let _ = fs::remove_dir_all(&folder);
    // Another firm has other files, and a server that takes the port of an earlier one has received nothing.
    let other = PortalClient::builder().base_url(portal.base_url()).firm_id("2").key("key", "secret").build();
    let request = PublishRequest::new([37], PortalPublishing::Publish, ContactNotification::Notify).expect("a request");
    assert_eq!(other.expect("a client").start(request, Repeat::Refuse, |_| None).take_warning(), None);
    forget_sent_to(portal.base_url());
    assert_eq!(warned(vec![37]), None);
}

/// Panics at every event of ours.
struct Panicking;

impl Subscriber for Panicking {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        assert!(event.metadata().target() != "addepar_portal", "a logger that fails");
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn a_logger_that_panics_costs_nobody_the_outcome() {
    let portal = portal();
    portal.control(r#"{"do": "faults", "faults": [{"name": "close_idle"}, {"name": "hang"}]}"#).expect("faults");
    tracing::subscriber::with_default(Panicking, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (client, request) = (client(&portal), request());
        runtime.block_on(async {
            assert!(client.publish_files(&request).await.expect("a report").ok());
            // It is dropped, which is warned of.
            let mut call = Box::pin(client.publish_files(&request));
            while portal.control(r#"{"do": "requests"}"#).expect("requests").matches(r#""complete":true"#).count() < 2 {
                assert!(timeout(Duration::from_millis(5), &mut call).await.is_err());
            }
        });
    });
}

#[test]
fn no_log_of_any_level_or_library_holds_a_secret() {
    let (portal, lines) = (portal(), Lines::default());
    log::set_logger(RECORDS.get_or_init(|| lines.clone())).expect("the first logger");
    log::set_max_level(log::LevelFilter::Trace);
    let endpoint = |name: &str| {
        let told = portal.control(&format!(r#"{{"do": "endpoint", "name": "{name}"}}"#)).expect("an endpoint");
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        told.get("url").and_then(serde_json::Value::as_str).expect("a URL").to_owned()
    };
    let key = Settings {
        firm_id: Some("1".to_owned()),
        key_id: Some("simulated-key".to_owned()),
        key_secret: Some("simulated-secret".into()),
        ..Settings::default()
    };
    let token = Settings {
        access_token: Some(AccessToken::Fixed("simulated-token".into())),
        key_id: None,
        key_secret: None,
        ..key.clone()
    };
    let mut ways: Vec<Settings> = [&key, &token]
        .into_iter()
        .map(|one| Settings { base_url: Some(portal.base_url().to_owned()), ..one.clone() })
        .collect();
    ways.push(Settings { base_url: Some(endpoint("self_signed")), ..key.clone() });
    for name in ["proxy_407", "proxy_502"] {
        let proxy = endpoint(name).replace("//", "//operator:password-of-the-proxy@");
        let base_url = Some("https://portal.invalid/api".to_owned());
        ways.push(Settings { base_url, proxy: Some(proxy.into()), ..key.clone() });
    }
    tracing::subscriber::with_default(lines.clone(), || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        for way in ways {
            let client = PortalClient::new(way, |_| None).expect("a client");
            // Twice: also on a connection that is there already.
            for _ in 0..2 {
                let _ = runtime.block_on(client.publish_files(&request()));
            }
        }
    });
    let all = lines.all();
    for library in [" addepar_portal ", " reqwest::", " hyper_util::"] {
        assert!(all.contains(library), "nothing of{library}in {all}");
    }
    for secret in [
        "simulated-secret",
        "c2ltdWxhdGVkLWtleTpzaW11bGF0ZWQtc2VjcmV0",
        "simulated-token",
        "password-of-the-proxy",
        "b3BlcmF0b3I6cGFzc3dvcmQtb2YtdGhlLXByb3h5",
    ] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
