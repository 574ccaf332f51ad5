//! Generated reports, from a finished job to files that are settled, against the simulated portal.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use addepar_portal::host::{Language, Level, Turn};
use addepar_portal::{
    BatchOptions, ContactNotification, Error, ErrorKind, FileState, Journal, JournalReason, Outcome, PortalClient,
    PortalPublishing, PublishReport, PublishRequest, ReportFilter, Settlement, Verdict, forget_journal,
    init_journal_dir,
};
use addepar_portal_simulator::SimulatedPortal;
use serde_json::{Value, json};

/// The same words as in Python and Node.
#[test]
fn failed_contacts_are_told_in_words() {
    let cases: Value = serde_json::from_str(include_str!("../../tests/texts/failed_contacts.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let file_ids: Vec<u64> = case["file_ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
        let request = PublishRequest::new(file_ids, PortalPublishing::Publish, ContactNotification::Notify).unwrap();
        let report = PublishReport::from_response(&request, case["body"].to_string().as_bytes()).unwrap();
        let lines = report.failed_contacts_in_words();
        assert_eq!(json!(lines.lines().collect::<Vec<_>>()), case["text"], "{}", case["about"]);
    }
}

const JOB: &str = "7d4e1c58-9a63-4b0f-8a25-3c9d2f6b1e70";

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("addepar-portal-reports-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn journal(&self) -> PathBuf {
        self.0.join("run.jsonl")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn portfolios(files: std::ops::Range<u64>) -> Vec<Value> {
    files
        .map(|id| json!({ "file_id": id, "portfolio_id": 1_000 + id, "portfolio_name": format!("Client {id}") }))
        .collect()
}

/// A portal with one report, on whose clock an hour passes in a second.
fn portal(files: std::ops::Range<u64>, options: &Value) -> SimulatedPortal {
    let report = json!({
        "job_id": JOB,
        "attributes": {"report_id": 42, "report_name": "Q3", "completed_at": "2026-11-24T10:16:30Z"},
        "generated_portfolios": portfolios(files),
        "failed_portfolios": [{"portfolio_type": "entity", "portfolio_id": 9, "portfolio_name": "No data"}],
    });
    let mut all = json!({ "generated_reports": [report], "clock": 3_600 });
    all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    SimulatedPortal::start(&all.to_string()).unwrap()
}

fn client(portal: &SimulatedPortal) -> PortalClient {
    let builder = PortalClient::builder().base_url(portal.base_url()).firm_id("1");
    builder.key("simulated-key", "simulated-secret").build().unwrap()
}

fn control(portal: &SimulatedPortal, command: &Value) -> Value {
    serde_json::from_str(&portal.control(&command.to_string()).unwrap()).unwrap()
}

/// How often each file was processed; everybody has one contact, who gets one e-mail each time.
fn emails(portal: &SimulatedPortal) -> Vec<u64> {
    let outbox = control(portal, &json!({"do": "outbox"}));
    let mut files: Vec<u64> =
        outbox.as_array().unwrap().iter().map(|email| email["files"][0].as_u64().unwrap()).collect();
    files.sort_unstable();
    files
}

fn options(folder: &Folder, chunk_size: usize) -> BatchOptions {
    BatchOptions { chunk_size, reports: vec![JOB.to_owned()], ..BatchOptions::new(folder.journal()) }
}

fn all_of_the_reports() -> PublishRequest {
    PublishRequest::for_reports(PortalPublishing::Publish, ContactNotification::Notify)
}

async fn publish(portal: &SimulatedPortal, options: &BatchOptions) -> Result<PublishReport, Error> {
    client(portal).publish_batch(&all_of_the_reports(), options, |_| {}).await
}

async fn settle(portal: &SimulatedPortal, folder: &Folder, apply: bool) -> Result<Settlement, Error> {
    Journal::open(folder.journal()).unwrap().settle(&client(portal), &[], apply).await
}

#[tokio::test]
async fn a_report_is_read_by_its_job() {
    let portal = portal(101..103, &json!({"show_published": {"101": true, "102": null}}));
    let report = client(&portal).generated_report(JOB).await.unwrap();
    assert_eq!((report.report_name.as_deref(), report.status.as_deref()), (Some("Q3"), Some("FINISHED")));
    let shown: Vec<_> =
        report.generated_portfolios.iter().map(|file| (file.file_id, file.has_been_published)).collect();
    assert_eq!(shown, [(Some(101), Some(true)), (Some(102), None)]);
    assert_eq!(report.failed_portfolios.len(), 1);
    assert_eq!(control(&portal, &json!({"do": "posts"})), 0);
}

#[tokio::test]
async fn reads_are_sent_again_after_faults_and_refusals_are_errors() {
    let portal = portal(101..102, &json!({}));
    let fault = |faults: &[&str]| control(&portal, &json!({"do": "report_faults", "faults": faults}));
    fault(&["status:503", "close_before_answer"]);
    assert!(client(&portal).generated_report(JOB).await.is_ok());
    fault(&["close_in_body", "not_json"]);
    let error = client(&portal).generated_report(JOB).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(error.message(), "The generated report could not be read: it is not JSON. Nothing was sent.");
    fault(&["status:503", "status:503", "status:503"]);
    assert_eq!(client(&portal).generated_report(JOB).await.unwrap_err().kind(), ErrorKind::Rejected);
    fault(&["status:403"]);
    let error = client(&portal).generated_report(JOB).await.unwrap_err();
    assert_eq!((error.kind(), error.http_status()), (ErrorKind::PermissionDenied, Some(403)));
    assert!(error.message().contains("Access to all tools and portfolios"), "{error}");
    control(&portal, &json!({"do": "report_faults", "faults": [{"name": "rate_limited", "retry_after": 1}]}));
    assert!(client(&portal).generated_report(JOB).await.is_ok());
    let error = client(&portal).generated_report("7d4e1c58-0000-4b0f-8a25-3c9d2f6b1e70").await.unwrap_err();
    assert_eq!((error.kind(), error.errors().len()), (ErrorKind::Rejected, 1));
    let error = client(&portal).generated_report("../portal").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
}

#[tokio::test]
async fn a_batch_of_neither_files_nor_reports_is_refused() {
    let (portal, folder) = (portal(101..102, &json!({})), Folder::new());
    let neither = BatchOptions { reports: Vec::new(), ..options(&folder, 2) };
    let error = publish(&portal, &neither).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(
        error.message().starts_with("`file_ids` must name the files: give a list of ids, or in `reports` the jobs")
    );
    assert!(!folder.journal().exists());
    assert_eq!(control(&portal, &json!({"do": "requests"})), json!([]));
}

#[tokio::test]
async fn the_list_is_read_page_by_page() {
    let reports: Vec<Value> = (0..1_200)
        .map(|number| {
            json!({"job_id": format!("job-{number:04}"), "attributes": {
                "status": if number % 3 == 0 { "ERROR" } else { "FINISHED" },
                "completed_at": format!("2026-11-{:02}T00:00:00Z", 1 + number / 50),
            }})
        })
        .collect();
    let portal = SimulatedPortal::start(&json!({ "generated_reports": reports }).to_string()).unwrap();
    let count = async |filter: ReportFilter| client(&portal).generated_reports(&filter).await.unwrap().len();
    assert_eq!(count(ReportFilter::default()).await, 1_200);
    assert_eq!(count(ReportFilter { status: vec!["ERROR".to_owned()], ..ReportFilter::default() }).await, 400);
    let completed_after = Some(humantime_of("2026-11-23T00:00:00Z"));
    assert_eq!(count(ReportFilter { completed_after, ..ReportFilter::default() }).await, 50);
}

#[tokio::test]
async fn a_time_that_the_api_cannot_have_is_refused() {
    let portal = portal(101..102, &json!({}));
    let second = Duration::from_secs(1);
    let end = humantime_of("9999-12-31T23:59:59Z") + second;
    for time in [SystemTime::UNIX_EPOCH - second, end] {
        let filter = ReportFilter { completed_before: Some(time), ..ReportFilter::default() };
        let error = client(&portal).generated_reports(&filter).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert_eq!(
            error.message(),
            "`completed_before` must be a time in the years from 1970 to 9999. Nothing was sent."
        );
    }
    for time in [SystemTime::UNIX_EPOCH, end - second] {
        let filter = ReportFilter { completed_after: Some(time), ..ReportFilter::default() };
        assert!(client(&portal).generated_reports(&filter).await.is_ok());
    }
}

fn humantime_of(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap()
}

#[tokio::test]
async fn a_batch_takes_its_files_and_their_names_from_a_report() {
    let (portal, folder) = (portal(101..106, &json!({"show_published": {"103": true}})), Folder::new());
    let options = BatchOptions { skip_published: true, ..options(&folder, 2) };
    let report = publish(&portal, &options).await.unwrap();
    let names: Vec<_> = report.files().iter().map(|file| report.request().portfolio_name(file.file_id)).collect();
    assert_eq!(names, [Some("Client 101"), Some("Client 102"), Some("Client 104"), Some("Client 105")]);
    assert_eq!(emails(&portal), [101, 102, 104, 105]);
    let journal: Value = serde_json::from_str(&Journal::open(folder.journal()).unwrap().to_json()).unwrap();
    assert_eq!((&journal["reports"], &journal["skipped"]), (&json!([JOB]), &json!([103])));
    // The ids are the journal's from now on, whatever the report shows.
    control(&portal, &json!({"do": "show_published", "file": 103, "shown": false}));
    assert!(publish(&portal, &options).await.unwrap().ok());
    assert_eq!(emails(&portal), [101, 102, 104, 105]);
    let other = BatchOptions { reports: vec!["7d4e1c58-0000-4b0f-8a25-3c9d2f6b1e70".to_owned()], ..options };
    assert_eq!(publish(&portal, &other).await.unwrap_err().kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn a_job_that_lacks_files_is_warned_of() {
    let job = |status: &str, failed: Value| {
        let report = json!({
            "job_id": JOB,
            "attributes": {"status": status},
            "generated_portfolios": portfolios(101..102),
            "failed_portfolios": failed,
        });
        portal(101..102, &json!({ "generated_reports": [report] }))
    };
    let lacking = json!([{"portfolio_name": "No data"}]);
    for (portal, what) in [
        (job("FINISHED", json!([])), None),
        (job("FINISHED", lacking.clone()), Some("has no file for 1 portfolio")),
        (job("ERROR", lacking), Some("has the status ERROR, not FINISHED, and has no file for 1 portfolio")),
        (job("RUNNING", json!([])), Some("has the status RUNNING, not FINISHED")),
    ] {
        let folder = Folder::new();
        let call = client(&portal).start_batch(&all_of_the_reports(), &options(&folder, 2), |_| None);
        call.watch(Level::Warn);
        let mut said = Vec::new();
        while call.run().await != Turn::Done {
            said.extend(call.log_records());
        }
        let said: Vec<_> = said.iter().map(|record| record.message_in(Language::Rust)).collect();
        let expected = what.map(|what| format!("The job {JOB} {what}: what it lacks is published to nobody"));
        assert_eq!(said, Vec::from_iter(expected));
    }
}

/// The journal of a job that was not over has the files that its report had then.
#[tokio::test]
async fn files_that_a_report_has_by_now_and_the_run_has_not_are_warned_of() {
    let (first, folder) = (portal(101..104, &json!({"show_published": {"101": true}})), Folder::new());
    let options = BatchOptions { skip_published: true, ..options(&folder, 2) };
    assert_eq!(publish(&first, &options).await.unwrap().files().len(), 2);
    let port = first.port();
    drop(first);
    let shown = json!({"101": false, "102": true, "103": true, "104": true});
    let second = portal(101..107, &json!({ "port": port, "show_published": shown }));
    let all = BatchOptions { skip_published: false, ..options.clone() };
    let said = async |request: PublishRequest, options: &BatchOptions| {
        let call = client(&second).start_batch(&request, options, |_| None);
        call.watch(Level::Warn);
        let mut said = Vec::new();
        while call.run().await != Turn::Done {
            said.extend(call.log_records());
        }
        said.extend(call.log_records());
        let said = said.iter().map(|record| record.message_in(Language::Rust));
        (
            call.ending().into_result().map(|report| report.files().len()),
            said.filter(|said| !said.starts_with("The job")).collect::<Vec<_>>(),
        )
    };
    let (files, warnings) = said(all_of_the_reports(), &options).await;
    assert_eq!(files.unwrap(), 2);
    assert_eq!(
        warnings,
        ["2 files of the reports (105,106) are not of this run, whose files stay those that the reports had when its \
             journal was made: nothing sends them. Publish them with a journal of their own: name the files, or give the \
             reports again with `skip_published`"],
    );
    assert_eq!(said(all_of_the_reports(), &all).await.1, [""; 0], "it is refused: the journal left files out");
    // Who names files does not ask for those of the reports.
    let named = PublishRequest::for_batch([102, 103], PortalPublishing::Publish, ContactNotification::Notify).unwrap();
    assert_eq!(said(named, &all).await.1, [""; 0]);
    assert_eq!(emails(&second), [0; 0]);
    // What the warning says to do.
    let rest = BatchOptions { journal: folder.0.join("rest.jsonl"), ..options };
    assert_eq!(said(all_of_the_reports(), &rest).await.0.unwrap(), 3, "104 is published, and 101 is shown as not");
}

#[tokio::test]
async fn a_batch_whose_files_are_all_published_already_is_ok_and_sends_nothing() {
    let (portal, folder) = (portal(101..103, &json!({"show_published": {"101": true, "102": true}})), Folder::new());
    let options = BatchOptions { skip_published: true, ..options(&folder, 2) };
    // The second run finds the journal of the first.
    for _ in 0..2 {
        let report = publish(&portal, &options).await.unwrap();
        assert_eq!((report.files().len(), report.ok(), report.settled()), (0, true, true));
        assert_eq!(
            (report.summary().as_str(), report.to_string()),
            ("no files (asked: publish, notify)", report.summary())
        );
        let again: PublishReport = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!(again, report);
        report.raise_for_failures().unwrap();
    }
    let journal = Journal::open(folder.journal()).unwrap();
    assert_eq!((journal.report().files().len(), journal.report().settled()), (0, true));
    let shown: Value = serde_json::from_str(&journal.to_json()).unwrap();
    assert_eq!((&shown["reports"], &shown["skipped"]), (&json!([JOB]), &json!([101, 102])));
    assert!(client(&portal).resume(&BatchOptions::new(folder.journal()), |_| {}).await.unwrap().ok());
    assert_eq!(emails(&portal), [0; 0]);
}

/// A request in which no file is left does not mean all files of the reports.
#[tokio::test]
async fn a_request_without_files_beside_reports_is_refused_unless_it_is_for_reports() {
    let (portal, folder) = (portal(101..103, &json!({"show_published": {"101": true, "102": true}})), Folder::new());
    let none = publish(&portal, &BatchOptions { skip_published: true, ..options(&folder, 2) }).await.unwrap();
    let read: PublishReport = serde_json::from_str(&none.to_json()).unwrap();
    assert_eq!(none, read);
    let other = BatchOptions { journal: folder.0.join("other.jsonl"), ..options(&folder, 2) };
    for request in [none.request(), read.request()] {
        let error = client(&portal).publish_batch(request, &other, |_| {}).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::Input, Outcome::NotProcessed));
        assert!(error.message().contains("`file_ids` must name one file or more, not none"), "{error}");
    }
    assert!(!other.journal.exists());
    assert_eq!(emails(&portal), [0; 0]);
}

/// A journal without a file is one like any other: its folder misses it, and nothing else suffers from it.
#[tokio::test]
async fn a_journal_without_a_file_leaves_its_folder_as_safe_as_it_was() {
    let portal = portal(101..105, &json!({"show_published": {"101": true, "102": true}}));
    let folder = Folder::new();
    let path = |name: &str| folder.0.join(name);
    init_journal_dir(&folder.0).unwrap();
    control(&portal, &json!({"do": "show_published", "file": 103, "shown": true}));
    control(&portal, &json!({"do": "show_published", "file": 104, "shown": true}));
    let empty = BatchOptions { skip_published: true, journal: path("empty.jsonl"), ..options(&folder, 2) };
    assert!(publish(&portal, &empty).await.unwrap().files().is_empty());
    let request = PublishRequest::new([103], PortalPublishing::Publish, ContactNotification::Notify).unwrap();
    let single = |name: &str| BatchOptions::new(path(name));
    let client = client(&portal);
    for (name, is_sent) in [("sent.jsonl", true), ("again.jsonl", false)] {
        let call = client.start_batch(&request, &single(name), |_: &str| None);
        call.watch(Level::Warn);
        let mut warnings = Vec::new();
        while call.run().await != Turn::Done {
            warnings.extend(call.log_records().into_iter().map(|record| record.message_in(Language::Rust)));
        }
        assert_eq!((call.ending().into_result().is_ok(), warnings), (is_sent, Vec::<String>::new()), "{name}");
    }
    let journal = Journal::open(path("empty.jsonl")).unwrap();
    assert_eq!((journal.files().len(), journal.chunks().len(), journal.undecided().len()), (0, 0, 0));
    let decided = Journal::open(path("empty.jsonl")).unwrap().decide([101], Verdict::Leave, "A. Person", None);
    assert_eq!(decided.unwrap_err().reason(), Some(JournalReason::Refused));
    let settled = Journal::open(path("empty.jsonl")).unwrap().settle(&client, &[], true).await.unwrap();
    assert!(settled.files.is_empty());
    assert!(client.resume(&single("empty.jsonl"), |_| {}).await.unwrap().ok());
    // What is missed is still missed, whichever journal it is.
    for name in ["sent.jsonl", "empty.jsonl"] {
        let text = fs::read(path(name)).unwrap();
        fs::remove_file(path(name)).unwrap();
        let error = client.publish_batch(&request, &single("new.jsonl"), |_| {}).await.unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Journal, Some(JournalReason::Missing)), "{error}");
        if name == "sent.jsonl" {
            fs::write(path(name), text).unwrap();
        }
    }
    assert_eq!(forget_journal(path("empty.jsonl")).unwrap(), [0; 0]);
    let error = client.publish_batch(&request, &single("new.jsonl"), |_| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadySent, "{error}");
    assert_eq!(emails(&portal), [103]);
}

