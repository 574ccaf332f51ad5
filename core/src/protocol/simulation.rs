//! The machine in virtual time: a clock that only the model moves, a server that shares its quota with others and fails
//! now and then, disks that fail, hosts that interrupt, processes that crash, and a person who decides and resumes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use fastrand::Rng;
use serde_json::{Value, json};

use crate::error::{Error, JournalReason};
use crate::journal::file::JournalFile;
use crate::journal::history::{self, History};
use crate::journal::record::{Header, Record};
use crate::journal::store::{Dated, Store, Unrecorded};
use crate::model::attempt::{Fault, Outcome};
use crate::model::file_result::{FileState, Verdict};
use crate::model::moment::Moment;
use crate::model::report::PublishReport;
use crate::model::request::{ContactNotification, PortalPublishing, PublishRequest};
use crate::protocol::exchange::{Answer, Exchange, Received, Unread};
use crate::protocol::latch::Latch;
use crate::protocol::machine::{Action, Ending, Event, HandOver, Machine, Opened, Policy};
use crate::protocol::pace::Pace;

/// The published limits.
const LIMITS: [(usize, u64); 2] = [(50, 15 * 60), (1_000, 24 * 60 * 60)];
/// Others take half of the day's quota, evenly.
const OTHERS_EVERY: u64 = 24 * 60 * 60 / 500;

struct Server {
    rng: Rng,
    /// One request in so many meets a fault.
    fault_in: u32,
    start: Instant,
    now: Duration,
    others: Duration,
    accepted: VecDeque<Duration>,
    processed: HashMap<u64, u32>,
    requests: usize,
    refused: usize,
    faults: HashMap<&'static str, usize>,
}

/// What becomes of a request that is within the quota.
const FAULTS: [&str; 16] = [
    "connect",
    "certificate",
    "timeout",
    "close",
    "early 400",
    "late 400",
    "401",
    "403",
    "429 without a delay",
    "500",
    "503",
    "302",
    "202",
    "not JSON",
    "cut",
    "no result",
];

impl Server {
    fn new(seed: u64, fault_in: u32) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            fault_in,
            start: Instant::now(),
            now: Duration::ZERO,
            others: Duration::ZERO,
            accepted: VecDeque::new(),
            processed: HashMap::new(),
            requests: 0,
            refused: 0,
            faults: HashMap::new(),
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            monotonic: self.start + self.now,
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.now,
        }
    }

    /// How long until the quota has room.
    fn full_for(&mut self) -> Option<Duration> {
        while self.others <= self.now {
            self.accepted.push_back(self.others);
            self.others += Duration::from_secs(OTHERS_EVERY);
        }
        let waits = LIMITS.iter().filter_map(|(requests, seconds)| {
            let period = Duration::from_secs(*seconds);
            let recent = self.accepted.iter().filter(|at| **at + period > self.now).count();
            let over = (recent + 1).checked_sub(*requests).filter(|over| *over > 0)?;
            let oldest = self.accepted.iter().filter(|at| **at + period > self.now).nth(over - 1)?;
            (*oldest + period).checked_sub(self.now)
        });
        waits.max()
    }

    /// What a request meets, before any of its body goes out.
    fn fault(&mut self) -> (Option<Duration>, Option<&'static str>) {
        self.requests += 1;
        self.now += Duration::from_secs(1);
        let full_for = self.full_for();
        let meets_one = full_for.is_none() && self.rng.u32(..self.fault_in) == 0;
        let fault = meets_one.then(|| FAULTS[self.rng.usize(..FAULTS.len())]);
        if let Some(fault) = fault {
            *self.faults.entry(fault).or_default() += 1;
        }
        (full_for, fault)
    }

    /// What the server does with a body that has arrived, and what comes back.
    fn answer(&mut self, body: &Bytes, full_for: Option<Duration>, fault: Option<&'static str>) -> Exchange {
        let lost = |fault| Exchange::Lost { fault, cause: "simulated".into() };
        let at = self.moment();
        let plain = |status, body: &str| Answer {
            status,
            url: String::new(),
            at,
            after: Duration::from_secs(1),
            request_id: None,
            retry_after: None,
            body: body.as_bytes().to_vec(),
            broken: None,
            clock: None,
        };
        if let Some(delay) = full_for {
            self.refused += 1;
            let retry_after = Some(Duration::from_secs(delay.as_secs() + 1));
            return Exchange::Answered(Answer { retry_after, ..plain(429, "") });
        }
        self.accepted.push_back(self.now);
        while self.accepted.front().is_some_and(|at| *at + Duration::from_secs(2 * 24 * 60 * 60) < self.now) {
            self.accepted.pop_front();
        }
        let request: Value = serde_json::from_slice(body).unwrap();
        let ids: Vec<u64> = serde_json::from_value(request["data"]["attributes"]["files_id"].clone()).unwrap();
        let refuses = fault.is_some_and(|fault| ["early 400", "401", "403", "429 without a delay"].contains(&fault));
        let does_half = fault.is_some_and(|fault| ["timeout", "close", "late 400", "500", "503"].contains(&fault));
        let done = if refuses {
            0
        } else if does_half {
            self.rng.usize(..=ids.len())
        } else {
            ids.len()
        };
        for id in ids.iter().take(done) {
            *self.processed.entry(*id).or_default() += 1;
        }
        let rows = ids.iter().map(|id| {
            let publish = if self.rng.u8(..100) == 0 { "fail" } else { "success" };
            json!({
                "type": "publish_portal_files",
                "id": id.to_string(),
                "attributes": { "file_id": id, "publish_status": publish, "notify_status": "success" },
            })
        });
        let mut rows: Vec<Value> = rows.collect();
        if fault == Some("no result") {
            rows.pop();
        }
        let next = (fault.is_none() && self.rng.u8(..20) == 0).then_some("/v1/portal/publish_files?page=2");
        let whole = json!({ "data": rows, "links": { "next": next } }).to_string();
        Exchange::Answered(match fault {
            None | Some("no result") => plain(200, &whole),
            Some("timeout") => {
                self.now += Duration::from_secs(90);
                return lost(Fault::Timeout);
            }
            Some("close") => return lost(Fault::Connection),
            Some("late 400") => Answer { after: Duration::from_secs(60), ..plain(400, "") },
            Some("cut") => Answer { broken: Some("cut".to_owned()), ..plain(200, "{\"data\"") },
            Some("not JSON") => plain(200, "<html>"),
            Some("early 400") => plain(400, ""),
            Some("429 without a delay") => plain(429, ""),
            Some(status) => plain(status.parse().unwrap(), ""),
        })
    }
}

