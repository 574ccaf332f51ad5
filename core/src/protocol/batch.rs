//! A run: one call or a series of calls that a journal accompanies. It decides what is sent next and
//! what is written before and after; the client sends.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use url::Url;

use crate::config::settings::Config;
use crate::error::{Error, ErrorKind};
use crate::journal::file::{self, JournalFile};
use crate::journal::fingerprint;
use crate::journal::folder::{self, WayOn};
use crate::journal::history::{self, History};
use crate::journal::lock;
use crate::journal::record::{FORMAT, Header, Record};
use crate::model::attempt::Attempt;
use crate::model::attempt::Outcome;
use crate::model::batch::{BatchOptions, Progress, Repeat};
use crate::model::file_result::FileState;
use crate::model::report::PublishReport;
use crate::model::request::PublishRequest;
use crate::model::server::is_loopback;
use crate::protocol::pace::{PUBLISHED, Pace};

/// A run under way.
#[derive(Debug)]
pub(crate) struct Run {
    journal: JournalFile,
    /// Whether it is one call, whose own result counts.
    single: bool,
    chunk: u32,
    attempt: u32,
    /// The files of the chunk.
    file_ids: Vec<u64>,
    /// Whether an intent was written whose end was not.
    open: bool,
    /// How many attempts of the call under way are written.
    written: usize,
    max_wait: Duration,
    waited: Duration,
    pace: Pace,
    /// The files to which a person agreed; `None`: nobody was asked.
    agreed: Option<HashSet<u64>>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    UnderWay,
    /// It stays here after it was read: a caller who is interrupted meanwhile must still hear of it.
    Over(Result<Arc<PublishReport>, Error>),
    /// The caller that let go of it has the error.
    Abandoned,
}

/// What a run sends next.
pub(crate) struct Step {
    pub(crate) request: PublishRequest,
    /// How long to wait before.
    pub(crate) delay: Duration,
    /// How long its own waits may take.
    pub(crate) max_wait: Duration,
}

impl Run {
    /// A run of one call, with a journal in the folder.
    pub(crate) fn single(
        config: &Config,
        request: &PublishRequest,
        repeat: Repeat,
        folder: &Path,
    ) -> Result<Self, Error> {
        let _lock = folder::lock(folder)?;
        let report = PublishReport::uniform(request, FileState::NotProcessed, String::new());
        let (server, way_on) = ((&config.base_url, config.firm()), WayOn::Call);
        folder::refuse_repeats(folder, server, request.file_ids(), &report, None, repeat, way_on)?;
        let header = header(config, request, repeat);
        let path = folder::new_path(folder, &header.run);
        let journal = JournalFile::create(&path, header, history::chunks(request.file_ids(), usize::MAX, 1))?;
        let mut run = Self::new(journal, true, config.max_rate_limit_wait, Pace::default());
        run.file_ids = request.file_ids().to_vec();
        Ok(run)
    }

    /// A batch: a new one, or the one that the journal is of.
    pub(crate) fn batch(config: &Config, request: &PublishRequest, options: &BatchOptions) -> Result<Self, Error> {
        let max_wait = options.checked()?;
        let path = &options.journal;
        if file::exists(path)? {
            return Self::reopened(config, Some(request), options);
        }
        let _lock = config.journal_dir.as_deref().map(folder::lock).transpose()?;
        let report = PublishReport::uniform(request, FileState::NotProcessed, String::new());
        refuse_repeats(config, request.file_ids(), &report, options, WayOn::Call)?;
        let chunks = history::chunks(request.file_ids(), options.chunk_size, 1);
        let journal = JournalFile::create(path, header(config, request, options.repeat), chunks)?;
        Self::proceed(journal, max_wait, options.pace)
    }

    /// The batch that a journal is of.
    pub(crate) fn resumed(config: &Config, options: &BatchOptions) -> Result<Self, Error> {
        Self::reopened(config, None, options)
    }

    fn reopened(config: &Config, request: Option<&PublishRequest>, options: &BatchOptions) -> Result<Self, Error> {
        let max_wait = options.checked()?;
        let path = &options.journal;
        let _lock = config.journal_dir.as_deref().map(folder::lock).transpose()?;
        let journal = JournalFile::open(path)?;
        same_run(journal.history(), config, request).map_err(|differs| Error::of_journal(path, &differs))?;
        // Since it was made, another run may have sent what is left of it.
        let history = journal.history();
        let repeat = history.header().repeat;
        if options.repeat == Repeat::Allow && repeat == Repeat::Refuse {
            return Err(Error::input(format!(
                "`repeat` must be \"refuse\" for the journal {}, which was made with it. Record in it which files need \
                 not be sent (published or leave), then resume.",
                path.display(),
            )));
        }
        let options = BatchOptions { repeat, ..options.clone() };
        refuse_repeats(config, &history.to_be_sent(), &history.report(), &options, WayOn::Journal(path))?;
        Self::proceed(journal, max_wait, options.pace)
    }

