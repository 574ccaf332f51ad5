//! The machine that every call is: it says what is done next, given what has happened.
//!
//! Events go in, actions come out; time and chance are arguments. It does no I/O, so that every order of events can be
//! tried. A call is a run of chunks, each of them one request. A single call is a run of one chunk; where it differs
//! from a batch on purpose, the difference is a value of its [`Policy`].
//!
//! ```text
//! Looking ── looked up ─▶ Opening ── opened ─▶ Planning ─┐
//!                                ▼
//!            ┌────────── Authorizing ◀───────────── Waiting ◀─┐
//!            │ token                   timer                  │
//!            ▼                                                │
//!        Intending ── recorded ─▶ InFlight ── answered ─▶ Recording ── next chunk, retry
//!                                    │                        ▲  │
//!                                    └───────▶ Paging ────────┘  └─▶ Closing ─▶ Over
//! ```
//!
//! Without a journal `Opening`, `Intending`, `Recording` and `Closing` are passed over.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::error::{Error, ErrorKind, JournalReason};
use crate::journal::history::History;
use crate::journal::record::Record;
use crate::journal::store::{Dated, Unrecorded};
use crate::model::attempt::{Fault, Outcome};
use crate::model::batch::Progress;
use crate::model::file_result::FileState;
use crate::model::generated_report::GeneratedReport;
use crate::model::message::{message, seconds};
use crate::model::moment::{Boot, Moment};
use crate::model::report::PublishReport;
use crate::model::request::PublishRequest;
use crate::model::settlement::Settlement;
use crate::protocol::chunk::{Chunk, Flight, Next};
use crate::protocol::exchange::{Received, Unread};
use crate::protocol::latch::Latch;
use crate::protocol::log_record::{Level, LogRecord};
use crate::protocol::pace::Pace;
use crate::protocol::reading::{Looked, LookedUp, NextLook, Reading};
use crate::protocol::settling::Settling;
use crate::response::rows::Further;

/// What a single call and a batch do differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Whose result the call has, and so what becomes of files that a readable answer leaves unknown.
    pub(crate) scope: Scope,
    /// What a host's first interrupt does.
    pub(crate) interrupt: Interrupt,
    /// How long all waits for the rate limit may take together.
    pub(crate) max_wait: Duration,
    /// How long an interrupted call awaits the request in flight; `None` for as long as that takes.
    pub(crate) stop_limit: Option<Duration>,
    /// Whether the host can be asked for a fresh token.
    pub(crate) fresh_token: bool,
}

/// Whose result a call has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The request's own: unknown files are returned in its report.
    Request,
    /// The whole run's, as its journal has it: unknown files stop it before anything else is sent.
    Run,
}

/// What a host's first interrupt does; a second one always drops the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// It drops the request in flight.
    Drop,
    /// The request in flight is awaited, and nothing else is sent.
    Await,
}

impl Policy {
    /// A single call's.
    pub(crate) fn single(max_wait: Duration, fresh_token: bool) -> Self {
        Self { scope: Scope::Request, interrupt: Interrupt::Drop, max_wait, stop_limit: None, fresh_token }
    }

    /// A batch's.
    pub(crate) fn batch(max_wait: Duration, stop_limit: Option<Duration>, fresh_token: bool) -> Self {
        Self { scope: Scope::Run, interrupt: Interrupt::Await, max_wait, stop_limit, fresh_token }
    }
}

/// A journal that is open.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) history: History,
    pub(crate) path: PathBuf,
    /// Whether later calls see what it shows, whatever their own journal is.
    pub(crate) is_in_folder: bool,
    pub(crate) pace: Pace,
    /// Since when the machine has been running, where that is known.
    pub(crate) boot: Option<Boot>,
}

/// What has happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// Something came up while the journal is being opened.
    Warned(String),
    /// The journal was opened, or cannot be.
    Opened(Result<Box<Opened>, Error>),
    /// There is a token, or the host was asked for nothing.
    Authorized,
    /// The records of the last action are safe, or are not.
    Recorded(Result<(), Unrecorded>),
    /// The request in flight has come to this.
    Received(Received),
    /// The request in flight was dropped: an interrupted call awaited it long enough.
    OutOfPatience,
    /// A further page of results, or why it could not be had or read.
    Page(Result<Further, Unread>),
    /// A wait is over.
    Timer,
    /// What came back for a look at generated reports.
    LookedUp(LookedUp),
    /// The journal is closed.
    Closed,
    /// Something of this side failed, such as the host's callable for tokens.
    Failed(Error),
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Action {
    /// Open the journal, of files that were seen like this in generated reports.
    Open(Result<Vec<Looked>, Error>),
    /// Get this link of generated reports.
    Look(String),
    /// Find a token; a fresh one is another than the last.
    Authorize { fresh: bool },
    /// Make these records safe.
    Record(Vec<Dated>),
    /// Save the whole run anew: its records were lost.
    Rescue(Vec<Dated>),
    /// Send this body through this latch.
    Send(Bytes, Latch),
    /// Get this page.
    Follow(String),
    /// Wait.
    Wait(Duration),
    /// Close the journal.
    Close,
    /// Nothing, until somebody is heard of that an earlier action is about.
    Nothing,
}

/// What is recorded after a call was dropped, by somebody for whom nobody waits.
#[derive(Debug)]
pub(crate) struct HandOver {
    pub(crate) records: Vec<Dated>,
    pub(crate) history: History,
}

/// How a call ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// With a report.
    Reported(Arc<PublishReport>),
    /// With generated reports: nothing was to be published.
    Read(Vec<GeneratedReport>),
    /// With what generated reports prove about the files of a journal: nothing was to be published.
    Settled(Arc<Settlement>),
    /// With an error.
    Failed(Error),
    /// By the host, which raises its own reason. The error, if anything happened, says what, and its report has the state
    /// of each file.
    Interrupted(Option<Error>),
}