/// The lines of a journal in memory, as they would be found after a crash.
type Lines = Arc<Mutex<Vec<Dated>>>;

/// A store in memory, whose disk fails now and then.
struct Memory {
    lines: Lines,
    rng: Rng,
    /// One append in so many fails.
    fails_in: u32,
    is_broken: bool,
}

impl Store for Memory {
    fn record(&mut self, records: Vec<Dated>) -> Result<(), Unrecorded> {
        let failed = |is_saved| {
            Err(Unrecorded::Failed {
                error: Error::of_journal(Path::new("run"), JournalReason::CannotWrite, "cannot be written: simulated"),
                is_saved,
            })
        };
        if self.is_broken {
            return failed(false);
        }
        if self.rng.u32(..self.fails_in) > 0 {
            self.lines.lock().unwrap().extend(records);
            return Ok(());
        }
        self.is_broken = true;
        let is_past = records.iter().all(|(record, _)| record.is_past());
        match self.rng.u8(..3) {
            0 => failed(false),
            // Displaced: what is true is saved, and a person puts it in the journal's place.
            1 => {
                if is_past {
                    self.lines.lock().unwrap().extend(records);
                }
                failed(true)
            }
            _ => Err(Unrecorded::Lost),
        }
    }

    fn rescue(&mut self, records: Vec<Dated>) -> Unrecorded {
        *self.lines.lock().unwrap() = records;
        Unrecorded::Failed {
            error: Error::of_journal(Path::new("run"), JournalReason::CannotWrite, "was overwritten"),
            is_saved: true,
        }
    }

    fn release(&mut self) {
        self.is_broken = true;
    }
}

fn replay(lines: &[Dated]) -> History {
    let [(Record::Header(header), _), (Record::Plan { chunks }, _), rest @ ..] = lines else { panic!("no beginning") };
    let mut history = History::begin(header.clone(), chunks).unwrap();
    for (record, at) in rest {
        history.apply(record, *at).unwrap_or_else(|reason| panic!("{reason} in {lines:#?}"));
    }
    history
}

