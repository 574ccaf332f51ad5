//! What a journal and a batch promise, seen from outside: through the public API, against the
//! simulated portal, with processes that die and disks that are full.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use addepar_portal::host::{Ending, Language, Level, PublishCall, Turn};
use addepar_portal::{
    BatchOptions, ContactNotification, Error, ErrorKind, FileState, Journal, JournalReason, Outcome, PortalClient,
    PortalPublishing, Progress, PublishReport, PublishRequest, Repeat, Verdict, forget_journal, init_journal_dir,
};
use addepar_portal_simulator::SimulatedPortal;
use serde_json::{Value, json};

/// A portal that has every file, and a folder for journals.
struct Scene {
    portal: SimulatedPortal,
    client: PortalClient,
    folder: PathBuf,
}

impl Scene {
    fn new() -> Self {
        Self::with(&json!({}))
    }

    /// The same with options of the portal.
    fn with(options: &Value) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("journal-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let portal = SimulatedPortal::start(&options.to_string()).expect("a portal");
        Self { client: client(portal.base_url(), "1", None), portal, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The scene's folder, set up for journals.
    fn journals(&self) -> &Path {
        init_journal_dir(&self.folder).expect("a folder of journals");
        &self.folder
    }

    fn control(&self, command: &Value) -> Value {
        let answer = self.portal.control(&command.to_string()).expect("an answer");
        serde_json::from_str(&answer).expect("JSON")
    }

    fn faults(&self, faults: &Value) {
        self.control(&json!({ "do": "faults", "faults": faults }));
    }

    fn posts(&self) -> u64 {
        self.control(&json!({ "do": "posts" })).as_u64().expect("a number")
    }

    /// How many POSTs have arrived whole.
    fn received(&self) -> u64 {
        let requests = self.control(&json!({ "do": "requests" }));
        let requests = requests.as_array().expect("a list").iter();
        requests.filter(|request| request["method"] == "POST" && request["complete"] == true).count() as u64
    }

    /// Waits until the portal is done with all that was sent to it, by clients that are gone as well.
    fn come_to_rest(&self) {
        // It accepts in turn: once it has accepted this one, it has accepted whatever came before.
        let connections = |what: &str| self.control(&json!({ "do": "connections" }))[what].as_u64().expect("a number");
        let before = connections("accepted");
        let probe = std::net::TcpStream::connect(("127.0.0.1", self.portal.port())).expect("a connection");
        while connections("accepted") == before {
            thread::sleep(Duration::from_millis(1));
        }
        drop(probe);
        while connections("open") > 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The files of every POST, in order.
    fn sent(&self) -> Vec<Vec<u64>> {
        let requests = self.control(&json!({ "do": "requests" }));
        let requests = requests.as_array().expect("a list").iter().filter(|request| request["method"] == "POST");
        requests.map(|request| sent_files(&request["body"])).collect()
    }

    fn client(&self) -> PortalClient {
        self.client.clone()
    }

    /// A client that journals every call in the folder.
    fn journalling(&self) -> PortalClient {
        client(self.portal.base_url(), "1", Some(self.journals()))
    }

    /// Runs a batch of the files from 1 to `files` in chunks of 2.
    fn batch(&self, files: u64, journal: &Path) -> Result<PublishReport, Error> {
        publish_batch(&self.client(), files, &options(journal))
    }

    fn resume(&self, journal: &Path) -> Result<PublishReport, Error> {
        block_on(self.client().resume(&options(journal), |_| {}))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn sent_files(body: &Value) -> Vec<u64> {
    let parsed;
    let body = match body {
        Value::String(text) => {
            parsed = serde_json::from_str(text).expect("JSON");
            &parsed
        }
        body => body,
    };
    let files = body["data"]["attributes"]["files_id"].as_array().expect("files");
    files.iter().map(|id| id.as_u64().expect("an id")).collect()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

fn client(base_url: &str, firm_id: &str, journal_dir: Option<&Path>) -> PortalClient {
    let builder = PortalClient::builder().base_url(base_url).firm_id(firm_id);
    let builder = builder.key("simulated-key", "simulated-secret");
    let builder = match journal_dir {
        Some(folder) => builder.journal_dir(folder.to_str().expect("a path in UTF-8")),
        None => builder,
    };
    builder.build().expect("a client")
}

fn request(ids: impl IntoIterator<Item = u64>) -> PublishRequest {
    let modes = (PortalPublishing::Publish, ContactNotification::Notify);
    PublishRequest::for_batch(ids, modes.0, modes.1).expect("a request")
}

fn options(journal: &Path) -> BatchOptions {
    BatchOptions { chunk_size: 2, ..BatchOptions::new(journal) }
}

fn publish_batch(client: &PortalClient, files: u64, options: &BatchOptions) -> Result<PublishReport, Error> {
    block_on(client.publish_batch(&request(1..=files), options, |_| {}))
}

/// A batch whose journal is open, and of which nothing was sent yet.
fn begun(scene: &Scene, journal: &Path) -> PublishCall {
    let call = scene.client().start_batch(&request(1..=4), &options(journal), no_environment);
    call.follow_progress();
    assert_eq!(block_on(call.run()), Turn::News);
    call
}

/// Runs a call, stops it as soon as the portal has received so many requests, and lets the portal answer.
fn run_and_stop(scene: &Scene, call: &PublishCall, posts: u64) {
    thread::scope(|scope| {
        scope.spawn(|| {
            while scene.received() < posts {
                thread::sleep(Duration::from_millis(2));
            }
            assert!(call.interrupt());
            scene.control(&json!({ "do": "release" }));
        });
        assert_eq!(block_on(call.run()), Turn::Done);
    });
}

fn run_to_its_end(call: &PublishCall) {
    while block_on(call.run()) != Turn::Done {}
}

fn no_environment(_: &str) -> Option<std::ffi::OsString> {
    None
}

fn refused<R: std::fmt::Debug>(result: Result<R, Error>, kind: ErrorKind, words: &[&str]) -> Error {
    let error = result.expect_err("an error");
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(error.message().contains(word), "{word:?} is not in: {error}");
    }
    error
}

fn result_of(call: &PublishCall) -> Result<Arc<PublishReport>, Error> {
    call.ending().into_result()
}

fn states(report: &PublishReport) -> [usize; 4] {
    [FileState::Ok, FileState::Failed, FileState::Unknown, FileState::NotProcessed].map(|state| report.count(state))
}

fn ids_in(report: &PublishReport, state: FileState) -> Vec<u64> {
    report.in_state(state).map(|file| file.file_id).collect()
}

/// Records what a person found, if there is anything to decide about.
fn decide(journal: &Path, ids: &[u64], verdict: Verdict) {
    if ids.is_empty() {
        return;
    }
    let mut journal = Journal::open(journal).expect("a journal");
    journal.decide(ids.iter().copied(), verdict, "A. Person", Some("looked in Addepar")).expect("a decision");
}

fn lines(journal: &Path) -> Vec<String> {
    fs::read_to_string(journal).expect("a journal").lines().map(str::to_owned).collect()
}

fn types(journal: &Path) -> Vec<String> {
    let kind = |line: &String| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        line["type"].as_str().expect("a type").to_owned()
    };
    lines(journal).iter().map(kind).collect()
}

#[test]
fn ten_thousand_files_take_twenty_posts() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    let mut heard: Vec<Progress> = Vec::new();
    let options = BatchOptions { chunk_size: 500, ..BatchOptions::new(&path) };
    let (client, request) = (scene.client(), request(1..=10_000));
    let run = client.publish_batch(&request, &options, |progress| heard.push(progress));
    let report = block_on(run).expect("a report");
    assert_eq!(states(&report), [10_000, 0, 0, 0]);
    assert_eq!(scene.sent().concat(), (1..=10_000).collect::<Vec<u64>>());
    assert_eq!(scene.posts(), 20);
    assert_eq!(
        heard.iter().map(|progress| progress.succeeded).collect::<Vec<_>>(),
        (0..=20).map(|n| n * 500).collect::<Vec<_>>()
    );
    assert_eq!(Journal::open(&path).expect("a journal").report(), report);
    // The same again sends nothing: all is done.
    let again = block_on(client.publish_batch(&request, &options, |_| {}));
    assert_eq!(again.expect("a report"), report);
    assert_eq!(scene.posts(), 20);
}

#[test]
fn a_report_from_the_journal_is_the_run_s_own() {
    let scene = Scene::new();
    scene.control(&json!({ "do": "fail_notify", "file": 2, "contacts": [1] }));
    scene.control(&json!({ "do": "fail_publish", "file": 3, "contacts": [1] }));
    scene.faults(&json!([
        { "name": "rate_limited", "retry_after": 1 },
        { "name": "extra_result", "file": 77 },
        { "name": "contradiction", "file": 4 },
    ]));
    let path = scene.path("run.jsonl");
    let words = ["run.jsonl waits for a decision", "file 4", "1 ok, 2 failed, 1 unknown, 4 not_processed"];
    let error = refused(scene.batch(8, &path), ErrorKind::Journal, &words);
    assert_eq!(error.outcome(), Outcome::Unknown);
    let report = error.report().expect("a report");
    assert_eq!(&Journal::open(&path).expect("a journal").report(), report);
    assert_eq!(
        report.attempts().iter().map(|attempt| attempt.http_status).collect::<Vec<_>>(),
        [Some(429), Some(200), Some(200)]
    );
    assert_eq!(report.unexpected().len(), 3);
    assert_eq!(PublishReport::from_json(&report.to_json()).expect("a report"), *report);
}

/// Whatever a crash left of the last line: a request that may have gone out is not sent again, one that
/// cannot have is sent, and what is left of the line is gone from the file.
#[test]
fn a_last_line_torn_at_any_byte() {
    let scene = Scene::new();
    let whole = scene.path("whole.jsonl");
    scene.batch(4, &whole).expect("a report");
    assert_eq!(types(&whole), ["header", "plan", "intent", "outcome", "intent", "outcome"]);
    let bytes = fs::read(&whole).expect("a journal");
    let ends: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').map(|at| at + 1).collect();
    for (line, sent) in [(4, true), (5, false)] {
        for cut in ends[line - 1]..ends[line] {
            let torn = scene.path("torn.jsonl");
            fs::write(&torn, &bytes[..cut]).expect("a copy");
            scene.control(&json!({ "do": "reset" }));
            let result = scene.resume(&torn);
            // A line that lacks nothing but its line feed may be believed.
            let complete = cut + 1 == ends[line];
            match (sent, complete) {
                (true, false) => {
                    assert_eq!(states(&result.expect("a report")), [4, 0, 0, 0], "cut at {cut}");
                    assert_eq!(scene.sent(), [[3, 4]], "cut at {cut}");
                    assert_eq!(types(&torn), types(&whole), "cut at {cut}");
                }
                (true, true) | (false, false) => {
                    let error = refused(result, ErrorKind::Journal, &["waits for a decision", "files 3, 4"]);
                    assert_eq!(states(error.report().expect("a report")), [2, 0, 2, 0]);
                    assert_eq!(scene.posts(), 0, "cut at {cut}");
                    assert!(fs::read(&torn).expect("a journal").ends_with(b"\n"), "cut at {cut}");
                }
                (false, true) => {
                    let shown = result.map(|report| states(&report));
                    let shown = shown.unwrap_or_else(|error| states(error.report().expect("a report")));
                    assert!([[4, 0, 0, 0], [2, 0, 2, 0]].contains(&shown), "{shown:?}");
                    assert_eq!(scene.posts(), 0);
                }
            }
            Journal::open(&torn).expect("a journal");
        }
    }
}

#[test]
fn a_journal_that_is_not_as_it_was_written_is_refused() {
    let scene = Scene::new();
    let whole = scene.path("whole.jsonl");
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(scene.batch(4, &whole), ErrorKind::PermissionDenied, &["Fix the cause", "Then resume with", "whole.jsonl"]);
    scene.faults(&json!([{ "name": "answer", "status": 200, "processed": true, "body": "lost" }]));
    refused(scene.resume(&whole), ErrorKind::OutcomeUnknown, &[]);
    assert_eq!(types(&whole), ["header", "plan", "intent", "not_processed", "intent", "outcome"]);
    let original = lines(&whole);
    let edited = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = original.clone();
        change(&mut lines);
        lines.join("\n") + "\n"
    };
    let damaged = "It was damaged or edited";
    let table: Vec<(&str, String, Vec<&str>)> = vec![
        (
            "a byte",
            edited(&|lines| lines[2] = lines[2].replace("intent", "inteNt")),
            vec!["line 3: it must be one of header, plan, intent", "not \"inteNt\"", damaged],
        ),
        (
            "a number that became a text",
            edited(&|lines| lines[5] = lines[5].replace("\"attempt\":2", "\"attempt\":\"2\"")),
            vec!["line 6: it must be a whole number from 0, not \"2\"", damaged],
        ),
        // Each is a good line by itself: only the chain of hashes tells.
        (
            "an attempt that never was",
            edited(&|lines| lines[1] = lines[1].replace("[3,4]", "[3,5]")),
            vec!["line 3", damaged],
        ),
        ("a time", edited(&|lines| lines[2] = lines[2].replace("\"at\":\"20", "\"at\":\"21")), vec!["line 4", damaged]),
        ("a line that is gone", edited(&|lines| drop(lines.remove(4))), vec!["line 5", damaged]),
        ("a line twice", edited(&|lines| lines.insert(3, lines[3].clone())), vec!["line 5", damaged]),
        ("lines in another order", edited(&|lines| lines.swap(3, 4)), vec!["line 4", damaged]),
        (
            "a newer version",
            edited(&|lines| lines[0] = lines[0].replace("\"format\":2", "\"format\":3")),
            vec!["format 3", "newer version", "up to 2"],
        ),
        ("no header", edited(&|lines| drop(lines.remove(0))), vec!["is not a journal of this library"]),
        ("a header alone", edited(&|lines| lines.truncate(1)), vec!["no header and plan"]),
        ("nothing", String::new(), vec!["it is empty"]),
        ("another text", "file_id\n37\n".to_owned(), vec!["edited.jsonl is not a journal of this library"]),
        ("zeros", edited(&|lines| lines[3] = "\0".repeat(40)), vec!["line 4", damaged]),
    ];
    scene.control(&json!({ "do": "reset" }));
    for (name, text, words) in table {
        let path = scene.path("edited.jsonl");
        fs::write(&path, &text).expect("a copy");
        refused(scene.resume(&path), ErrorKind::Journal, &words);
        refused(scene.batch(4, &path), ErrorKind::Journal, &words);
        let error = Journal::open(&path).expect_err("an error");
        assert!(words.iter().all(|word| error.message().contains(word)), "{name}: {error}");
        assert_eq!(fs::read_to_string(&path).expect("a copy"), text, "{name}: nothing is changed");
    }
    assert_eq!(scene.posts(), 0);
}

/// The last line is the one that no later hash covers.
#[test]
fn a_plan_that_lost_a_file_is_not_the_run_s() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    drop(begun(&scene, &path));
    let text = fs::read_to_string(&path).expect("a journal");
    assert_eq!(types(&path), ["header", "plan"]);
    fs::write(&path, text.replace("[3,4]", "[3]")).expect("an edit");
    refused(scene.resume(&path), ErrorKind::Journal, &[]);
    refused(scene.batch(4, &path), ErrorKind::Journal, &[]);
    assert_eq!(scene.posts(), 0);
}

#[test]
fn another_run_is_refused_saying_what_differs() {
    let scene = Scene::new();
    let other = Scene::new();
    let path = scene.path("run.jsonl");
    scene.batch(4, &path).expect("a report");
    let publish = PortalPublishing::Publish;
    let notify = ContactNotification::Notify;
    let build = |ids: &[u64], publishing, notification, contacts: &[u64]| {
        let request = PublishRequest::for_batch(ids.iter().copied(), publishing, notification).expect("a request");
        request.with_override_contacts(contacts.iter().copied()).expect("contacts")
    };
    let here = scene.client();
    let firm = client(scene.portal.base_url(), "2", None);
    for (client, request, words) in [
        (&here, build(&[1, 2, 3, 5], publish, notify, &[]), ["this call names 1 file (5) that the journal does not have; the journal has 1 file (4) that this call does not name; 3 files are in both", "Publish what the journal does not have with a journal of its own."].as_slice()),
        (&here, build(&[1, 2, 3, 4, 5], publish, notify, &[]), &["another run: this call names 1 file (5) that the journal does not have; 4 files are in both, and another journal would have them sent again unless a folder of journals refuses that. Nothing was sent now. Publish what"]),
        (&here, build(&[1, 2, 3], publish, notify, &[]), &["another run: the journal has 1 file (4) that this call does not name; 3 files are in both"]),
        (
            &here,
            build(&[1, 2, 3, 4], PortalPublishing::DoNotPublish, notify, &[]),
            &["`portal_publishing` is publish there and do_not_publish here"],
        ),
        (
            &here,
            build(&[1, 2, 3, 4], publish, ContactNotification::DoNotNotify, &[]),
            &["`contact_notification` is notify there"],
        ),
        (
            &here,
            build(&[1, 2, 3, 4], publish, notify, &[23]),
            &["`publish_override_contact_ids` is [] there and [23] here"],
        ),
        (&firm, build(&[1, 2, 3, 4], publish, notify, &[]), &["`firm_id` is 1 there and 2 here"]),
        (&other.client(), build(&[1, 2, 3, 4], publish, notify, &[]), &["the server is http://127.0.0.1"]),
    ] {
        let result = block_on(client.publish_batch(&request, &options(&path), |_| {}));
        refused(result, ErrorKind::Journal, words);
    }
    refused(block_on(firm.resume(&options(&path), |_| {})), ErrorKind::Journal, &["`firm_id` is 1 there and 2 here"]);
    // Neither the order of the files nor another size of chunks makes another run. Each call has its own order.
    let order = build(&[4, 3, 1, 2], publish, notify, &[]);
    let options = BatchOptions { chunk_size: 3, ..BatchOptions::new(&path) };
    let report = block_on(here.publish_batch(&order, &options, |_| {})).expect("the same run");
    assert_eq!((report.request(), ids_in(&report, FileState::Ok)), (&order, vec![4, 3, 1, 2]));
    assert_eq!((scene.posts(), other.posts()), (2, 0));
}

/// What is asked for now would be passed over in silence: the chunks were planned when the journal was made.
#[test]
fn another_size_of_chunks_is_refused_as_long_as_anything_is_left_to_send() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.faults(
        &json!([{ "name": "answer", "status": 200, "body": { "data": [] } }, { "name": "status", "status": 403 }]),
    );
    refused(scene.batch(5, &path), ErrorKind::Journal, &["waits for a decision"]);
    decide(&path, &[1, 2], Verdict::Published);
    let sized =
        |chunk_size| publish_batch(&scene.client(), 5, &BatchOptions { chunk_size, ..BatchOptions::new(&path) });
    for chunk_size in [1, 3, 5, 500] {
        let not = format!(", which was made with it, not {chunk_size}. Nothing was sent now.");
        let words = ["`chunk_size` must be 2 for the journal ", "run.jsonl", &not];
        let error = refused(sized(chunk_size), ErrorKind::Input, &words);
        assert_eq!(states(error.report().expect("a report")), [0, 0, 2, 3]);
    }
    assert_eq!(scene.posts(), 1);
    // The default is what nobody asked for.
    refused(sized(BatchOptions::new(&path).chunk_size), ErrorKind::PermissionDenied, &[]);
    assert_eq!(states(&sized(2).expect("a report")), [3, 0, 2, 0]);
    assert_eq!(states(&sized(3).expect("a report")), [3, 0, 2, 0]);
    assert_eq!(scene.sent(), [vec![1, 2], vec![3, 4], vec![3, 4], vec![5]]);
    // Where all files fit into one request, every larger size says the same.
    let small = scene.path("small.jsonl");
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    let sized =
        |chunk_size| publish_batch(&scene.client(), 3, &BatchOptions { chunk_size, ..BatchOptions::new(&small) });
    refused(sized(50), ErrorKind::PermissionDenied, &[]);
    refused(sized(2), ErrorKind::Input, &["`chunk_size` must be 3 for the journal "]);
    assert_eq!(states(&sized(70).expect("a report")), [3, 0, 0, 0]);
}

/// Errors have the order of the call too, and so has a journal that another order began.
#[test]
fn a_report_comes_in_the_order_of_its_own_call() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    let publish = |ids: &[u64]| {
        let request = request(ids.iter().copied());
        block_on(scene.client().publish_batch(&request, &options(&path), |_| {}))
    };
    let shown = |report: &PublishReport| report.files().iter().map(|file| file.file_id).collect::<Vec<_>>();
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    let error = refused(publish(&[9, 2, 7]), ErrorKind::PermissionDenied, &[]);
    assert_eq!(shown(error.report().expect("a report")), [9, 2, 7]);
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    let error = refused(publish(&[7, 9, 2]), ErrorKind::PermissionDenied, &[]);
    assert_eq!(shown(error.report().expect("a report")), [7, 9, 2]);
    assert_eq!(shown(&Journal::open(&path).expect("a journal").report()), [9, 2, 7]);
    // It is locked: what its journal shows is told in that order too.
    let call = scene.client().start_batch(&request([9, 2, 7]), &options(&path), no_environment);
    call.follow_progress();
    assert_eq!(block_on(call.run()), Turn::News);
    let error = refused(publish(&[2, 7, 9]), ErrorKind::Journal, &["is being written by"]);
    assert_eq!(shown(error.report().expect("a report")), [2, 7, 9]);
    drop(call);
    let report = publish(&[2, 9, 7]).expect("a report");
    assert_eq!((shown(&report), states(&report)), (vec![2, 9, 7], [3, 0, 0, 0]));
    assert_eq!(shown(&scene.resume(&path).expect("a report")), [9, 2, 7]);
    assert_eq!(scene.sent(), [vec![9, 2], vec![9, 2], vec![9, 2], vec![7]]);
}

/// What was seen of a page that failed, what stood beside the results, and why each file is unknown: in the report, in
/// the journal, and in the report that is made of it.
#[test]
fn what_was_seen_is_in_the_journal() {
    let link = "/v1/portal/publish_files?page=2";
    let scene = Scene::with(&json!({ "pages": { link: { "status": 500, "body": "<html>\u{fffd}no" } } }));
    let path = scene.path("run.jsonl");
    let row = |id: u64| {
        json!({ "id": id.to_string(), "attributes":
            { "file_id": id, "publish_status": "success", "notify_status": "success" } })
    };
    scene.faults(&json!([
        { "name": "answer", "status": 200, "body": { "data": [row(1), row(2)], "links": { "next": link } } },
        { "name": "answer", "status": 200, "body":
            { "data": [row(3)], "links": { "next": link }, "errors": [{ "code": "cut", "detail": "Cut short." }] } },
    ]));
    let error = refused(scene.batch(6, &path), ErrorKind::Journal, &["waits for a decision", "files 3, 4"]);
    let report = error.report().expect("a report");
    let reasons = |report: &PublishReport| report.files().iter().map(|file| file.reason.clone()).collect::<Vec<_>>();
    let beside = "The answer has errors beside its results: Cut short.";
    let left_out = "The answer has no result for it, and its next page was not read. The server answered 500.";
    let expected = [None, None, Some(beside.to_owned()), Some(format!("{left_out} {beside}")), None, None];
    assert_eq!(reasons(report), expected);
    assert_eq!(report.next_link(), Some(link));
    let pages = report
        .unread_pages()
        .iter()
        .map(|page| (page.link.as_str(), page.http_status, page.reason.as_str(), page.raw.as_str()));
    let page = (link, Some(500), "The server answered 500.", "<html>\u{fffd}no");
    assert_eq!(pages.collect::<Vec<_>>(), [page, page]);
    assert_eq!(report.errors().iter().map(|error| error.code.as_deref()).collect::<Vec<_>>(), [Some("cut")]);
    let journalled = Journal::open(&path).expect("a journal").report();
    assert_eq!(&journalled, report);
    assert_eq!(PublishReport::from_json(&report.to_json()).expect("a report"), journalled);
    // A person decides, and the run goes on: what was seen is still there.
    decide(&path, &[3, 4], Verdict::Leave);
    let report = scene.resume(&path).expect("a report");
    assert_eq!((reasons(&report).as_slice(), report.unread_pages()), (expected.as_slice(), journalled.unread_pages()));
    assert_eq!(states(&report), [4, 0, 2, 0]);
}

/// A journal, or a report, of an earlier version says nothing of what it did not know.
#[test]
fn a_report_of_an_earlier_version_is_read() {
    let old = json!({
        "ok": true, "settled": true, "undecided": [],
        "request": { "file_ids": [1, 2], "portal_publishing": "publish", "contact_notification": "do_not_notify",
                     "publish_override_contact_ids": [] },
        "files": [
            { "file_id": 1, "state": "ok", "published": true, "notified": true, "publish_status": "success",
              "notify_status": "success", "errors": [], "contacts_not_published": [], "contacts_not_notified": [] },
            { "file_id": 2, "state": "unknown", "published": null, "notified": null, "publish_status": null,
              "notify_status": null, "errors": [], "contacts_not_published": null, "contacts_not_notified": null },
        ],
        "unexpected": [], "attempts": [], "next_link": "/v1/more", "raw": "",
    });
    let report = PublishReport::from_json(&old.to_string()).expect("a report");
    let files: Vec<_> = report.files().iter().map(|file| (file.published, file.notified, &file.reason)).collect();
    assert_eq!(files, [(Some(true), None, &None), (None, None, &None)]);
    assert_eq!((report.next_link(), report.errors()), (Some("/v1/more"), [].as_slice()));
    assert_eq!(PublishReport::from_json(&report.to_json()).expect("a report"), report);
}