impl Ending {
    /// The report, or the error, for a host that has no reason of its own to raise.
    ///
    /// # Errors
    /// The call failed, or it was interrupted.
    pub fn into_result(self) -> Result<Arc<PublishReport>, Error> {
        match self {
            Self::Reported(report) => Ok(report),
            other => Err(other.into_error()),
        }
    }

    /// The generated reports, or the error.
    ///
    /// # Errors
    /// The call failed, or it was interrupted.
    pub fn into_reports(self) -> Result<Vec<GeneratedReport>, Error> {
        match self {
            Self::Read(reports) => Ok(reports),
            other => Err(other.into_error()),
        }
    }

    /// What generated reports prove about the files of a journal, or the error.
    ///
    /// # Errors
    /// The call failed, or it was interrupted.
    pub fn into_settlement(self) -> Result<Settlement, Error> {
        match self {
            Self::Settled(settlement) => Ok(Arc::unwrap_or_clone(settlement)),
            other => Err(other.into_error()),
        }
    }

    fn into_error(self) -> Error {
        match self {
            Self::Failed(error) | Self::Interrupted(Some(error)) => error,
            Self::Reported(_) | Self::Read(_) | Self::Settled(_) | Self::Interrupted(None) => {
                Error::new(ErrorKind::Stopped, "The call was ended before the server processed anything of it.")
            }
        }
    }
}

/// What a call is for.
#[derive(Debug)]
enum Purpose {
    /// To publish files.
    Publish,
    /// To read generated reports.
    Read,
    /// To find out what generated reports prove about the files of a journal.
    Settle(Settling),
}

/// A call, wherever it stands.
#[derive(Debug)]
pub(crate) struct Machine {
    policy: Policy,
    /// What was asked, as long as no journal says it.
    request: PublishRequest,
    run: Option<Run>,
    purpose: Purpose,
    /// Generated reports that are asked for before anything else.
    reading: Option<Reading>,
    has_opened: bool,
    chunk: Chunk,
    /// How long waits took, in the chunks before.
    waited: Duration,
    stage: Stage,
    todo: Option<Action>,
    /// What follows once it is recorded how the attempt ended.
    after: Option<After>,
    /// Since when nothing else is sent.
    stopped_at: Option<Moment>,
    /// Whether the host ended it, for a reason of its own.
    is_interrupted: bool,
    /// The files to which a person agreed; `None` if nobody was asked.
    agreed: Option<HashSet<u64>>,
    is_announced: bool,
    news: News,
}

/// What the host is to be told.
#[derive(Debug)]
struct News {
    /// What is to be logged.
    log: Vec<LogRecord>,
    /// The least that is to be logged.
    least: Level,
    /// How far the call has come, if the host has not been told and wants to be.
    progress: Option<Progress>,
    follows_progress: bool,
    /// Whether anything of it is new since the host was called last.
    is_new: bool,
}

/// A journal and where this run stands in it.
#[derive(Debug)]
struct Run {
    history: History,
    path: PathBuf,
    pace: Pace,
    boot: Option<Boot>,
    /// The chunk under way and its attempt, from 1.
    chunk: u32,
    attempt: u32,
    /// Whether an intent was recorded whose end was not.
    is_open: bool,
    /// How many attempts of the chunk are recorded.
    recorded: usize,
    /// Whether anything was sent since the journal was opened.
    has_sent: bool,
}

#[derive(Debug)]
enum Stage {
    Opening,
    /// The journal takes a plan for files that are sent again.
    Planning,
    Authorizing,
    /// A generated report is asked for.
    Looking,
    /// The journal takes the intent.
    Intending,
    InFlight(Flight),
    Paging,
    /// The journal takes how the attempt ended.
    Recording,
    /// The journal takes nothing any more, and what was recorded before is saved anew.
    Rescuing,
    Waiting,
    /// The journal is closed, and then the call is over.
    Closing(Ending),
    /// It stays here after it was read: a caller who is interrupted meanwhile must still receive it.
    Over(Ending),
}

/// What follows once it is recorded how an attempt ended.
#[allow(clippy::large_enum_variant, reason = "a call has one of them at a time")]
#[derive(Debug)]
enum After {
    Wait(Duration),
    FreshToken,
    Over(Result<PublishReport, Error>),
    /// The call was stopped before the request went out.
    Stopped,
    /// What was recorded are looks and decisions.
    Settled(Ending),
}

impl Machine {
    /// A call that is yet to begin. `opens`: it has a journal.
    pub(crate) fn new(policy: Policy, request: PublishRequest, opens: bool) -> Self {
        let (stage, todo) = if opens {
            (Stage::Opening, Action::Open(Ok(Vec::new())))
        } else {
            (Stage::Authorizing, Action::Authorize { fresh: false })
        };
        Self {
            chunk: Chunk::new(request.clone(), policy.max_wait, policy.fresh_token),
            policy,
            request,
            run: None,
            purpose: Purpose::Publish,
            reading: None,
            has_opened: false,
            waited: Duration::ZERO,
            stage,
            todo: Some(todo),
            after: None,
            stopped_at: None,
            is_interrupted: false,
            agreed: None,
            is_announced: false,
            news: News { log: Vec::new(), least: Level::Warn, progress: None, follows_progress: false, is_new: false },
        }
    }

    /// Asks for generated reports before the journal is opened.
    pub(crate) fn read_first(&mut self, reading: Reading) {
        self.reading = Some(reading);
        self.authorize(false);
    }