fn request(files: u64) -> PublishRequest {
    PublishRequest::for_batch(1..=files, PortalPublishing::Publish, ContactNotification::Notify).unwrap()
}

/// How a run of the machine came to an end.
enum End {
    Over(Ending),
    /// The process is gone.
    Crashed,
}

/// What goes wrong on this side: one step in so many. None of it where it is `None`.
struct Trouble {
    rng: Rng,
    every: Option<u32>,
    steps: u64,
}

impl Trouble {
    fn strikes(&mut self) -> bool {
        let Self { rng, every, .. } = self;
        every.is_some_and(|every| rng.u32(..every) == 0)
    }
}

impl Server {
    /// What a driver does, with the model in place of the transport, of threads and of time. `open` finds the journal.
    fn drive(
        &mut self,
        machine: &mut Machine,
        mut open: impl FnMut() -> Option<(Box<dyn Store>, Opened)>,
        trouble: &mut Trouble,
    ) -> End {
        let mut store: Option<Box<dyn Store>> = None;
        loop {
            trouble.steps += 1;
            let _ = (machine.take_log(), machine.take_progress());
            if machine.is_over() {
                if trouble.strikes() {
                    // Interrupted between the ending and its caller.
                    self.let_go(machine.abandon(self.moment()), store.as_mut(), trouble);
                }
                return End::Over(machine.ending().cloned().unwrap());
            }
            if trouble.strikes() {
                match trouble.rng.u8(..4) {
                    0 => return End::Crashed,
                    1 => {
                        let rest = machine.abandon(self.moment());
                        self.let_go(rest, store.as_mut(), trouble);
                        continue;
                    }
                    _ => {
                        let (_, rest) = machine.interrupt(self.moment());
                        self.let_go(rest, store.as_mut(), trouble);
                    }
                }
            }
            let event = match machine.next() {
                Action::Open(_) => match open() {
                    Some((opened, known)) => {
                        store = Some(opened);
                        Event::Opened(Ok(Box::new(known)))
                    }
                    None => Event::Opened(Err(Error::of_journal(
                        Path::new("run"),
                        JournalReason::CannotWrite,
                        "cannot be opened",
                    ))),
                },
                Action::Look(_) => panic!("nobody asks for generated reports here"),
                Action::Authorize { .. } => {
                    machine.announce();
                    if trouble.strikes() {
                        machine.host_failed(Error::no_token("simulated"), self.moment());
                        continue;
                    }
                    Event::Authorized
                }
                Action::Record(records) => {
                    if trouble.strikes() && trouble.rng.bool() {
                        return End::Crashed;
                    }
                    let recorded = store.as_mut().unwrap().record(records);
                    if trouble.strikes() && trouble.rng.bool() {
                        return End::Crashed;
                    }
                    Event::Recorded(recorded)
                }
                Action::Rescue(records) => Event::Recorded(Err(store.as_mut().unwrap().rescue(records))),
                Action::Send(body, latch) => match self.exchange(machine, &body, &latch, store.as_mut(), trouble) {
                    Some(event) => event,
                    None => return End::Crashed,
                },
                Action::Follow(_) => Event::Page(Err(Unread::because("Simulated."))),
                Action::Wait(delay) => {
                    self.now += delay;
                    Event::Timer
                }
                Action::Close => {
                    store.as_mut().unwrap().release();
                    Event::Closed
                }
                Action::Nothing => {
                    assert!(machine.is_over(), "it waits for nothing");
                    continue;
                }
            };
            let chance = self.rng.f64();
            machine.on(event, self.moment(), chance);
        }
    }