/// A journal that left files out knows nothing about them: a call that names them, or wants all, is another run.
#[tokio::test]
async fn a_file_that_was_left_out_is_not_passed_over_once_it_is_asked_for() {
    let (portal, folder) = (portal(101..104, &json!({"show_published": {"101": true}})), Folder::new());
    let skipping = BatchOptions { skip_published: true, ..options(&folder, 2) };
    assert_eq!(publish(&portal, &skipping).await.unwrap().files().len(), 2);
    let all = BatchOptions { skip_published: false, ..skipping.clone() };
    let named = PublishRequest::new(101..=103, PortalPublishing::Publish, ContactNotification::Notify).unwrap();
    let plain = BatchOptions { reports: Vec::new(), ..all.clone() };
    for (request, options, what) in [
        (&all_of_the_reports(), &all, "`skip_published` left 1 file out there"),
        (&named, &plain, "this call names 1 file (101) that the journal does not have"),
        (&named, &all, "this call names 1 file (101) that the journal does not have"),
    ] {
        let error = client(&portal).publish_batch(request, options, |_| {}).await.unwrap_err();
        assert_eq!(error.reason(), Some(JournalReason::OtherRun));
        assert!(error.message().contains(what), "{}", error.message());
    }
    assert_eq!(publish(&portal, &skipping).await.unwrap().files().len(), 2);
    assert_eq!(emails(&portal), [102, 103]);
}