    /// Asks for generated reports and does nothing else.
    pub(crate) fn read(&mut self, reading: Reading) {
        self.purpose = Purpose::Read;
        self.read_first(reading);
    }

    /// Finds out what generated reports prove about the files of the journal, and publishes nothing.
    pub(crate) fn settle(&mut self, settling: Settling) {
        self.purpose = Purpose::Settle(settling);
    }

    /// Sends no other files than those to which a person agreed.
    #[cfg(feature = "cli")]
    pub(crate) fn agree_to(&mut self, file_ids: HashSet<u64>) {
        self.agreed = Some(file_ids);
    }

    /// Lets an interrupt await the request in flight.
    #[cfg(feature = "cli")]
    pub(crate) fn await_when_interrupted(&mut self) {
        self.policy.interrupt = Interrupt::Await;
    }

    /// Logs from now on what matters at least so much, rather than warnings alone.
    pub(crate) fn listen(&mut self, least: Level) {
        self.news.least = least;
    }

    /// What is to be logged by now.
    pub(crate) fn take_log(&mut self) -> Vec<LogRecord> {
        std::mem::take(&mut self.news.log)
    }

    /// Whether there is something to be logged, or to be told of how far the call has come.
    pub(crate) fn has_news(&self) -> bool {
        self.news.progress.is_some() || !self.news.log.is_empty()
    }