/// What a person decides about files 3 and 4, whose outcome is unknown; what is sent then.
#[test]
fn an_unknown_chunk_stops_until_each_file_is_decided() {
    for (verdicts, sent, expected) in [
        ([Verdict::Published, Verdict::Published], vec![vec![5, 6]], [4, 0, 2, 0]),
        ([Verdict::Leave, Verdict::Leave], vec![vec![5, 6]], [4, 0, 2, 0]),
        ([Verdict::NotPublished, Verdict::Published], vec![vec![5, 6], vec![3]], [5, 0, 1, 0]),
        ([Verdict::NotPublished, Verdict::NotPublished], vec![vec![5, 6], vec![3, 4]], [6, 0, 0, 0]),
    ] {
        let scene = Scene::new();
        let path = scene.path("run.jsonl");
        scene.faults(&json!([{ "name": "close_idle" }, { "name": "close_before_answer" }]));
        let error = refused(scene.batch(6, &path), ErrorKind::OutcomeUnknown, &["files 3, 4"]);
        assert_eq!(states(error.report().expect("a report")), [2, 0, 2, 2]);
        assert_eq!(scene.sent(), [[1, 2], [3, 4]]);
        scene.control(&json!({ "do": "reset" }));
        let mut journal = Journal::open(&path).expect("a journal");
        assert_eq!(journal.undecided(), [3, 4]);
        assert_eq!(
            journal.chunks().iter().map(|chunk| chunk.state).collect::<Vec<_>>(),
            ["processed", "unknown", "not_processed"]
        );
        refused(scene.resume(&path), ErrorKind::Journal, &["waits for a decision", "files 3, 4"]);
        refused(scene.batch(6, &path), ErrorKind::Journal, &["waits for a decision"]);
        for (ids, words) in [(vec![3, 1], "outcome is known"), (vec![3, 77], "not of this run")] {
            let error = journal.decide(ids, verdicts[0], "A. Person", None).expect_err("an error");
            assert!(error.message().contains(words), "{error}");
        }
        assert!(journal.decide([3], verdicts[0], " ", None).is_err());
        assert_eq!(Journal::open(&path).expect("a journal").undecided(), [3, 4], "all of a list or none");
        decide(&path, &[3], verdicts[0]);
        refused(scene.resume(&path), ErrorKind::Journal, &["waits for a decision", "1 file", "file 4"]);
        decide(&path, &[4], verdicts[1]);
        assert_eq!(scene.posts(), 0);
        let report = scene.resume(&path).expect("a report");
        assert_eq!((scene.sent(), states(&report)), (sent, expected), "{verdicts:?}");
        assert!(report.settled() && report.undecided().is_empty(), "{report}");
        if let [FileState::Unknown, FileState::Unknown] = [report.files()[2].state, report.files()[3].state] {
            let decided = format!("4 ok, 2 unknown (decided: {})", verdicts[0].as_str());
            assert!(report.summary().starts_with(&decided), "{}", report.summary());
            let error = report.clone().raise_for_failures().expect_err("they are not ok");
            let expected = if verdicts[0] == Verdict::Leave { Outcome::Unknown } else { Outcome::Processed };
            assert_eq!((error.outcome(), error.http_status()), (expected, None), "{error}");
            assert!(!error.message().contains("Check the unknown ones"), "{error}");
        }
        let shown = &Journal::open(&path).expect("a journal").files()[2];
        let decided = (verdicts[0] != Verdict::NotPublished).then_some(verdicts[0]);
        assert_eq!(
            (shown.result.decision, shown.decided_by.as_deref(), shown.evidence.as_deref()),
            (decided, decided.map(|_| "A. Person"), decided.map(|_| "looked in Addepar"))
        );
        scene.resume(&path).expect("nothing left to do");
        assert_eq!(scene.posts(), 2.min(scene.sent().len() as u64));
    }
}

/// Of the files that are unknown, those have to be checked about which nobody has decided.
#[test]
fn a_failure_names_the_unknown_files_about_which_nobody_has_decided() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(scene.batch(2, &path), ErrorKind::OutcomeUnknown, &[]);
    let failure = || Journal::open(&path).expect("a journal").report().raise_for_failures().map(drop);
    refused(
        failure(),
        ErrorKind::PublishFailures,
        &["Check the unknown ones in Addepar before anything is sent again."],
    );
    decide(&path, &[1], Verdict::Leave);
    let words =
        "Check those unknown ones in Addepar about which nobody has decided (file 2) before anything is sent again.";
    refused(failure(), ErrorKind::PublishFailures, &[words]);
}

/// What is said of the files is said of the whole run; what is said of an answer, of the request that failed.
#[test]
fn an_error_speaks_of_the_whole_batch_and_of_the_request_that_failed() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    let about = |error: &Error| (error.outcome(), error.http_status(), error.elapsed().is_some());
    let journal = |error: &Error| (error.journal().map(Path::to_owned), error.undecided());
    scene.faults(&json!([{ "name": "close_idle" }, { "name": "status", "status": 403 }]));
    let words = ["The batch stopped here: 2 ok, 8 not_processed", "Fix the cause, or leave out", "Then resume with"];
    let refusal = refused(scene.batch(10, &path), ErrorKind::PermissionDenied, &words);
    assert_eq!(about(&refusal), (Outcome::Processed, Some(403), true));
    assert_eq!(journal(&refusal), (Some(path.clone()), vec![]));
    assert!(!refusal.message().contains("Nothing was"), "{refusal}");
    // Nothing was sent now, so it is about no answer; earlier ones went out all the same.
    for wrong in [
        BatchOptions { chunk_size: 0, ..options(&path) },
        BatchOptions { stop_timeout: Some(-1.0), ..options(&path) },
        BatchOptions { repeat: Repeat::Allow, ..options(&path) },
    ] {
        let result = publish_batch(&scene.client(), 10, &wrong);
        let error = refused(result, ErrorKind::Input, &["Nothing was sent now.", "then resume with"]);
        assert_eq!(about(&error), (Outcome::Processed, None, false), "{error}");
        assert_eq!(journal(&error), (Some(path.clone()), vec![]));
    }
    let paced = BatchOptions { pace: true, max_wait: 0.0, ..options(&path) };
    scene.faults(&json!([{ "name": "rate_limited", "retry_after": 7 }]));
    let limited = refused(
        publish_batch(&scene.client(), 10, &paced),
        ErrorKind::RateLimited,
        &["It asks to wait 7 s", "Wait that long, then resume with"],
    );
    assert_eq!(about(&limited), (Outcome::Processed, Some(429), true));
    // A request that got no answer has no status, whatever the requests before it had.
    scene.faults(&json!([{ "name": "close_idle" }, { "name": "close_before_answer" }]));
    let words = ["The batch stopped here: 4 ok, 2 unknown, 4 not_processed", "record what you find with"];
    let lost = refused(scene.batch(10, &path), ErrorKind::OutcomeUnknown, &words);
    assert_eq!(about(&lost), (Outcome::Unknown, None, true));
    assert_eq!(journal(&lost), (Some(path.clone()), vec![5, 6]));
    assert!(!lost.message().contains("Do not run this again"), "{lost}");
    let waiting = refused(scene.resume(&path), ErrorKind::Journal, &["waits for a decision", "Nothing was sent now."]);
    assert_eq!(about(&waiting), (Outcome::Unknown, None, false));
    assert_eq!(journal(&waiting), (Some(path.clone()), vec![5, 6]));
    decide(&path, &[5, 6], Verdict::Leave);
    // An answer that says nothing of a file is the one that it is about.
    scene.faults(&json!([{ "name": "missing_result", "file": 8 }]));
    let unsaid = refused(
        scene.resume(&path),
        ErrorKind::Journal,
        &["file 8", "5 ok, 1 unknown, 2 unknown (decided: leave), 2 not_processed"],
    );
    assert_eq!(about(&unsaid), (Outcome::Unknown, Some(200), true));
    assert_eq!(journal(&unsaid), (Some(path.clone()), vec![8]));
    assert_eq!(scene.posts(), 6);
}

/// The way on is written as each language, and a shell, writes it.
#[test]
fn a_message_says_how_to_resume_in_the_reader_s_language() {
    let scene = Scene::new();
    let path = scene.path("it is.jsonl");
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    let lost = refused(scene.batch(4, &path), ErrorKind::OutcomeUnknown, &[]);
    let shown = path.display();
    for (language, texts) in [
        (
            Language::Python,
            [
                format!("`Journal(\"{shown}\").decide(file_ids, decision, by=\"NAME\", evidence=\"WHAT YOU FOUND\")`"),
                format!("`client.resume(\"{shown}\")`"),
            ],
        ),
        (
            Language::Node,
            [
                format!(
                    "`new Journal('{shown}').decide(fileIds, decision, {{ by: 'NAME', evidence: 'WHAT YOU FOUND' }})`"
                ),
                format!("`client.resume('{shown}')`"),
            ],
        ),
        (
            Language::CommandLine,
            [
                format!("`addepar-portal journal resolve '{shown}' --published (or --not-published, --leave)"),
                format!("`addepar-portal resume '{shown}'`"),
            ],
        ),
    ] {
        for text in texts {
            assert!(lost.message_in(language).contains(&text), "{text:?} is not in {}", lost.message_in(language));
        }
    }
    // One call with a journal is resumed as well.
    scene.faults(&json!([{ "name": "status", "status": 403 }, { "name": "close_before_answer" }]));
    let client = scene.journalling();
    let refusal = refused(block_on(client.publish_files(&request([40]))), ErrorKind::PermissionDenied, &[]);
    let journal = refusal.journal().expect("a journal").display().to_string();
    assert!(refusal.message().contains("Nothing was processed."), "{refusal}");
    let way_on = format!(
        "then call again; or resume with `client.resume('{journal}')` if the server, the firm and the list stay as they are."
    );
    assert!(refusal.message_in(Language::Node).ends_with(&way_on), "{refusal}");
    let lost =
        refused(block_on(client.publish_files(&request([41]))), ErrorKind::OutcomeUnknown, &["Then resume with"]);
    assert!(!lost.message().to_lowercase().contains("do not run this again"), "{lost}");
    assert_eq!(lost.undecided(), [41]);
}

/// Nobody was e-mailed, and nobody is said to have been.
#[test]
fn an_error_speaks_of_what_was_asked_for() {
    let scene = Scene::new();
    let client = scene.journalling();
    for (publishing, notification, contacts, happened, twice) in [
        (PortalPublishing::Publish, ContactNotification::DoNotNotify, vec![], "published (", "may publish the same"),
        (PortalPublishing::DoNotPublish, ContactNotification::DoNotNotify, vec![], "processed (", "repeats what was"),
        (PortalPublishing::DoNotPublish, ContactNotification::DoNotNotify, vec![9_u64], "published (", "may publish"),
        (PortalPublishing::DoNotPublish, ContactNotification::Notify, vec![], "e-mailed about (", "may e-mail"),
    ] {
        scene.faults(&json!([{ "name": "close_before_answer" }]));
        let id = scene.posts() + 1;
        let request = PublishRequest::new([id], publishing, notification)
            .and_then(|request| request.with_override_contacts(contacts))
            .expect("a request");
        let words = ["1 file went to Addepar", "and may have been", happened];
        let lost = refused(block_on(client.publish_files(&request)), ErrorKind::OutcomeUnknown, &words);
        let says_mail = lost.message().contains("mail");
        assert_eq!(says_mail, notification == ContactNotification::Notify, "{lost}");
        decide(lost.journal().expect("a journal"), &[id], Verdict::Published);
        let words = [twice, "state unknown, decided: published (by A. Person at 20"];
        let again = refused(block_on(client.publish_files(&request)), ErrorKind::AlreadySent, &words);
        assert_eq!(again.message().contains("mail"), notification == ContactNotification::Notify, "{again}");
    }
}

/// A file that was sent again and is unknown again waits for another decision: the first was about the first time.
#[test]
fn a_decision_is_about_one_outcome() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    for look in ["first", "second", "third"] {
        scene.faults(&json!([{ "name": "close_before_answer" }]));
        let error = scene.batch(2, &path).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
        refused(scene.resume(&path), ErrorKind::Journal, &["files 1, 2"]);
        assert_eq!(Journal::open(&path).expect("a journal").files()[0].result.decision, None);
        let found = |look| {
            let mut journal = Journal::open(&path).expect("a journal");
            journal.decide([1, 2], Verdict::NotPublished, "A. Person", Some(look))
        };
        // The words of an earlier look say nothing of this outcome.
        for earlier in ["first", "second", "third"].into_iter().take_while(|earlier| *earlier != look) {
            let error = refused(
                found(earlier),
                ErrorKind::Journal,
                &["takes no `published` or `not_published` in these words", "2 files", "were sent at"],
            );
            assert_eq!(error.reason(), Some(JournalReason::Outdated));
        }
        found(look).expect("a decision");
        assert_eq!(Journal::open(&path).expect("a journal").files()[0].result.decision, Some(Verdict::NotPublished));
    }
    decide(&path, &[2], Verdict::Published);
    assert_eq!(states(&scene.resume(&path).expect("a report")), [1, 0, 1, 0]);
    assert_eq!(scene.sent(), [vec![1, 2], vec![1, 2], vec![1, 2], vec![1]]);
}

#[test]
fn failed_and_unanswered_files_are_not_sent_again() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.control(&json!({ "do": "fail_publish", "file": 1, "contacts": [1] }));
    scene.faults(&json!([{ "name": "missing_result", "file": 2 }]));
    // What the server says nothing of stops the batch: it might say no more of the next files.
    let error = refused(scene.batch(4, &path), ErrorKind::Journal, &["waits for a decision", "file 2"]);
    assert_eq!(scene.posts(), 1);
    let report = error.report().expect("a report");
    assert_eq!((ids_in(report, FileState::Failed), ids_in(report, FileState::Unknown)), (vec![1], vec![2]));
    refused(scene.resume(&path), ErrorKind::Journal, &["file 2"]);
    decide(&path, &[2], Verdict::Leave);
    assert_eq!(states(&scene.resume(&path).expect("a report")), [2, 1, 1, 0]);
    assert_eq!(scene.sent().concat().iter().filter(|id| **id <= 2).count(), 2);
}

/// Each stops a batch or not; what is left is sent on resuming, and nothing twice.
#[test]
fn every_end_of_a_chunk() {
    for (fault, kind, expected) in [
        (json!({ "name": "rate_limited", "retry_after": 1 }), None, [4, 0, 0, 0]),
        (json!({ "name": "rate_limited", "retry_after": 7200 }), Some(ErrorKind::RateLimited), [0, 0, 0, 4]),
        (json!({ "name": "rate_limited" }), Some(ErrorKind::RateLimited), [0, 0, 0, 4]),
        (json!({ "name": "status", "status": 401 }), Some(ErrorKind::Authentication), [0, 0, 0, 4]),
        (json!({ "name": "status", "status": 422 }), Some(ErrorKind::Rejected), [0, 0, 0, 4]),
        (json!({ "name": "close_in_body" }), Some(ErrorKind::OutcomeUnknown), [0, 0, 2, 2]),
        (json!({ "name": "status", "status": 500 }), Some(ErrorKind::OutcomeUnknown), [0, 0, 2, 2]),
        (json!({ "name": "not_json" }), Some(ErrorKind::OutcomeUnknown), [0, 0, 2, 2]),
        (json!({ "name": "accepted" }), Some(ErrorKind::OutcomeUnknown), [0, 0, 2, 2]),
        (json!({ "name": "close_idle" }), None, [4, 0, 0, 0]),
    ] {
        let scene = Scene::new();
        let path = scene.path("run.jsonl");
        scene.faults(&json!([fault]));
        let (ended, report) = match scene.batch(4, &path) {
            Ok(report) => (None, report),
            Err(error) => (Some(error.kind()), error.report().expect("a report").clone()),
        };
        assert_eq!((ended, states(&report)), (kind, expected), "{fault}");
        assert_eq!(Journal::open(&path).expect("a journal").report(), report, "{fault}");
        match kind {
            Some(ErrorKind::OutcomeUnknown) => {
                refused(scene.resume(&path), ErrorKind::Journal, &["files 1, 2"]);
                assert_eq!(scene.posts(), 1, "{fault}");
            }
            _ => assert_eq!(states(&scene.resume(&path).expect("a report")), [4, 0, 0, 0], "{fault}"),
        }
    }
}

/// The published limits are kept to before the server has to refuse, also by the next process.
#[test]
fn the_pace_is_kept_across_runs() {
    let scene = Scene::new();
    let client = scene.client();
    let paced = BatchOptions { chunk_size: 1, max_wait: 2.0, pace: true, ..BatchOptions::new(scene.path("run.jsonl")) };
    for _ in 0..2 {
        let error = refused(publish_batch(&client, 52, &paced), ErrorKind::RateLimited, &["50 requests in 15 minutes"]);
        let wait = error.retry_after().expect("a wait").as_secs();
        assert!((800..=900).contains(&wait), "{wait}");
        assert_eq!((scene.posts(), states(error.report().expect("a report"))), (50, [50, 0, 0, 2]));
    }
    let unpaced = BatchOptions { pace: false, ..paced };
    assert_eq!(states(&publish_batch(&client, 52, &unpaced).expect("a report")), [52, 0, 0, 0]);
}

/// All waits of a batch together stay within `max_wait`.
#[test]
fn waits_add_up() {
    let scene = Scene::new();
    let refusal = json!({ "name": "rate_limited", "retry_after": 1 });
    scene.faults(&json!([refusal, { "name": "close_idle" }, refusal, { "name": "close_idle" }, refusal]));
    let options = BatchOptions { max_wait: 2.5, ..options(&scene.path("run.jsonl")) };
    let error = refused(
        publish_batch(&scene.client(), 6, &options),
        ErrorKind::RateLimited,
        &["Wait that long, then resume with"],
    );
    assert_eq!(states(error.report().expect("a report")), [4, 0, 0, 2]);
    assert_eq!(states(&publish_batch(&scene.client(), 6, &options).expect("a report")), [6, 0, 0, 0]);
}

#[test]
fn a_wait_is_cut_short_by_a_stop_and_a_request_is_not() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "rate_limited", "retry_after": 3000 }]));
    let call = scene.client().start_batch(&request(1..=4), &options(&path), no_environment);
    // Fifty minutes would be a long time.
    run_and_stop(&scene, &call, 1);
    let error = result_of(&call).expect_err("an error");
    assert_eq!((error.kind(), states(error.report().expect("a report"))), (ErrorKind::Stopped, [0, 0, 0, 4]));
    drop(call);
    // The request under way is awaited and written down.
    scene.control(&json!({ "do": "hold" }));
    let call = scene.client().start_resume(&options(&path), no_environment);
    run_and_stop(&scene, &call, 2);
    let error = result_of(&call).expect_err("an error");
    assert_eq!((error.kind(), states(error.report().expect("a report"))), (ErrorKind::Stopped, [2, 0, 0, 2]));
    assert_eq!(Journal::open(&path).expect("a journal").report(), *error.report().expect("a report"));
    drop(call);
    assert_eq!(states(&scene.resume(&path).expect("a report")), [4, 0, 0, 0]);
}

/// An interrupt ends one call at once, and never sends it before the server's wait is over.
#[test]
fn one_call_that_is_interrupted_in_a_wait_sends_nothing_more() {
    let scene = Scene::new();
    for client in [scene.client(), scene.journalling()] {
        scene.faults(&json!([{ "name": "rate_limited", "retry_after": 30 }]));
        let call = client.start(request([1]), Repeat::Allow, no_environment);
        call.watch(Level::Debug);
        let before = scene.received();
        while !call.log_records().iter().any(|record| record.fields.wait.is_some()) {
            assert_eq!(block_on(call.run()), Turn::News);
        }
        assert!(!call.interrupt());
        assert!(matches!(call.ending(), Ending::Interrupted(None)));
        assert_eq!(block_on(call.run()), Turn::Done);
        assert_eq!(scene.received(), before + 1);
    }
}

/// Drops a future once it was polled so many times, and whatever works for it went on for so many turns more: moments of
/// any kind, however long they take.
async fn dropped_after(polls: u64, turns: u64, future: impl Future) {
    let mut future = Box::pin(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        let Some(fewer) = left.checked_sub(1) else { return Poll::Ready(()) };
        left = fewer;
        match future.as_mut().poll(context) {
            Poll::Pending if left > 0 => Poll::Pending,
            _ => Poll::Ready(()),
        }
    })
    .await;
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

/// A batch that is dropped at any moment leaves a journal that is true.
#[test]
fn a_batch_that_is_dropped_at_any_moment_is_journalled() {
    let scene = Scene::new();
    let client = scene.client();
    let published = |id: u64| scene.control(&json!({ "do": "published", "file": id })) == json!([1]);
    let mut met = 0;
    for round in 0..40 {
        let path = scene.path(&format!("{round}.jsonl"));
        let (options, request) = (options(&path), request(round * 6 + 1..=round * 6 + 6));
        block_on(async {
            let mut run = Box::pin(client.publish_batch(&request, &options, |_| {}));
            if round % 4 == 0 {
                // This one certainly meets a request under way.
                scene.control(&json!({ "do": "hold" }));
                let before = scene.received();
                while scene.received() == before {
                    let _ = tokio::time::timeout(Duration::from_millis(2), &mut run).await;
                }
            } else {
                dropped_after(round / 4, round % 4 * 2, run).await;
            }
        });
        scene.control(&json!({ "do": "release" }));
        scene.come_to_rest();
        // Dropped before it began, it leaves none.
        if path.exists() {
            let report = Journal::open(&path).expect("a journal").report();
            for file in report.files() {
                match file.state {
                    FileState::Ok => assert!(published(file.file_id)),
                    FileState::NotProcessed => assert!(!published(file.file_id), "dropped in round {round}"),
                    state => assert_eq!(state, FileState::Unknown),
                }
            }
            let unknown = ids_in(&report, FileState::Unknown);
            met += unknown.len();
            if !unknown.is_empty() {
                let result = block_on(client.resume(&options, |_| {}));
                refused(result, ErrorKind::Journal, &["waits for a decision"]);
                let (there, missing): (Vec<u64>, Vec<u64>) = unknown.into_iter().partition(|id| published(*id));
                decide(&path, &there, Verdict::Published);
                decide(&path, &missing, Verdict::NotPublished);
            }
        } else {
            assert!(!request.file_ids().iter().any(|id| published(*id)));
        }
        block_on(client.publish_batch(&request, &options, |_| {})).expect("a report");
    }
    assert!((1..=40 * 6).all(published));
    assert_eq!(scene.control(&json!({ "do": "outbox" })).as_array().map(Vec::len), Some(40 * 6), "one e-mail a file");
    assert!(met > 0, "no drop met a request under way");
}

#[test]
fn a_call_with_a_folder_of_journals_leaves_one() {
    let scene = Scene::new();
    let report = block_on(scene.journalling().publish_files(&request([37, 38]))).expect("a report");
    let [path] = journals(&scene.folder).try_into().expect("one journal");
    assert_eq!(types(&path), ["header", "plan", "intent", "outcome"]);
    let journalled = Journal::open(&path).expect("a journal").report();
    assert_eq!((journalled.files(), journalled.attempts()), (report.files(), report.attempts()));
    let outcome: Value = serde_json::from_str(&lines(&path)[3]).expect("JSON");
    assert_eq!(outcome["raw"], report.raw());
    // One that nobody answered waits for a person too.
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    let error = block_on(scene.journalling().publish_files(&request([39]))).expect_err("an error");
    assert_eq!((error.kind(), error.file_ids()), (ErrorKind::OutcomeUnknown, vec![39]));
    let of_39 = |path: &PathBuf| Journal::open(path).expect("a journal").request().file_ids() == [39];
    let path = journals(&scene.folder).into_iter().find(of_39).expect("a journal");
    assert_eq!(Journal::open(&path).expect("a journal").undecided(), [39]);
    decide(&path, &[39], Verdict::NotPublished);
    assert_eq!(states(&block_on(scene.journalling().resume(&options(&path), |_| {})).expect("a report")), [1, 0, 0, 0]);
    assert_eq!(scene.sent(), [vec![37, 38], vec![39], vec![39]]);
    // A refusal leaves nothing that is in the way.
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    let error = block_on(scene.journalling().publish_files(&request([40]))).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    block_on(scene.journalling().publish_files(&request([40]))).expect("a report");
}

fn journals(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
    let mut journals: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    journals.sort();
    journals
}

/// What was sent, or may have been, is not sent again by any call that leaves its journal in the same folder.
#[test]
fn a_repeat_is_refused_saying_when_how_and_in_which_run() {
    for (fault, state) in [(None, FileState::Ok), (Some("close_before_answer"), FileState::Unknown)] {
        let scene = Scene::new();
        let client = scene.journalling();
        scene.faults(&fault.map_or_else(|| json!([]), |fault| json!([{ "name": fault }])));
        let first = block_on(client.publish_files(&request([37, 38])));
        assert_eq!(first.is_ok(), fault.is_none());
        let path = journals(&scene.folder).pop().expect("a journal");
        let header: Value = serde_json::from_str(&lines(&path)[0]).expect("JSON");
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let way_on = if fault.is_none() {
            "repeat=\"allow\""
        } else {
            "Check it in Addepar, 90 seconds after it was sent or later"
        };
        let shown = format!("state {}", state.as_str());
        let run = header["run"].as_str().expect("a run");
        let words = ["File 38 was sent before", "sent at 20", &shown, run, name, way_on, "Nothing was sent"];
        let error = refused(block_on(client.publish_files(&request([40, 38]))), ErrorKind::AlreadySent, &words);
        assert_eq!(error.file_ids(), [38]);
        assert!(!error.message_in(Language::CommandLine).contains("allow"), "a command has no such flag");
        let report = error.report().expect("a report");
        let states: Vec<FileState> = report.files().iter().map(|file| file.state).collect();
        assert_eq!(states, [FileState::NotProcessed, state], "as that journal has them");
        let batch = options(&scene.path("batch.jsonl"));
        refused(block_on(client.publish_batch(&request([40, 38]), &batch, |_| {})), ErrorKind::AlreadySent, &words);
        let error = refused(block_on(client.publish_files(&request([38, 37]))), ErrorKind::AlreadySent, &["2 files"]);
        assert_eq!(error.file_ids(), [38, 37], "all of them are named");
        assert!(!batch.journal.exists());
        assert_eq!(scene.posts(), 1);
        // Another firm and another server have other files.
        let firm = self::client(scene.portal.base_url(), "2", Some(&scene.folder));
        let error = block_on(firm.publish_files(&request([38]))).expect_err("the portal knows firm 1");
        assert_ne!(error.kind(), ErrorKind::AlreadySent, "{error}");
        let other = Scene::new();
        block_on(self::client(other.portal.base_url(), "1", Some(&scene.folder)).publish_files(&request([38])))
            .expect("a report");
        // `allow` sends it, if it is known what became of the file.
        let posts = scene.posts();
        let call = client.start(request([38]), Repeat::Allow, no_environment);
        assert_eq!(block_on(call.run()), Turn::Done);
        let batch = BatchOptions { repeat: Repeat::Allow, ..batch };
        let repeated = result_of(&call);
        if fault.is_some() {
            refused(repeated, ErrorKind::AlreadySent, &["nobody knows what became of it"]);
            let result = block_on(client.publish_batch(&request([40, 38]), &batch, |_| {}));
            refused(result, ErrorKind::AlreadySent, &["nobody knows what became of it"]);
            assert_eq!(scene.posts(), posts);
            // A person decides first.
            decide(&path, &[37, 38], Verdict::Published);
            let call = client.start(request([38]), Repeat::Allow, no_environment);
            assert_eq!(block_on(call.run()), Turn::Done);
            result_of(&call).expect("a report");
        } else {
            repeated.expect("a report");
        }
        block_on(client.publish_batch(&request([40, 38]), &batch, |_| {})).expect("a report");
        assert!(lines(&batch.journal)[0].contains("\"repeat\":\"allow\""));
    }
}