#[tokio::test]
async fn a_report_without_a_file_is_an_error_and_leaves_no_journal() {
    let (portal, folder) = (portal(101..101, &json!({})), Folder::new());
    let error = publish(&portal, &BatchOptions { skip_published: true, ..options(&folder, 2) }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert_eq!(error.message(), "`reports` must have files to publish, and none of them has one. Nothing was sent.");
    assert!(!folder.journal().exists());
}

#[tokio::test]
async fn the_id_of_a_job_stands_in_a_path() {
    let portal = portal(101..102, &json!({}));
    assert_eq!(client(&portal).generated_report(JOB).await.unwrap().job_id, JOB);
    // The server decides which jobs there are.
    let refused = client(&portal).generated_report("job-2").await.unwrap_err();
    assert_eq!((refused.kind(), refused.http_status()), (ErrorKind::Rejected, Some(404)));
    for wrong in ["", "7d4e1c58 9a63", "7d4e1c58?", "../portal"] {
        let error = client(&portal).generated_report(wrong).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert_eq!(
            error.message(),
            format!("`job_id` must be the id of a job, a UUID such as {JOB}, not {wrong:?}. Nothing was sent.")
        );
    }
}

#[tokio::test]
async fn a_lost_chunk_is_settled_and_resumed() {
    // The request of another file has to be no further back than two looks are apart: that has to hold on a busy machine.
    let (portal, folder) = (portal(101..107, &json!({"clock": 300})), Folder::new());
    control(&portal, &json!({"do": "faults", "faults": ["stray_bytes", "close_after_head"]}));
    let error = publish(&portal, &options(&folder, 2)).await.unwrap_err();
    assert_eq!((error.kind(), error.undecided()), (ErrorKind::OutcomeUnknown, vec![103, 104]));
    let proposed = settle(&portal, &folder, false).await.unwrap();
    assert!(!proposed.applied);
    // Ten minutes on this portal's clock.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let before = std::fs::read(folder.journal()).unwrap();
    let proposed = settle(&portal, &folder, false).await.unwrap();
    let decisions: Vec<_> = proposed.files.iter().map(|file| (file.file_id, file.decision)).collect();
    assert_eq!(decisions, [(103, Some(Verdict::NotPublished)), (104, Some(Verdict::NotPublished))], "{proposed:?}");
    assert_eq!(proposed.files[0].portfolio_name.as_deref(), Some("Client 103"));
    assert_eq!(std::fs::read(folder.journal()).unwrap(), before, "nothing is written unless it is applied");
    assert_eq!(emails(&portal), [101, 102], "settling sends nothing");
    let applied = settle(&portal, &folder, true).await.unwrap();
    assert!(applied.applied && applied.left().is_empty());
    let journal = Journal::open(folder.journal()).unwrap();
    assert_eq!(journal.files()[2].decided_by.as_deref(), Some("settle"));
    assert!(journal.files()[2].evidence.as_deref().unwrap().contains("not published at"));
    assert!(settle(&portal, &folder, true).await.unwrap().files.is_empty(), "nothing is left to settle");
    let report = client(&portal).resume(&BatchOptions::new(folder.journal()), |_| {}).await.unwrap();
    assert!(report.ok());
    assert_eq!(emails(&portal), [101, 102, 103, 104, 105, 106]);
}

#[tokio::test]
async fn an_error_before_the_journal_is_opened_shows_what_it_has() {
    let (portal, folder) = (portal(101..105, &json!({})), Folder::new());
    let options = options(&folder, 2);
    let refuse = || control(&portal, &json!({"do": "report_faults", "faults": ["status:403"]}));
    let named = client(&portal);
    let named = async |options: &BatchOptions| {
        let modes = (PortalPublishing::Publish, ContactNotification::Notify);
        let request = PublishRequest::for_batch(101_u64..105, modes.0, modes.1).unwrap();
        named.publish_batch(&request, options, |_| {}).await
    };
    // Nobody began it yet.
    refuse();
    let error = publish(&portal, &options).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::PermissionDenied, Outcome::NotProcessed));
    refuse();
    let error = named(&options).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::PermissionDenied, Outcome::NotProcessed));
    assert!(!folder.journal().exists());
    // The first chunk is ok, the second lost.
    control(&portal, &json!({"do": "faults", "faults": ["stray_bytes", "close_before_answer"]}));
    assert_eq!(publish(&portal, &options).await.unwrap_err().undecided(), [103, 104]);
    for error in [
        {
            refuse();
            publish(&portal, &options).await.unwrap_err()
        },
        {
            refuse();
            named(&options).await.unwrap_err()
        },
    ] {
        assert_eq!((error.kind(), error.outcome()), (ErrorKind::PermissionDenied, Outcome::Unknown), "{error}");
        assert_eq!(error.undecided(), [103, 104]);
        assert_eq!(error.report().unwrap().file(101).unwrap().state, FileState::Ok);
        assert!(error.message().contains("Nothing was sent now."), "{error}");
    }
}