    /// Whether anything has become news since this was asked last.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news.is_new)
    }

    /// From now on [`take_progress`](Self::take_progress) has how far the call has come.
    pub(crate) fn follow_progress(&mut self) {
        self.news.follows_progress = true;
    }

    /// How far it has come, if that is news.
    pub(crate) fn take_progress(&mut self) -> Option<Progress> {
        self.news.progress.take()
    }

    /// What was asked, of a batch all chunks together.
    pub(crate) fn request(&self) -> &PublishRequest {
        self.run.as_ref().map_or(&self.request, |run| run.history.request())
    }

    /// The request under way.
    pub(crate) fn chunk_request(&self) -> &PublishRequest {
        self.chunk.request()
    }

    /// Whether the journal was opened, so that there is something to resume.
    #[cfg(feature = "cli")]
    pub(crate) fn has_opened(&self) -> bool {
        self.has_opened
    }

    /// The files of a journal that is open which are to be sent; none where the call is about to end, or sends nothing.
    pub(crate) fn to_be_sent(&self) -> Vec<u64> {
        match (&self.purpose, &self.run) {
            (Purpose::Publish, Some(run)) if !self.is_closing() && !self.is_over() => run.history.to_be_sent(),
            _ => Vec::new(),
        }
    }

    /// What to do next. Each action is given once.
    pub(crate) fn next(&mut self) -> Action {
        self.todo.take().unwrap_or(Action::Nothing)
    }

    /// Takes back an action about which somebody has to be asked, or told, first. `false`: the call was ended meanwhile.
    pub(crate) fn put_back(&mut self, action: Action) -> bool {
        let is_wanted = match &action {
            Action::Open(_) => matches!(self.stage, Stage::Opening),
            _ => self.wants_authorization(),
        };
        if is_wanted {
            self.todo = Some(action);
        }
        is_wanted
    }

    /// Whether it waits for somebody to say who asks.
    pub(crate) fn wants_authorization(&self) -> bool {
        matches!(self.stage, Stage::Authorizing)
    }

    /// Whether the next action ends the call.
    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.stage, Stage::Closing(_))
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over(_))
    }

    /// Ends a call that has nothing left to do but to close its journal, without waiting for that.
    pub(crate) fn conclude(&mut self) -> Option<HandOver> {
        let Stage::Closing(ending) = &self.stage else { return None };
        self.stage = Stage::Over(ending.clone());
        self.todo = None;
        Some(HandOver { records: Vec::new(), history: self.run.take()?.history })
    }

    /// How the call ended; `None` while it goes on.
    pub(crate) fn ending(&self) -> Option<&Ending> {
        match &self.stage {
            Stage::Over(ending) => Some(ending),
            _ => None,
        }
    }

    /// How much longer an interrupted call awaits the request in flight; `None` for as long as that takes.
    pub(crate) fn patience(&self, now: Moment) -> Option<Duration> {
        Some(self.policy.stop_limit?.saturating_sub(now.since(&self.stopped_at?)))
    }

    /// Whether a request is in flight, or the pages of its answer are.
    pub(crate) fn is_in_flight(&self) -> bool {
        matches!(self.stage, Stage::InFlight(_) | Stage::Paging | Stage::Looking)
    }

    /// Whether it waits for nothing but time.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }

    /// Takes in what has happened. `chance` (from 0 to 1) spreads back-offs. What comes too late is passed over: a call
    /// that ended meanwhile stays as it ended.
    pub(crate) fn on(&mut self, event: Event, now: Moment, chance: f64) {
        match event {
            Event::Warned(warning) => {
                self.news.log.push(LogRecord::warning(warning));
                self.news.is_new = true;
            }
            Event::Opened(opened) => self.opened(opened, now),
            Event::Authorized => self.authorized(now),
            Event::Recorded(recorded) => self.recorded(recorded, now),
            Event::Received(received) => self.received(received, now, chance),
            Event::OutOfPatience => self.out_of_patience(now),
            Event::Page(page) => {
                if let Stage::Paging = self.stage {
                    let next = self.chunk.page(page);
                    self.proceed(next, now);
                }
            }
            Event::Timer => {
                if let Stage::Waiting = self.stage {
                    self.authorize(false);
                }
            }
            Event::LookedUp(looked_up) => self.looked_up(looked_up, now, chance),
            Event::Closed => {
                if let Stage::Closing(ending) = &self.stage {
                    self.stage = Stage::Over(ending.clone());
                }
            }
            Event::Failed(error) => self.failed(error, now),
        }
    }

    fn opened(&mut self, opened: Result<Box<Opened>, Error>, now: Moment) {
        let Stage::Opening = self.stage else { return };
        let Opened { history, path, pace, boot, .. } = match opened {
            Ok(opened) => *opened,
            Err(error) => return self.failed(error, now),
        };
        let chunk = history.next_chunk().map_or(1, |(number, ..)| number);
        let run = Run { history, path, pace, boot, chunk, attempt: 1, is_open: false, recorded: 0, has_sent: false };
        self.has_opened = true;
        let run = self.run.insert(run);
        if let Purpose::Settle(_) = self.purpose {
            return self.look();
        }
        if self.policy.scope == Scope::Run {
            let undecided = run.history.undecided();
            if !undecided.is_empty() {
                let error = Error::awaiting_decision(&run.path, &undecided, None, run.history.report());
                return self.finish(Err(error));
            }
            if let Some(plan) = run.history.further_plan(run.history.chunk_size()) {
                self.stage = Stage::Planning;
                return self.record(plan, now);
            }
            self.progressed(None);
        }
        self.next_chunk(now);
    }

    /// Begins with the next chunk, if there is one and it may be sent.
    fn next_chunk(&mut self, now: Moment) {
        let is_stopped = self.stopped_at.is_some();
        let left = self.policy.max_wait.saturating_sub(self.waited);
        let Some(run) = &mut self.run else { return };
        let path = &run.path;
        let report = || run.history.report();
        let Some((number, attempt, file_ids)) = run.history.next_chunk() else {
            let report = report();
            return self.finish(Ok(report));
        };
        let refusal = if is_stopped {
            Some(Error::stopped(path, report()))
        } else if self.agreed.as_ref().is_some_and(|agreed| !file_ids.iter().all(|id| agreed.contains(id))) {
            Some(Error::not_agreed(path, report()))
        } else {
            // An answer that says nothing of some file will hardly say more of the next ones.
            let undecided = run.history.undecided();
            let attempt = self.chunk.attempts().last().filter(|_| run.has_sent);
            (!undecided.is_empty()).then(|| Error::awaiting_decision(path, &undecided, attempt, run.history.report()))
        };
        let delay = run.pace.delay(now.monotonic);
        let refusal =
            refusal.or_else(|| (delay > left).then(|| Error::paced(delay).in_batch(path, run.history.report())));
        if let Some(error) = refusal {
            return self.finish(Err(error));
        }
        (run.chunk, run.attempt, run.recorded) = (number, attempt, 0);
        let request = run.history.request().for_files(file_ids);
        self.waited += delay;
        self.chunk = Chunk::new(request, left.saturating_sub(delay), self.policy.fresh_token);
        if delay.is_zero() {
            self.authorize(false);
        } else {
            self.log(|_| [LogRecord::pace(delay)]);
            self.wait(delay);
        }
    }

    fn authorize(&mut self, fresh: bool) {
        self.stage = Stage::Authorizing;
        self.todo = Some(Action::Authorize { fresh });
    }

    fn wait(&mut self, delay: Duration) {
        self.stage = Stage::Waiting;
        self.todo = Some(Action::Wait(delay));
        self.progressed(Some(delay));
    }

    /// Logs that the request is about to go out: before it does, so that the host can be told first.
    pub(crate) fn announce(&mut self) {
        if let Stage::Authorizing = self.stage
            && self.reading.is_none()
            && !std::mem::replace(&mut self.is_announced, true)
        {
            self.log(|chunk| LogRecord::sending(chunk.request(), chunk.attempts().len() + 1));
        }
    }

    fn authorized(&mut self, now: Moment) {
        let Stage::Authorizing = self.stage else { return };
        if self.reading.is_some() {
            return self.ask(now);
        }
        let Some(run) = &self.run else { return self.send(now) };
        let intent = Record::Intent {
            chunk: run.chunk,
            attempt: run.attempt,
            file_ids: Some(self.chunk.request().file_ids().to_vec()),
            uptime: run.boot.as_ref().map(|boot| boot.uptime(now.monotonic)),
        };
        self.stage = Stage::Intending;
        self.record(intent, now);
    }

    /// Asks for the next page of generated reports.
    fn ask(&mut self, now: Moment) {
        match self.reading.as_mut().and_then(|reading| reading.ask(now)) {
            Some(link) => {
                self.stage = Stage::Looking;
                self.todo = Some(Action::Look(link));
            }
            None => self.looked(now),
        }
    }

    fn looked_up(&mut self, looked_up: LookedUp, now: Moment, chance: f64) {
        let (Stage::Looking, Some(reading)) = (&self.stage, &mut self.reading) else { return };
        match reading.on(looked_up, now, chance) {
            NextLook::Get => self.ask(now),
            NextLook::Wait(delay) => {
                self.log(|_| [LogRecord::asking_again(delay)]);
                self.wait(delay);
            }
            NextLook::FreshToken => self.authorize(true),
            NextLook::Failed(error) => self.unpublished(error),
            NextLook::Done => self.looked(now),
        }
    }

    /// All generated reports were read that were asked for.
    fn looked(&mut self, now: Moment) {
        let Some(reading) = self.reading.take() else { return };
        let clock = reading.clock();
        let looked = reading.into_looked();
        match (&mut self.purpose, &self.run) {
            (Purpose::Settle(settling), Some(run)) => {
                match settling.looked(&run.history, &looked, run.boot.as_ref(), clock) {
                    Some(delay) => {
                        self.reading = Some(settling.reading(self.policy.max_wait, self.policy.fresh_token));
                        self.log(|_| [LogRecord::looking_again(delay)]);
                        self.wait(delay);
                    }
                    None => self.settled(now),
                }
            }
            (Purpose::Read, _) => {
                let reports = looked.into_iter().map(|looked| looked.report).collect();
                self.close(Ending::Read(reports));
            }
            (Purpose::Publish | Purpose::Settle(_), _) => {
                let incomplete = looked.iter().filter_map(|looked| looked.report.incomplete());
                self.news.log.extend(incomplete.map(LogRecord::warning));
                self.news.is_new = true;
                self.stage = Stage::Opening;
                self.todo = Some(Action::Open(Ok(looked)));
            }
        }
    }

    /// Looks at the generated reports for the first time, if there is anything to settle.
    fn look(&mut self) {
        let (Purpose::Settle(settling), Some(run)) = (&mut self.purpose, &self.run) else { return };
        if run.history.undecided().is_empty() {
            let (_, settlement) = settling.conclude(&run.history, SystemTime::UNIX_EPOCH);
            return self.close(Ending::Settled(Arc::new(settlement)));
        }
        if let Err(error) = settling.begin(&run.history) {
            return self.finish(Err(error.with_earlier(run.history.report())));
        }
        let reading = settling.reading(self.policy.max_wait, self.policy.fresh_token);
        self.read_first(reading);
    }

    /// Records what was seen and what follows from it, if that is wanted.
    fn settled(&mut self, now: Moment) {
        let (Purpose::Settle(settling), Some(run)) = (&mut self.purpose, &mut self.run) else { return };
        let (records, settlement) = settling.conclude(&run.history, now.utc());
        let ending = Ending::Settled(Arc::new(settlement));
        let misfit = records.iter().find_map(|(record, at)| run.history.apply(record, *at).err());
        if let Some(misfit) = misfit {
            let error = Error::journal_refuses(&run.path, &format!("refuses {misfit}"));
            return self.finish(Err(error));
        }
        if records.is_empty() {
            return self.close(ending);
        }
        self.after = Some(After::Settled(ending));
        self.stage = Stage::Recording;
        self.todo = Some(Action::Record(records));
    }

    fn send(&mut self, now: Moment) {
        if let Some(run) = &mut self.run {
            run.has_sent = true;
            run.pace.sent(now.monotonic);
        }
        self.is_announced = false;
        let (body, flight) = self.chunk.begin(now);
        self.todo = Some(Action::Send(body, flight.latch.clone()));
        self.stage = Stage::InFlight(flight);
    }

    /// Makes a record part of what is known, and has it made safe.
    fn record(&mut self, record: Record, now: Moment) {
        let Some(run) = &mut self.run else { return };
        match run.history.apply(&record, now.utc()) {
            Ok(()) => self.todo = Some(Action::Record(vec![(record, now.utc())])),
            Err(reason) => {
                let error = Error::journal_refuses(&run.path, &format!("refuses {reason}"));
                self.unrecordable(Unrecorded::Failed { error, is_saved: false }, now);
            }
        }
    }

    fn recorded(&mut self, recorded: Result<(), Unrecorded>, now: Moment) {
        match (recorded, &self.stage) {
            (Err(unrecorded), _) => self.unrecordable(unrecorded, now),
            (Ok(()), Stage::Planning) => {
                self.progressed(None);
                self.next_chunk(now);
            }
            (Ok(()), Stage::Intending) => {
                if let Some(run) = &mut self.run {
                    run.is_open = true;
                }
                if self.stopped_at.is_some() {
                    self.close_attempt(After::Stopped, now);
                } else {
                    self.send(now);
                }
            }
            (Ok(()), Stage::Recording) => {
                if let Some(after) = self.after.take() {
                    self.after(after, now);
                }
            }
            (Ok(()), _) => {}
        }
    }

    /// The journal takes nothing any more, so nothing is sent any more.
    fn unrecordable(&mut self, unrecorded: Unrecorded, now: Moment) {
        match &self.stage {
            Stage::Intending => {
                self.not_sent(now);
            }
            Stage::Planning | Stage::Recording | Stage::Rescuing => {}
            _ => return,
        }
        let (failed, is_saved) = match (unrecorded, &self.stage, &self.run) {
            (Unrecorded::Failed { error, is_saved }, ..) => (error, is_saved),
            (Unrecorded::Lost, Stage::Rescuing, _) | (Unrecorded::Lost, _, None) => (self.overwritten(), false),
            (Unrecorded::Lost, _, Some(run)) => {
                self.todo = Some(Action::Rescue(run.history.rewritten(now.utc())));
                self.stage = Stage::Rescuing;
                return;
            }
        };
        let error = match self.after.take() {
            Some(after) => self.unrecorded(failed, is_saved, self.true_report(after)),
            None => self.of_this_call(failed, self.report()),
        };
        self.finish(Err(error));
    }

    /// What the last attempt came to could not be written down.
    fn unrecorded(&self, failed: Error, is_saved: bool, report: PublishReport) -> Error {
        Error::unrecorded(failed, is_saved, report).with_attempt(self.chunk.attempts().last().cloned())
    }

    /// The report of a call whose last attempt ended like that.
    fn true_report(&self, after: After) -> PublishReport {
        match (self.policy.scope, after) {
            (Scope::Request, After::Over(Ok(report))) => report,
            (Scope::Request, After::Over(Err(error))) => error.report().cloned().unwrap_or_else(|| self.report()),
            _ => self.report(),
        }
    }

    fn overwritten(&self) -> Error {
        Error::of_journal(self.path(), JournalReason::Changed, "was overwritten")
    }

    fn path(&self) -> &Path {
        self.run.as_ref().map_or(Path::new(""), |run| &run.path)
    }

    /// Takes back an intent: what it announced was not sent, and never will be.
    fn not_sent(&mut self, now: Moment) -> Option<Dated> {
        let run = self.run.as_mut()?;
        let reason = "nothing was sent".to_owned();
        let record = Record::NotProcessed { chunk: run.chunk, attempt: run.attempt, result: None, reason };
        run.history.apply(&record, now.utc()).ok()?;
        Some((record, now.utc()))
    }

    fn received(&mut self, received: Received, now: Moment, chance: f64) {
        let Stage::InFlight(flight) = &self.stage else { return };
        let next = self.chunk.ended(received, flight, now, chance);
        self.proceed(next, now);
    }

    fn out_of_patience(&mut self, now: Moment) {
        let limit = self.policy.stop_limit.unwrap_or_default();
        if let Stage::Paging = self.stage {
            let limit = limit.as_secs_f64();
            let reason = format!("The batch was stopped, and {limit} s later the page was no longer awaited.");
            return self.on(Event::Page(Err(Unread::because(reason))), now, 0.0);
        }
        let cause =
            message!["the batch was stopped, and ", seconds(limit.as_secs_f64()), " later the request was dropped"];
        self.received(Received::Lost { fault: Fault::Dropped, cause }, now, 0.0);
    }

    fn proceed(&mut self, next: Next, now: Moment) {
        let after = match next {
            Next::Follow(link) => {
                self.stage = Stage::Paging;
                self.todo = Some(Action::Follow(link));
                return;
            }
            Next::Wait(delay) => {
                self.log(|chunk| [LogRecord::waiting(chunk.attempts(), delay)]);
                After::Wait(delay)
            }
            Next::FreshToken => {
                self.log(|chunk| [LogRecord::fresh_token(chunk.attempts())]);
                After::FreshToken
            }
            Next::Over(result) => {
                self.log(|chunk| [LogRecord::ended(chunk.attempts(), result.as_ref())]);
                After::Over(result)
            }
        };
        self.close_attempt(after, now);
    }

    /// Records how the attempt ended, before anything follows from it.
    fn close_attempt(&mut self, after: After, now: Moment) {
        let Some(record) = self.end_record(&after) else { return self.after(after, now) };
        self.stage = Stage::Recording;
        self.after = Some(after);
        self.record(record, now);
    }

    /// The record of how the attempt under way ended, if it is to be recorded at all.
    fn end_record(&mut self, after: &After) -> Option<Record> {
        let run = self.run.as_mut().filter(|run| run.is_open)?;
        let (chunk, attempt) = (run.chunk, run.attempt);
        run.is_open = false;
        run.attempt += 1;
        let result = self.chunk.attempts().get(run.recorded).cloned();
        run.recorded = self.chunk.attempts().len();
        let over = match after {
            After::Over(result) => Some(result),
            After::Wait(_) | After::FreshToken | After::Stopped | After::Settled(_) => None,
        };
        let report = match over {
            Some(Ok(report)) => Some(report),
            Some(Err(error)) => error.report(),
            None => None,
        };
        Some(match (result, report) {
            (Some(result), Some(report)) if result.outcome != Outcome::NotProcessed => Record::Outcome {
                chunk,
                attempt,
                outcome: result.outcome,
                result,
                files: report.files().to_vec(),
                beside: report.beside().clone(),
                raw: report.raw().to_owned(),
            },
            (result, _) => {
                let reason = match (over, after) {
                    (Some(Err(error)), _) => error.problem() + ".",
                    (_, After::Stopped) => "the call was stopped before anything was sent".to_owned(),
                    _ => "it is tried again".to_owned(),
                };
                Record::NotProcessed { chunk, attempt, result, reason }
            }
        })
    }

    fn after(&mut self, after: After, now: Moment) {
        let is_stopped = self.stopped_at.is_some();
        match after {
            After::Over(result) => {
                self.waited += self.chunk.waited();
                match (self.policy.scope, result) {
                    (Scope::Request, result) => self.finish(result),
                    (Scope::Run, Ok(_)) => {
                        self.progressed(None);
                        self.next_chunk(now);
                    }
                    (Scope::Run, Err(error)) => {
                        self.progressed(None);
                        let report = self.report();
                        self.finish(Err(error.in_batch(self.path(), report)));
                    }
                }
            }
            After::Settled(ending) => self.close(ending),
            _ if is_stopped => self.finish_stopped(),
            After::Wait(delay) => self.wait(delay),
            After::FreshToken => self.authorize(true),
            After::Stopped => self.finish_stopped(),
        }
    }

    fn settles(&self) -> bool {
        matches!(self.purpose, Purpose::Settle(_))
    }

    /// The whole call as a report.
    fn report(&self) -> PublishReport {
        match &self.run {
            Some(run) if self.policy.scope == Scope::Run || self.settles() => run.history.report(),
            _ => self.chunk.uniform(FileState::NotProcessed, String::new()),
        }
    }

    fn stopped_error(&self) -> Error {
        match (&self.run, self.policy.scope) {
            (Some(run), Scope::Run) => Error::stopped(&run.path, self.report()),
            _ => Error::new(ErrorKind::Stopped, "The call was stopped.").with_report(self.report()),
        }
    }

    fn finish_stopped(&mut self) {
        let error = self.stopped_error();
        self.finish(Err(error));
    }

    /// An error of this side as this call's.
    fn of_this_call(&self, error: Error, report: PublishReport) -> Error {
        let error = error.with_attempt(self.chunk.attempts().last().cloned());
        match (&self.run, self.policy.scope) {
            (Some(run), _) if self.settles() => error.with_earlier(report).with_journal(&run.path),
            (None, _) if self.request.file_ids().is_empty() => error,
            (Some(run), Scope::Run) => error.in_batch(&run.path, report),
            _ => error.with_report(report),
        }
    }

    /// Ends the call between two requests. Where its journal is yet to be opened, that is opened to say what it shows.
    fn unpublished(&mut self, error: Error) {
        if self.opens_later() {
            self.stage = Stage::Opening;
            self.todo = Some(Action::Open(Err(error)));
            return;
        }
        let error = self.of_this_call(error, self.report());
        self.log(|chunk| [LogRecord::ended(chunk.attempts(), Err(&error))]);
        self.finish(Err(error));
    }

    /// Whether generated reports are looked at for a journal that is opened only then.
    fn opens_later(&self) -> bool {
        self.run.is_none() && self.reading.is_some() && matches!(self.purpose, Purpose::Publish)
    }

    /// Ends the call for a reason of this side, unless something of it may have gone out.
    fn failed(&mut self, error: Error, now: Moment) {
        match &self.stage {
            Stage::Opening => {
                let error = match error.report() {
                    // A request that only the journal knows.
                    None if !self.request.file_ids().is_empty() => error.with_report(self.report()),
                    _ => error,
                };
                self.finish(Err(error));
            }
            Stage::Authorizing | Stage::Waiting | Stage::Looking => self.unpublished(error),
            Stage::InFlight(flight) if flight.latch.revoke() => {
                let report = self.chunk.uniform(FileState::NotProcessed, String::new());
                self.close_attempt(After::Over(Err(error.with_report(report))), now);
            }
            Stage::InFlight(_) => {
                let lost = Received::Lost { fault: Fault::Connection, cause: error.problem().into() };
                self.received(lost, now, 0.0);
            }
            Stage::Paging => self.on(Event::Page(Err(Unread::because(error.message()))), now, 0.0),
            Stage::Planning | Stage::Intending | Stage::Recording | Stage::Rescuing => {
                self.unrecordable(Unrecorded::Failed { error, is_saved: false }, now);
            }
            Stage::Closing(ending) => self.stage = Stage::Over(ending.clone()),
            Stage::Over(_) => {}
        }
    }

    /// Ends the call once the journal is closed.
    fn finish(&mut self, result: Result<PublishReport, Error>) {
        let ending = match result {
            Ok(report) => Ending::Reported(Arc::new(report)),
            Err(error) => Ending::Failed(self.journalled(error)),
        };
        let ending = if self.is_interrupted { self.interrupted(ending, false) } else { ending };
        self.close(ending);
    }

    /// An ending whose report says in which journal it is.
    fn naming_its_journal(&self, ending: Ending) -> Ending {
        let Some(run) = self.run.as_ref().filter(|_| !self.settles()) else { return ending };
        match ending {
            Ending::Reported(report) => Ending::Reported(Arc::new(Arc::unwrap_or_clone(report).kept_in(&run.path))),
            Ending::Failed(error) => Ending::Failed(error.with_report_kept_in(&run.path)),
            Ending::Interrupted(error) => Ending::Interrupted(error.map(|error| error.with_report_kept_in(&run.path))),
            ending => ending,
        }
    }

    fn close(&mut self, ending: Ending) {
        let ending = self.naming_its_journal(ending);
        if self.run.is_some() {
            self.stage = Stage::Closing(ending);
            self.todo = Some(Action::Close);
        } else {
            self.stage = Stage::Over(ending);
            self.todo = None;
        }
    }

    /// An ending as a host sees it that raises its own reason. `is_undelivered`: the result did not reach its caller.
    fn interrupted(&self, ending: Ending, is_undelivered: bool) -> Ending {
        match (self.policy.scope, ending) {
            (Scope::Run, Ending::Reported(report)) => {
                Ending::Interrupted(Some(Error::stopped(self.path(), Arc::unwrap_or_clone(report))))
            }
            (Scope::Request, Ending::Reported(report)) if is_undelivered => {
                let error = Error::undelivered(report);
                Ending::Interrupted(Some(self.journalled(error)))
            }
            (Scope::Request, Ending::Failed(error)) if error.outcome() == Outcome::NotProcessed => {
                // An answer that was awaited says why nothing was processed.
                let is_refused = matches!(
                    error.kind(),
                    ErrorKind::Rejected | ErrorKind::PermissionDenied | ErrorKind::Authentication
                );
                let is_awaited = self.policy.interrupt == Interrupt::Await && !is_undelivered;
                Ending::Interrupted(Some(error).filter(|_| is_refused && is_awaited))
            }
            (_, Ending::Failed(error)) => Ending::Interrupted(Some(error)),
            (_, ending) => ending,
        }
    }

    fn journalled(&self, error: Error) -> Error {
        match (&self.run, self.policy.scope) {
            // What is wrong with a journal says how it is used again.
            (Some(run), Scope::Request) if error.kind() != ErrorKind::Journal => error.resumable(&run.path),
            (Some(run), _) => error.with_journal(&run.path),
            (None, _) => error,
        }
    }

    /// A callable of the host failed that the call depends on: the host raises what it failed with, unless that came too
    /// late.
    pub(crate) fn host_failed(&mut self, error: Error, now: Moment) {
        if !self.wants_authorization() {
            return;
        }
        self.failed(error, now);
        if let Stage::Closing(ending) | Stage::Over(ending) = &mut self.stage
            && let Ending::Failed(error) = ending
        {
            *ending = Ending::Interrupted(Some(error.clone()));
        }
    }

    /// The host ends the call for a reason of its own. `true`: what is in flight is awaited, and the call goes on until
    /// it is over; otherwise nothing of it goes out from now on.
    pub(crate) fn interrupt(&mut self, now: Moment) -> (bool, Option<HandOver>) {
        // As long as the journal is being opened, nothing is in flight that could be awaited.
        let is_first = !self.is_interrupted && self.stopped_at.is_none() && !matches!(self.stage, Stage::Opening);
        if self.policy.interrupt == Interrupt::Await && is_first && !self.is_over() {
            self.is_interrupted = true;
            self.stop(now);
            if let Stage::Closing(ending) = &self.stage {
                self.stage = Stage::Closing(self.interrupted(ending.clone(), false));
            }
            return (true, None);
        }
        (false, self.abandon(now))
    }

    /// Sends nothing else: waits end at once, and what is in flight is awaited and recorded.
    fn stop(&mut self, now: Moment) {
        self.stopped_at.get_or_insert(now);
        match &self.stage {
            Stage::Authorizing | Stage::Waiting | Stage::Looking if self.opens_later() => {
                self.unpublished(Error::stopped_early());
            }
            Stage::Authorizing | Stage::Waiting | Stage::Looking => self.finish_stopped(),
            Stage::InFlight(flight) if flight.latch.revoke() => self.close_attempt(After::Stopped, now),
            _ => {}
        }
    }

    /// Ends the call wherever it is; nothing of it goes out from now on. What has to be recorded is handed over.
    pub(crate) fn abandon(&mut self, now: Moment) -> Option<HandOver> {
        self.is_interrupted = true;
        let mut records = match self.todo.take() {
            // Nobody was given them yet.
            Some(Action::Record(records)) => records,
            _ => Vec::new(),
        };
        let after = self.after.take();
        let stage = std::mem::replace(&mut self.stage, Stage::Over(Ending::Interrupted(None)));
        let ending = match stage {
            Stage::Over(ending @ Ending::Interrupted(_)) | Stage::Closing(ending @ Ending::Interrupted(_)) => ending,
            Stage::Over(ending) | Stage::Closing(ending) => self.interrupted(ending, true),
            Stage::Opening | Stage::Planning | Stage::Authorizing | Stage::Waiting | Stage::Looking => {
                self.nothing_lost()
            }
            Stage::Intending => {
                records.extend(self.not_sent(now));
                self.nothing_lost()
            }
            Stage::InFlight(flight) => {
                let after = self.chunk.dropped(Some(&flight), now).map_or(After::Stopped, After::Over);
                records.extend(self.end_of_attempt(&after, now));
                self.dropped(after)
            }
            Stage::Paging => {
                let after = self.chunk.dropped(None, now).map_or(After::Stopped, After::Over);
                records.extend(self.end_of_attempt(&after, now));
                self.dropped(after)
            }
            Stage::Recording => after.map_or_else(|| self.nothing_lost(), |after| self.dropped(after)),
            Stage::Rescuing => {
                let report = after.map_or_else(|| self.report(), |after| self.true_report(after));
                Ending::Interrupted(Some(self.unrecorded(self.overwritten(), false, report)))
            }
        };
        self.stage = Stage::Over(self.naming_its_journal(ending));
        let run = self.run.take()?;
        Some(HandOver { records, history: run.history })
    }

    /// How the attempt under way ended, as part of what is known.
    fn end_of_attempt(&mut self, after: &After, now: Moment) -> Option<Dated> {
        let record = self.end_record(after)?;
        self.run.as_mut()?.history.apply(&record, now.utc()).ok()?;
        Some((record, now.utc()))
    }

    /// The ending of a call that is dropped while nothing of it is under way.
    fn nothing_lost(&self) -> Ending {
        match (&self.run, self.policy.scope) {
            (Some(_), Scope::Run) => Ending::Interrupted(Some(self.stopped_error())),
            _ => Ending::Interrupted(None),
        }
    }

    /// The ending of a call that is dropped after its last attempt ended like that.
    fn dropped(&self, after: After) -> Ending {
        let After::Over(result) = after else { return self.nothing_lost() };
        let error = match (result, self.policy.scope) {
            (Ok(_), Scope::Run) => self.stopped_error(),
            (Err(error), Scope::Run) => error.in_batch(self.path(), self.report()),
            (Ok(report), Scope::Request) => self.journalled(Error::undelivered(Arc::new(report))),
            (Err(error), Scope::Request) if error.outcome() == Outcome::NotProcessed => {
                return Ending::Interrupted(None);
            }
            (Err(error), Scope::Request) => self.journalled(error),
        };
        Ending::Interrupted(Some(error))
    }

    fn log<Records: IntoIterator<Item = LogRecord>>(&mut self, records: impl FnOnce(&Chunk) -> Records) {
        let least = self.news.least;
        if least < Level::Warn {
            let run = self.run.as_ref();
            let chunk = run.filter(|_| self.policy.scope == Scope::Run).map(|run| run.chunk);
            let records = records(&self.chunk).into_iter().filter(|record| record.level >= least);
            self.news.log.extend(records.map(|record| record.of_run(run.map(|run| run.path.as_path()), chunk)));
            self.news.is_new = true;
        }
    }

    fn progressed(&mut self, waiting: Option<Duration>) {
        let Some(run) = self.run.as_ref().filter(|_| self.news.follows_progress && self.policy.scope == Scope::Run)
        else {
            return;
        };
        let [succeeded, failed, unknown, not_processed] = run.history.counts();
        self.news.is_new = true;
        self.news.progress = Some(Progress {
            total: run.history.files().len(),
            succeeded,
            failed,
            unknown,
            not_processed,
            chunk: run.chunk,
            chunks: run.history.chunk_count(),
            waiting: waiting.as_ref().map(Duration::as_secs_f64),
        });
    }
}