    fn proceed(mut journal: JournalFile, max_wait: Duration, pace: bool) -> Result<Self, Error> {
        let undecided = journal.history().undecided();
        if !undecided.is_empty() {
            return Err(Error::awaiting_decision(journal.path(), &undecided, false, journal.history().report()));
        }
        if let Some(plan) = journal.history().further_plan(journal.history().chunk_size()) {
            journal.append(plan)?;
        }
        let pace = if pace {
            Pace::resumed(&PUBLISHED, journal.history().sent_ago(SystemTime::now()), Instant::now())
        } else {
            Pace::default()
        };
        Ok(Self::new(journal, false, max_wait, pace))
    }

    fn new(journal: JournalFile, single: bool, max_wait: Duration, pace: Pace) -> Self {
        Self {
            journal,
            single,
            chunk: 1,
            attempt: 1,
            file_ids: Vec::new(),
            open: false,
            written: 0,
            max_wait,
            waited: Duration::ZERO,
            pace,
            agreed: None,
            stage: Stage::UnderWay,
        }
    }

    /// Sends no other files than those to which a person agreed.
    pub(crate) fn agree_to(&mut self, agreed: Option<HashSet<u64>>) {
        self.agreed = agreed;
    }

    /// What is sent next; nothing if the run is over, or to stop before anything else is sent.
    pub(crate) fn step(&mut self, stopping: bool) -> Option<Step> {
        let Some((chunk, attempt, file_ids)) = self.journal.history().next_chunk() else {
            self.finish(Ok(()));
            return None;
        };
        if stopping {
            self.finish(Err(Error::stopped(self.journal.path(), self.report())));
            return None;
        }
        if let Some(agreed) = &self.agreed
            && !file_ids.iter().all(|id| agreed.contains(id))
        {
            let report = self.report();
            self.finish(Err(Error::not_agreed(self.journal.path(), report)));
            return None;
        }
        // An answer that says nothing of some file will hardly say more of the next ones.
        let undecided = self.journal.history().undecided();
        if !undecided.is_empty() {
            let report = self.report();
            self.finish(Err(Error::awaiting_decision(self.journal.path(), &undecided, true, report)));
            return None;
        }
        (self.chunk, self.attempt, self.open, self.written) = (chunk, attempt, false, 0);
        let request = self.journal.history().request().for_files(file_ids.clone());
        self.file_ids = file_ids;
        let delay = self.pace.delay(Instant::now());
        let left = self.max_wait.saturating_sub(self.waited);
        if delay > left {
            let error = Error::paced(delay).in_batch(self.journal.path(), self.report());
            self.finish(Err(error));
            return None;
        }
        self.waited += delay;
        Some(Step { request, delay, max_wait: left.saturating_sub(delay) })
    }

    /// Writes that the request is about to be sent. Unless this succeeds it must not be.
    pub(crate) fn intent(&mut self) -> Result<(), Error> {
        let (chunk, attempt) = (self.chunk, self.attempt);
        let file_ids = Some(self.file_ids.clone());
        if let Err(error) = self.journal.append(Record::Intent { chunk, attempt, file_ids }) {
            let reason = "the intent could not be written".to_owned();
            self.journal.unwritten(&Record::NotProcessed { chunk, attempt, result: None, reason });
            return Err(error);
        }
        self.open = true;
        self.pace.sent(Instant::now());
        Ok(())
    }

    /// Writes how an attempt ended, before anybody hears of it. `over`: the end of the call.
    pub(crate) fn ended(
        &mut self,
        attempts: &[Attempt],
        over: Option<&Result<Arc<PublishReport>, Error>>,
    ) -> Result<(), Error> {
        if !self.open {
            return Ok(());
        }
        let (chunk, attempt) = (self.chunk, self.attempt);
        let report = over.and_then(|result| match result {
            Ok(report) => Some(report.as_ref()),
            Err(error) => error.report(),
        });
        let reason = |error: &Error| error.message().to_owned();
        let record = match (attempts.get(self.written), report) {
            (Some(result), _) if result.outcome == Outcome::NotProcessed => {
                let reason = over.and_then(|over| over.as_ref().err()).map(reason);
                let reason = reason.unwrap_or_else(|| "it is tried again".to_owned());
                Record::NotProcessed { chunk, attempt, result: Some(result.clone()), reason }
            }
            (Some(result), Some(report)) => Record::Outcome {
                chunk,
                attempt,
                outcome: result.outcome,
                result: result.clone(),
                files: report.files().to_vec(),
                unexpected: report.unexpected().to_vec(),
                raw: report.raw().to_owned(),
            },
            // Further pages are yet to come.
            (Some(_), None) => return Ok(()),
            (None, _) => {
                let Some(Err(error)) = over else { return Ok(()) };
                Record::NotProcessed { chunk, attempt, result: None, reason: reason(error) }
            }
        };
        self.open = false;
        self.attempt += 1;
        self.written = attempts.len();
        self.journal.append(record)
    }