#[tokio::test]
async fn a_chunk_that_was_processed_is_settled_and_never_sent_again() {
    let (portal, folder) = (portal(101..107, &json!({})), Folder::new());
    control(&portal, &json!({"do": "faults", "faults": ["stray_bytes", "close_before_answer"]}));
    publish(&portal, &options(&folder, 2)).await.unwrap_err();
    let settled = settle(&portal, &folder, true).await.unwrap();
    let decisions: Vec<_> = settled.files.iter().map(|file| file.decision).collect();
    assert_eq!(decisions, [Some(Verdict::Published); 2], "{settled:?}");
    let report = client(&portal).resume(&BatchOptions::new(folder.journal()), |_| {}).await.unwrap();
    assert!(report.settled());
    assert_eq!(report.count(FileState::Unknown), 2, "the state stays what the server said");
    assert_eq!(emails(&portal), [101, 102, 103, 104, 105, 106]);
}

#[tokio::test]
async fn half_a_chunk_waits_for_a_person() {
    let (portal, folder) = (portal(101..107, &json!({})), Folder::new());
    control(&portal, &json!({"do": "faults", "faults": ["stray_bytes", "half_done"]}));
    publish(&portal, &options(&folder, 2)).await.unwrap_err();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let settled = settle(&portal, &folder, true).await.unwrap();
    let decisions: Vec<_> = settled.files.iter().map(|file| file.decision).collect();
    assert_eq!(decisions, [Some(Verdict::Published), None], "{settled:?}");
    assert_eq!(settled.left(), [104]);
    let error = client(&portal).resume(&BatchOptions::new(folder.journal()), |_| {}).await.unwrap_err();
    assert_eq!((error.kind(), error.undecided()), (ErrorKind::Journal, vec![104]));
}