    /// One request, with whatever happens before and after its body goes out. `None` if the process is gone.
    fn exchange(
        &mut self,
        machine: &mut Machine,
        body: &Bytes,
        latch: &Latch,
        mut store: Option<&mut Box<dyn Store>>,
        trouble: &mut Trouble,
    ) -> Option<Event> {
        let mut disturb = |server: &mut Self, machine: &mut Machine, trouble: &mut Trouble| {
            if trouble.strikes() {
                match trouble.rng.u8(..4) {
                    0 => return false,
                    1 => {
                        let rest = machine.abandon(server.moment());
                        server.let_go(rest, store.as_deref_mut(), trouble);
                    }
                    2 => machine.on(Event::OutOfPatience, server.moment(), 0.5),
                    _ => {
                        let (_, rest) = machine.interrupt(server.moment());
                        server.let_go(rest, store.as_deref_mut(), trouble);
                    }
                }
            }
            true
        };
        let (full_for, fault) = self.fault();
        if !disturb(self, machine, trouble) {
            return None;
        }
        let lost = |fault| Exchange::Lost { fault, cause: "simulated".into() };
        let exchange = match fault {
            Some("connect") => lost(Fault::Connection),
            Some("certificate") => lost(Fault::Certificate),
            _ if !latch.begin(self.moment()) => lost(Fault::Connection),
            _ => {
                if !disturb(self, machine, trouble) {
                    // The body may have arrived all the same.
                    if self.rng.bool() {
                        self.answer(body, full_for, fault);
                    }
                    return None;
                }
                let exchange = self.answer(body, full_for, fault);
                if !disturb(self, machine, trouble) {
                    return None;
                }
                exchange
            }
        };
        Some(Event::Received(Received::read(machine.chunk_request(), exchange)))
    }

    /// What the journal's thread does, unless the process ends first.
    fn let_go(&self, rest: Option<HandOver>, store: Option<&mut Box<dyn Store>>, trouble: &mut Trouble) {
        let (Some(HandOver { records, history }), Some(store)) = (rest, store) else { return };
        if trouble.rng.u8(..4) == 0 {
            return;
        }
        if !records.is_empty() && matches!(store.record(records), Err(Unrecorded::Lost)) {
            store.rescue(history.rewritten(self.moment().utc()));
        }
        store.release();
    }

    /// Checks a report against what the server has done. `unsure`: files that went out in some earlier run.
    fn check(&self, report: &PublishReport, decided: &HashSet<u64>) {
        for file in report.files() {
            let processed = self.processed.contains_key(&file.file_id);
            match file.state {
                FileState::Ok | FileState::Failed => assert!(processed, "{file:?} was not processed"),
                // A person may have found it to be missing before.
                FileState::NotProcessed => {
                    assert!(!processed || decided.contains(&file.file_id), "{file:?} was processed");
                }
                FileState::Unknown => {}
            }
        }
    }

    /// Checks that what an error says of the files is true of the whole call or batch, and what it says of an answer, of
    /// the request that failed.
    fn check_error(&self, ending: &Ending, has_journal: bool) {
        let Some(error) = error_of(ending) else { return };
        let message = error.message();
        let says_nothing = ["Nothing was sent.", "Nothing was processed."].iter().any(|words| message.contains(words));
        if error.outcome() == Outcome::NotProcessed || says_nothing {
            assert!(self.processed.is_empty(), "{:?} {message}", self.processed);
        }
        assert!(!has_journal || !message.contains("Do not run this again"), "{message}");
        let next = if has_journal { "record what you find" } else { "wait 90 seconds. Do not run this again" };
        assert!(error.undecided().is_empty() || message.contains(next), "{message}");
        let last = error.report().and_then(|report| report.attempts().last()?.http_status);
        assert!(error.http_status().is_none() || error.http_status() == last, "{message}");
    }
}

fn error_of(ending: &Ending) -> Option<&Error> {
    match ending {
        Ending::Failed(error) | Ending::Interrupted(Some(error)) => Some(error),
        Ending::Reported(_) | Ending::Read(_) | Ending::Settled(_) | Ending::Interrupted(None) => None,
    }
}

fn report_of(ending: &Ending) -> Option<&PublishReport> {
    match ending {
        Ending::Reported(report) => Some(report),
        _ => error_of(ending)?.report(),
    }
}