    /// Takes in the end of a call. `true`: the run goes on.
    pub(crate) fn call_over(&mut self, result: Result<Arc<PublishReport>, Error>, waited: Duration) -> bool {
        self.waited += waited;
        if self.single {
            self.stage = Stage::Over(result.map_err(|error| error.with_journal(self.journal.path())));
            self.journal.release();
            return false;
        }
        match result {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::Stopped => {
                self.finish(Err(Error::stopped(self.journal.path(), self.report())));
                false
            }
            Err(error) => {
                self.finish(Err(error.in_batch(self.journal.path(), self.report())));
                false
            }
        }
    }

    /// The end of a run whose journal cannot be written any more; `over` is the end of its call.
    pub(crate) fn unrecorded(&mut self, failed: Error, over: Option<&Result<Arc<PublishReport>, Error>>) {
        let own = over.filter(|_| self.single).and_then(|over| match over {
            Ok(report) => Some(report.as_ref().clone()),
            Err(error) => error.report().cloned(),
        });
        let report = own.unwrap_or_else(|| self.report());
        self.finish(Err(Error::unrecorded(failed, self.journal.is_saved(), report)));
    }

    fn finish(&mut self, result: Result<(), Error>) {
        let result = result.map(|()| Arc::new(self.report()));
        self.stage = Stage::Over(result);
        self.journal.release();
    }

    pub(crate) fn result(&self) -> Option<Result<Arc<PublishReport>, Error>> {
        match &self.stage {
            Stage::Over(result) => Some(result.clone()),
            Stage::UnderWay | Stage::Abandoned => None,
        }
    }

    /// What was asked, all chunks together.
    pub(crate) fn request(&self) -> &PublishRequest {
        self.journal.history().request()
    }

    pub(crate) fn is_over(&self) -> bool {
        !matches!(self.stage, Stage::UnderWay)
    }

    pub(crate) fn is_single(&self) -> bool {
        self.single
    }

    /// The error of a stop, for the call under way.
    pub(crate) fn stopped(&self) -> Error {
        Error::stopped(self.journal.path(), self.report())
    }

    /// Ends the run for a caller that lets go of it; `lost` says what had gone out. `None`: nothing, or it was told.
    pub(crate) fn abandon(&mut self, lost: Option<Error>, attempts: &[Attempt]) -> Option<Error> {
        match std::mem::replace(&mut self.stage, Stage::Abandoned) {
            Stage::UnderWay => {}
            Stage::Over(Ok(report)) => return Some(Error::undelivered(report)),
            Stage::Over(Err(error)) => {
                return (!self.single || error.outcome() != Outcome::NotProcessed).then_some(error);
            }
            Stage::Abandoned => return None,
        }
        let end = Err(lost.clone().unwrap_or_else(|| self.stopped()));
        let ended = self.ended(attempts, Some(&end));
        self.journal.release();
        if let Err(failed) = ended {
            return Some(Error::unrecorded(failed, self.journal.is_saved(), self.report()));
        }
        match lost {
            lost if self.single => lost.map(|lost| lost.with_journal(self.journal.path())),
            Some(lost) => Some(lost.in_batch(self.journal.path(), self.report())),
            None => Some(self.stopped()),
        }
    }

    fn report(&self) -> PublishReport {
        self.journal.history().report()
    }

    pub(crate) fn progress(&self, waiting: Option<Duration>) -> Progress {
        let history = self.journal.history();
        let [ok, failed, unknown, not_processed] = history.counts();
        Progress {
            total: history.files().len(),
            ok,
            failed,
            unknown,
            not_processed,
            chunk: self.chunk,
            chunks: history.chunk_count(),
            waiting: waiting.as_ref().map(Duration::as_secs_f64),
        }
    }
}