/// Each lie of a portal that the rules know of: nothing of a chunk that was processed is ever proven not to be.
#[tokio::test]
async fn a_portal_that_lies_never_gets_a_second_send() {
    for (what, options, late) in [
        // Ten hours late: longer than anybody waits here.
        ("lag", json!({"published_lag": 36_000}), json!({})),
        ("left out", json!({}), json!({"103": null, "104": null})),
        ("half of it left out", json!({}), json!({"103": false, "104": null})),
        ("the control hidden", json!({}), json!({"101": false, "102": false, "103": false, "104": false})),
        ("the control left out", json!({}), json!({"101": null, "102": null, "103": false, "104": false})),
        ("nobody wanted it", json!({"preferences": {"1": {"publish": false}}}), json!({})),
    ] {
        let (portal, folder) = (portal(101..107, &options), Folder::new());
        control(&portal, &json!({"do": "faults", "faults": ["stray_bytes", "close_before_answer"]}));
        let modes = if what == "nobody wanted it" {
            PublishRequest::for_reports(PortalPublishing::UseContactPreference, ContactNotification::Notify)
        } else {
            all_of_the_reports()
        };
        client(&portal).publish_batch(&modes, &self::options(&folder, 2), |_| {}).await.unwrap_err();
        for (file, shown) in late.as_object().unwrap() {
            control(&portal, &json!({"do": "show_published", "file": file.parse::<u64>().unwrap(), "shown": shown}));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let settled = settle(&portal, &folder, true).await.unwrap();
        let again = settled.files.iter().any(|file| file.decision == Some(Verdict::NotPublished));
        assert!(!again, "{what}: {settled:?}");
        let _ = client(&portal).resume(&BatchOptions::new(folder.journal()), |_| {}).await;
        let mut twice = emails(&portal);
        twice.dedup();
        assert_eq!(twice, emails(&portal), "{what}");
    }
}

#[tokio::test]
async fn settling_looks_at_the_reports_that_the_journal_names_or_the_caller() {
    let (portal, folder) = (portal(101..103, &json!({})), Folder::new());
    control(&portal, &json!({"do": "faults", "faults": ["close_before_answer"]}));
    let request =
        PublishRequest::for_batch([101, 102], PortalPublishing::Publish, ContactNotification::Notify).unwrap();
    client(&portal).publish_batch(&request, &BatchOptions::new(folder.journal()), |_| {}).await.unwrap_err();
    let error = settle(&portal, &folder, true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    let mut journal = Journal::open(folder.journal()).unwrap();
    let settled = journal.settle(&client(&portal), &[JOB.to_owned()], true).await.unwrap();
    assert_eq!(settled.left(), [101, 102], "nobody looked before");
}

/// Two thousand files, one request in twenty lost in some way: settled and resumed until nothing is left. A person is
/// asked about what the reports cannot prove, and knows it from the portal's own outbox.
#[tokio::test]
async fn a_large_batch_with_faults_is_settled_and_resumed_to_its_end() {
    const LOST: [&str; 4] = ["close_before_answer", "close_after_head", "half_done", "reset_in_body"];
    let (portal, folder) = (portal(1..2_001, &json!({})), Folder::new());
    let faults: Vec<&str> =
        (0..200).map(|n| if n % 20 == 10 { LOST[n / 20 % LOST.len()] } else { "stray_bytes" }).collect();
    control(&portal, &json!({"do": "faults", "faults": faults}));
    let options = options(&folder, 20);
    let (mut proven, mut asked) = (0, 0);
    let report = loop {
        let error = match publish(&portal, &options).await {
            Ok(report) => break report,
            Err(error) => error,
        };
        assert!(!error.undecided().is_empty(), "{error}");
        // Ten minutes on the portal's clock.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let settled = settle(&portal, &folder, true).await.unwrap();
        proven += settled.files.len() - settled.left().len();
        let mut journal = Journal::open(folder.journal()).unwrap();
        for file_id in settled.left() {
            asked += 1;
            let is_out = emails(&portal).contains(&file_id);
            let found = if is_out { Verdict::Published } else { Verdict::NotPublished };
            journal.decide([file_id], found, "A. Person", Some("the outbox")).unwrap();
        }
    };
    assert!(report.settled());
    assert_eq!(emails(&portal), (1..2_001).collect::<Vec<_>>(), "every file went out once");
    assert!(proven > 0 && asked > 0, "{proven} proven, {asked} asked");
    println!("{proven} files proven by the reports, {asked} by a person");
}