/// A batch stopped, one of its files was published by itself, then the batch is resumed.
#[test]
fn a_resumed_batch_does_not_repeat_what_another_run_sent_meanwhile() {
    for verdict in [Verdict::Published, Verdict::Leave] {
        let scene = Scene::new();
        let client = scene.journalling();
        let batch = options(&scene.path("batch.jsonl"));
        scene.faults(&json!([{ "name": "close_idle" }, { "name": "status", "status": 403 }]));
        let stopped = block_on(client.publish_batch(&request(1..=6), &batch, |_| {}));
        refused(stopped, ErrorKind::PermissionDenied, &[]);
        block_on(client.publish_files(&request([4, 5, 6]))).expect("it is not processed: it may be sent");
        let posts = scene.posts();
        let words = [
            "3 files (files 4, 5, 6) were sent before",
            "Record that they need not be sent",
            "batch.jsonl",
            "then resume",
        ];
        let error = refused(block_on(client.resume(&batch, |_| {})), ErrorKind::AlreadySent, &words);
        assert_eq!(error.file_ids(), [4, 5, 6]);
        assert_eq!(ids_in(error.report().expect("a report"), FileState::Ok), [1, 2, 4, 5, 6]);
        refused(block_on(client.publish_batch(&request(1..=6), &batch, |_| {})), ErrorKind::AlreadySent, &words);
        assert_eq!(scene.posts(), posts);
        // The way on that sends nothing twice: to record that they need not be sent. A mistake can be taken back.
        decide(&batch.journal, &[3, 4, 5, 6], verdict);
        decide(&batch.journal, &[3], Verdict::NotPublished);
        let report = block_on(client.resume(&batch, |_| {})).expect("a report");
        assert_eq!(scene.sent().last(), Some(&vec![3]));
        assert_eq!(scene.posts(), posts + 1);
        assert_eq!(states(&report), [3, 0, 0, 3], "states stay what the server said here");
        assert!(report.settled() && !report.ok());
        assert_eq!(report.left().count(), 0);
        let decisions: Vec<_> = report.files().iter().map(|file| file.decision).collect();
        assert_eq!(decisions, [None, None, None, Some(verdict), Some(verdict), Some(verdict)]);
        assert_eq!(PublishReport::from_json(&report.to_json()).expect("a report"), report);
        // Its chunk has gone out without file 4: what was decided stands, for later calls too.
        let mut journal = Journal::open(&batch.journal).expect("a journal");
        let error = journal.decide([4], Verdict::NotPublished, "A. Person", None).expect_err("an error");
        assert!(error.message().contains("went out without it"), "{error}");
        refused(block_on(client.publish_files(&request([4]))), ErrorKind::AlreadySent, &[]);
    }
}

/// What a person decided about a file that was never sent counts as sent for every later call.
#[test]
fn a_file_that_was_published_in_some_other_way_is_refused_by_later_calls() {
    let scene = Scene::new();
    let client = scene.journalling();
    let batch = options(&scene.path("batch.jsonl"));
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(block_on(client.publish_batch(&request(1..=2), &batch, |_| {})), ErrorKind::PermissionDenied, &[]);
    let mut journal = Journal::open(&batch.journal).expect("a journal");
    let error = journal.decide([2], Verdict::NotPublished, "A. Person", None).expect_err("an error");
    assert!(error.message().contains("yet to be sent anyway"), "{error}");
    decide(&batch.journal, &[2], Verdict::Published);
    let words = ["A person found that file 2 was published in some other way", "decided: published (by A. Person at "];
    refused(block_on(client.publish_files(&request([2]))), ErrorKind::AlreadySent, &words);
    block_on(client.publish_files(&request([1]))).expect("a report");
    decide(&batch.journal, &[1], Verdict::Leave);
    let report = block_on(client.resume(&batch, |_| {})).expect("nothing is left to be sent");
    assert!(report.settled());
    assert_eq!(scene.sent(), [vec![1, 2], vec![1]]);
}

/// A file that was left out of a batch and not sent was not sent: a call that means it may send it.
#[test]
fn a_file_that_was_left_out_is_refused_in_words_that_are_true_of_it() {
    let scene = Scene::new();
    let client = scene.journalling();
    let batch = options(&scene.path("batch.jsonl"));
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(block_on(client.publish_batch(&request(1..=2), &batch, |_| {})), ErrorKind::PermissionDenied, &[]);
    decide(&batch.journal, &[2], Verdict::Leave);
    let words = ["A person left file 2 out, and it was not processed"];
    let error = refused(block_on(client.publish_files(&request([2]))), ErrorKind::AlreadySent, &words);
    assert!(!error.message().contains("twice") && !error.message().contains("sent before"), "{error}");
}

/// Several calls that ask for the same at once: one makes the journal, and the others find it.
#[test]
fn equal_batches_at_once_send_once_and_are_told_that_another_is_at_work() {
    let scene = Scene::with(&json!({ "delay_ms": 50 }));
    let client = scene.journalling();
    let batch = options(&scene.path("batch.jsonl"));
    let ended: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..6).map(|_| scope.spawn(|| publish_batch(&client, 4, &batch))).collect();
        calls.into_iter().map(|call| call.join().expect("no panic")).collect()
    });
    for ended in &ended {
        match ended {
            Ok(report) => assert!(report.ok()),
            Err(error) => assert_eq!(error.reason(), Some(JournalReason::Busy), "{error}"),
        }
    }
    assert!(ended.iter().any(Result::is_ok));
    assert_eq!(scene.posts(), 2);
}

/// A firm's host and Addepar's general one are the same server. Nothing is sent: the guard speaks first.
#[test]
fn a_repeat_under_another_host_name_is_refused() {
    let scene = Scene::new();
    let build = |base_url: &str| {
        let builder = PortalClient::builder().base_url(base_url).firm_id("1").key("key", "secret");
        builder.journal_dir(scene.journals().to_str().expect("a path")).build().expect("a client")
    };
    let live = |name: &str| (name == "ADDEPAR_PORTAL_LIVE").then(|| "1".into());
    let first =
        build("https://examplefirm.addepar.com").start_batch(&request([1]), &options(&scene.path("run.jsonl")), live);
    first.follow_progress();
    // The journal is there; nothing was sent, and nothing will be.
    assert_eq!(block_on(first.run()), Turn::News);
    drop(first);
    decide(&scene.path("run.jsonl"), &[1], Verdict::Published);
    for base_url in ["https://api.addepar.com", "https://otherfirm.addepar.com/api"] {
        let again = build(base_url).start(request([1]), Repeat::Refuse, live);
        assert_eq!(block_on(again.run()), Turn::Done);
        refused(result_of(&again), ErrorKind::AlreadySent, &["file 1 was published in some other way"]);
    }
}

/// What another process sends at this moment is refused, also where repeats are meant.
#[test]
fn a_file_in_flight_is_refused_by_other_calls() {
    let scene = Scene::new();
    let client = scene.journalling();
    scene.control(&json!({ "do": "hold" }));
    let call = client.start(request([1]), Repeat::Refuse, no_environment);
    thread::scope(|scope| {
        scope.spawn(|| block_on(call.run()));
        while scene.posts() == 0 {
            thread::sleep(Duration::from_millis(5));
        }
        for repeat in [Repeat::Refuse, Repeat::Allow] {
            let again = client.start(request([2, 1]), repeat, no_environment);
            assert_eq!(block_on(again.run()), Turn::Done);
            let words = ["File 1 is being sent by another call of this process", "Wait until that call has ended"];
            let error = refused(result_of(&again), ErrorKind::AlreadySent, &words);
            assert_eq!(error.file_ids(), [1]);
        }
        assert_eq!(scene.posts(), 1);
        scene.control(&json!({ "do": "release" }));
    });
    result_of(&call).expect("a report");
}

/// So is what somebody found not to be published, once a call has its journal that sends it again.
#[test]
fn a_file_that_another_call_is_about_to_send_again_is_awaited() {
    let scene = Scene::new();
    let client = scene.journalling();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(scene.batch(4, &path), ErrorKind::OutcomeUnknown, &[]);
    decide(&path, &[1, 2], Verdict::NotPublished);
    scene.control(&json!({ "do": "hold" }));
    let call = client.start_resume(&options(&path), no_environment);
    thread::scope(|scope| {
        scope.spawn(|| block_on(call.run()));
        while scene.posts() < 2 {
            thread::sleep(Duration::from_millis(5));
        }
        let single = block_on(client.publish_files(&request([1, 2])));
        let other_firm = block_on(self::client(scene.portal.base_url(), "2", None).resume(&options(&path), |_| {}));
        for (result, kind) in [
            (scene.batch(4, &path), ErrorKind::Journal),
            (other_firm, ErrorKind::Journal),
            (single, ErrorKind::AlreadySent),
        ] {
            let error = refused(result, kind, &["Nothing was sent now."]);
            let report = error.report().expect("a report");
            assert_eq!(report.count(FileState::Unknown), report.in_flight().len(), "{error}");
            assert_eq!(
                (report.in_flight().len(), error.outcome()),
                (report.files().len(), Outcome::Unknown),
                "{error}"
            );
        }
        scene.control(&json!({ "do": "release" }));
    });
    assert!(result_of(&call).expect("a report").ok());
}

/// A refused call reports its files as other journals show them, whatever it was refused for.
#[test]
fn a_refused_call_shows_what_other_journals_do() {
    let scene = Scene::new();
    let client = scene.journalling();
    block_on(client.publish_files(&request([37, 38]))).expect("a report");
    let shown = |error: &Error| {
        let files = error.report().expect("a report").files().iter();
        files.map(|file| (file.file_id, file.state)).collect::<Vec<_>>()
    };
    let run = |call: PublishCall| {
        assert_eq!(block_on(call.run()), Turn::Done);
        result_of(&call)
    };
    // Too many files for one call, one of them sent before.
    let large = client.start(request(37..=537), Repeat::Refuse, no_environment);
    let error = refused(run(large), ErrorKind::Input, &["at most 500 files", "Nothing was sent now."]);
    assert_eq!(shown(&error)[..3], [(37, FileState::Ok), (38, FileState::Ok), (39, FileState::NotProcessed)]);
    assert_eq!((error.outcome(), error.http_status()), (Outcome::Processed, None));
    // A wrong option of a batch that has no journal yet.
    let wrong = BatchOptions { chunk_size: 0, ..options(&scene.path("batch.jsonl")) };
    let error = refused(block_on(client.publish_batch(&request([37, 40]), &wrong, |_| {})), ErrorKind::Input, &[]);
    assert_eq!(shown(&error), [(37, FileState::Ok), (40, FileState::NotProcessed)]);
    assert_eq!(error.outcome(), Outcome::Processed);
    // Repeats are meant, and one file is refused all the same: the other is yet to be sent again.
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(block_on(client.publish_files(&request([41]))), ErrorKind::OutcomeUnknown, &[]);
    let words = ["File 41 was sent before, and nobody knows", "1 other file is refused, too (file 37)."];
    let error = refused(block_on(client.publish_files(&request([37, 40, 41]))), ErrorKind::AlreadySent, &words);
    assert_eq!(error.file_ids(), [37, 41]);
    let allowed = client.start(request([37, 40, 41]), Repeat::Allow, no_environment);
    let error = refused(run(allowed), ErrorKind::AlreadySent, &["File 41 was sent before"]);
    let expected = [(37, FileState::NotProcessed), (40, FileState::NotProcessed), (41, FileState::Unknown)];
    assert_eq!((error.file_ids(), shown(&error)), (vec![41], expected.to_vec()));
    // What a journal shows that cannot be read, nobody knows.
    let damaged = scene.path("damaged.jsonl");
    fs::write(&damaged, "{\"type\":\"header\" and more\n").expect("a file");
    let words = [
        "damaged.jsonl is not as it was written, at line 1: it must be JSON, and is not at column",
        "Nothing was sent now.",
    ];
    let error = refused(block_on(client.publish_files(&request([37, 40]))), ErrorKind::Journal, &words);
    assert_eq!(shown(&error), [(37, FileState::Ok), (40, FileState::Unknown)]);
    assert_eq!(error.outcome(), Outcome::Unknown);
    // One that showed something is missed, once it is moved away.
    fs::remove_file(&damaged).expect("a file");
    let known = journals(&scene.folder).into_iter().next().expect("a journal");
    let whole = fs::read_to_string(&known).expect("a journal");
    fs::write(&known, whole.replacen("publish", "republish", 1)).expect("a file");
    let forget = format!(
        "move it away and record that it is gone, which names its files: `addepar-portal journal forget {}`",
        known.display()
    );
    refused(
        block_on(client.publish_files(&request([40]))),
        ErrorKind::Journal,
        &["Nothing was sent now. Where there is no copy of it", &forget],
    );
    assert_eq!(scene.posts(), 2);
}

/// What is being sent at this moment is to be awaited: nobody has to decide about it.
#[test]
fn a_file_in_flight_is_nobody_s_to_decide_about() {
    let scene = Scene::new();
    let client = scene.journalling();
    let path = scene.path("run.jsonl");
    scene.control(&json!({ "do": "hold" }));
    let call = client.start_batch(&request(1..=4), &options(&path), no_environment);
    thread::scope(|scope| {
        scope.spawn(|| block_on(call.run()));
        while scene.posts() == 0 {
            thread::sleep(Duration::from_millis(5));
        }
        let journal = Journal::open(&path).expect("a journal");
        // Also what it is about to send: nobody may take that for unprocessed.
        assert_eq!((journal.undecided(), journal.in_flight()), (vec![], vec![1, 2, 3, 4]));
        assert_eq!(journal.files().iter().map(|file| file.in_flight).collect::<Vec<_>>(), [true; 4]);
        let chunks: Vec<_> = journal.chunks().iter().map(|chunk| (chunk.state, chunk.attempts)).collect();
        assert_eq!(chunks, [("in_flight", 1), ("in_flight", 0)]);
        let report = journal.report();
        assert_eq!((report.undecided(), report.in_flight()), (vec![], &[1, 2, 3, 4][..]));
        assert!(!report.settled());
        assert!(report.summary().starts_with("4 being sent"), "{}", report.summary());
        assert_eq!(report.rows()[0].state, "being sent");
        assert_eq!(PublishReport::from_json(&report.to_json()).expect("a report"), report);
        let shown: Value = serde_json::from_str(&journal.to_json()).expect("JSON");
        assert_eq!((&shown["undecided"], &shown["in_flight"]), (&json!([]), &json!([1, 2, 3, 4])));
        for result in [scene.resume(&path), scene.batch(4, &path)] {
            let error = refused(result, ErrorKind::Journal, &["is being written", "Nothing was sent now."]);
            assert_eq!(error.undecided(), [0_u64; 0], "{error}");
            assert_eq!(error.report().expect("a report").in_flight(), [1, 2, 3, 4]);
            assert_eq!(error.report().expect("a report").count(FileState::Unknown), 4);
            assert_eq!(error.outcome(), Outcome::Unknown);
        }
        let again = refused(
            block_on(client.publish_files(&request([9, 2, 3]))),
            ErrorKind::AlreadySent,
            &["2 files (files 2, 3) are being sent"],
        );
        let report = again.report().expect("a report");
        assert_eq!((report.in_flight(), report.undecided()), (&[2, 3][..], vec![]));
        assert_eq!(report.in_state(FileState::NotProcessed).map(|file| file.file_id).collect::<Vec<_>>(), [9]);
        scene.control(&json!({ "do": "release" }));
    });
    result_of(&call).expect("a report");
    assert_eq!(Journal::open(&path).expect("a journal").in_flight(), [0_u64; 0]);
}

/// A batch that is stopped awaits the request in flight, but no longer than it may.
#[test]
fn a_stopped_batch_drops_a_request_that_takes_too_long() {
    let scene = Scene::new();
    scene.control(&json!({ "do": "hold" }));
    let options = BatchOptions { stop_timeout: Some(0.2), ..options(&scene.path("run.jsonl")) };
    let call = scene.client().start_batch(&request(1..=4), &options, no_environment);
    thread::scope(|scope| {
        scope.spawn(|| {
            while scene.posts() == 0 {
                thread::sleep(Duration::from_millis(5));
            }
            assert!(call.interrupt());
        });
        assert_eq!(block_on(call.run()), Turn::Done);
    });
    let result = result_of(&call);
    let words = ["the batch was stopped, and 0.2 s later the request was dropped", "record what you find with"];
    let error = refused(result, ErrorKind::OutcomeUnknown, &words);
    assert_eq!(states(error.report().expect("a report")), [0, 0, 2, 2]);
    assert_eq!(error.undecided(), [1, 2]);
    assert_eq!(error.journal(), Some(options.journal.as_path()));
    assert_eq!(types(&options.journal), ["header", "plan", "intent", "outcome"]);
    // However long it may be, it ends no call in a panic.
    let longest = BatchOptions { stop_timeout: Some(1e18), ..self::options(&scene.path("longest.jsonl")) };
    let call = scene.client().start_batch(&request(1..=2), &longest, no_environment);
    run_and_stop(&scene, &call, 2);
    // It had nothing left to send.
    let error = refused(result_of(&call), ErrorKind::Stopped, &["stopped after its last request: 2 ok"]);
    assert_eq!(states(error.report().expect("a report")), [2, 0, 0, 0]);
    let options = BatchOptions { stop_timeout: Some(-1.0), ..options };
    let refusal = block_on(scene.client().resume(&options, |_| {}));
    refused(refusal, ErrorKind::Input, &["`stop_timeout` must be", "-1"]);
}

/// A share that is not mounted looks like an empty folder: nothing would be known of what was sent.
#[test]
fn a_folder_that_was_not_set_up_is_refused() {
    let scene = Scene::new();
    let folder = scene.path("journals");
    let call =
        |folder: &Path| block_on(client(scene.portal.base_url(), "1", Some(folder)).publish_files(&request([1])));
    let words = ["`journal_dir` must be", "addepar-portal journal init", "Nothing was sent"];
    refused(call(&folder), ErrorKind::Config, &[words.as_slice(), &["does not exist"]].concat());
    fs::create_dir(&folder).expect("a folder");
    refused(call(&folder), ErrorKind::Config, &[words.as_slice(), &["has not the mark of one"]].concat());
    fs::write(folder.join("notes.jsonl"), "{}\n").expect("another program's file");
    refused(call(&folder), ErrorKind::Config, &words);
    let batch = options(&folder.join("batch.jsonl"));
    let journalling = client(scene.portal.base_url(), "1", Some(&folder));
    refused(block_on(journalling.publish_batch(&request([1]), &batch, |_| {})), ErrorKind::Config, &words);
    assert_eq!(scene.posts(), 0);
    // A batch that keeps its journal in the mount point of a disk, while that is away.
    let stray = client(scene.portal.base_url(), "1", None);
    publish_batch(&stray, 2, &options(&folder.join("stray.jsonl"))).expect("a report");
    refused(call(&folder), ErrorKind::Config, &words);
    assert_eq!(scene.posts(), 1);
    fs::remove_file(folder.join("stray.jsonl")).expect("a journal");
    let id = init_journal_dir(&folder).expect("an id");
    assert_eq!(init_journal_dir(&folder).expect("an id"), id, "it is set up once");
    call(&folder).expect("a report");
    // What calls left there marks it well enough.
    let mark = folder.join("addepar-portal-journals.json");
    fs::remove_file(&mark).expect("the mark");
    refused(call(&folder), ErrorKind::AlreadySent, &[]);
    let journal = journal_of(&folder, 1);
    let away = scene.path("away");
    fs::rename(&journal, &away).expect("moved");
    for _ in 0..2 {
        refused(call(&folder), ErrorKind::Journal, &["is not there any more"]);
        // What it knew it knows once it is marked again.
        assert_eq!(init_journal_dir(&folder).expect("an id"), id);
    }
    fs::rename(&away, &journal).expect("put back");
    fs::remove_file(&mark).expect("the mark");
    fs::remove_file(folder.join("addepar-portal-journals.index")).expect("the index");
    refused(call(&folder), ErrorKind::AlreadySent, &[]);
    // What has a journal's name and never was one is in nobody's way.
    fs::write(folder.join("._x.jsonl"), b"\0\x05\x16\x07").expect("what macOS leaves");
    fs::write(folder.join("empty.jsonl"), b"").expect("an empty file");
    refused(call(&folder), ErrorKind::AlreadySent, &[]);
}

/// What may come over a journal while a batch writes it, after the first chunk: what the next one finds.
#[cfg(unix)]
#[test]
fn a_journal_that_is_not_the_file_any_more_stops_the_batch() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 7] = [
        ("removed", |path| fs::remove_file(path).expect("removed")),
        ("moved", |path| fs::rename(path, path.with_extension("moved")).expect("moved")),
        ("cut", |path| {
            let text = fs::read(path).expect("a journal");
            fs::write(path, &text[..text.len() - 10]).expect("cut");
        }),
        ("overwritten with what an editor had read before", |path| {
            let text = fs::read_to_string(path).expect("a journal");
            let first: Vec<&str> = text.split_inclusive('\n').take(2).collect();
            fs::write(path, first.concat()).expect("overwritten");
        }),
        ("replaced by an older copy", |path| {
            let text = fs::read_to_string(path).expect("a journal");
            let first: Vec<&str> = text.split_inclusive('\n').take(2).collect();
            fs::remove_file(path).expect("removed");
            fs::write(path, first.concat()).expect("put back");
        }),
        ("replaced by a folder", |path| {
            fs::remove_file(path).expect("removed");
            fs::create_dir(path).expect("a folder");
        }),
        ("replaced by a link to nothing", |path| {
            fs::remove_file(path).expect("removed");
            std::os::unix::fs::symlink("/nowhere/run.jsonl", path).expect("a link");
        }),
    ];
    for (how, change) in changes {
        let scene = Scene::new();
        let client = scene.journalling();
        let path = scene.path("run.jsonl");
        let mut heard = 0;
        let result = block_on(client.publish_batch(&request(1..=6), &options(&path), |_| {
            heard += 1;
            if heard == 2 {
                change(&path);
            }
        }));
        let words = ["run.jsonl", "What is true was saved as", "displaced"];
        let error = refused(result, ErrorKind::Journal, &words);
        assert_eq!(scene.sent(), [[1, 2]], "{how}: nothing more is sent");
        assert_eq!(states(error.report().expect("a report")), [2, 0, 0, 4], "{how}");
        let run = journals(&scene.folder).into_iter().find(|path| path.display().to_string().contains(".displaced-"));
        let saved = run.expect("what is true");
        let journal = Journal::open(&saved).expect("a journal");
        assert_eq!(states(&journal.report()), [2, 0, 0, 4], "{how}");
        // The name is neither made anew nor resumed, and what was sent is shown again.
        for again in [
            block_on(client.publish_batch(&request(1..=6), &options(&path), |_| {})),
            block_on(client.resume(&options(&path), |_| {})),
        ] {
            let error = refused(again, ErrorKind::Journal, &["displaced"]);
            assert_eq!(states(error.report().expect("a report")), [2, 0, 0, 4], "{how}");
            assert_eq!(error.outcome(), Outcome::Processed, "{how}");
        }
        let again = block_on(client.publish_files(&request([2])));
        // A journal that cannot be read refuses everything.
        let is_odd = fs::symlink_metadata(&path).is_ok() && !fs::metadata(&path).is_ok_and(|found| found.is_file());
        refused(again, if is_odd { ErrorKind::Journal } else { ErrorKind::AlreadySent }, &["Nothing was sent"]);
        assert_eq!(scene.posts(), 1, "{how}");
        // A person decides in it, which leaves a lock beside it, and puts it in its place.
        let mut journal = Journal::open(&saved).expect("a journal");
        journal.decide([6], Verdict::Published, "A. Person", None).expect("a decision");
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        fs::rename(&saved, &path).expect("its place");
        assert_eq!(states(&block_on(client.resume(&options(&path), |_| {})).expect("a report")), [5, 0, 0, 1], "{how}");
        assert_eq!(scene.sent(), [vec![1, 2], vec![3, 4], vec![5]], "{how}");
    }
}

/// What an older copy in the place of a journal does not show, it may have shown.
#[test]
fn what_a_journal_lost_is_unknown() {
    let scene = Scene::new();
    let client = scene.journalling();
    let path = scene.path("run.jsonl");
    let mut older = Vec::new();
    let sent = block_on(client.publish_batch(&request(1..=4), &options(&path), |progress| {
        if progress.succeeded == 2 {
            older = fs::read(&path).expect("a journal");
        }
    }));
    sent.expect("a report");
    let mut journal = Journal::open(&path).expect("a journal");
    fs::write(&path, older).expect("an older copy");
    // Shown as it is, it would call files unsent that were sent.
    let words = ["lost lines that it had", "Put it back", "journal forget"];
    refused(Journal::open(&path), ErrorKind::Journal, &words);
    for again in [
        block_on(client.publish_batch(&request(1..=4), &options(&path), |_| {})),
        block_on(client.resume(&options(&path), |_| {})),
    ] {
        let error = refused(again, ErrorKind::Journal, &["lost lines that it had", "Nothing was sent now."]);
        let report = error.report().expect("a report");
        assert_eq!((states(report), error.outcome()), ([2, 0, 2, 0], Outcome::Unknown));
    }
    // Whatever is recorded in it is lost once the whole one is put back.
    let decided = journal.decide([3], Verdict::Published, "A. Person", None);
    let error =
        refused(decided, ErrorKind::Journal, &["lost lines that it had", "Put it back", "Nothing was recorded."]);
    assert_eq!(error.reason(), Some(JournalReason::Changed));
    for (ids, unknown) in [([4, 5], 1), ([5, 6], 0)] {
        let error = refused(publish(&client, ids), ErrorKind::Journal, &["lost lines that it had"]);
        assert_eq!(states(error.report().expect("a report")), [0, 0, unknown, 2 - unknown]);
        assert_eq!(error.reason(), Some(JournalReason::Changed));
    }
    assert_eq!(scene.sent(), [[1, 2], [3, 4]]);
}

/// The request was in flight while the journal went away: its outcome is true wherever it is written.
#[test]
fn an_outcome_whose_journal_went_away_meanwhile_is_saved_beside_it() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.control(&json!({ "do": "set", "delay_ms": 500 }));
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            while scene.posts() == 0 {
                thread::sleep(Duration::from_millis(5));
            }
            fs::remove_file(&path).expect("removed");
        });
        scene.batch(4, &path)
    });
    let error = refused(result, ErrorKind::Journal, &["moved or removed", "What is true was saved as"]);
    assert_eq!(states(error.report().expect("a report")), [2, 0, 0, 2]);
    let [saved] = journals(&scene.folder).try_into().expect("what is true");
    assert_eq!(types(&saved), ["header", "plan", "intent", "outcome"]);
    assert_eq!(states(&Journal::open(&saved).expect("a journal").report()), [2, 0, 0, 2]);
    assert_eq!(scene.posts(), 1);
}