/// Gives the error of a batch that was not even begun a report: what its journal shows, since files of it may have
/// been sent before, or are being sent by another process. Where that cannot be read, nobody knows.
pub(crate) fn with_states(error: Error, config: &Config, path: &Path, request: Option<&PublishRequest>) -> Error {
    if error.report().is_some() {
        return error;
    }
    // Where the journal was displaced, what is true stands beside it.
    let saved = file::displaced(path);
    let shown = saved.as_ref().ok().and_then(Option::as_deref).unwrap_or(path);
    let report = match (JournalFile::look(shown), request) {
        (Ok(history), Some(request)) if same_run(&history, config, Some(request)).is_err() => {
            if history.header().is_of(&config.base_url, config.firm()) {
                history.report_on(request)
            } else {
                PublishReport::uniform(request, FileState::NotProcessed, String::new())
            }
        }
        (Ok(history), _) => history.report(),
        (Err(_), Some(request)) => {
            // What is there and not a file never was a journal; a link that leads nowhere may be one.
            let has_none = match file::exists(path) {
                Ok(is_there) => !is_there || fs::metadata(path).is_ok_and(|found| !found.is_file()),
                Err(_) => false,
            };
            let state = if has_none { FileState::NotProcessed } else { FileState::Unknown };
            PublishReport::uniform(request, state, String::new())
        }
        (Err(_), None) => return error,
    };
    error.with_earlier(report)
}

/// Refuses what other journals in the folder show as sent, and a journal that the folder would not show.
fn refuse_repeats(
    config: &Config,
    file_ids: &[u64],
    report: &PublishReport,
    options: &BatchOptions,
    way_on: WayOn<'_>,
) -> Result<(), Error> {
    let Some(folder) = &config.journal_dir else { return Ok(()) };
    let path = &options.journal;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (Ok(folder), Some(name)) = (fs::canonicalize(folder), path.file_name()) else {
        return Err(not_in_folder(folder, path));
    };
    if !folder::is_journal(path) || fs::canonicalize(parent).ok().as_ref() != Some(&folder) {
        return Err(not_in_folder(&folder, path));
    }
    let (server, own) = ((&config.base_url, config.firm()), folder.join(name));
    folder::refuse_repeats(&folder, server, file_ids, report, Some(&own), options.repeat, way_on)
}

fn not_in_folder(folder: &Path, path: &Path) -> Error {
    Error::input(format!(
        "`journal` must be a .jsonl file in the folder of journals {}, or later calls could not see what was sent; it is \
         {}.",
        folder.display(),
        path.display(),
    ))
}

fn header(config: &Config, request: &PublishRequest, repeat: Repeat) -> Header {
    let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    Header {
        format: FORMAT,
        library: env!("CARGO_PKG_VERSION").to_owned(),
        run: format!("{:016x}", fastrand::u64(..)),
        base_url: config.base_url.as_str().trim_end_matches('/').to_owned(),
        firm_id: config.firm().to_owned(),
        portal_publishing: request.portal_publishing(),
        contact_notification: request.contact_notification(),
        publish_override_contact_ids: request.publish_override_contact_ids().to_vec(),
        operator: variable("USER").or_else(|| variable("USERNAME")),
        host: lock::host(),
        simulated: is_loopback(&config.base_url),
        repeat,
        fingerprint: fingerprint(config, request),
    }
}

fn fingerprint(config: &Config, request: &PublishRequest) -> String {
    fingerprint::fingerprint(&config.base_url.origin().ascii_serialization(), config.firm(), request)
}

/// Whether a journal is of this client's firm and, where it is given, of this request; or what differs.
fn same_run(history: &History, config: &Config, request: Option<&PublishRequest>) -> Result<(), String> {
    let (header, journalled) = (history.header(), history.request());
    let request = request.unwrap_or(journalled);
    // No hash of a later line may cover the plan yet.
    let edited = || Err("was edited: its plan is not of the run in its header".to_owned());
    if header.fingerprint == fingerprint(config, request) {
        let intact = journalled == request || header.fingerprint == fingerprint(config, journalled);
        return if intact { Ok(()) } else { edited() };
    }
    let mut differs = Vec::new();
    let mut differ = |what: &str, there: &str, here: &str| {
        if there != here {
            differs.push(format!("{what} is {there} there and {here} here"));
        }
    };
    let origin = |url: &str| Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    differ("the server", &origin(&header.base_url), &config.base_url.origin().ascii_serialization());
    differ("firm_id", &header.firm_id, config.firm());
    differ("portal_publishing", header.portal_publishing.as_str(), request.portal_publishing().as_str());
    differ("contact_notification", header.contact_notification.as_str(), request.contact_notification().as_str());
    let contacts = |ids: &[u64]| format!("{ids:?}");
    differ(
        "publish_override_contact_ids",
        &contacts(&header.publish_override_contact_ids),
        &contacts(request.publish_override_contact_ids()),
    );
    let missing = |from: &[u64], of: &[u64]| {
        let from: std::collections::HashSet<_> = from.iter().collect();
        of.iter().filter(|id| !from.contains(id)).count()
    };
    let (there, here) = (journalled.file_ids(), request.file_ids());
    let (more, fewer) = (missing(there, here), missing(here, there));
    if more + fewer > 0 {
        differs.push(format!("{more} of the files here are not there, and {fewer} of the files there are not here"));
    }
    if differs.is_empty() {
        return edited();
    }
    Err(format!("is of another run: {}", differs.join("; ")))
}
