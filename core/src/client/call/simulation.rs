//! Days of a large batch in seconds: a clock that only the model moves, a server that shares its quota
//! with others and fails now and then, and a person who decides and resumes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Instant;

use fastrand::Rng;
use http_body::Body;
use serde_json::{Value, json};

use super::*;
use crate::journal::view::Journal;
use crate::model::attempt::Fault;
use crate::model::file_result::FileState;
use crate::model::file_result::Verdict;
use crate::model::request::{ContactNotification, PortalPublishing};
use crate::protocol::exchange::Answer;
use crate::protocol::latch::LatchedBody;
use crate::runtime::clock::Moment;

/// The published limits.
const LIMITS: [(usize, u64); 2] = [(50, 15 * 60), (1_000, 24 * 60 * 60)];
/// Others take half of the day's quota, evenly.
const OTHERS_EVERY: u64 = 24 * 60 * 60 / 500;

struct Server {
    rng: Rng,
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
    fn new(seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            now: Duration::ZERO,
            others: Duration::ZERO,
            accepted: VecDeque::new(),
            processed: HashMap::new(),
            requests: 0,
            refused: 0,
            faults: HashMap::new(),
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

    fn answer(&mut self, body: &Bytes, latch: &Latch) -> Exchange {
        self.requests += 1;
        self.now += Duration::from_secs(1);
        let full_for = self.full_for();
        let fault = (full_for.is_none() && self.rng.u8(..50) == 0).then(|| FAULTS[self.rng.usize(..FAULTS.len())]);
        if let Some(fault) = fault {
            *self.faults.entry(fault).or_default() += 1;
        }
        let lost = |fault| Exchange::Lost { fault, cause: "simulated".to_owned() };
        match fault {
            Some("connect") => return lost(Fault::Connection),
            Some("certificate") => return lost(Fault::Certificate),
            _ => {}
        }
        let mut sending = LatchedBody::new(latch.clone(), body.clone());
        assert!(Pin::new(&mut sending).poll_frame(&mut Context::from_waker(Waker::noop())).is_ready());
        let plain = |status, body: &str| Answer {
            status,
            at: Moment::now(),
            after: Duration::from_secs(1),
            request_id: None,
            retry_after: None,
            body: body.as_bytes().to_vec(),
            broken: None,
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
        let whole = json!({ "data": rows, "links": { "next": null } }).to_string();
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

    /// What [`PublishCall::run`] does, with the model in place of the transport and of time.
    fn drive(&mut self, call: &PublishCall) -> Result<Arc<PublishReport>, Error> {
        loop {
            let next = mem::replace(&mut call.state().next, Next::Done);
            let next = match next {
                Next::Done => Next::Done,
                Next::Open => {
                    let opened = call.opening.as_ref().unwrap()();
                    call.state().opened(opened)
                }
                Next::Wait(delay) => {
                    self.now += delay;
                    Next::Send { fresh_token: false }
                }
                Next::Follow(_) => call.state().call.page(None),
                Next::Send { .. } => match call.begin() {
                    None => Next::Done,
                    Some((body, latch)) => {
                        let exchange = self.answer(&body, &latch);
                        call.state().call.ended(exchange, 0.5)
                    }
                },
            };
            let mut state = call.state();
            let next = state.keep(next);
            state.progress = None;
            if next == Next::Done {
                break;
            }
            state.next = next;
        }
        call.result().unwrap()
    }
}

/// Kilobytes of memory that this process had at most.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

fn simulate(files: u64, seed: u64) {
    let started = Instant::now();
    let folder = std::env::temp_dir().join(format!("addepar-portal-simulation-{}-{files}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let client = PortalClient::builder().base_url("http://127.0.0.1:9/api").firm_id("1").key("k", "s").build().unwrap();
    let modes = (PortalPublishing::Publish, ContactNotification::Notify);
    let request = PublishRequest::for_batch(1..=files, modes.0, modes.1).unwrap();
    let options = BatchOptions::new(folder.join("run.jsonl"));
    let mut server = Server::new(seed);
    let before = peak();
    let (mut resumed, mut decided) = (0, 0);
    loop {
        let call = client.start_batch(&request, &options, |_| None);
        call.follow_progress();
        let result = server.drive(&call);
        drop(call);
        let unknown: Vec<u64> = match &result {
            Ok(report) => report.in_state(FileState::Unknown).map(|file| file.file_id).collect(),
            Err(error) => {
                // A person comes back when it makes sense, at the latest after an hour.
                server.now += error.retry_after().unwrap_or(Duration::from_secs(60 * 60));
                error.report().unwrap().in_state(FileState::Unknown).map(|file| file.file_id).collect()
            }
        };
        let done = result.is_ok();
        drop(result);
        let mut journal = Journal::open(&options.journal).unwrap();
        let open = journal.undecided();
        assert!(open.iter().all(|id| unknown.contains(id)));
        if done && open.is_empty() {
            break;
        }
        resumed += 1;
        assert!(resumed < 1_000, "it comes to no end");
        decided += open.len();
        let (there, missing): (Vec<u64>, Vec<u64>) = open.into_iter().partition(|id| server.processed.contains_key(id));
        journal.decide(there, Verdict::Published, "A. Person", None).unwrap();
        journal.decide(missing, Verdict::NotPublished, "A. Person", None).unwrap();
    }
    let growth = peak().saturating_sub(before);
    assert!(server.processed.values().all(|times| *times == 1), "a file was sent twice");
    assert_eq!(server.processed.len() as u64, files, "a file was lost");
    let journal = Journal::open(&options.journal).unwrap();
    assert_eq!(journal.report().count(FileState::NotProcessed), 0);
    for file in journal.files() {
        let settled = file.result.state != FileState::Unknown || file.result.decision == Some(Verdict::Published);
        assert!(settled, "{file:?}");
    }
    let size = fs::metadata(&options.journal).unwrap().len();
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
    simulate(10_000, 1);
}

/// Takes minutes without optimisation: `cargo test --release -- --ignored a_batch_of_days`.
#[test]
#[ignore = "long: a part of make test-long"]
fn a_batch_of_days_ends_with_every_file_sent_once() {
    simulate(200_000, 2);
}