/// The request was in flight while its journal got another name: what was saved beside the old name knows the outcome, the
/// journal does not.
#[test]
fn of_two_journals_of_a_run_the_one_counts_that_knows_more() {
    let scene = Scene::new();
    let client = scene.journalling();
    let path = scene.path("run.jsonl");
    scene.control(&json!({ "do": "hold" }));
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            while scene.posts() == 0 {
                thread::sleep(Duration::from_millis(5));
            }
            fs::rename(&path, scene.path("renamed.jsonl")).expect("renamed");
            scene.control(&json!({ "do": "release" }));
        });
        block_on(client.publish_batch(&request(1..=4), &options(&path), |_| {}))
    });
    refused(result, ErrorKind::Journal, &["What is true was saved as"]);
    assert_eq!(Journal::open(scene.path("renamed.jsonl")).expect("a journal").undecided(), [1, 2]);
    let error = refused(publish(&client, [1]), ErrorKind::AlreadySent, &["state ok", ".displaced-"]);
    assert_eq!((states(error.report().expect("a report")), error.undecided()), ([1, 0, 0, 0], vec![]));
    assert_eq!(scene.posts(), 1);
}

/// A call that sends a file again has a journal of its own: a script that decides and calls again has looked at nothing there
/// either.
#[test]
fn words_of_another_journal_from_before_a_file_was_sent_are_refused() {
    let scene = Scene::new();
    let client = scene.journalling();
    let lost = || {
        scene.faults(&json!([{ "name": "close_before_answer" }]));
        let error = refused(publish(&client, [1]), ErrorKind::OutcomeUnknown, &[]);
        Journal::open(error.journal().expect("a journal")).expect("a journal")
    };
    for evidence in [None, Some("not in the portal")] {
        lost().decide([1], Verdict::NotPublished, "A. Person", evidence).expect("a decision");
        let mut journal = lost();
        for verdict in [Verdict::NotPublished, Verdict::Published] {
            let decided = journal.decide([1], verdict, "A. Person", evidence);
            let error = refused(decided, ErrorKind::Journal, &["in these words", "Look again"]);
            assert_eq!(error.reason(), Some(JournalReason::Outdated));
        }
        journal.decide([1], Verdict::NotPublished, "A. Person", Some("not there at noon")).expect("a decision");
        let evidence = Some("seen in the portal");
        lost().decide([1], Verdict::Published, "A. Person", evidence).expect("a decision");
        refused(publish(&client, [1]), ErrorKind::AlreadySent, &[]);
        for path in journals(&scene.folder) {
            fs::remove_file(&path).expect("a journal");
            forget_journal(&path).expect("it is missed");
        }
    }
    assert_eq!(scene.posts(), 6);
}

/// A script that goes through all journals of a folder has looked at nothing in any of them, whatever it decides last.
#[test]
fn words_from_before_a_file_was_sent_are_refused_in_each_journal() {
    for evidence in [None, Some("not in the portal")] {
        let scene = Scene::new();
        let client = scene.journalling();
        let lost = || {
            scene.faults(&json!([{ "name": "close_before_answer" }]));
            let error = refused(publish(&client, [1]), ErrorKind::OutcomeUnknown, &[]);
            error.journal().expect("a journal").to_owned()
        };
        let decide = |path: &Path, verdict, evidence| {
            Journal::open(path).expect("a journal").decide([1], verdict, "A. Person", evidence)
        };
        let first = lost();
        decide(&first, Verdict::NotPublished, evidence).expect("a decision");
        let second = lost();
        for verdict in [Verdict::NotPublished, Verdict::Published] {
            for path in [&first, &second] {
                refused(decide(path, verdict, evidence), ErrorKind::Journal, &["in these words", "Look again"]);
            }
            // Whatever is decided in the first one by now, the words stood there before.
            decide(&first, Verdict::Leave, None).expect("a decision");
            decide(&first, verdict, Some("looked again")).expect("a decision");
        }
        refused(decide(&second, Verdict::NotPublished, evidence), ErrorKind::Journal, &["in these words"]);
        // Nor does a copy in which somebody decides give the words back.
        fs::copy(&first, scene.path("copy.jsonl")).expect("a copy");
        refused(decide(&first, Verdict::NotPublished, evidence), ErrorKind::Journal, &["in these words"]);
        fs::remove_file(scene.path("copy.jsonl")).expect("a copy");
        refused(publish(&client, [1]), ErrorKind::AlreadySent, &["nobody knows what became of it"]);
        decide(&second, Verdict::NotPublished, Some("looked once more")).expect("a decision");
        assert_eq!(scene.posts(), 2);
    }
}

/// Of each send, the journal counts that knows most of it; of all sends the one that matters most.
#[test]
fn a_copy_of_a_journal_hides_no_other_send() {
    let scene = Scene::new();
    let client = scene.journalling();
    let allowed = || {
        let call = client.start(request([1]), Repeat::Allow, no_environment);
        assert_eq!(block_on(call.run()), Turn::Done);
        result_of(&call)
    };
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    let lost = scene.path("a.jsonl");
    let one = |path: &Path| BatchOptions { chunk_size: 1, ..options(path) };
    refused(publish_batch(&client, 1, &one(&lost)), ErrorKind::OutcomeUnknown, &[]);
    Journal::open(&lost).expect("a journal").decide([1], Verdict::NotPublished, "A. Person", None).expect("a decision");
    let sent = scene.path("z.jsonl");
    publish_batch(&client, 1, &one(&sent)).expect("a report");
    let decide = |verdict, evidence| {
        Journal::open(&lost).expect("a journal").decide([1], verdict, "A. Person", evidence).expect("a decision");
    };
    decide(Verdict::Leave, None);
    // An older copy of the other run, which has not its outcome.
    let whole = fs::read_to_string(&sent).expect("a journal");
    let first: Vec<&str> = whole.split_inclusive('\n').take(3).collect();
    fs::write(scene.path("b.jsonl"), first.concat()).expect("a copy");
    refused(allowed(), ErrorKind::AlreadySent, &["a person decided to leave it"]);
    // An older copy of the first one, with a decision that was replaced.
    fs::remove_file(scene.path("b.jsonl")).expect("a copy");
    decide(Verdict::Published, Some("seen"));
    fs::copy(&lost, scene.path("a copy.jsonl")).expect("a copy");
    decide(Verdict::Leave, None);
    refused(allowed(), ErrorKind::AlreadySent, &["a person decided to leave it"]);
    assert_eq!(scene.posts(), 2);
}

/// A copy that somebody keeps beside a journal knows less of the same send once a person has decided.
#[test]
fn a_backup_beside_a_journal_refuses_no_file_that_was_found_not_to_be_published() {
    let scene = Scene::new();
    let client = scene.journalling();
    let (path, backup) = (scene.path("run.jsonl"), scene.path("backup.jsonl"));
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(publish_batch(&client, 3, &options(&path)), ErrorKind::OutcomeUnknown, &[]);
    fs::copy(&path, &backup).expect("a copy");
    // Whether a call has looked at it or not, it is the older one once more was recorded.
    refused(publish(&client, [1]), ErrorKind::AlreadySent, &["nobody knows what became of it"]);
    Journal::open(&path).expect("a journal").decide([1], Verdict::NotPublished, "A. Person", None).expect("a decision");
    Journal::open(&path).expect("a journal").decide([2], Verdict::Leave, "A. Person", None).expect("a decision");
    for _ in 0..2 {
        refused(Journal::open(&backup), ErrorKind::Journal, &["is an older copy of", "run.jsonl", "Look at that one."]);
        refused(publish(&client, [2]), ErrorKind::AlreadySent, &["a person decided to leave it"]);
    }
    let resumed = block_on(client.resume(&options(&path), |_| {})).expect("a report");
    assert_eq!((states(&resumed), scene.sent()), ([2, 0, 1, 0], vec![vec![1, 2], vec![3], vec![1]]));
    // Decided otherwise in a copy that lay elsewhere meanwhile: what refuses more counts.
    let name = scene.folder.file_name().expect("a name").to_string_lossy();
    let other = std::env::temp_dir().join(format!("{name}.jsonl"));
    fs::rename(&backup, &other).expect("moved");
    let mut copy = Journal::open(&other).expect("a journal");
    copy.decide([1, 2], Verdict::NotPublished, "B. Person", None).expect("decisions");
    fs::rename(&other, &backup).expect("moved back");
    let error = refused(block_on(client.resume(&options(&backup), |_| {})), ErrorKind::AlreadySent, &[]);
    assert_eq!((error.file_ids(), scene.posts()), (vec![1, 2, 3], 3));
}

/// An older copy under another name is refused as such, by whatever call: what is decided in it is for nothing.
#[test]
fn a_batch_is_not_continued_by_an_older_copy_of_its_journal() {
    for (fault, kind) in [
        (json!({ "name": "close_before_answer" }), ErrorKind::OutcomeUnknown),
        (json!({ "name": "status", "status": 403 }), ErrorKind::PermissionDenied),
    ] {
        let scene = Scene::new();
        let client = scene.journalling();
        let (path, copy) = (scene.path("run.jsonl"), scene.path("copy.jsonl"));
        scene.faults(&json!([fault]));
        refused(publish_batch(&client, 3, &options(&path)), kind, &[]);
        fs::copy(&path, &copy).expect("a copy");
        let (verdict, evidence) = (Verdict::Leave, Some("not in the portal"));
        Journal::open(&path).expect("a journal").decide([1], verdict, "A. Person", evidence).expect("a decision");
        let words = ["copy.jsonl is an older copy of", "run.jsonl, which has more lines", "Look at that one"];
        for _ in 0..2 {
            let resumed = block_on(client.resume(&options(&copy), |_| {}));
            let error = refused(resumed, ErrorKind::Journal, &words);
            assert_eq!(error.reason(), Some(JournalReason::Changed));
            refused(publish_batch(&client, 3, &options(&copy)), ErrorKind::Journal, &words);
        }
        assert_eq!(scene.posts(), 1);
    }
}

/// A journal may have a second name in its folder: it is one journal, which nobody else writes.
#[cfg(unix)]
#[test]
fn a_link_to_a_journal_is_the_same_journal() {
    type Link = fn(&Path, &Path) -> std::io::Result<()>;
    let links: [Link; 2] =
        [|path, link| std::os::unix::fs::symlink(path, link), |path, link| fs::hard_link(path, link)];
    for link in links {
        let scene = Scene::new();
        let client = scene.journalling();
        let (path, other) = (scene.path("run.jsonl"), scene.path("link.jsonl"));
        scene.faults(&json!([{ "name": "status", "status": 403 }]));
        refused(publish_batch(&client, 3, &options(&path)), ErrorKind::PermissionDenied, &[]);
        link(&path, &other).expect("a link");
        scene.faults(&json!([{ "name": "status", "status": 403 }]));
        let error = refused(publish_batch(&client, 3, &options(&path)), ErrorKind::PermissionDenied, &[]);
        assert!(error.report().expect("a report").in_flight().is_empty());
        scene.faults(&json!([{ "name": "close_before_answer" }]));
        refused(publish_batch(&client, 3, &options(&other)), ErrorKind::OutcomeUnknown, &[]);
        refused(publish_batch(&client, 3, &options(&path)), ErrorKind::Journal, &["waits for a decision: 2 files"]);
        decide(&other, &[1, 2], Verdict::Leave);
        block_on(client.resume(&options(&path), |_| {})).expect("a report");
        refused(publish(&client, [3]), ErrorKind::AlreadySent, &["state ok"]);
        assert_eq!(scene.sent(), [vec![1, 2], vec![1, 2], vec![1, 2], vec![3]]);
    }
}

/// A link that lies elsewhere leads to a journal with the rules of its own folder.
#[cfg(unix)]
#[test]
fn a_link_from_elsewhere_passes_no_guard_by() {
    let scene = Scene::new();
    let link =
        std::env::temp_dir().join(format!("{}.jsonl", scene.folder.file_name().expect("a name").to_string_lossy()));
    let by_link = |path: &Path| {
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(path, &link).expect("a link");
        block_on(scene.client().resume(&options(&link), |_| {}))
    };
    scene.journals();
    let (path, copy) = (scene.path("run.jsonl"), scene.path("copy.jsonl"));
    let refuse = || scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refuse();
    refused(publish_batch(&scene.client(), 2, &options(&path)), ErrorKind::PermissionDenied, &[]);
    fs::copy(&path, &copy).expect("a copy");
    // What another run has sent.
    let other = publish_batch(&scene.client(), 2, &options(&scene.path("other.jsonl")));
    other.expect("a report");
    refused(by_link(&path), ErrorKind::AlreadySent, &["other.jsonl"]);
    decide(&path, &[1, 2], Verdict::Leave);
    refused(by_link(&copy), ErrorKind::Journal, &["is an older copy of"]);
    // Also one that lies in another folder of journals.
    let second = Scene::new();
    second.journals();
    let in_second = second.path("link.jsonl");
    std::os::unix::fs::symlink(&path, &in_second).expect("a link");
    fs::write(&path, fs::read(&copy).expect("a copy")).ok();
    refused(block_on(scene.client().resume(&options(&in_second), |_| {})), ErrorKind::Journal, &["lost lines"]);
    assert_eq!(scene.posts(), 2);
    // What was saved beside a journal that was displaced, whatever it was called.
    let plain = Scene::new();
    let (path, second) = (plain.path("run.jsonl"), plain.path("second.jsonl"));
    plain.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(plain.batch(4, &path), ErrorKind::PermissionDenied, &[]);
    std::os::unix::fs::symlink(&path, &second).expect("a link");
    let before = fs::read(&path).expect("a journal");
    let run = block_on(plain.client().resume(&options(&second), |_| {
        if plain.posts() > 1 {
            fs::write(&path, &before).expect("an older copy");
        }
    }));
    refused(run, ErrorKind::Journal, &["run.jsonl.displaced-"]);
    for name in [&path, &second] {
        refused(
            block_on(plain.client().resume(&options(name), |_| {})),
            ErrorKind::Journal,
            &["What is true was saved as"],
        );
    }
    assert_eq!(plain.posts(), 2);
    let _ = fs::remove_file(&link);
}

/// An older copy beside a journal shows nothing that the journal does not: nobody has to decide in it.
#[test]
fn an_older_copy_beside_a_journal_holds_nothing_up() {
    let scene = Scene::new();
    let client = scene.journalling();
    let (path, copy) = (scene.path("run.jsonl"), scene.path("copy.jsonl"));
    let lose = || scene.faults(&json!([{ "name": "close_before_answer" }]));
    let decide = |evidence| {
        let mut journal = Journal::open(&path).expect("a journal");
        journal.decide([1], Verdict::NotPublished, "A. Person", Some(evidence)).expect("a decision");
    };
    lose();
    refused(publish_batch(&client, 1, &options(&path)), ErrorKind::OutcomeUnknown, &[]);
    fs::copy(&path, &copy).expect("a copy");
    decide("not there at noon");
    lose();
    refused(block_on(client.resume(&options(&path), |_| {})), ErrorKind::OutcomeUnknown, &[]);
    decide("not there at three");
    block_on(client.resume(&options(&path), |_| {})).expect("a report");
    let call = client.start(request([1]), Repeat::Allow, no_environment);
    assert_eq!(block_on(call.run()), Turn::Done);
    result_of(&call).expect("its outcome is known");
    assert_eq!(scene.posts(), 4);
    // The same where the copy was made while its request was under way, and the server refused that.
    let (path, copy) = (scene.path("second.jsonl"), scene.path("second copy.jsonl"));
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    let second = request([5]);
    refused(block_on(client.publish_batch(&second, &options(&path), |_| {})), ErrorKind::PermissionDenied, &[]);
    let whole = fs::read_to_string(&path).expect("a journal");
    let first: Vec<&str> = whole.split_inclusive('\n').take(3).collect();
    fs::write(&copy, first.concat()).expect("a copy");
    block_on(client.resume(&options(&path), |_| {})).expect("a report");
}

/// Journals may be renamed within their folder. Where one has the name that another one had, calls say where that lies now.
#[test]
fn a_journal_whose_name_another_run_s_has_is_told_where_it_lies() {
    let scene = Scene::new();
    let client = scene.journalling();
    let (path, first, second) = (scene.path("run.jsonl"), scene.path("run-1.jsonl"), scene.path("run-2.jsonl"));
    let rename = |from: &Path, to: &Path| fs::rename(from, to).expect("renamed");
    let publish_as =
        |id: u64| block_on(client.publish_batch(&request([id]), &options(&path), |_| {})).expect("a report");
    publish_as(1);
    rename(&path, &first);
    publish_as(2);
    publish(&client, [9]).expect("a report");
    rename(&first, &second);
    rename(&path, &first);
    let words =
        ["run-1.jsonl has another run's journal in its place, and lies at", "run-2.jsonl now", "Give each its name"];
    let error = refused(publish(&client, [3]), ErrorKind::Journal, &words);
    assert_eq!(error.reason(), Some(JournalReason::Changed));
    Journal::open(&first).expect("it is another run's, and whole");
    refused(forget_journal(&first), ErrorKind::Journal, &["is not gone", "run-2.jsonl has all that it had"]);
    rename(&first, &scene.path("run-3.jsonl"));
    publish(&client, [3]).expect("a report");
    for id in [1, 2, 3, 9] {
        refused(publish(&client, [id]), ErrorKind::AlreadySent, &["state ok"]);
    }
    // One that is gone while another run's has its name.
    rename(&scene.path("run-3.jsonl"), &second);
    let words = ["run-2.jsonl is gone, and another run's journal has its name", "record that it is"];
    let error = refused(publish(&client, [1, 5]), ErrorKind::Journal, &words);
    assert_eq!(states(error.report().expect("a report")), [0, 0, 1, 1]);
    assert_eq!(forget_journal(&second).expect("it is missed"), [1]);
    refused(publish(&client, [2]), ErrorKind::AlreadySent, &["run-2.jsonl"]);
    publish(&client, [1, 5]).expect("a report");
    // Two that change places at once, and a call that resumes one of them.
    let (a, b) = (scene.path("a.jsonl"), scene.path("b.jsonl"));
    for (id, path) in [(21, &a), (22, &b)] {
        block_on(client.publish_batch(&request([id]), &options(path), |_| {})).expect("a report");
    }
    rename(&a, &scene.path("aside"));
    rename(&b, &a);
    rename(&scene.path("aside"), &b);
    for _ in 0..2 {
        refused(block_on(client.resume(&options(&a), |_| {})), ErrorKind::Journal, &["in its place, and lies at"]);
        refused(publish(&client, [30]), ErrorKind::Journal, &["in its place, and lies at"]);
    }
    rename(&a, &scene.path("aside"));
    rename(&b, &a);
    rename(&scene.path("aside"), &b);
    publish(&client, [30]).expect("a report");
    for id in [21, 22] {
        refused(publish(&client, [id]), ErrorKind::AlreadySent, &["state ok"]);
    }
}

/// An older copy tells nothing once its journal is gone: nobody knows what that showed. Nor is it resumed after that.
#[test]
fn an_older_copy_whose_journal_is_gone_is_not_resumed() {
    let scene = Scene::new();
    let client = scene.journalling();
    let (path, copy) = (scene.path("run.jsonl"), scene.path("copy.jsonl"));
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(publish_batch(&client, 3, &options(&path)), ErrorKind::OutcomeUnknown, &[]);
    fs::copy(&path, &copy).expect("a copy");
    Journal::open(&path).expect("a journal").decide([1, 2], Verdict::Leave, "A. Person", None).expect("decisions");
    block_on(client.resume(&options(&path), |_| {})).expect("a report");
    let mut before = Journal::open(&path).expect("a journal");
    let whole = fs::read(&path).expect("a journal");
    fs::remove_file(&path).expect("removed");
    let words = ["copy.jsonl lacks lines of its run that", "run.jsonl had", "Put that back as it was"];
    refused(Journal::open(&copy), ErrorKind::Journal, &words);
    refused(block_on(client.resume(&options(&copy), |_| {})), ErrorKind::Journal, &["run.jsonl is not there any more"]);
    refused(before.decide([1], Verdict::Leave, "A. Person", None), ErrorKind::Journal, &["is not there any more"]);
    fs::write(&path, whole).expect("put back");
    refused(Journal::open(&copy), ErrorKind::Journal, &["is an older copy of"]);
    refused(publish(&client, [3]), ErrorKind::AlreadySent, &["state ok"]);
    fs::remove_file(&path).expect("removed");
    assert_eq!(forget_journal(&path).expect("it is missed"), [1, 2, 3]);
    let words = ["copy.jsonl lacks lines of its run that", "run.jsonl had, which was recorded as gone"];
    refused(Journal::open(&copy), ErrorKind::Journal, &words);
    for result in [block_on(client.resume(&options(&copy), |_| {})), publish_batch(&client, 3, &options(&copy))] {
        let error = refused(result, ErrorKind::Journal, &words);
        assert_eq!((error.undecided(), error.outcome()), (vec![1, 2, 3], Outcome::Unknown));
    }
    // Somebody has looked after each. What the copy shows as sent stays refused, and nobody has to decide about it there.
    let words = [
        "2 files (files 1, 2) were sent before (2 unknown",
        "sending them again may e-mail clients twice. Leave them out, or",
    ];
    let error = refused(publish(&client, [1, 2]), ErrorKind::AlreadySent, &words);
    assert_eq!((error.undecided(), error.outcome()), (Vec::new(), Outcome::Unknown));
    publish(&client, [3]).expect("a report");
    assert_eq!(scene.posts(), 3);
    block_on(client.start(request([1, 2]), Repeat::Allow, no_environment).run());
    assert_eq!(scene.sent().last(), Some(&vec![1, 2]));
}

/// Whatever the journals of a folder are called, an error shows what they have.
#[test]
fn files_of_journals_that_have_other_names_are_shown() {
    let scene = Scene::new();
    let client = scene.journalling();
    let [a, b, aside] = ["a.jsonl", "b.jsonl", "aside"].map(|name| scene.path(name));
    let batch = |id: u64, path: &Path| block_on(client.publish_batch(&request([id]), &options(path), |_| {}));
    batch(1, &a).expect("a report");
    batch(2, &b).expect("a report");
    let (first, second) = (fs::read(&a).expect("a journal"), fs::read(&b).expect("a journal"));
    let refused_for = |result: Result<PublishReport, Error>, states: &[FileState]| {
        let error = refused(result, ErrorKind::Journal, &["Nothing was sent now."]);
        let shown: Vec<_> = error.report().expect("a report").files().iter().map(|file| file.state).collect();
        assert_eq!(shown, states, "{error}");
    };
    let (ok, unknown, left) = (FileState::Ok, FileState::Unknown, FileState::NotProcessed);
    // Swapped.
    for (from, to) in [(&a, &aside), (&b, &a), (&aside, &b)] {
        fs::rename(from, to).expect("renamed");
    }
    refused_for(publish(&client, [1]), &[ok]);
    refused_for(publish(&client, [2, 1, 3]), &[ok, ok, left]);
    refused_for(batch(2, &scene.path("new.jsonl")), &[ok]);
    // The second one has the name of the first, which is gone.
    fs::remove_file(&b).expect("removed");
    refused_for(publish(&client, [2, 1, 3]), &[ok, unknown, left]);
    refused_for(batch(2, &b), &[ok]);
    refused_for(batch(1, &a), &[unknown]);
    // The other way round.
    fs::remove_file(&a).expect("removed");
    fs::write(&b, &first).expect("a journal");
    refused_for(publish(&client, [2, 1, 3]), &[unknown, ok, left]);
    refused_for(batch(1, &a), &[ok]);
    refused_for(batch(2, &b), &[unknown]);
    for (path, bytes) in [(&a, &first), (&b, &second)] {
        fs::write(path, bytes).expect("put back");
    }
    refused(publish(&client, [1, 2]), ErrorKind::AlreadySent, &[]);
    // A third one is gone beside two whose names were swapped.
    let c = scene.path("c.jsonl");
    batch(3, &c).expect("a report");
    fs::remove_file(&c).expect("removed");
    for (path, bytes) in [(&a, &second), (&b, &first)] {
        fs::write(path, bytes).expect("swapped");
    }
    refused_for(publish(&client, [1, 2, 3, 4]), &[ok, ok, unknown, left]);
    refused_for(batch(3, &scene.path("new.jsonl")), &[unknown]);
    // What lies whole under another name is as it shows it, also for a wrong argument.
    let wrong = BatchOptions { chunk_size: 0, ..options(&scene.path("new.jsonl")) };
    let error = refused(publish_batch(&client, 4, &wrong), ErrorKind::Input, &["Nothing was sent now."]);
    let shown: Vec<_> = error.report().expect("a report").files().iter().map(|file| file.state).collect();
    assert_eq!((shown, error.undecided(), scene.posts()), (vec![ok, ok, unknown, left], vec![3], 3));
}

/// Nobody is told to resume an older copy, nor that what was left in it was not sent.
#[test]
fn errors_about_an_older_copy_know_that_it_is_one() {
    let scene = Scene::new();
    let client = scene.journalling();
    let (path, copy) = (scene.path("run.jsonl"), scene.path("copy.jsonl"));
    scene.faults(&json!([{ "name": "status", "status": 403 }, { "name": "status", "status": 403 }]));
    refused(publish_batch(&client, 2, &options(&path)), ErrorKind::PermissionDenied, &[]);
    fs::copy(&path, &copy).expect("a copy");
    refused(block_on(client.resume(&options(&path), |_| {})), ErrorKind::PermissionDenied, &[]);
    let wrong = BatchOptions { chunk_size: 0, ..options(&copy) };
    let error = refused(publish_batch(&client, 2, &wrong), ErrorKind::Input, &["chunk_size"]);
    assert!(!error.message().contains("resume"), "{error}");
    block_on(client.resume(&options(&path), |_| {})).expect("a report");
    fs::remove_file(&path).expect("removed");
    forget_journal(&path).expect("it is missed");
    let allowed = BatchOptions { repeat: Repeat::Allow, ..options(&copy) };
    let errors = [
        (publish_batch(&client, 2, &wrong), ErrorKind::Input),
        (publish_batch(&client, 2, &allowed), ErrorKind::Input),
        (publish_batch(&client, 1, &options(&copy)), ErrorKind::Journal),
        (block_on(client.resume(&options(&copy), |_| {})), ErrorKind::Journal),
    ];
    for (result, kind) in errors {
        let error = refused(result, kind, &["Nothing was sent now."]);
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        assert!(error.undecided().starts_with(&[1]) && !error.message().contains("Fix the cause"), "{error}");
    }
    // Nor where the folder misses another journal as well.
    let other = scene.path("other.jsonl");
    block_on(client.publish_batch(&request([9]), &options(&other), |_| {})).expect("a report");
    fs::remove_file(&other).expect("removed");
    let error = refused(block_on(client.resume(&options(&copy), |_| {})), ErrorKind::Journal, &["other.jsonl"]);
    assert_eq!(error.undecided(), [1, 2]);
}