/// A batch with trouble everywhere, resumed until it is done.
fn troubled_batch(seed: u64) -> u64 {
    let mut rng = Rng::with_seed(seed);
    let (files, chunk_size) = (rng.u64(1..30), rng.usize(1..8));
    let request = request(files);
    let mut server = Server::new(rng.u64(..), rng.u32(2..12));
    let mut trouble = Trouble { rng: rng.fork(), every: Some(rng.u32(4..60)), steps: 0 };
    let chunks = history::chunks(request.file_ids(), chunk_size, 1);
    let at = server.moment().utc();
    let lines: Lines =
        Arc::new(Mutex::new(vec![(Record::Header(Header::example()), at), (Record::Plan { chunks }, at)]));
    let fails_in = rng.u32(5..100);
    for run in 0.. {
        assert!(run < 2_000, "seed {seed} comes to no end");
        let limit = rng.bool().then_some(Duration::from_secs(1));
        let mut machine =
            Machine::new(Policy::batch(Duration::from_secs(86_400), limit, rng.bool()), request.clone(), true);
        machine.follow_progress();
        let open = || {
            let store = Memory { lines: lines.clone(), rng: rng.fork(), fails_in, is_broken: false };
            let history = replay(&lines.lock().unwrap());
            let opened =
                Opened { history, path: PathBuf::from("run"), is_in_folder: true, pace: Pace::default(), boot: None };
            Some((Box::new(store) as Box<dyn Store>, opened))
        };
        let end = server.drive(&mut machine, open, &mut trouble);
        assert!(server.processed.values().all(|times| *times == 1), "seed {seed}: a file was sent twice");
        let mut history = replay(&lines.lock().unwrap());
        if let End::Over(ending) = &end {
            if let Some(report) = report_of(ending) {
                assert_eq!(report.files().len() as u64, files, "seed {seed}: a file is missing");
                server.check(report, &HashSet::new());
            }
            server.check_error(ending, true);
            if let Ending::Interrupted(None) = ending {
                // The journal was not even opened.
                assert!(history.counts()[3] > 0 || run > 0, "seed {seed}");
            }
        }
        server.check(&history.report(), &HashSet::new());
        let undecided = history.undecided();
        let is_done = undecided.is_empty() && history.next_chunk().is_none() && history.further_plan(1).is_none();
        if is_done && matches!(end, End::Over(Ending::Reported(_))) {
            break;
        }
        server.now += Duration::from_secs(60 * 60);
        let at = server.moment().utc();
        for file_id in undecided {
            let decision =
                if server.processed.contains_key(&file_id) { Verdict::Published } else { Verdict::NotPublished };
            let record = Record::Decision { file_id, decision, by: "A. Person".to_owned(), evidence: None };
            history.apply(&record, at).unwrap();
            lines.lock().unwrap().push((record, at));
        }
    }
    assert_eq!(server.processed.len() as u64, files, "seed {seed}: a file was lost");
    trouble.steps
}

/// A single call with trouble everywhere, with and without a journal.
fn troubled_call(seed: u64) -> u64 {
    let mut rng = Rng::with_seed(seed);
    let files = rng.u64(1..8);
    let request = request(files);
    let mut server = Server::new(rng.u64(..), rng.u32(1..6));
    let mut trouble = Trouble { rng: rng.fork(), every: Some(rng.u32(2..20)), steps: 0 };
    let at = server.moment().utc();
    let chunks = history::chunks(request.file_ids(), 500, 1);
    let lines: Lines =
        Arc::new(Mutex::new(vec![(Record::Header(Header::example()), at), (Record::Plan { chunks }, at)]));
    let (has_journal, fails_in) = (rng.bool(), rng.u32(3..50));
    let policy = Policy::single(Duration::from_secs(60), rng.bool());
    let mut machine = Machine::new(policy, request, has_journal);
    let open = || {
        let store = Memory { lines: lines.clone(), rng: rng.fork(), fails_in, is_broken: false };
        let history = replay(&lines.lock().unwrap());
        let opened =
            Opened { history, path: PathBuf::from("run"), is_in_folder: true, pace: Pace::default(), boot: None };
        Some((Box::new(store) as Box<dyn Store>, opened))
    };
    let end = server.drive(&mut machine, open, &mut trouble);
    assert!(server.processed.values().all(|times| *times == 1), "seed {seed}: a file was sent twice");
    if has_journal {
        server.check(&replay(&lines.lock().unwrap()).report(), &HashSet::new());
    }
    let End::Over(ending) = end else { return trouble.steps };
    match report_of(&ending) {
        Some(report) => {
            assert_eq!(report.files().len() as u64, files, "seed {seed}: a file is missing");
            server.check(report, &HashSet::new());
        }
        None => assert!(server.processed.is_empty(), "seed {seed}: what was processed is not reported: {ending:?}"),
    }
    server.check_error(&ending, has_journal);
    trouble.steps
}

fn troubled(steps: u64) {
    let started = Instant::now();
    let (mut done, mut seed) = (0, 0);
    while done < steps {
        done += troubled_batch(seed) + troubled_call(seed);
        seed += 1;
    }
    println!("{done} steps of {seed} batches and calls in {:.1} s", started.elapsed().as_secs_f64());
}