/// An error of an argument is of no call that sent anything: what the folder misses is unknown all the same.
#[test]
fn files_of_a_journal_that_is_missed_are_unknown_whatever_a_call_is_refused_for() {
    let scene = Scene::new();
    let client = scene.journalling();
    let (path, outside) = (scene.path("run.jsonl"), scene.folder.with_extension("older"));
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(publish_batch(&client, 2, &options(&path)), ErrorKind::PermissionDenied, &[]);
    let older = fs::read(&path).expect("a journal");
    fs::write(&outside, &older).expect("a copy");
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(block_on(client.resume(&options(&path), |_| {})), ErrorKind::OutcomeUnknown, &[]);
    let whole = fs::read(&path).expect("a journal");
    let unknown = |error: &Error| {
        assert_eq!((error.undecided(), error.outcome()), (vec![1, 2], Outcome::Unknown), "{error}");
        assert!(error.message().contains("Nothing was sent now."), "{error}");
        assert!(!error.message().contains("resume"), "{error}");
    };
    let wrong = BatchOptions { chunk_size: 0, ..options(&path) };
    for is_there in [false, true] {
        fs::remove_file(&path).ok();
        if is_there {
            fs::write(&path, &older).expect("an older copy");
        }
        unknown(&refused(publish_batch(&client, 2, &wrong), ErrorKind::Input, &["chunk_size"]));
        unknown(&refused(publish_batch(&client, 2, &options(&scene.path("run"))), ErrorKind::Input, &[".jsonl"]));
        let large = client.start(request(1..=501), Repeat::Refuse, no_environment);
        block_on(large.run());
        let error = refused(result_of(&large), ErrorKind::Input, &["at most 500 files"]);
        assert_eq!((error.undecided(), error.outcome()), (vec![1, 2], Outcome::Unknown), "{error}");
    }
    unknown(&refused(block_on(client.resume(&options(&outside), |_| {})), ErrorKind::Input, &[]));
    fs::write(&path, whole).expect("put back");
    let error = refused(publish_batch(&client, 2, &wrong), ErrorKind::Input, &["chunk_size"]);
    assert_eq!((error.undecided(), scene.posts()), (vec![1, 2], 2));
    fs::remove_file(&outside).expect("removed");
}

/// A journal that comes back after it was recorded as gone is what it was, whatever copies of it lie beside it.
#[test]
fn a_journal_that_comes_back_waits_for_its_decisions() {
    for name in ["a copy.jsonl", "z copy.jsonl"] {
        let (scene, elsewhere) = (Scene::new(), Scene::new());
        let client = scene.journalling();
        let path = scene.path("run.jsonl");
        scene.faults(&json!([{ "name": "close_before_answer" }]));
        refused(publish_batch(&client, 2, &options(&path)), ErrorKind::OutcomeUnknown, &[]);
        fs::copy(&path, elsewhere.path("copy.jsonl")).expect("a copy");
        // Both went on.
        decide(&path, &[2], Verdict::Leave);
        decide(&elsewhere.path("copy.jsonl"), &[2], Verdict::Leave);
        fs::rename(elsewhere.path("copy.jsonl"), scene.path(name)).expect("renamed");
        fs::rename(&path, elsewhere.path("run.jsonl")).expect("renamed");
        forget_journal(&path).expect("it is missed");
        fs::rename(elsewhere.path("run.jsonl"), &path).expect("renamed");
        let allowed = client.start(request([1]), Repeat::Allow, no_environment);
        block_on(allowed.run());
        let error = refused(result_of(&allowed), ErrorKind::AlreadySent, &["nobody knows what became of it"]);
        assert_eq!((error.undecided(), scene.posts()), (vec![1], 1), "{name}");
    }
}

/// A journal that was made to repeat what was sent before repeats nothing that was sent since.
#[test]
fn a_journal_repeats_only_what_was_sent_before_it_was_made() {
    let scene = Scene::new();
    let client = scene.journalling();
    let allowing = |name: &str| BatchOptions { repeat: Repeat::Allow, ..options(&scene.path(name)) };
    publish(&client, [1]).expect("a report");
    let refuse = || scene.faults(&json!([{ "name": "status", "status": 403 }]));
    for name in ["a.jsonl", "b.jsonl"] {
        refuse();
        refused(publish_batch(&client, 2, &allowing(name)), ErrorKind::PermissionDenied, &[]);
    }
    // File 1 was sent before; file 2 was not.
    let report = block_on(client.resume(&options(&scene.path("a.jsonl")), |_| {})).expect("a report");
    assert!(report.ok());
    let resumed = block_on(client.resume(&options(&scene.path("b.jsonl")), |_| {}));
    refused(resumed, ErrorKind::AlreadySent, &["2 files", "a.jsonl", "Record that they need not be sent"]);
    refused(publish_batch(&client, 2, &allowing("b.jsonl")), ErrorKind::AlreadySent, &[]);
    assert_eq!(scene.sent(), [vec![1], vec![1, 2], vec![1, 2], vec![1, 2]]);
    publish_batch(&client, 2, &allowing("c.jsonl")).expect("somebody means it");
    // Nor what somebody has found to be published since.
    for name in ["d.jsonl", "e.jsonl"] {
        refuse();
        refused(publish_batch(&client, 1, &allowing(name)), ErrorKind::PermissionDenied, &[]);
    }
    decide(&scene.path("d.jsonl"), &[1], Verdict::Published);
    let resumed = block_on(client.resume(&options(&scene.path("e.jsonl")), |_| {}));
    refused(resumed, ErrorKind::AlreadySent, &["d.jsonl", "published in some other way"]);
}

/// Where a batch repeats what was sent before, its errors show what it has yet to send.
#[test]
fn an_error_of_a_batch_that_repeats_shows_what_it_has_yet_to_send() {
    let scene = Scene::new();
    let client = scene.journalling();
    let allowing = |name: &str| BatchOptions { repeat: Repeat::Allow, ..options(&scene.path(name)) };
    publish(&client, [1, 2, 3, 4, 5, 6]).expect("a report");
    scene.faults(&json!([{ "name": "drip", "every_ms": 0 }, { "name": "status", "status": 403 }]));
    refused(publish_batch(&client, 6, &allowing("run.jsonl")), ErrorKind::PermissionDenied, &[]);
    let shown = |error: &Error| {
        let report = error.report().expect("a report");
        assert!(!report.ok() && !report.settled());
        report.files().iter().map(|file| file.state).collect::<Vec<_>>()
    };
    let own = [[FileState::Ok; 2], [FileState::NotProcessed; 2], [FileState::NotProcessed; 2]].concat();
    // Another run.
    let error = refused(publish_batch(&client, 5, &allowing("run.jsonl")), ErrorKind::Journal, &["is of another run"]);
    assert_eq!(shown(&error), own[..5]);
    // A call that repeats nothing would not send them again.
    let refusing = options(&scene.path("run.jsonl"));
    let error = refused(publish_batch(&client, 5, &refusing), ErrorKind::Journal, &["is of another run"]);
    let states: Vec<_> = error.report().expect("a report").files().iter().map(|file| file.state).collect();
    assert_eq!(states, [FileState::Ok; 5]);
    // A file that was sent since.
    block_on(client.start(request([5]), Repeat::Allow, no_environment).run());
    let resumed = || block_on(client.resume(&options(&scene.path("run.jsonl")), |_| {}));
    let error = refused(resumed(), ErrorKind::AlreadySent, &["File 5 was sent before"]);
    let mut since = own.clone();
    since[4] = FileState::Ok;
    assert_eq!(shown(&error), since);
    // A wrong option.
    let wrong = BatchOptions { chunk_size: 0, ..allowing("run.jsonl") };
    assert_eq!(shown(&refused(publish_batch(&client, 6, &wrong), ErrorKind::Input, &[])), since);
}

/// To record that a journal is gone is to look after what was sent until then: not after what a call sends in a copy since.
#[test]
fn what_a_copy_sends_after_its_journal_was_forgotten_is_undecided() {
    let scene = Scene::new();
    let client = scene.journalling();
    let (path, copy) = (scene.path("run.jsonl"), scene.path("copy.jsonl"));
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(publish_batch(&client, 2, &options(&path)), ErrorKind::PermissionDenied, &[]);
    fs::copy(&path, &copy).expect("a copy");
    let call = client.start_resume(&options(&copy), no_environment);
    call.follow_progress();
    assert_eq!(block_on(call.run()), Turn::News);
    decide(&path, &[2], Verdict::Leave);
    fs::remove_file(&path).expect("removed");
    assert_eq!(forget_journal(&path).expect("it is missed"), [1, 2]);
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    while block_on(call.run()) != Turn::Done {}
    refused(result_of(&call), ErrorKind::OutcomeUnknown, &[]);
    drop(call);
    refused(publish(&client, [1]), ErrorKind::AlreadySent, &["nobody knows what became of it"]);
    assert_eq!(scene.posts(), 2);
}

/// Of a journal that is gone, an older copy tells nothing about the files that were left then.
#[test]
fn files_of_a_journal_that_is_gone_are_unknown_whatever_a_copy_shows() {
    let scene = Scene::new();
    let client = scene.journalling();
    let (path, copy) = (scene.path("run.jsonl"), scene.path("copy.jsonl"));
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(publish_batch(&client, 2, &options(&path)), ErrorKind::PermissionDenied, &[]);
    decide(&path, &[2], Verdict::Leave);
    let older = fs::read(&path).expect("a journal");
    decide(&path, &[2], Verdict::NotPublished);
    block_on(client.resume(&options(&path), |_| {})).expect("a report");
    let whole = fs::read(&path).expect("a journal");
    let all_unknown = |result: Result<PublishReport, Error>| {
        let error = refused(result, ErrorKind::Journal, &[]);
        assert_eq!((error.undecided(), error.outcome()), (vec![1, 2], Outcome::Unknown), "{error}");
    };
    for place in [&path, &copy] {
        fs::remove_file(&path).ok();
        fs::write(place, &older).expect("an older copy");
        all_unknown(publish(&client, [1, 2]));
        all_unknown(publish_batch(&client, 2, &options(&path)));
        fs::remove_file(place).expect("removed");
        fs::write(&path, &whole).expect("put back");
        refused(publish(&client, [1, 2]), ErrorKind::AlreadySent, &["2 ok"]);
    }
    assert_eq!(scene.posts(), 2);
}

/// A call that goes on in an older copy is in flight, although its journal has more.
#[test]
fn a_call_that_goes_on_in_an_older_copy_is_seen() {
    let scene = Scene::new();
    let client = scene.journalling();
    let (path, copy) = (scene.path("run.jsonl"), scene.path("copy.jsonl"));
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(publish_batch(&client, 2, &options(&path)), ErrorKind::PermissionDenied, &[]);
    fs::copy(&path, &copy).expect("a copy");
    let call = client.start_resume(&options(&copy), no_environment);
    call.follow_progress();
    assert_eq!(block_on(call.run()), Turn::News);
    decide(&path, &[2], Verdict::Leave);
    let words = ["being sent by another call of this process"];
    let error = refused(publish(&client, [1]), ErrorKind::AlreadySent, &words);
    assert_eq!(error.report().expect("a report").in_flight(), [1]);
    refused(block_on(client.resume(&options(&path), |_| {})), ErrorKind::AlreadySent, &["being sent by"]);
    assert_eq!(scene.posts(), 1);
}

/// A file that never was a journal is none because a batch has named it.
#[test]
fn what_never_was_a_journal_becomes_none_by_being_named() {
    let scene = Scene::new();
    let client = scene.journalling();
    for (number, text) in ["", "file_id\n37\n"].into_iter().enumerate() {
        let path = scene.path(&format!("{number}.jsonl"));
        fs::write(&path, text).expect("a file");
        let words = ["is not a journal of this library", "If it never was one, move it away or name another file"];
        refused(publish_batch(&client, 3, &options(&path)), ErrorKind::Journal, &words);
        refused(block_on(client.resume(&options(&path), |_| {})), ErrorKind::Journal, &words);
        refused(Journal::open(&path), ErrorKind::Journal, &words);
    }
    publish(&client, [1]).expect("a report");
    // One that was written is not passed over, whatever it is now.
    publish_batch(&client, 3, &BatchOptions { repeat: Repeat::Allow, ..options(&scene.path("run.jsonl")) })
        .expect("a report");
    fs::write(scene.path("run.jsonl"), "").expect("a file");
    refused(publish(&client, [9]), ErrorKind::Journal, &["run.jsonl", "it is empty", "addepar-portal journal forget"]);
}

/// The index of a folder whose mark is gone knows as much as before.
#[test]
fn a_folder_without_its_mark_guards_as_before() {
    let scene = Scene::new();
    let client = scene.journalling();
    publish(&client, [1]).expect("a report");
    fs::remove_file(scene.path("addepar-portal-journals.json")).expect("a mark");
    let (result, warnings) = warned(&client, 2);
    result.expect("a report");
    assert!(warnings[0].contains("has lost the mark of a folder of journals"), "{warnings:?}");
    // A batch whose client names no folder.
    let batch = options(&scene.path("batch.jsonl"));
    refused(publish_batch(&scene.client(), 1, &batch), ErrorKind::AlreadySent, &[]);
    let path = journal_of(&scene.folder, 2);
    let text = fs::read_to_string(&path).expect("a journal");
    let first: Vec<&str> = text.split_inclusive('\n').take(2).collect();
    fs::write(&path, first.concat()).expect("cut");
    refused(publish(&client, [2]), ErrorKind::Journal, &["lost lines that it had"]);
    refused(Journal::open(&path), ErrorKind::Journal, &["lost lines that it had"]);
    assert_eq!(scene.posts(), 2);
}

/// An editor that saves what it read, or a sync client: the journal is in another file now, and goes on there.
#[test]
fn an_equal_copy_takes_the_journal_s_place() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    let mut heard = 0;
    let report = block_on(scene.client().publish_batch(&request(1..=6), &options(&path), |_| {
        heard += 1;
        let copy = scene.path("copy");
        fs::copy(&path, &copy).expect("a copy");
        fs::rename(&copy, &path).expect("its place");
    }));
    let report = report.expect("a report");
    assert!(heard >= 4);
    assert_eq!(states(&report), [6, 0, 0, 0]);
    assert_eq!(Journal::open(&path).expect("a journal").report(), report);
    assert_eq!(types(&path).len(), 8);
    // The copy is locked as the first file was.
    let call = begun(&scene, &scene.path("other.jsonl"));
    let other = scene.path("other.jsonl");
    fs::copy(&other, scene.path("copy")).expect("a copy");
    fs::rename(scene.path("copy"), &other).expect("its place");
    while block_on(call.run()) != Turn::Done {}
    assert_eq!(states(&result_of(&call).expect("a report")), [4, 0, 0, 0]);
}

#[cfg(unix)]
#[test]
fn a_link_to_a_journal_that_is_not_there_is_an_error() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    std::os::unix::fs::symlink(scene.path("unmounted").join("run.jsonl"), &path).expect("a link");
    let words = ["link to a file that is not there", "Nothing was sent"];
    let error = refused(scene.batch(4, &path), ErrorKind::Journal, &words);
    assert_eq!(states(error.report().expect("a report")), [0, 0, 4, 0], "nobody knows what that journal shows");
    refused(scene.resume(&path), ErrorKind::Journal, &["Nothing was sent"]);
    assert_eq!(scene.posts(), 0);
    // Nor does the guard take it for a journal that shows nothing.
    refused(block_on(scene.journalling().publish_files(&request([1]))), ErrorKind::Journal, &[]);
    assert_eq!(scene.posts(), 0);
}

/// A journal that lost its beginning shows something all the same: only what never was a journal is passed over.
#[test]
fn a_journal_that_lost_its_beginning_refuses_every_call() {
    let damages: [fn(Vec<u8>) -> Vec<u8>; 3] = [
        |_| Vec::new(),
        |text| [b"\xef\xbb\xbf".as_slice(), &text].concat(),
        |mut text| {
            text[..512].fill(0);
            text
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        for named in [false, true] {
            let scene = Scene::new();
            let client = scene.journalling();
            let path = if named {
                let path = scene.path("run.jsonl");
                block_on(client.publish_batch(&request([37]), &options(&path), |_| {})).expect("a report");
                path
            } else {
                block_on(client.publish_files(&request([37]))).expect("a report");
                journals(&scene.folder).pop().expect("a journal")
            };
            let text = fs::read(&path).expect("a journal");
            fs::write(&path, damage(text)).expect("damage");
            refused(block_on(client.publish_files(&request([37]))), ErrorKind::Journal, &["Nothing was sent"]);
            assert_eq!(scene.posts(), 1, "damage {number}, named {named}");
        }
    }
}

/// Makes journals look as if nobody had written them for a while: what was just written is read again in any case.
fn let_rest(paths: &[PathBuf]) {
    for path in paths {
        let file = fs::File::options().write(true).open(path).expect("a journal");
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(10)).expect("a time");
    }
}

fn publish(client: &PortalClient, ids: impl IntoIterator<Item = u64>) -> Result<PublishReport, Error> {
    block_on(client.publish_files(&request(ids)))
}

/// A call of one file, and what it warned of.
fn warned(client: &PortalClient, id: u64) -> (Result<Arc<PublishReport>, Error>, Vec<String>) {
    let call = client.start(request([id]), Repeat::Refuse, no_environment);
    call.watch(Level::Warn);
    let mut warnings = Vec::new();
    loop {
        let turn = block_on(call.run());
        warnings.extend(call.log_records().into_iter().map(|record| record.message_in(Language::Rust)));
        if turn == Turn::Done {
            return (result_of(&call), warnings);
        }
    }
}

const INDEX: &str = "addepar-portal-journals.index";

/// The journal of a file, in a folder where each is in one.
fn journal_of(folder: &Path, id: u64) -> PathBuf {
    let is_its = |path: &PathBuf| Journal::open(path).is_ok_and(|journal| journal.request().file_ids().contains(&id));
    journals(folder).into_iter().find(is_its).expect("a journal")
}

/// What a journal showed as sent is not known any more when it is gone.
#[test]
fn a_journal_that_is_gone_refuses_every_call_until_that_is_recorded() {
    let scene = Scene::new();
    let client = scene.journalling();
    for id in [37, 38] {
        publish(&client, [id]).expect("a report");
    }
    let (gone, aside) = (journal_of(&scene.folder, 37), scene.path("aside"));
    let name = gone.display().to_string();
    let words = [&name, "is not there any more", "addepar-portal journal forget", "Nothing was sent"];
    fs::rename(&gone, &aside).expect("moved");
    let batch = options(&scene.path("batch.jsonl"));
    for _ in 0..2 {
        let error = refused(publish(&client, [39]), ErrorKind::Journal, &words);
        assert_eq!((error.outcome(), error.journal()), (Outcome::NotProcessed, Some(gone.as_path())));
        refused(block_on(client.publish_batch(&request([39]), &batch, |_| {})), ErrorKind::Journal, &words);
    }
    assert!(!batch.journal.exists());
    fs::rename(&aside, &gone).expect("put back");
    publish(&client, [39]).expect("a report");
    // Under another name it shows the same.
    fs::rename(&gone, scene.path("renamed.jsonl")).expect("moved");
    publish(&client, [40]).expect("a report");
    refused(publish(&client, [37]), ErrorKind::AlreadySent, &["renamed.jsonl"]);
    // Of two that are gone, both are named.
    let gone = [journal_of(&scene.folder, 38), scene.path("renamed.jsonl")];
    for path in &gone {
        fs::remove_file(path).expect("removed");
    }
    let names = gone.each_ref().map(|path| path.display().to_string());
    refused(publish(&client, [41]), ErrorKind::Journal, &[&names[0], &names[1]]);
    assert_eq!(scene.posts(), 4);
    assert_eq!(forget_journal(&gone[0]).expect("it is missed"), [38]);
    refused(publish(&client, [41]), ErrorKind::Journal, &[&names[1]]);
    assert_eq!(forget_journal(&gone[1]).expect("it is missed"), [37]);
    publish(&client, [41, 37]).expect("a report");
    // There is nothing to record of one that is there, nor of one that is not missed.
    let there = journal_of(&scene.folder, 40);
    for (path, words) in [(&gone[0], "is not missed"), (&there, "is there, and has all that it had")] {
        let error = forget_journal(path).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Journal, "{error}");
        assert!(error.message().contains(words) && error.message().contains("Nothing was recorded"), "{error}");
    }
    // Put back after all, it is believed again.
    fs::write(&gone[0], fs::read(&there).expect("a journal")).expect("a journal");
    publish(&client, [42]).expect("a report");
}

/// A journal that lies in a subfolder, or under a name that is not a journal's, is not gone.
#[test]
fn a_journal_that_was_moved_below_its_folder_is_not_forgotten() {
    let scene = Scene::new();
    let client = scene.journalling();
    publish(&client, [37]).expect("a report");
    let journal = journal_of(&scene.folder, 37);
    fs::create_dir(scene.path("archive")).expect("a folder");
    for away in [scene.path("archive").join("october.jsonl"), scene.path("october.jsonl.bak")] {
        fs::rename(&journal, &away).expect("moved");
        refused(publish(&client, [38]), ErrorKind::Journal, &["is not there any more", "addepar-portal journal audit"]);
        let error = forget_journal(&journal).expect_err("an error");
        let name = away.display().to_string();
        assert!(error.message().contains(&format!("is not gone: {name} has all that it had")), "{error}");
        assert!(error.message().contains("Nothing was recorded"), "{error}");
        fs::rename(&away, &journal).expect("moved back");
    }
    refused(publish(&client, [37]), ErrorKind::AlreadySent, &[]);
    assert_eq!(scene.posts(), 1);
}

/// The name of a journal that is gone is not made anew: its files may have been sent.
#[test]
fn a_batch_whose_journal_is_gone_is_not_begun_again() {
    let scene = Scene::new();
    let client = scene.journalling();
    let batch = options(&scene.path("batch.jsonl"));
    block_on(client.publish_batch(&request(1..=4), &batch, |_| {})).expect("a report");
    fs::remove_file(&batch.journal).expect("removed");
    let again = block_on(client.publish_batch(&request(1..=4), &batch, |_| {}));
    let error = refused(again, ErrorKind::Journal, &["batch.jsonl is not there any more"]);
    assert_eq!((error.outcome(), states(error.report().expect("a report"))), (Outcome::Unknown, [0, 0, 4, 0]));
    assert_eq!((scene.posts(), batch.journal.exists()), (2, false));
    // Nor does anybody look at it in vain, and is not told what to do.
    let words = [
        "batch.jsonl is not there any more",
        "Put it back as it was.",
        "addepar-portal journal audit",
        "addepar-portal journal forget",
    ];
    refused(block_on(client.resume(&batch, |_| {})), ErrorKind::Journal, &words);
    refused(scene.resume(&batch.journal), ErrorKind::Journal, &words);
    refused(Journal::open(&batch.journal), ErrorKind::Journal, &words);
    let never =
        refused(Journal::open(scene.path("never.jsonl")), ErrorKind::Journal, &["never.jsonl is not there: it was"]);
    assert!(!never.message().contains("forget"), "{never}");
    assert_eq!(forget_journal(&batch.journal).expect("it is missed"), [1, 2, 3, 4]);
    block_on(client.publish_batch(&request(1..=4), &batch, |_| {})).expect("a report");
}

/// Whatever a journal becomes that lost what it had, the calls after that are refused.
#[test]
fn a_journal_that_lost_lines_refuses_every_call() {
    type Change = fn(&[u8]) -> Vec<u8>;
    let changes: [(&str, Change); 4] = [
        ("cut after its plan", |text| text.split_inclusive(|byte| *byte == b'\n').take(2).flatten().copied().collect()),
        ("cut, and as long as it was", |text| {
            let kept = text.split_inclusive(|byte| *byte == b'\n').take(2).flatten().count();
            text.iter().enumerate().map(|(at, byte)| if at < kept { *byte } else { b' ' }).collect()
        }),
        ("without its beginning", |text| {
            text.split_inclusive(|byte| *byte == b'\n').skip(2).flatten().copied().collect()
        }),
        ("a byte changed", |text| String::from_utf8_lossy(text).replacen("\"ok\"", "\"OK\"", 1).into_bytes()),
    ];
    for (how, change) in changes {
        for (keeps_time, is_the_last_call) in [(false, false), (true, false), (false, true), (true, true)] {
            let scene = Scene::new();
            let client = scene.journalling();
            publish(&client, [37]).expect("a report");
            let path = journal_of(&scene.folder, 37);
            if !is_the_last_call {
                let_rest(std::slice::from_ref(&path));
                publish(&client, [38]).expect("a report");
            }
            let (text, modified) =
                (fs::read(&path).expect("a journal"), fs::metadata(&path).expect("a file").modified());
            fs::write(&path, change(&text)).expect("damage");
            if keeps_time {
                let file = fs::File::options().write(true).open(&path).expect("a journal");
                file.set_modified(modified.expect("a time")).expect("a time");
            }
            let name = path.display().to_string();
            refused(publish(&client, [39]), ErrorKind::Journal, &[&name, "Nothing was sent"]);
            refused(publish(&client, [37]), ErrorKind::Journal, &[&name]);
            assert_eq!(scene.posts(), if is_the_last_call { 1 } else { 2 }, "{how}");
            refused(Journal::open(&path), ErrorKind::Journal, &[&name]);
            // A person moves away what is left of it: resumed, it would send files again.
            assert!(forget_journal(&path).expect_err("an error").message().contains("move it away first"));
            fs::remove_file(&path).expect("removed");
            assert_eq!(forget_journal(&path).expect("it is missed"), [37]);
            publish(&client, [39]).expect("a report");
        }
    }
}

/// An index that says nothing is made anew: what the journals show counts.
#[test]
fn an_index_that_cannot_be_believed_is_made_anew() {
    type Change = fn(&str) -> String;
    let changes: [(Change, Option<&str>); 8] = [
        (|_| String::new(), Some("was damaged")),
        (|_| "\0".repeat(300), Some("was damaged")),
        (|text| text[..text.len() - 20].to_owned(), Some("was damaged")),
        // A lie by which file 37 would be nobody's.
        (|text| text.replace("\"37\"", "\"73\""), Some("was damaged")),
        (|text| text.replace("\"folder\":\"", "\"folder\":\"0"), Some("is of another folder")),
        // An older one knows less, and no less truly.
        (|text| text.to_owned(), None),
        (|text| text.replacen("\"format\":1", "\"format\":2", 1), Some("is of a later version")),
        (|_| "{\"format\":7}".to_owned(), Some("is of a later version")),
    ];
    for (number, (change, expected)) in changes.into_iter().enumerate() {
        let scene = Scene::new();
        let (client, index) = (scene.journalling(), scene.path(INDEX));
        publish(&client, [37]).expect("a report");
        let older = fs::read_to_string(&index).expect("an index");
        publish(&client, [38]).expect("a report");
        let written = change(&older);
        fs::write(&index, &written).expect("an index");
        let (result, warnings) = warned(&client, 37);
        refused(result, ErrorKind::AlreadySent, &["File 37 was sent before"]);
        let told = expected.into_iter().map(|words| [INDEX, words, "is not missed"]).collect::<Vec<_>>();
        assert_eq!(warnings.len(), told.len(), "{number}: {warnings:?}");
        assert!(
            warnings.iter().zip(&told).all(|(told, words)| words.iter().all(|word| told.contains(word))),
            "{warnings:?}"
        );
        let is_left_alone = expected.is_some_and(|words| words.contains("later"));
        assert_eq!(fs::read_to_string(&index).expect("an index") == written, is_left_alone, "{number}");
        let (result, warnings) = warned(&client, 38);
        refused(result, ErrorKind::AlreadySent, &["File 38 was sent before"]);
        assert_eq!(warnings.is_empty(), !is_left_alone, "{number}: {warnings:?}");
        assert_eq!(scene.posts(), 2);
    }
}

/// Without its index, no call knows that a journal is gone.
#[test]
fn an_index_that_is_gone_is_warned_of() {
    let scene = Scene::new();
    let client = scene.journalling();
    assert!(scene.path(INDEX).exists(), "it is there from the beginning");
    let (result, warnings) = warned(&client, 37);
    result.expect("a report");
    assert!(warnings.is_empty(), "{warnings:?}");
    fs::remove_file(scene.path(INDEX)).expect("an index");
    let (result, warnings) = warned(&client, 38);
    result.expect("a report");
    assert!(warnings[0].contains("is not there, and is made anew. A journal that was removed"), "{warnings:?}");
    assert_eq!(warned(&client, 39).1, Vec::<String>::new());
}

/// Who decides, or is in the middle of a batch, does not make an index anew: then nobody would be warned.
#[test]
fn an_index_that_is_gone_is_made_anew_by_a_call_alone() {
    let scene = Scene::new();
    let client = scene.journalling();
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(publish(&client, [37]), ErrorKind::OutcomeUnknown, &[]);
    fs::remove_file(scene.path(INDEX)).expect("an index");
    decide(&journal_of(&scene.folder, 37), &[37], Verdict::Published);
    assert!(!scene.path(INDEX).exists());
    assert!(warned(&client, 38).1[0].contains("is not there, and is made anew"));
    // To set the folder up again, as where its mark is gone, leaves what its index knows.
    fs::remove_file(scene.path("addepar-portal-journals.json")).expect("a mark");
    let before = fs::read(scene.path(INDEX)).expect("an index");
    init_journal_dir(&scene.folder).expect("an id");
    assert_eq!(fs::read(scene.path(INDEX)).expect("an index"), before);
    assert_eq!(warned(&client, 39).1, Vec::<String>::new());
}

/// What a person found is as much as what the server said.
#[test]
fn a_journal_that_lost_a_decision_refuses_every_call() {
    let scene = Scene::new();
    let client = scene.journalling();
    let batch = options(&scene.path("run.jsonl"));
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(block_on(client.publish_batch(&request([37]), &batch, |_| {})), ErrorKind::PermissionDenied, &[]);
    let older = fs::read(&batch.journal).expect("a journal");
    decide(&batch.journal, &[37], Verdict::Published);
    fs::write(&batch.journal, older).expect("an older copy");
    refused(block_on(client.resume(&batch, |_| {})), ErrorKind::Journal, &["lost lines that it had"]);
    assert_eq!(scene.posts(), 1);
}

/// Some editors drop the last line feed.
#[test]
fn a_journal_without_its_last_line_feed_has_all_its_lines() {
    let scene = Scene::new();
    let client = scene.journalling();
    publish(&client, [37]).expect("a report");
    let path = journal_of(&scene.folder, 37);
    let text = fs::read(&path).expect("a journal");
    fs::write(&path, text.strip_suffix(b"\n").expect("a line feed")).expect("a journal");
    publish(&client, [38]).expect("a report");
    refused(publish(&client, [37]), ErrorKind::AlreadySent, &[]);
}

/// Under another name it is as well known.
#[test]
fn a_journal_that_was_renamed_and_lost_lines_refuses_every_call() {
    let scene = Scene::new();
    let client = scene.journalling();
    let batch = options(&scene.path("run.jsonl"));
    let older = std::sync::Mutex::new(Vec::new());
    let copy = |progress: Progress| {
        if progress.succeeded == 2 {
            *older.lock().expect("no panic") = fs::read(&batch.journal).expect("a journal");
        }
    };
    block_on(client.publish_batch(&request(1..=4), &batch, copy)).expect("a report");
    let renamed = scene.path("run-2026.jsonl");
    fs::rename(&batch.journal, &renamed).expect("renamed");
    publish(&client, [5]).expect("a report");
    fs::write(&renamed, &*older.lock().expect("no panic")).expect("an older copy");
    refused(publish(&client, [6]), ErrorKind::Journal, &["run-2026.jsonl lost lines that it had"]);
    refused(publish(&client, [3]), ErrorKind::Journal, &["run-2026.jsonl lost lines that it had"]);
}

/// What was saved beside a journal that was overwritten is missed as the journal was.
#[test]
fn a_saved_run_that_is_gone_refuses_every_call() {
    let scene = Scene::new();
    let client = scene.journalling();
    let batch = options(&scene.path("run.jsonl"));
    let older = std::sync::Mutex::new(Vec::new());
    let overwrite = |progress: Progress| {
        let mut older = older.lock().expect("no panic");
        match progress.succeeded {
            2 => *older = fs::read(&batch.journal).expect("a journal"),
            4 => fs::write(&batch.journal, &*older).expect("an older copy"),
            _ => {}
        }
    };
    let lost = block_on(client.publish_batch(&request(1..=6), &batch, overwrite));
    assert_eq!(refused(lost, ErrorKind::Journal, &[]).reason(), Some(JournalReason::Changed));
    let is_saved = |path: &PathBuf| path.display().to_string().contains(".displaced-");
    let saved = journals(&scene.folder).into_iter().find(is_saved).expect("it was saved");
    let text = fs::read(&saved).expect("a journal");
    fs::remove_file(&saved).expect("removed");
    let posts = scene.posts();
    for id in [9, 3] {
        refused(publish(&client, [id]), ErrorKind::Journal, &[&saved.display().to_string(), "is not there any more"]);
    }
    assert_eq!(scene.posts(), posts);
    // It is put back, and then, as its message says, in the place of the journal.
    fs::write(&saved, text).expect("a journal");
    publish(&client, [8]).expect("a report");
    fs::rename(&saved, &batch.journal).expect("in its place");
    publish(&client, [9]).expect("a report");
    refused(publish(&client, [3]), ErrorKind::AlreadySent, &[]);
    block_on(client.resume(&batch, |_| {})).expect("a report");
}

/// A script that is started elsewhere would have another journal; what cannot be a path is none.
#[test]
fn a_tilde_is_the_shell_s() {
    let scene = Scene::new();
    let words = ["`~` is the shell's, so write the whole path", "Nothing was sent"];
    refused(scene.batch(2, Path::new("~/run.jsonl")), ErrorKind::Input, &words);
    refused(init_journal_dir("~/journals"), ErrorKind::Journal, &words[..1]);
    let words = [r#"run\0.jsonl" has a NUL in it. Nothing was sent."#];
    let error = refused(scene.batch(2, Path::new("run\0.jsonl")), ErrorKind::Input, &words);
    assert_eq!(error.outcome(), Outcome::NotProcessed);
    assert_eq!(scene.posts(), 0);
}

/// A slip that would make every call with the folder above it a refusal.
#[test]
fn a_folder_is_not_set_up_by_the_name_of_a_journal() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    let error = refused(init_journal_dir(&path), ErrorKind::Journal, &["run.jsonl", "its name is that of a journal"]);
    assert!(error.reason() == Some(JournalReason::Refused) && !path.exists());
}

/// The index is made anew each time: never written through a link, nor over somebody's file.
#[cfg(unix)]
#[test]
fn the_index_is_never_written_through() {
    let scene = Scene::new();
    let (client, precious) = (scene.journalling(), scene.path("precious"));
    fs::write(&precious, "precious\n").expect("a file");
    publish(&client, [37]).expect("a report");
    for is_link in [true, false] {
        fs::remove_file(scene.path(INDEX)).expect("an index");
        if is_link {
            std::os::unix::fs::symlink(&precious, scene.path(INDEX)).expect("a link");
        } else {
            fs::hard_link(&precious, scene.path(INDEX)).expect("a second name");
        }
        let (result, warnings) = warned(&client, 37);
        refused(result, ErrorKind::AlreadySent, &[]);
        assert!(warnings[0].contains("was damaged"), "{warnings:?}");
        assert_eq!(fs::read_to_string(&precious).expect("a file"), "precious\n");
        assert!(fs::symlink_metadata(scene.path(INDEX)).expect("an index").is_file());
    }
    // Where none can be written, each call reads the journals, and says so.
    fs::remove_file(scene.path(INDEX)).expect("an index");
    fs::create_dir(scene.path(INDEX)).expect("a folder");
    let (result, warnings) = warned(&client, 38);
    result.expect("a report");
    assert!(warnings.iter().any(|warning| warning.contains("cannot be written")), "{warnings:?}");
}

/// What has a journal's name and never was one is passed over, and the caller is warned.
#[test]
fn what_never_was_a_journal_is_passed_over_with_a_warning() {
    let scene = Scene::new();
    let client = scene.journalling();
    let foreign = [("._x.jsonl", "\0\x05\x16\x07"), ("empty.jsonl", ""), ("events.jsonl", "{\"event\":1}\n")];
    for (name, text) in foreign {
        fs::write(scene.path(name), text).expect("a file");
    }
    let (result, warnings) = warned(&client, 37);
    result.expect("a report");
    for (name, _) in foreign {
        let told = warnings.iter().filter(|warning| warning.contains(name) && warning.contains("is not a journal"));
        assert_eq!(told.count(), 1, "{warnings:?}");
    }
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    // Once known as a journal, it is not passed over.
    let journal = fs::read(journal_of(&scene.folder, 37)).expect("a journal");
    fs::write(scene.path("events.jsonl"), journal).expect("a copy");
    publish(&client, [38]).expect("a report");
    fs::write(scene.path("events.jsonl"), "{\"event\":1}\n").expect("a file");
    refused(publish(&client, [39]), ErrorKind::Journal, &["events.jsonl", "Nothing was sent"]);
}

/// Locks a folder as another process does, and says so.
fn hold(folder: &Path) -> fs::File {
    let path = folder.join("folder.lock");
    let lock = fs::File::options().create(true).truncate(false).write(true).open(path).expect("a lock");
    lock.lock().expect("it is free");
    std::io::Write::write_all(&mut &lock, b"process 4711 on elsewhere since 2026-11-24T21:14:07Z\n").expect("a holder");
    lock
}

#[test]
fn waiting_for_a_folder_is_warned_of_and_ends_at_an_interrupt() {
    let scene = Scene::new();
    let client = scene.journalling();
    let batch = options(&scene.path("batch.jsonl"));
    let calls = [
        client.start(request([37]), Repeat::Refuse, no_environment),
        client.start_batch(&request(1..=4), &batch, no_environment),
        client.start(request([38]), Repeat::Refuse, no_environment),
    ];
    let lock = hold(&scene.folder);
    for call in &calls {
        call.watch(Level::Warn);
        assert_eq!(block_on(call.run()), Turn::News);
        let [warning] = <[_; 1]>::try_from(call.log_records()).expect("one warning");
        assert_eq!((warning.level, warning.fields.wait), (Level::Warn, None));
        for word in ["Waiting for the folder of journals", "process 4711 on elsewhere", "Nothing was sent yet"] {
            assert!(warning.message_in(Language::Rust).contains(word), "{}", warning.message_in(Language::Rust));
        }
    }
    // An interrupt waits for no lock, and leaves no journal behind; nor does a call that is dropped.
    for call in &calls[..2] {
        assert!(!call.interrupt());
        assert!(matches!(call.ending(), Ending::Interrupted(None)));
    }
    let dropped = client.start_batch(&request(1..=4), &options(&scene.path("dropped.jsonl")), no_environment);
    assert!(block_on(async { tokio::time::timeout(Duration::from_millis(10), dropped.run()).await }).is_err());
    drop(dropped);
    drop(lock);
    for path in [&batch.journal, &scene.path("dropped.jsonl")] {
        // This waits for what was dropped in this process.
        refused(Journal::open(path), ErrorKind::Journal, &["is not there"]);
    }
    // The one that still waits goes on.
    while block_on(calls[2].run()) != Turn::Done {}
    result_of(&calls[2]).expect("a report");
    assert_eq!((scene.sent(), journals(&scene.folder).len()), (vec![vec![38]], 1));
    // What is not a call waits for a second only, and names who holds the folder.
    let new = scene.path("new");
    fs::create_dir(&new).expect("a folder");
    let locks = [hold(&scene.folder), hold(&new)];
    init_journal_dir(&scene.folder).expect("it is set up already");
    for result in [init_journal_dir(&new).map(drop), forget_journal(&batch.journal).map(drop)] {
        let words = ["The folder of journals", "is locked by process 4711 on elsewhere since 2026-11-24T21:14:07Z"];
        refused(result, ErrorKind::Journal, &words);
    }
    drop(locks);
}

/// Somebody cleans the files up that stand beside a journal.
#[cfg(unix)]
#[test]
fn a_batch_whose_lock_was_removed_is_in_flight_all_the_same() {
    let scene = Scene::new();
    let client = scene.journalling();
    let path = scene.path("run.jsonl");
    let call = begun(&scene, &path);
    fs::remove_file(scene.path("run.jsonl.lock")).expect("removed");
    let in_flight = || {
        let words = ["is being sent by another call, or", "Wait until that call has ended, or its process."];
        refused(block_on(client.publish_files(&request([3]))), ErrorKind::AlreadySent, &words);
    };
    in_flight();
    // A lock that is made anew does not name the call that found the journal taken.
    refused(publish_batch(&client, 4, &options(&path)), ErrorKind::Journal, &["is being written: one writer"]);
    in_flight();
    while block_on(call.run()) != Turn::Done {}
    assert_eq!(scene.sent(), [[1, 2], [3, 4]]);
}

/// The run goes on in the copy, and nobody may go on in the file that was moved.
#[cfg(unix)]
#[test]
fn a_journal_that_was_moved_stays_locked_while_the_run_goes_on_in_a_copy() {
    let scene = Scene::new();
    let (path, moved) = (scene.path("run.jsonl"), scene.path("moved.jsonl"));
    let mut heard = 0;
    let report = block_on(scene.client().publish_batch(&request(1..=6), &options(&path), |_| {
        heard += 1;
        match heard {
            2 => {
                fs::rename(&path, &moved).expect("moved");
                fs::copy(&moved, &path).expect("a copy");
            }
            3 => thread::scope(|scope| {
                let resumed = scope.spawn(|| scene.resume(&moved)).join().expect("a thread");
                refused(resumed, ErrorKind::Journal, &["is being written"]);
            }),
            _ => {}
        }
    }));
    assert_eq!(states(&report.expect("a report")), [6, 0, 0, 0]);
    assert_eq!(scene.sent(), [[1, 2], [3, 4], [5, 6]]);
}

/// The folder was moved while a request was in flight: the file is the journal wherever it is.
#[cfg(unix)]
#[test]
fn an_outcome_is_written_into_a_journal_whose_folder_was_moved() {
    let scene = Scene::new();
    let (folder, moved) = (scene.path("here"), scene.path("there"));
    fs::create_dir(&folder).expect("a folder");
    let path = folder.join("run.jsonl");
    scene.control(&json!({ "do": "hold" }));
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            while scene.posts() == 0 {
                thread::sleep(Duration::from_millis(5));
            }
            fs::rename(&folder, &moved).expect("moved");
            scene.control(&json!({ "do": "release" }));
        });
        scene.batch(4, &path)
    });
    let words = [
        "moved or removed",
        "could not be saved",
        "The report of this error is true. The journal may have the last outcome as well",
        "look at it first. If it shows the last request as unknown, record what the report says with",
    ];
    let error = refused(result, ErrorKind::Journal, &words);
    assert_eq!(states(error.report().expect("a report")), [2, 0, 0, 2]);
    let path = moved.join("run.jsonl");
    assert_eq!(types(&path), ["header", "plan", "intent", "outcome"]);
    assert_eq!(states(&scene.resume(&path).expect("a report")), [4, 0, 0, 0]);
    assert_eq!(scene.sent(), [[1, 2], [3, 4]]);
}

/// What is in the header counts: a journal that was made without repeats does not begin to allow them.
#[test]
fn a_journal_does_not_begin_to_allow_repeats() {
    let scene = Scene::new();
    let client = scene.journalling();
    let batch = options(&scene.path("batch.jsonl"));
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(block_on(client.publish_batch(&request(1..=2), &batch, |_| {})), ErrorKind::PermissionDenied, &[]);
    let allowed = BatchOptions { repeat: Repeat::Allow, ..batch };
    let words = ["`repeat` must be \"refuse\"", "Nothing was sent"];
    refused(block_on(client.publish_batch(&request(1..=2), &allowed, |_| {})), ErrorKind::Input, &words);
    assert_eq!(scene.posts(), 1);
}

/// What stands beside a journal is never written through a link, nor over somebody's file.
#[cfg(unix)]
#[test]
fn what_is_beside_a_journal_is_never_written_through() {
    for name in ["run.jsonl.lock", "run.jsonl.new", "folder.lock"] {
        for is_link in [true, false] {
            let scene = Scene::new();
            let (client, path) = (scene.journalling(), scene.path("run.jsonl"));
            let (precious, there) = (scene.path("precious"), scene.path(name));
            fs::write(&precious, "precious\n").expect("a file");
            let _ = fs::remove_file(&there);
            if is_link {
                std::os::unix::fs::symlink(&precious, &there).expect("a link");
            } else {
                fs::hard_link(&precious, &there).expect("a second name");
            }
            let result = block_on(client.publish_batch(&request(1..=4), &options(&path), |_| {}));
            assert_eq!(fs::read_to_string(&precious).expect("a file"), "precious\n", "{name} {is_link}");
            if name.contains(".lock") {
                refused(result, ErrorKind::Journal, &["is not a lock of this library", "Nothing was sent"]);
                assert_eq!(scene.posts(), 0);
            } else {
                result.expect("a report");
            }
        }
    }
}

/// Later calls look into the folder: a batch must not leave its journal where they do not look.
#[test]
fn with_a_folder_of_journals_a_batch_has_its_own_there() {
    let (scene, elsewhere) = (Scene::new(), Scene::new());
    let client = scene.journalling();
    for path in [elsewhere.path("batch.jsonl"), scene.path("batch.txt"), scene.path("batch")] {
        let batch = options(&path);
        refused(
            block_on(client.publish_batch(&request([1]), &batch, |_| {})),
            ErrorKind::Input,
            &["folder of journals"],
        );
        assert!(!path.exists());
    }
    assert_eq!(scene.posts(), 0);
    let batch = options(&scene.path("batch.jsonl"));
    block_on(client.publish_batch(&request([1]), &batch, |_| {})).expect("a report");
    refused(block_on(client.publish_files(&request([1]))), ErrorKind::AlreadySent, &["File 1 was sent before"]);
}

/// Refuses a journal outside the folder of the client, with advice, and never offers to resume it there.
fn refused_outside(client: &PortalClient, path: &Path, advice: &str) -> Error {
    refused(publish_batch(client, 4, &options(path)), ErrorKind::Input, &[advice]);
    let error = refused(block_on(client.resume(&options(path), |_| {})), ErrorKind::Input, &[advice]);
    assert!(!error.message().contains("resume with"), "{error}");
    error
}

/// A client with a folder of journals, and the journal there of a batch of four files that the server refused.
fn refused_run(scene: &Scene) -> (PortalClient, PathBuf) {
    let (client, path) = (scene.journalling(), scene.path("run.jsonl"));
    scene.faults(&json!([{ "name": "status", "status": 400 }]));
    refused(publish_batch(&client, 4, &options(&path)), ErrorKind::Rejected, &[]);
    (client, path)
}

/// Outside its folder a copy of a journal has another memory, or none: the one that shows all is to be continued.
#[test]
fn a_copy_outside_the_folder_of_its_journal_is_not_continued() {
    let (scene, plain, set_up) = (Scene::new(), Scene::new(), Scene::new());
    set_up.journals();
    let (client, path) = refused_run(&scene);
    fs::create_dir(scene.path("backup")).expect("a folder");
    let backup = scene.path("backup").join("run.jsonl");
    let copies = [plain.path("run.jsonl"), set_up.path("run.jsonl"), backup, scene.path("run.jsonl.bak")];
    for copy in &copies {
        fs::copy(&path, copy).expect("a copy");
    }
    let own = path.display().to_string();
    let each = |advice: &str| copies.each_ref().map(|copy| refused_outside(&client, copy, advice));
    each(&format!("It is a copy of {own}: continue that one."));
    // Renamed in the folder, it is still there.
    let renamed = scene.path("renamed.jsonl");
    fs::rename(&path, &renamed).expect("renamed");
    each(&format!("It is a copy of {}: continue that one.", renamed.display()));
    fs::rename(&renamed, &path).expect("renamed");
    block_on(client.resume(&options(&path), |_| {})).expect("a report");
    for error in each(&format!("It is an older copy of {own}, which has more lines: continue that one.")) {
        assert_eq!((error.outcome(), states(error.report().expect("a report"))), (Outcome::Processed, [4, 0, 0, 0]));
    }
    let whole = plain.path("whole.jsonl");
    fs::rename(&path, &whole).expect("moved");
    each(&format!("The journal {own} of its run is missed, and it may lack lines of it: put back what is missed, and"));
    let moved_back = format!("The journal {own} of its run is missed, and it has all that that had: put it back under");
    refused_outside(&client, &whole, &moved_back);
    // An older copy has its name, or what nobody can read.
    fs::copy(&copies[0], &path).expect("a copy");
    refused_outside(&client, &whole, &moved_back);
    fs::write(&path, fs::read_to_string(&whole).expect("a journal").replacen("\"chunk\":1", "\"chunk\":7", 1))
        .expect("a journal");
    refused_outside(&client, &whole, &moved_back);
    fs::remove_file(&path).expect("removed");
    assert_eq!(forget_journal(&path).expect("it is missed"), [1, 2, 3, 4]);
    for error in each("was recorded as gone: check its files in Addepar") {
        assert_eq!((error.outcome(), states(error.report().expect("a report"))), (Outcome::Unknown, [0, 0, 4, 0]));
    }
    assert_eq!(scene.posts(), 3);
}

/// Where the copy outside has more lines, or lines of its own, nobody is sent to the one in the folder.
#[test]
fn a_copy_that_went_on_outside_the_folder_of_its_journal_is_not_passed_over() {
    let (scene, plain, set_up) = (Scene::new(), Scene::new(), Scene::new());
    set_up.journals();
    let (client, path) = refused_run(&scene);
    let own = path.display().to_string();
    let copies = [plain.path("run.jsonl"), set_up.path("run.jsonl")];
    let lines = format!("It has lines that its copy {own} has not: each may show as unsent what the other has sent.");
    for copy in &copies {
        fs::copy(&path, copy).expect("a copy");
        block_on(scene.client().resume(&options(copy), |_| {})).expect("a report");
        let error = refused_outside(&client, copy, &lines);
        assert_eq!(states(error.report().expect("a report")), [4, 0, 0, 0]);
    }
    decide(&path, &[4], Verdict::Leave);
    for copy in &copies {
        refused_outside(&client, copy, &lines);
    }
    // What is true of the folder's own stands beside it.
    fs::rename(&path, scene.path("run.jsonl.displaced-1.jsonl")).expect("renamed");
    let resumed = block_on(client.resume(&options(&copies[0]), |_| {}));
    refused(resumed, ErrorKind::Journal, &["What is true was saved as"]);
    assert_eq!(scene.posts(), 5);
}

/// What somebody left in a copy may have been sent since by the journal in the folder.
#[test]
fn a_copy_whose_files_were_left_shows_what_the_journal_has_sent() {
    let (scene, plain) = (Scene::new(), Scene::new());
    let (client, path) = refused_run(&scene);
    let copy = plain.path("run.jsonl");
    fs::copy(&path, &copy).expect("a copy");
    decide(&copy, &[1, 2, 3, 4], Verdict::Leave);
    block_on(client.resume(&options(&path), |_| {})).expect("a report");
    let error = refused_outside(&client, &copy, "It has lines that its copy");
    assert_eq!((error.outcome(), states(error.report().expect("a report"))), (Outcome::Processed, [4, 0, 0, 0]));
    // Asked for in another way, a copy of what was recorded as gone shows nothing for certain, wherever it lies.
    fs::remove_file(&path).expect("removed");
    forget_journal(&path).expect("it is missed");
    let text = fs::read(&copy).expect("a journal");
    for copy in [copy, scene.path("copy.jsonl")] {
        fs::write(&copy, &text).expect("a copy");
        let error = refused(publish_batch(&client, 3, &options(&copy)), ErrorKind::Journal, &["is of another run"]);
        assert_eq!((error.outcome(), states(error.report().expect("a report"))), (Outcome::Unknown, [0, 0, 3, 0]));
    }
}

/// A folder that has just been set up has not read its journals yet.
#[test]
fn a_copy_is_compared_with_journals_that_its_folder_has_not_read() {
    let scene = Scene::new();
    let (path, copy) = (scene.path("run.jsonl"), scene.path("run.jsonl.bak"));
    scene.faults(&json!([{ "name": "status", "status": 400 }]));
    refused(scene.batch(4, &path), ErrorKind::Rejected, &[]);
    fs::copy(&path, &copy).expect("a copy");
    scene.resume(&path).expect("a report");
    let advice = format!("It is an older copy of {}, which has more lines: continue that one.", path.display());
    refused_outside(&scene.journalling(), &copy, &advice);
}