#[test]
fn no_order_of_stops_crashes_and_disk_errors_sends_twice_or_loses_a_file() {
    troubled(300_000);
}

/// Millions of steps: `cargo test --release -- --ignored millions`.
#[test]
#[ignore = "long: a part of make test-long"]
fn millions_of_steps_send_nothing_twice_and_lose_no_file() {
    troubled(20_000_000);
}

/// Kilobytes of memory that this process had at most.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// A large batch, with its journal on disk, in the time that it takes beside others.
fn large_batch(files: u64, seed: u64) {
    let started = Instant::now();
    let folder = std::env::temp_dir().join(format!("addepar-portal-simulation-{}-{files}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("run.jsonl");
    let request = request(files);
    let mut server = Server::new(seed, 50);
    let mut trouble = Trouble { rng: Rng::with_seed(seed), every: None, steps: 0 };
    let before = peak();
    let (mut resumed, mut decided) = (0, 0);
    loop {
        let policy = Policy::batch(Duration::from_secs(3_600), None, false);
        let mut machine = Machine::new(policy, request.clone(), true);
        machine.follow_progress();
        let open = || {
            let opened = if path.exists() {
                JournalFile::open(&path)
            } else {
                JournalFile::create(&path, Header::example(), history::chunks(request.file_ids(), 100, 1), Vec::new())
            };
            let (store, history) = opened.unwrap();
            Some((
                Box::new(store) as Box<dyn Store>,
                Opened { history, path: path.clone(), is_in_folder: true, pace: Pace::default(), boot: None },
            ))
        };
        let End::Over(ending) = server.drive(&mut machine, open, &mut trouble) else { panic!("nothing crashes here") };
        drop(machine);
        let is_done = match &ending {
            Ending::Reported(_) => true,
            // A person comes back when it makes sense, at the latest after an hour.
            Ending::Failed(error) => {
                server.now += error.retry_after().unwrap_or(Duration::from_secs(60 * 60));
                false
            }
            Ending::Interrupted(_) | Ending::Read(_) | Ending::Settled(_) => panic!("nobody asks for that here"),
        };
        drop(ending);
        let (mut file, mut history) = JournalFile::open(&path).unwrap();
        let undecided = history.undecided();
        if is_done && undecided.is_empty() {
            assert_eq!(history.counts()[3], 0);
            for file in history.files() {
                let is_settled =
                    file.state != FileState::Unknown || history.result(file).decision == Some(Verdict::Published);
                assert!(is_settled, "{file:?}");
            }
            break;
        }
        resumed += 1;
        assert!(resumed < 1_000, "it comes to no end");
        decided += undecided.len();
        let at = server.moment().utc();
        let decision = |file_id: u64| {
            let is_there = server.processed.contains_key(&file_id);
            let decision = if is_there { Verdict::Published } else { Verdict::NotPublished };
            (Record::Decision { file_id, decision, by: "A. Person".to_owned(), evidence: None }, at)
        };
        let records: Vec<Dated> = undecided.into_iter().map(decision).collect();
        for (record, at) in &records {
            history.apply(record, *at).unwrap();
        }
        file.append(records).unwrap();
    }
    let growth = peak().saturating_sub(before);
    assert!(server.processed.values().all(|times| *times == 1), "a file was sent twice");
    assert_eq!(server.processed.len() as u64, files, "a file was lost");
    let size = fs::metadata(&path).unwrap().len();
    fs::remove_dir_all(&folder).unwrap();
    println!(
        "{files} files: {} requests, {} of them refused with 429, {:?}; {resumed} resumes, {decided} files decided; \
         {:.1} virtual hours in {:.1} s; journal {} MB, memory grew by {} MB",
        server.requests,
        server.refused,
        server.faults,
        server.now.as_secs_f64() / 3_600.0,
        started.elapsed().as_secs_f64(),
        size >> 20,
        growth >> 10,
    );
    if files >= 200_000 {
        assert!(growth <= 64 << 10, "memory grew by {growth} kB");
    }
}

#[test]
fn a_large_batch_with_faults_ends_with_every_file_sent_once() {
    large_batch(10_000, 1);
}

/// Takes minutes without optimisation: `cargo test --release -- --ignored a_batch_of_days`.
#[test]
#[ignore = "long: a part of make test-long"]
fn a_batch_of_days_ends_with_every_file_sent_once() {
    large_batch(200_000, 2);
}