/// Of a run that the folder does not know, the journal may be moved in.
#[test]
fn a_journal_that_its_folder_never_had_is_moved_in_or_has_another_folder() {
    let (scene, plain, set_up) = (Scene::new(), Scene::new(), Scene::new());
    set_up.journals();
    let client = scene.journalling();
    scene.faults(&json!([{ "name": "status", "status": 400 }]));
    let path = plain.path("run.jsonl");
    refused(publish_batch(&scene.client(), 4, &options(&path)), ErrorKind::Rejected, &[]);
    let whole = fs::read(&path).expect("a journal");
    for (path, advice) in [
        (set_up.path("other.jsonl"), "use a client with that folder"),
        (plain.path("other.jsonl"), "move it into the folder, under a name that no journal had before"),
        (scene.path("other"), "Give it a name that ends in .jsonl, and that no journal had before."),
    ] {
        fs::write(&path, &whole).expect("a journal");
        refused_outside(&client, &path, advice);
    }
}

/// What goes wrong before anything is sent says nothing of what was sent before, or is being sent.
#[test]
fn an_error_at_the_beginning_shows_what_the_journal_does() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    let shown = |error: &Error| {
        let report = error.report().expect("a report");
        assert_eq!((report.journal(), error.journal()), (Some(path.as_path()), Some(path.as_path())), "{error}");
        states(report)
    };
    scene.faults(&json!([{ "name": "close_idle" }, { "name": "status", "status": 403 }]));
    assert_eq!(shown(&refused(scene.batch(4, &path), ErrorKind::PermissionDenied, &[])), [2, 0, 0, 2]);
    let other = scene.client().start_resume(&options(&path), no_environment);
    other.follow_progress();
    assert_eq!(block_on(other.run()), Turn::News);
    assert_eq!(shown(&refused(scene.batch(4, &path), ErrorKind::Journal, &["is being written"])), [2, 0, 2, 0]);
    assert_eq!(shown(&refused(scene.resume(&path), ErrorKind::Journal, &["is being written"])), [2, 0, 2, 0]);
    drop(other);
    let quiet = PublishRequest::for_batch(1..=4, PortalPublishing::Publish, ContactNotification::DoNotNotify);
    let quiet = block_on(scene.client().publish_batch(&quiet.expect("a request"), &options(&path), |_| {}));
    let words =
        ["`contact_notification` is notify there and do_not_notify here", "To continue that run, call as it was made"];
    refused(quiet, ErrorKind::Journal, &words);
    let another = refused(scene.batch(6, &path), ErrorKind::Journal, &["is of another run"]);
    assert_eq!((another.outcome(), shown(&another)), (Outcome::Processed, [2, 0, 0, 4]));
    assert_eq!((another.journal(), another.undecided()), (Some(path.as_path()), vec![]));
    let firm = client(scene.portal.base_url(), "2", None);
    let another = refused(publish_batch(&firm, 4, &options(&path)), ErrorKind::Journal, &["`firm_id` is 1 there"]);
    assert_eq!((another.outcome(), shown(&another)), (Outcome::NotProcessed, [0, 0, 0, 4]));
    let whole = fs::read_to_string(&path).expect("a journal");
    fs::write(&path, whole.replacen("publish", "republish", 1)).expect("a file");
    let damaged = refused(scene.batch(4, &path), ErrorKind::Journal, &["is not as it was written"]);
    assert_eq!((damaged.outcome(), shown(&damaged)), (Outcome::Unknown, [0, 0, 4, 0]));
    assert!(refused(scene.resume(&path), ErrorKind::Journal, &[]).report().is_none());
    assert_eq!(scene.posts(), 2);
}

/// What is wrong with a journal can be told apart without reading the message.
#[test]
fn an_error_about_a_journal_has_a_reason() {
    let scene = Scene::new();
    let of = |name: &str| scene.path(name);
    let reason = |error: &Error| {
        let json: Value = serde_json::from_str(&error.to_json()).expect("JSON");
        let reason = error.reason().map(JournalReason::as_str);
        assert_eq!(json["reason"].as_str(), reason, "{error}");
        assert_eq!(reason.is_some(), error.kind() == ErrorKind::Journal, "{error}");
        error.reason()
    };
    let mut seen = Vec::new();
    let mut expect = |result: Result<PublishReport, Error>, expected: JournalReason| {
        let error = refused(result, ErrorKind::Journal, &[]);
        assert_eq!(reason(&error), Some(expected), "{error}");
        seen.push(expected);
    };
    let writer = begun(&scene, &of("busy.jsonl"));
    expect(scene.resume(&of("busy.jsonl")), JournalReason::Busy);
    drop(writer);
    expect(scene.resume(&of("none.jsonl")), JournalReason::Missing);
    fs::write(of("foreign.jsonl"), "{}\n").expect("a file");
    expect(scene.resume(&of("foreign.jsonl")), JournalReason::Damaged);
    let run = of("run.jsonl");
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    let unknown = scene.batch(2, &run).expect_err("an error");
    assert_eq!((unknown.kind(), reason(&unknown)), (ErrorKind::OutcomeUnknown, None));
    expect(scene.resume(&run), JournalReason::Undecided);
    expect(scene.batch(3, &run), JournalReason::OtherRun);
    let newer = fs::read_to_string(&run).expect("a journal").replacen("\"format\":2", "\"format\":99", 1);
    fs::write(of("newer.jsonl"), newer).expect("a file");
    expect(scene.resume(&of("newer.jsonl")), JournalReason::NewerFormat);
    let mut journal = Journal::open(&run).expect("a journal");
    let decided = journal.decide([3], Verdict::Published, "A. Person", None);
    expect(decided.map(|_| journal.report()), JournalReason::Refused);
    fs::create_dir(of("folder.jsonl")).expect("a folder");
    expect(scene.resume(&of("folder.jsonl")), JournalReason::CannotRead);
    fs::write(of("locked.jsonl.lock"), "something else").expect("a file");
    expect(scene.batch(2, &of("locked.jsonl")), JournalReason::CannotWrite);
    let moved = begun(&scene, &of("moved.jsonl"));
    fs::remove_file(of("moved.jsonl")).expect("a journal");
    run_to_its_end(&moved);
    expect(result_of(&moved).map(Arc::unwrap_or_clone), JournalReason::Changed);
    // What is too early is so at a server that is not this machine's: see `view.rs`.
    let other: Vec<_> = JournalReason::ALL.iter().filter(|reason| !seen.contains(reason)).collect();
    assert_eq!(other, [&JournalReason::Outdated, &JournalReason::TooEarly]);
}

/// Files that were sent before are named with the journal that shows them, and those of them that wait for a decision.
#[test]
fn a_repeat_names_the_journal_that_shows_the_files() {
    let scene = Scene::new();
    let client = scene.journalling();
    publish(&client, [1]).expect("a report");
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(publish(&client, [2, 3]), ErrorKind::OutcomeUnknown, &[]);
    let (sent, unknown) = (journal_of(&scene.folder, 1), journal_of(&scene.folder, 3));
    decide(&unknown, &[3], Verdict::Published);
    let error = refused(publish(&client, [1, 9]), ErrorKind::AlreadySent, &[]);
    assert_eq!((error.journal(), error.undecided()), (Some(sent.as_path()), vec![]));
    let words = ["Then publish again only what was not published."];
    let error = refused(publish(&client, [9, 3, 2]), ErrorKind::AlreadySent, &words);
    assert_eq!((error.journal(), error.undecided()), (Some(unknown.as_path()), vec![2]));
    assert!(error.message_in(Language::CommandLine).contains(&format!(
        "`addepar-portal journal resolve {} --published (or --not-published, --leave) --files IDS --by NAME --evidence 'WHAT YOU FOUND'`",
        unknown.display()
    )));
    let several =
        format!("The files are in several journals: {} (file 1), {} (files 2, 3).", sent.display(), unknown.display());
    let batch = options(&scene.path("batch.jsonl"));
    for result in [publish(&client, 1..=9), block_on(client.publish_batch(&request(1..=9), &batch, |_| {}))] {
        let error = refused(result, ErrorKind::AlreadySent, &[&several]);
        assert_eq!((error.journal(), error.file_ids(), error.undecided()), (None, vec![1, 2, 3], vec![2]));
    }
}

/// What an error shows of earlier calls stands under their modes, whatever this call asks for.
#[test]
fn what_was_sent_before_stands_under_the_modes_it_was_sent_with() {
    let scene = Scene::new();
    let client = scene.journalling();
    let quiet = |ids: &[u64]| {
        PublishRequest::new(ids.iter().copied(), PortalPublishing::Publish, ContactNotification::DoNotNotify)
            .expect("a request")
    };
    block_on(client.publish_files(&quiet(&[1, 2]))).expect("a rehearsal");
    publish(&client, [3]).expect("a report");
    let words = ["with do_not_notify, state ok", "sending them again may publish the same to clients twice"];
    let error = refused(publish(&client, [2, 1, 9]), ErrorKind::AlreadySent, &words);
    let report = error.report().expect("a report");
    assert_eq!(report.summary(), "2 ok, 1 not_processed (asked: publish, do_not_notify)");
    assert_eq!(report.request().file_ids(), [2, 1, 9]);
    assert_eq!(report.rows()[1].notified, "not asked", "nobody was e-mailed");
    // The other way round the files were announced already.
    let loud =
        refused(block_on(client.publish_files(&quiet(&[3]))), ErrorKind::AlreadySent, &["with notify, state ok"]);
    assert_eq!(loud.report().expect("a report").summary(), "1 ok (asked: publish, notify)");
    assert!(!loud.message().contains("may e-mail"), "{loud}");
    // Journals that differ leave it open, also in what is written and read again.
    let both = refused(publish(&client, [1, 3]), ErrorKind::AlreadySent, &["may e-mail clients twice"]);
    let report = both.report().expect("a report");
    assert_eq!(report.summary(), "2 ok (sent with different modes)");
    assert!(report.rows().iter().all(|row| (row.published, row.notified) == ("?", "?")));
    let again = PublishReport::from_json(&report.to_json()).expect("a report");
    assert_eq!((&again, again.summary()), (report, report.summary()));
    // A batch, and a journal of another run.
    let path = scene.path("run.jsonl");
    let error = refused(scene.batch(2, &path), ErrorKind::AlreadySent, &["with do_not_notify"]);
    assert_eq!(error.report().expect("a report").summary(), "2 ok (asked: publish, do_not_notify)");
    block_on(client.publish_batch(&quiet(&[5, 6]), &options(&path), |_| {})).expect("a report");
    let ask = |ids: &[u64]| block_on(client.publish_batch(&request(ids.iter().copied()), &options(&path), |_| {}));
    for (ids, summary) in [
        (&[5, 6, 7][..], "2 ok, 1 not_processed (asked: publish, do_not_notify)"),
        (&[5, 1], "2 ok (asked: publish, do_not_notify)"),
        (&[5, 3], "2 ok (sent with different modes)"),
        (&[7, 8], "2 not_processed (asked: publish, notify)"),
    ] {
        let error = refused(ask(ids), ErrorKind::Journal, &["is of another run"]);
        assert_eq!(error.report().expect("a report").summary(), summary);
    }
}

/// `allow` covers what is known: a file of which nobody knows what became of it is not sent any more once that is decided.
#[test]
fn a_file_that_was_left_unknown_is_not_sent_whatever_is_allowed() {
    let scene = Scene::new();
    let client = scene.journalling();
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(publish(&client, [37, 38]), ErrorKind::OutcomeUnknown, &[]);
    let path = journal_of(&scene.folder, 37);
    decide(&path, &[37], Verdict::Leave);
    decide(&path, &[38], Verdict::Published);
    let posts = scene.posts();
    let allowed = |ids: &[u64], name: &str| {
        let call = client.start(request(ids.iter().copied()), Repeat::Allow, no_environment);
        assert_eq!(block_on(call.run()), Turn::Done);
        let batch = BatchOptions { repeat: Repeat::Allow, ..options(&scene.path(name)) };
        [
            result_of(&call).map(|_| ()),
            block_on(client.publish_batch(&request(ids.iter().copied()), &batch, |_| {})).map(|_| ()),
        ]
    };
    let words = [
        "File 37 was sent before",
        "decided: leave (by A. Person",
        "a person decided to leave it",
        "it is not sent any more",
        "Leave it out",
    ];
    for result in allowed(&[37, 38, 40], "batch.jsonl").into_iter().chain([publish(&client, [37]).map(|_| ())]) {
        let error = refused(result, ErrorKind::AlreadySent, &words);
        assert!(!error.message().contains("allow"), "that would be of no use: {error}");
        assert_eq!(error.journal(), Some(path.as_path()));
    }
    assert_eq!(scene.posts(), posts);
    for result in allowed(&[38], "known.jsonl") {
        result.expect("a person found that it is published: that is known");
    }
    decide(&path, &[37], Verdict::Published);
    for result in allowed(&[37], "found.jsonl") {
        result.expect("a later decision counts");
    }
}

/// Where files that nobody knows of are in several journals, each is named with what is to be decided there.
#[test]
fn each_journal_is_named_in_which_to_decide() {
    let scene = Scene::new();
    let client = scene.journalling();
    for id in [1, 2] {
        scene.faults(&json!([{ "name": "close_before_answer" }]));
        refused(publish(&client, [id]), ErrorKind::OutcomeUnknown, &[]);
    }
    let decide = |id| {
        format!(
            "`Journal::open({:?})?.decide(file_ids, verdict, \"NAME\", Some(\"WHAT YOU FOUND\"))` (file {id})",
            journal_of(&scene.folder, id)
        )
    };
    let error = refused(publish(&client, [1, 2]), ErrorKind::AlreadySent, &[&decide(1), &decide(2)]);
    assert_eq!((error.journal(), error.undecided()), (None, vec![1, 2]));
}

/// A journal of another run and the other journals of its folder tell what became of each file.
#[test]
fn another_run_s_journal_shows_each_file_as_it_is() {
    let scene = Scene::new();
    scene.journals();
    let client = scene.client();
    scene.control(&json!({ "do": "fail_publish", "file": 2, "contacts": [1] }));
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "close_idle" }, { "name": "close_before_answer" }]));
    refused(block_on(client.publish_batch(&request(1..=5), &options(&path), |_| {})), ErrorKind::OutcomeUnknown, &[]);
    let beside = options(&scene.path("beside.jsonl"));
    block_on(client.publish_batch(&request([7]), &beside, |_| {})).expect("a report");
    for journal_dir in [None, Some(scene.folder.as_path())] {
        let client = self::client(scene.portal.base_url(), "1", journal_dir);
        let result = block_on(client.publish_batch(&request(1..=8), &options(&path), |_| {}));
        let error = refused(result, ErrorKind::Journal, &["is of another run"]);
        let report = error.report().expect("a report");
        assert_eq!(ids_in(report, FileState::Ok), [1, 7]);
        assert_eq!(ids_in(report, FileState::Failed), [2]);
        assert_eq!(ids_in(report, FileState::Unknown), [3, 4]);
        assert_eq!(ids_in(report, FileState::NotProcessed), [5, 6, 8]);
        assert_eq!((error.undecided(), error.journal()), (vec![3, 4], Some(path.as_path())));
    }
}

/// Where the folder of a journal is missing, that is said, and what to do about it in each language's own words.
#[test]
fn a_journal_without_a_folder_names_the_folder() {
    let scene = Scene::new();
    let folder = scene.path("not mounted");
    let error = refused(scene.batch(2, &folder.join("run.jsonl")), ErrorKind::Journal, &["does not exist"]);
    assert_eq!(error.reason(), Some(JournalReason::Missing));
    for (language, command) in [(Language::Python, "`addepar-portal"), (Language::Node, "`npx addepar-portal")] {
        let text = error.message_in(language);
        let asked =
            format!("its folder {} does not exist. Was it moved, or is its disk not mounted? If", folder.display());
        assert!(text.contains(&asked), "{text}");
        assert!(text.contains(&format!("{command} journal init '{}'`", folder.display())), "{text}");
    }
    let client = client(scene.portal.base_url(), "1", Some(&folder));
    let text = refused(publish(&client, [1]), ErrorKind::Config, &[]).message_in(Language::Node);
    assert!(text.starts_with("`journalDir` must be a folder"), "{text}");
    assert!(text.contains("Only it shows what earlier calls have sent.") && text.ends_with(" Nothing was sent now."));
    let (asked, init) = (text.find("Was it moved"), text.find("`npx addepar-portal journal init "));
    assert!(asked.is_some() && asked < init, "{text}");
}

/// A single call that was refused may be corrected as well as resumed.
#[test]
fn a_refused_call_may_be_made_again_with_a_corrected_list() {
    let scene = Scene::new();
    let client = scene.journalling();
    scene.faults(&json!([{ "name": "status", "status": 400 }]));
    let words =
        ["Fix the cause, then call again; or resume with", " if the server, the firm and the list stay as they are."];
    refused(publish(&client, [1, 2]), ErrorKind::Rejected, &words);
    publish(&client, [1]).expect("nothing was processed");
    let batch = options(&scene.path("batch.jsonl"));
    scene.faults(&json!([{ "name": "status", "status": 400 }]));
    let error = refused(block_on(client.publish_batch(&request(3..=4), &batch, |_| {})), ErrorKind::Rejected, &[]);
    assert!(!error.message().contains("call again"), "a batch is resumed: {error}");
    assert!(
        error.message().contains("If the server or the firm was a wrong one, begin again with a journal of another")
    );
}

/// A batch that stops since the server refuses one of its files says how it goes on without that file.
#[test]
fn a_batch_goes_on_without_a_file_that_is_refused() {
    for (status, kind) in [(400, ErrorKind::Rejected), (403, ErrorKind::PermissionDenied)] {
        let scene = Scene::new();
        scene.journals();
        let path = scene.path("run.jsonl");
        scene.faults(&json!([{ "name": "close_idle" }, { "name": "status", "status": status }]));
        let error = refused(
            scene.batch(4, &path),
            kind,
            &["The batch stopped here", "Fix the cause, or leave out the files that are the cause"],
        );
        for (language, decide) in [
            (
                Language::Python,
                format!(
                    "leave out the files that are the cause: `Journal({path:?}).decide(file_ids, \"leave\", by=\"NAME\")`. Then resume with"
                ),
            ),
            (Language::CommandLine, format!("`addepar-portal journal resolve {} --leave --files IDS", path.display())),
        ] {
            assert!(error.message_in(language).contains(&decide), "{}", error.message_in(language));
        }
        // Without the file it is another list, and the message says the way out.
        let fewer = block_on(scene.client().publish_batch(&request([1, 2, 4]), &options(&path), |_| {}));
        let other = refused(
            fewer,
            ErrorKind::Journal,
            &["To leave out files that are yet to be sent, record that with", "Verdict::Leave", "then resume with"],
        );
        assert_eq!(other.reason(), Some(JournalReason::OtherRun));
        decide(&path, &[3], Verdict::Leave);
        let report = scene.resume(&path).expect("a report");
        assert_eq!((states(&report), report.settled()), ([3, 0, 0, 1], true));
        assert_eq!(scene.sent().last(), Some(&vec![4]));
    }
    // What nobody has to leave out is not spoken of.
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "status", "status": 401 }]));
    let error = refused(scene.batch(4, &path), ErrorKind::Authentication, &["Fix the cause, then resume with"]);
    assert!(!error.message().contains("leave"), "{error}");
    let more = block_on(scene.client().publish_batch(&request(1..=5), &options(&path), |_| {}));
    assert!(!refused(more, ErrorKind::Journal, &["is of another run"]).message().contains("leave"));
    let others = block_on(scene.client().publish_batch(&request(7..=9), &options(&path), |_| {}));
    assert!(!refused(others, ErrorKind::Journal, &["is of another run"]).message().contains("leave"));
}

/// A journal is of one server and one firm, and one that a mistake has made is in nobody's way.
#[test]
fn a_batch_that_began_with_another_firm_begins_again() {
    let (scene, wrong) = (Scene::new(), Scene::new());
    scene.journals();
    let path = scene.path("run.jsonl");
    let at = |scene: &Scene| block_on(scene.client().publish_batch(&request(1..=4), &options(&path), |_| {}));
    wrong.faults(&json!([{ "name": "status", "status": 403 }]));
    let words = ["If the server or the firm was a wrong one, begin again with a journal of another name."];
    refused(at(&wrong), ErrorKind::PermissionDenied, &words);
    let words = [
        "the server is",
        "Nothing of that run was processed, as far as this journal shows: publish what no other run has sent with a journal of another name",
    ];
    refused(at(&scene), ErrorKind::Journal, &words);
    let again = options(&scene.path("again.jsonl"));
    block_on(scene.client().publish_batch(&request(1..=4), &again, |_| {})).expect("a report");
    // Where files were processed, only somebody who knows both servers can tell.
    let error = refused(scene.resume(&path), ErrorKind::Journal, &["Nothing of that run was processed"]);
    assert_eq!(error.reason(), Some(JournalReason::OtherRun));
    let elsewhere =
        block_on(wrong.client().publish_batch(&request(1..=4), &options(&scene.path("again.jsonl")), |_| {}));
    let words = ["If that is another portal, publish here with a journal of another name."];
    assert!(!refused(elsewhere, ErrorKind::Journal, &words).message().contains("was processed"));
}

/// Somebody found that it was not published, and it has not gone out again: that it went out once is not forgotten.
#[test]
fn a_file_that_is_to_be_sent_again_stays_as_it_was_until_then() {
    for (chunk_size, sent) in [(2, vec![vec![1, 2], vec![3]]), (3, vec![vec![1, 2, 3], vec![1, 2, 3]])] {
        let scene = Scene::new();
        scene.journals();
        let path = scene.path("run.jsonl");
        let client = scene.journalling();
        let options = BatchOptions { chunk_size, ..BatchOptions::new(&path) };
        scene.faults(&json!([{ "name": "close_before_answer" }, { "name": "status", "status": 403 }]));
        refused(publish_batch(&client, 3, &options), ErrorKind::OutcomeUnknown, &[]);
        decide(&path, &Journal::open(&path).expect("a journal").undecided(), Verdict::NotPublished);
        let resume = || block_on(client.resume(&options, |_| {}));
        refused(resume(), ErrorKind::PermissionDenied, &["unknown (decided: not_published)"]);
        assert_eq!(scene.sent(), sent);
        let mut journal = Journal::open(&path).expect("a journal");
        let file = &journal.files()[0];
        assert_eq!((file.result.state, file.result.decision), (FileState::Unknown, Some(Verdict::NotPublished)));
        assert_eq!(file.decided_by.as_deref(), Some("A. Person"));
        assert!(
            file.result.reason.as_deref().is_some_and(|reason| reason.contains("lost before an answer")),
            "{file:?}"
        );
        // A person who does not believe that leaves it: it was sent, and nothing sends it once more.
        journal.decide([1], Verdict::Leave, "B. Person", None).expect("a decision");
        assert_eq!(journal.take_warning(), None);
        assert_eq!(ids_in(&resume().expect("a report"), FileState::Ok), [2, 3]);
        for repeat in [Repeat::Refuse, Repeat::Allow] {
            let call = client.start(request([1]), repeat, no_environment);
            assert_eq!(block_on(call.run()), Turn::Done);
            refused(result_of(&call), ErrorKind::AlreadySent, &["sent before, nobody knows what became of it"]);
        }
        assert_eq!(scene.sent().concat().iter().filter(|id| **id == 1).count(), if chunk_size == 2 { 1 } else { 2 });
    }
}

/// A chunk that went on without a file does not hold it back for good, and its time is not that file's.
#[test]
fn a_file_that_was_left_out_and_is_missing_after_all_is_sent() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    let refusal = || json!({ "name": "status", "status": 403 });
    scene.faults(&json!([{ "name": "close_before_answer" }, refusal(), refusal()]));
    refused(scene.batch(2, &path), ErrorKind::OutcomeUnknown, &[]);
    decide(&path, &[1, 2], Verdict::NotPublished);
    refused(scene.resume(&path), ErrorKind::PermissionDenied, &[]);
    decide(&path, &[1], Verdict::Leave);
    refused(scene.resume(&path), ErrorKind::PermissionDenied, &[]);
    decide(&path, &[2], Verdict::Leave);
    let mut unseen = Journal::open(&path).expect("a journal");
    decide(&path, &[1], Verdict::NotPublished);
    assert_eq!(states(&scene.resume(&path).expect("a report")), [1, 0, 1, 0]);
    assert_eq!(scene.sent(), [vec![1, 2], vec![1, 2], vec![2], vec![1]]);
    // The third request was without the first file, and the last one without the second.
    refused(unseen.decide([1], Verdict::Published, "Ann", None), ErrorKind::Journal, &["1 file (1) was sent at"]);
    unseen.decide([2], Verdict::Published, "Ann", None).expect("nothing has happened to it");
}

/// What somebody else has sent of the rest is said once nothing is to be decided about.
#[test]
fn undecided_files_are_told_before_those_that_somebody_else_has_sent() {
    let scene = Scene::new();
    scene.journals();
    let client = scene.journalling();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(publish_batch(&client, 4, &options(&path)), ErrorKind::OutcomeUnknown, &[]);
    publish(&client, [4]).expect("nobody has sent it");
    for again in [publish_batch(&client, 4, &options(&path)), block_on(client.resume(&options(&path), |_| {}))] {
        let error = refused(again, ErrorKind::Journal, &["waits for a decision", "files 1, 2"]);
        assert_eq!((error.reason(), error.undecided()), (Some(JournalReason::Undecided), vec![1, 2]));
        assert_eq!(error.journal(), Some(path.as_path()));
    }
    decide(&path, &[1, 2], Verdict::Published);
    refused(block_on(client.resume(&options(&path), |_| {})), ErrorKind::AlreadySent, &["File 4 was sent before"]);
    decide(&path, &[4], Verdict::Published);
    assert!(block_on(client.resume(&options(&path), |_| {})).expect("a report").settled());
    assert_eq!(scene.sent(), [vec![1, 2], vec![4], vec![3]]);
}

/// A run of which a file was published in some other way did not come to nothing, and begins nowhere anew.
#[test]
fn what_was_published_by_hand_came_to_something() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(scene.batch(2, &path), ErrorKind::PermissionDenied, &["begin again with a journal of another name"]);
    decide(&path, &[1], Verdict::Published);
    let quiet = PublishRequest::for_batch(1..=2, PortalPublishing::Publish, ContactNotification::DoNotNotify);
    let other = block_on(scene.client.publish_batch(&quiet.expect("a request"), &options(&path), |_| {}));
    let error = refused(other, ErrorKind::Journal, &["is of another run", "Nothing was sent now."]);
    assert!(!error.message().contains("another name"), "{error}");
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    let error = refused(scene.resume(&path), ErrorKind::PermissionDenied, &["Then resume with"]);
    assert!(!error.message().contains("another name"), "{error}");
}

/// Without a journal as with one, a lost request is waited for before anybody looks, and the error has its files.
#[test]
fn a_lost_call_without_a_journal_says_to_wait_and_names_its_files() {
    let scene = Scene::new();
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    let words = [
        "Addepar may still be working on the request: wait 90 seconds. Do not run this again. Check each in Addepar, then \
         publish only what is missing.",
    ];
    let error = refused(publish(&scene.client(), [37, 38]), ErrorKind::OutcomeUnknown, &words);
    assert_eq!((error.undecided(), error.journal()), (vec![37, 38], None));
    assert_eq!(error.undecided(), error.report().expect("a report").undecided());
    let error = refused(
        publish(&scene.client(), [1]).and_then(|report| {
            let json = report.to_json().replacen("\"state\":\"ok\"", "\"state\":\"unknown\"", 1);
            PublishReport::from_json(&json)?.raise_for_failures()
        }),
        ErrorKind::PublishFailures,
        &[],
    );
    assert_eq!(error.undecided(), [1]);
}

/// A decision about files that were never sent may be a slip: it is recorded, and said.
#[test]
fn a_decision_about_files_that_were_never_sent_is_warned_of() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "close_idle" }, { "name": "close_before_answer" }]));
    refused(scene.batch(12, &path), ErrorKind::OutcomeUnknown, &[]);
    let mut journal = Journal::open(&path).expect("a journal");
    let mut warned = |ids: &[u64], verdict| {
        journal.decide(ids.iter().copied(), verdict, "A. Person", None).expect("a decision");
        journal.take_warning()
    };
    assert_eq!(warned(&[3], Verdict::Published), None, "it was sent");
    let words = format!("3 files of the journal {} (5-7) were never sent, and will not be", path.display());
    assert_eq!(warned(&[4, 7, 6, 5], Verdict::Published), Some(words));
    assert_eq!(warned(&[5], Verdict::NotPublished), None, "it is sent after all");
    let words = format!("1 file of the journal {} (8) was never sent, and will not be", path.display());
    assert_eq!(warned(&[8], Verdict::Leave), Some(words));
    // What the server refused went out, and was not processed.
    let path = scene.path("refused.jsonl");
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(scene.batch(2, &path), ErrorKind::PermissionDenied, &[]);
    let mut journal = Journal::open(&path).expect("a journal");
    journal.decide([1], Verdict::Leave, "A. Person", None).expect("a decision");
    let words =
        format!("1 file of the journal {} (1) was not processed, and will not be sent any more", path.display());
    assert_eq!(journal.take_warning(), Some(words));
}

/// A later decision replaces an earlier one that its journal has shown, and says which.
#[test]
fn a_decision_returns_the_earlier_ones_that_it_replaces() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(scene.batch(2, &path), ErrorKind::OutcomeUnknown, &[]);
    let mut journal = Journal::open(&path).expect("a journal");
    assert_eq!(journal.decide([1], Verdict::Published, "Ada", Some("seen")).expect("a decision"), []);
    // What it recorded itself it has shown as well.
    assert_eq!(journal.decide([1], Verdict::Published, "Ada", None).expect("a decision").len(), 1);
    let mut other = Journal::open(&path).expect("a journal");
    let replaced = other.decide([2, 1], Verdict::NotPublished, "Bob", None).expect("a decision");
    let shown: Vec<_> = replaced.iter().map(|file| (file.result.file_id, file.result.decision)).collect();
    assert_eq!(shown, [(1, Some(Verdict::Published))]);
    assert_eq!((replaced[0].decided_by.as_deref(), replaced[0].evidence.as_deref()), (Some("Ada"), None));
    assert!(replaced[0].decided_at.is_some());
    // Sent again it has another outcome, about which nobody has decided.
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(scene.resume(&path), ErrorKind::OutcomeUnknown, &[]);
    let mut journal = Journal::open(&path).expect("a journal");
    assert_eq!(journal.decide([1, 2], Verdict::Leave, "Ada", None).expect("a decision"), []);
}

/// What somebody decided after a journal was read, or what was sent since, is not overturned unseen.
#[test]
fn a_journal_that_was_read_before_overturns_nothing() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(scene.batch(4, &path), ErrorKind::OutcomeUnknown, &[]);
    let (mut stale, mut colleague) =
        (Journal::open(&path).expect("a journal"), Journal::open(&path).expect("a journal"));
    colleague.decide([1], Verdict::Published, "Ada", Some("seen")).expect("a decision");
    let before = lines(&path);
    let words =
        ["was continued since it was read: Ada decided published about 1 file (1) at 20", "Nothing was recorded."];
    for verdict in [Verdict::NotPublished, Verdict::Leave] {
        let error = refused(stale.decide([1, 2], verdict, "Bob", None), ErrorKind::Journal, &words);
        assert_eq!(error.reason(), Some(JournalReason::Outdated));
        assert!(error.message().ends_with("Read the journal again before you decide."), "{error}");
    }
    assert_eq!((lines(&path), stale.undecided()), (before, vec![1, 2]), "all of it or nothing");
    // About other files it has nothing to learn, and what it has decided it shows; what Ada found, it does not.
    stale.decide([2], Verdict::Leave, "Bob", None).expect("a decision");
    assert_eq!(stale.undecided(), [1]);
    refused(stale.decide([1], Verdict::NotPublished, "Bob", None), ErrorKind::Journal, &words);
    stale.decide([2], Verdict::NotPublished, "Bob", None).expect("a decision of its own");
    decide(&path, &[1], Verdict::NotPublished);
    // What was sent meanwhile, and what became of it, nobody has seen.
    let mut unseen = Journal::open(&path).expect("a journal");
    scene.faults(&json!([{ "name": "close_idle" }, { "name": "close_before_answer" }]));
    refused(scene.resume(&path), ErrorKind::OutcomeUnknown, &[]);
    assert_eq!(scene.sent(), [vec![1, 2], vec![3, 4], vec![1, 2]]);
    for (ids, was) in [(&[1, 2][..], "2 files (1,2) were sent at 20"), (&[3], "1 file (3) was sent at 20")] {
        let refusal = unseen.decide(ids.iter().copied(), Verdict::Leave, "Bob", None);
        assert_eq!(refused(refusal, ErrorKind::Journal, &[was]).reason(), Some(JournalReason::Outdated));
    }
    let mut read = Journal::open(&path).expect("a journal");
    read.decide([1, 2], Verdict::Leave, "Bob", None).expect("a decision");
}

/// Also where the last of several decisions is in the words of the one that was seen.
#[test]
fn what_was_decided_in_between_is_not_overturned_unseen() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(scene.batch(2, &path), ErrorKind::OutcomeUnknown, &[]);
    let read = || Journal::open(&path).expect("a journal");
    let mut ann = read();
    ann.decide([1], Verdict::Published, "Ann", Some("seen")).expect("a decision");
    // The same words once more are nothing new.
    read().decide([1], Verdict::Published, "Ann", Some("seen")).expect("a decision");
    ann.decide([1], Verdict::Published, "Ann", Some("seen again")).expect("a decision");
    read().decide([1], Verdict::Leave, "Bob", None).expect("a decision");
    read().decide([1], Verdict::Published, "Ann", Some("seen again")).expect("a decision");
    let error =
        refused(ann.decide([1], Verdict::NotPublished, "Ann", Some("gone")), ErrorKind::Journal, &["Ann decided"]);
    assert_eq!(error.reason(), Some(JournalReason::Outdated));
}

/// File by file, too: what a journal records itself shows nobody what others have recorded meanwhile.
#[test]
fn a_loop_over_a_journal_that_was_read_before_overturns_nothing() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(scene.batch(2, &path), ErrorKind::OutcomeUnknown, &[]);
    let mut ann = Journal::open(&path).expect("a journal");
    decide(&path, &[2], Verdict::Published);
    let mut decided = ann.undecided().into_iter().map(|id| ann.decide([id], Verdict::NotPublished, "Ann", None));
    assert_eq!(decided.next().expect("a file").expect("nobody else has decided about it"), []);
    let overturned = decided.next().expect("a file");
    let error = refused(overturned, ErrorKind::Journal, &["A. Person decided published about 1 file (2) at 20"]);
    assert_eq!((error.reason(), decided.count()), (Some(JournalReason::Outdated), 0));
    assert_eq!((ann.undecided(), Journal::open(&path).expect("a journal").undecided()), (vec![2], vec![]));
    scene.resume(&path).expect("a report");
    assert_eq!(scene.sent(), [vec![1, 2], vec![1]]);
}

/// That the server refused to send it again hides from nobody that somebody had it sent again.
#[test]
fn a_file_that_was_to_be_sent_again_is_not_held_back_unseen() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "close_before_answer" }, { "name": "status", "status": 403 }]));
    refused(scene.batch(2, &path), ErrorKind::OutcomeUnknown, &[]);
    let mut ann = Journal::open(&path).expect("a journal");
    decide(&path, &[1, 2], Verdict::NotPublished);
    refused(scene.resume(&path), ErrorKind::PermissionDenied, &[]);
    let words = ["A. Person decided not_published about 2 files (1,2) at 20", "Nothing was recorded."];
    let error = refused(ann.decide([1, 2], Verdict::Published, "Ann", None), ErrorKind::Journal, &words);
    assert_eq!(error.reason(), Some(JournalReason::Outdated));
    // What somebody has decided about that outcome says more.
    decide(&path, &[2], Verdict::Leave);
    let words = ["decided not_published about 1 file (1) at 20", "; A. Person decided leave about 1 file (2) at 20"];
    refused(ann.decide([1, 2], Verdict::Published, "Ann", None), ErrorKind::Journal, &words);
    // Who saw that it was left out has not seen that it is to be sent after all.
    let mut ann = Journal::open(&path).expect("a journal");
    decide(&path, &[2], Verdict::NotPublished);
    scene.faults(&json!([{ "name": "status", "status": 403 }]));
    refused(scene.resume(&path), ErrorKind::PermissionDenied, &[]);
    let words = ["A. Person decided not_published about 1 file (2) at 20"];
    refused(ann.decide([2], Verdict::Published, "Ann", None), ErrorKind::Journal, &words);
    ann.decide([1], Verdict::Leave, "Ann", None).expect("it is yet to be sent, as it was");
    assert_eq!(states(&scene.resume(&path).expect("a report")), [1, 0, 1, 0]);
}

/// Another run's journal may have come to the path meanwhile: nobody has looked at that.
#[test]
fn a_decision_is_not_recorded_in_another_run_s_journal() {
    let scene = Scene::new();
    let [path, other] = [scene.path("run.jsonl"), scene.path("other.jsonl")];
    for path in [&path, &other] {
        scene.faults(&json!([{ "name": "close_before_answer" }]));
        refused(scene.batch(2, path), ErrorKind::OutcomeUnknown, &[]);
    }
    let mut journal = Journal::open(&path).expect("a journal");
    let before = lines(&other);
    fs::rename(&other, &path).expect("a journal");
    let words = ["is of another run since it was read", "Nothing was recorded. Read the journal again"];
    let error = refused(journal.decide([1], Verdict::NotPublished, "Ann", None), ErrorKind::Journal, &words);
    assert_eq!((error.reason(), lines(&path)), (Some(JournalReason::Outdated), before));
    assert!((error.report(), error.undecided()) == (None, vec![]), "of neither run");
}

/// A decision names files as a request does: what is not an id is refused, and nothing is written.
#[test]
fn what_is_not_an_id_is_not_decided_about() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    scene.faults(&json!([{ "name": "close_before_answer" }]));
    refused(scene.batch(2, &path), ErrorKind::OutcomeUnknown, &[]);
    let mut journal = Journal::open(&path).expect("a journal");
    for ids in [["1", "x"], ["1", "1"], ["0", "1"], ["1_0", "1"], ["\u{ff14}", "1"]] {
        let error = journal.decide(ids, Verdict::NotPublished, "A. Person", None).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        assert!(error.message().ends_with("Nothing was recorded."), "{error}");
        assert_eq!(error.outcome(), Outcome::Unknown, "the files may have been processed");
    }
    let nobody = journal.decide([1], Verdict::Leave, " ", None).expect_err("an error");
    assert!(nobody.message().ends_with("Nothing was recorded."), "{nobody}");
    let verdict = "perhaps".parse::<Verdict>().map_err(Error::from).expect_err("an error");
    assert!(verdict.message().ends_with("not \"perhaps\". Nothing was recorded."), "{verdict}");
    assert_eq!(journal.undecided(), [1, 2]);
    journal.decide(["1", "02"], Verdict::Published, "A. Person", None).expect("they are ids");
    assert_eq!(journal.undecided(), [0_u64; 0]);
}

#[test]
fn one_writer_at_a_time_whatever_the_journal_is_called() {
    let scene = Scene::new();
    let path = scene.path("run.jsonl");
    let call = begun(&scene, &path);
    let pid = format!("process {}", std::process::id());
    let words = ["is being written by", &pid, " since 20", "one writer at a time"];
    refused(scene.resume(&path), ErrorKind::Journal, &words);
    refused(scene.batch(4, &path), ErrorKind::Journal, &words);
    let error = Journal::open(&path).expect("a journal").decide([1], Verdict::Leave, "A. Person", None);
    assert_eq!(error.expect_err("an error").kind(), ErrorKind::Journal);
    #[cfg(unix)]
    {
        // A second name, and a clean-up of files that look left over.
        let names = [scene.path("symbolic.jsonl"), scene.path("hard.jsonl")];
        std::os::unix::fs::symlink(&path, &names[0]).expect("a link");
        fs::hard_link(&path, &names[1]).expect("a link");
        for name in &names {
            refused(scene.resume(name), ErrorKind::Journal, &["one writer at a time"]);
        }
        fs::remove_file(scene.path("run.jsonl.lock")).expect("a lock");
        refused(scene.resume(&path), ErrorKind::Journal, &["one writer at a time"]);
    }
    drop(call);
    assert_eq!(scene.posts(), 0);
    assert_eq!(states(&scene.resume(&path).expect("a report")), [4, 0, 0, 0]);
}

#[cfg(unix)]
mod with_children {
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// This program again, to play one part in `child`.
    fn program(part: &str, scene: &Scene, journal: &Path) -> Command {
        let mut command = Command::new(env::current_exe().expect("a path"));
        command.args(["--exact", "with_children::child", "--ignored", "--nocapture"]);
        command.env("PART", part).env("BASE_URL", scene.portal.base_url()).env("JOURNAL", journal);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(mut command: Command) -> String {
        let output = command.output().expect("a child");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        text
    }

    /// What the tests below run in a process of its own.
    #[test]
    #[ignore = "other tests start it, in a process of its own"]
    fn child() {
        let Ok(part) = env::var("PART") else { return };
        let variable = |name: &str| env::var(name).expect("a variable");
        let (base_url, journal) = (variable("BASE_URL"), PathBuf::from(variable("JOURNAL")));
        let client = super::client(&base_url, "1", None);
        match part.as_str() {
            "publish" => {
                println!("RESULT {:?}", publish_batch(&client, 4, &options(&journal)).map(|report| states(&report)));
            }
            "refused" => {
                let words = ["cannot be", "Nothing was sent"];
                refused(publish_batch(&client, 4, &options(&journal)), ErrorKind::Journal, &words);
            }
            "fill" => fill(&client, &journal),
            "guarded" => {
                let folder = journal.parent().expect("a folder");
                let client = super::client(&base_url, "1", Some(folder));
                println!("RESULT {:?}", super::publish(&client, [1_000]).map(|report| states(&report)));
            }
            other => panic!("{other}"),
        }
    }

    /// Batches whose journals reach the largest size that a file may have, each at another record.
    fn fill(client: &PortalClient, folder: &Path) {
        for files in (1..=120).chain([2_000]) {
            let path = folder.join(format!("{files}.jsonl"));
            let first = files * 1_000;
            let request = request(first..first + files);
            let result = block_on(client.publish_batch(&request, &options(&path), |_| {}));
            let error = result.err();
            println!(
                "RAN {}",
                json!({
                    "first": first,
                    "files": files,
                    "error": error.as_ref().map(Error::message),
                    "kind": error.as_ref().map(Error::code),
                    "states": error.as_ref().and_then(Error::report).map(|report| {
                        report.files().iter().map(|file| file.state.as_str()).collect::<Vec<_>>()
                    }),
                })
            );
        }
    }

    /// A disk on which nothing more fits, met at every record in turn.
    #[test]
    fn a_full_disk_stops_before_sending_and_never_hides_an_outcome() {
        let scene = Scene::new();
        // Larger files are refused half-way, as by a full disk.
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 10; exec \"$0\" \"$@\""]);
        let own = program("fill", &scene, scene.journals());
        shell.arg(own.get_program()).args(own.get_args());
        shell.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = run(shell);
        let sent: Vec<u64> = scene.sent().concat();
        let mut met = [0; 4];
        for ran in output.lines().filter_map(|line| line.strip_prefix("RAN ")) {
            let ran: Value = serde_json::from_str(ran).expect("JSON");
            let (first, files) = (ran["first"].as_u64().expect("an id"), ran["files"].as_u64().expect("a number"));
            let path = scene.path(&format!("{files}.jsonl"));
            let Some(message) = ran["error"].as_str() else {
                met[0] += 1;
                continue;
            };
            assert_eq!(ran["kind"], "ERR_JOURNAL", "{message}");
            assert!(message.contains("cannot be written"), "{message}");
            let states = ran["states"].as_array().cloned();
            let unrecorded = message.contains("The report of this error is true");
            met[if !path.exists() {
                1
            } else if unrecorded {
                2
            } else {
                3
            }] += 1;
            // The report is true: whatever the portal saw is processed, the rest is not.
            for id in first..first + files {
                let times = sent.iter().filter(|sent| **sent == id).count();
                let state = states.as_ref().map_or("not_processed", |states| {
                    states[usize::try_from(id - first).expect("a position")].as_str().expect("a state")
                });
                let expected = if times == 0 { "not_processed" } else { "ok" };
                assert_eq!((times <= 1, state), (true, expected), "{id}: {message}");
            }
            if path.exists() {
                // What reached the disk is whole, and takes an unwritten outcome for unknown.
                let journal = Journal::open(&path).expect("a journal");
                let unknown = journal.undecided();
                assert_eq!(unknown.is_empty(), !unrecorded, "{message}");
                assert!(unknown.iter().all(|id| sent.contains(id)));
                assert!(fs::read(&path).expect("a journal").ends_with(b"\n"));
            }
        }
        assert!(met.iter().all(|count| *count > 0), "fits, no journal, no outcome, no intent: {met:?}");
    }

    #[test]
    fn a_folder_that_cannot_be_written_stops_before_sending() {
        let scene = Scene::new();
        let folder = scene.path("read-only");
        fs::create_dir(&folder).expect("a folder");
        let journal = folder.join("run.jsonl");
        scene.batch(4, &folder.join("whole.jsonl")).expect("a report");
        let posts = scene.posts();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).expect("permissions");
        let mut command = program("refused", &scene, &journal);
        if fs::write(folder.join("probe"), "").is_ok() {
            // For root nothing is read-only.
            fs::remove_file(folder.join("probe")).expect("a file");
            std::os::unix::process::CommandExt::uid(&mut command, 65534);
        }
        run(command);
        for path in [Path::new("/dev/full"), &scene.path("nowhere/run.jsonl"), &scene.folder] {
            refused(scene.batch(4, path), ErrorKind::Journal, &["Nothing was sent"]);
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("permissions");
        assert_eq!(scene.posts(), posts);
    }

    #[test]
    fn only_the_owner_may_read_a_journal() {
        let scene = Scene::new();
        let folder = scene.path("folder");
        let client = super::client(scene.portal.base_url(), "1", Some(&folder));
        init_journal_dir(&folder).expect("a folder of journals");
        block_on(client.publish_files(&request([1]))).expect("a report");
        let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("a file").path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            let text = fs::read_to_string(&path).expect("a text");
            assert!(!text.contains("simulated-secret") && !text.contains("c2ltdWxhdGVkLWtleT"), "{text}");
        }
    }

    /// Waits, but not for ever.
    fn wait_for(what: &str, is: impl Fn() -> bool) {
        let started = Instant::now();
        while !is() {
            assert!(started.elapsed() < Duration::from_secs(120), "{what}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    struct Killed(Child);

    impl Drop for Killed {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_killed_process_leaves_its_request_unknown_and_its_lock_free() {
        let scene = Scene::new();
        let path = scene.path("run.jsonl");
        scene.faults(&json!([{ "name": "close_idle" }, { "name": "hang", "processed": true }]));
        let child = Killed(program("publish", &scene, &path).spawn().expect("a child"));
        wait_for("the second chunk", || scene.posts() == 2);
        refused(
            scene.resume(&path),
            ErrorKind::Journal,
            &["is being written by", &format!("process {}", child.0.id())],
        );
        drop(child);
        refused(scene.resume(&path), ErrorKind::Journal, &["waits for a decision", "files 3, 4"]);
        decide(&path, &[3, 4], Verdict::Published);
        assert_eq!(states(&scene.resume(&path).expect("a report")), [2, 0, 2, 0]);
        assert_eq!(scene.posts(), 2);
    }

    /// A kill cannot show a missing sync: the calls of the system can.
    #[test]
    fn everything_is_on_disk_before_it_is_relied_on() {
        let Some(mut command) = strace() else {
            eprintln!("NOT RUN: there is no strace and no apt-get to get it with");
            return;
        };
        let scene = Scene::new();
        let (path, trace) = (scene.path("run.jsonl"), scene.path("trace"));
        let own = program("publish", &scene, &path);
        command.args([
            "-f",
            "-y",
            "-s",
            "64",
            "-e",
            "trace=fsync,fdatasync,connect,write,writev,sendto,sendmsg,rename,ftruncate",
        ]);
        command.arg("-o").arg(&trace).arg(own.get_program()).args(own.get_args());
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = run(command);
        assert!(output.contains("RESULT Ok([4, 0, 0, 0])"), "{output}");
        let trace = fs::read_to_string(&trace).expect("a trace");
        let folder = format!("<{}>", scene.folder.display());
        let steps: Vec<&str> = trace.lines().filter_map(|line| step(line, &folder)).collect();
        let one = ["write intent", "sync journal", "request", "write outcome", "sync journal"];
        let expected =
            [["write new", "sync new", "rename", "sync folder"].as_slice(), &one, &one, &["result"]].concat();
        let steps: Vec<&str> = steps.into_iter().filter(|step| *step != "connect").collect();
        assert_eq!(steps, expected, "{trace}");
        let connect = trace.find("sin_port").expect("a connection");
        assert!(trace.find("\\\"type\\\":\\\"intent").is_some_and(|intent| intent < connect), "{trace}");
    }

    /// Runs a part of `child` under strace, with these options, and what that wrote.
    fn traced(scene: &Scene, part: &str, journal: &Path, options: &[&str]) -> Option<(String, String)> {
        let Some(mut command) = strace() else {
            eprintln!("NOT RUN: there is no strace and no apt-get to get it with");
            return None;
        };
        let (own, trace) = (program(part, scene, journal), scene.path("trace"));
        command.arg("-f").args(options).arg("-o").arg(&trace).arg(own.get_program()).args(own.get_args());
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = run(command);
        Some((output, fs::read_to_string(&trace).expect("a trace")))
    }

    /// A call for other files looks at each journal once, and reads none.
    #[test]
    fn journals_that_are_as_they_were_are_not_read_again() {
        let scene = Scene::new();
        let client = scene.journalling();
        for id in 1..=5 {
            publish(&client, [id]).expect("a report");
        }
        let journals = journals(&scene.folder);
        let_rest(&journals);
        refused(publish(&client, [1]), ErrorKind::AlreadySent, &[]);
        let options = ["-s", "300", "-e", "trace=open,openat,stat,newfstatat,statx"];
        let Some((output, trace)) = traced(&scene, "guarded", &scene.path("run.jsonl"), &options) else { return };
        assert!(output.contains("RESULT Ok([1, 0, 0, 0])"), "{output}");
        for path in journals {
            let name = format!("{}\"", path.display());
            let touched: Vec<&str> = trace.lines().filter(|line| line.contains(&name)).collect();
            assert!(touched.len() == 1 && touched[0].contains("stat"), "{touched:#?}");
        }
    }

    /// Some file systems have folders that cannot be synced, which is not a failure; on others it means what it says.
    #[test]
    fn a_folder_that_cannot_be_synced_stops_before_sending_or_is_tolerated() {
        for (error, is_tolerated) in [("EINVAL", true), ("EOPNOTSUPP", true), ("EIO", false)] {
            for part in ["publish", "guarded"] {
                let scene = Scene::new();
                let (path, folder) = (scene.path("run.jsonl"), scene.journals().to_str().expect("a path").to_owned());
                let inject = format!("inject=fsync:error={error}");
                let options = ["-P", &folder, "-e", "trace=fsync", "-e", &inject];
                let Some((output, trace)) = traced(&scene, part, &path, &options) else { return };
                assert!(trace.contains("INJECTED"), "{trace}");
                if is_tolerated {
                    assert!(output.contains("RESULT Ok("), "{error}: {output}");
                } else {
                    assert!(output.contains("cannot be written") && output.contains("Nothing was sent"), "{output}");
                    assert_eq!((scene.posts(), journals(&scene.folder)), (0, Vec::new()), "it leaves none behind");
                }
            }
        }
    }

    /// strace, from Debian's package if there is none; only on a system that has neither is there nothing.
    fn strace() -> Option<Command> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let found = Command::new("sh").arg(root.join("tests/debian.sh")).args(["strace", "strace"]).output();
        let found = found.expect("a shell");
        if !found.status.success() {
            assert!(Command::new("apt-get").arg("-v").output().is_err(), "{}", String::from_utf8_lossy(&found.stderr));
            return None;
        }
        let mut command = Command::new(String::from_utf8_lossy(&found.stdout).trim());
        let libraries = root.join(".test/debian/usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
        command.env("LD_LIBRARY_PATH", libraries);
        Some(command)
    }

    /// What a line of the trace is to this test.
    fn step(line: &str, folder: &str) -> Option<&'static str> {
        let call = line.split_once(' ')?.1.trim_start();
        let is = |name: &str, words: &[&str]| call.starts_with(name) && words.iter().all(|word| call.contains(word));
        Some(match () {
            () if is("write", &["run.jsonl.", ".new>"]) => "write new",
            () if is("fsync", &["run.jsonl.", ".new>"]) => "sync new",
            () if is("rename", &["run.jsonl.", ".new\""]) => "rename",
            () if is("fsync", &[folder]) => "sync folder",
            () if is("write", &["run.jsonl>", "\\\"intent"]) => "write intent",
            () if is("write", &["run.jsonl>", "\\\"outcome"]) => "write outcome",
            () if is("fdatasync", &["run.jsonl>"]) || is("fsync", &["run.jsonl>"]) => "sync journal",
            () if is("connect", &["sin_port"]) => "connect",
            () if is("write", &["POST /"]) || is("send", &["POST /"]) => "request",
            () if is("write", &["RESULT"]) => "result",
            () => return None,
        })
    }
}
