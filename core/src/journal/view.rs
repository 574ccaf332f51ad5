//! A journal for people, who look at a run and decide about files whose outcome is unknown.

#[cfg(feature = "cli")]
use std::collections::HashMap;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{self, Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tracing::warn;

use crate::error::{Error, JournalReason};
use crate::journal::file::JournalFile;
use crate::journal::folder;
use crate::journal::history::{self, Decision, History, Since};
use crate::journal::lock::LettingGo;
use crate::journal::record::{self, Record};
use crate::journal::settle;
use crate::journal::store::{Dated, Unrecorded};
use crate::model::display::counted;
use crate::model::file_result::{FileResult, FileState, Verdict};
use crate::model::id::{self, RawId};
use crate::model::message::{message, name};
use crate::model::ranges;
use crate::model::report::{Beside, PublishReport};
use crate::model::request::PublishRequest;
use crate::model::times;
use crate::model::times::rfc3339;
use crate::runtime::clock;

/// A journal as it was when it was read, with what was recorded by it since.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
    history: History,
    /// What somebody should know of the last decision.
    warning: Option<String>,
}

/// A file in a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalledFile {
    /// What became of it, as far as the server said.
    #[serde(flatten)]
    pub result: FileResult,
    /// The chunk in which it was, or will be, sent.
    pub chunk: u32,
    /// Who decided about it.
    pub decided_by: Option<String>,
    /// When.
    #[serde(with = "rfc3339")]
    pub decided_at: Option<SystemTime>,
    /// On what evidence.
    pub evidence: Option<String>,
    /// Whether another call was sending it when the journal was read, or was about to: nobody has to decide about it.
    pub in_flight: bool,
}

/// What a person found out about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) file_id: u64,
    pub(crate) verdict: Verdict,
    /// On what evidence.
    pub(crate) evidence: Option<String>,
    /// Whether a list says that it is about the last request with the file.
    pub(crate) is_of_a_list: bool,
}

/// A chunk in a journal: the files of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalledChunk {
    /// Its number, from 1.
    pub chunk: u32,
    /// `processed`, `unknown`, `not_processed`, or `in_flight` where another call is sending it, or is about to.
    pub state: &'static str,
    /// How often it was about to be sent.
    pub attempts: u32,
    /// When it was sent last.
    #[serde(with = "rfc3339")]
    pub sent_at: Option<SystemTime>,
    /// Its files.
    pub file_ids: Vec<u64>,
}

/// That some of these files of a journal were not sent, and will not be, since somebody decided so. It is allowed: they may
/// have been published in some other way. It may be a slip as well.
fn never_sent(path: &Path, history: &History, file_ids: &[u64]) -> Option<String> {
    let files: Vec<&history::File> = file_ids.iter().filter_map(|id| history.file(*id)).collect();
    let files: Vec<&history::File> = files.into_iter().filter(|file| file.is_done_elsewhere()).collect();
    let mut ids: Vec<u64> = files.iter().map(|file| file.id).collect();
    ids.sort_unstable();
    let were = if ids.len() == 1 { "was" } else { "were" };
    let what = if files.iter().all(|file| history.sent_at(file.chunk).is_none()) {
        "never sent, and will not be"
    } else {
        // The server refused the request, say.
        "not processed, and will not be sent any more"
    };
    (!ids.is_empty()).then(|| {
        let (files, named) = (counted(ids.len(), "file"), ranges::excerpt(&ids));
        format!("{files} of the journal {} ({named}) {were} {what}", path.display())
    })
}

/// What has happened to some of these files since somebody read the journal, in words.
fn news(history: &History, shown: &History, file_ids: impl Iterator<Item = u64>) -> Option<String> {
    let mut happened: Vec<(Happened, Vec<u64>)> = Vec::new();
    for id in file_ids {
        let Some(what) = history.since(shown, id).map(Happened::from) else { continue };
        match happened.iter_mut().find(|(other, _)| *other == what) {
            Some((_, ids)) => ids.push(id),
            None => happened.push((what, vec![id])),
        }
    }
    let told: Vec<String> = happened.into_iter().map(|(what, ids)| what.to(ids)).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// The files that went out after something had been decided in the same words, or in some words where these are none; `others`:
/// the journals beside it, where a call that sent a file again has a journal of its own, and the file may wait for a decision. To
/// leave it at that claims nothing about a request.
fn sent_since_words(history: &History, others: &[History], findings: &[Finding], by: &str) -> Option<String> {
    let claiming = findings.iter().filter(|finding| finding.verdict != Verdict::Leave && !finding.is_of_a_list);
    sent(claiming.filter_map(|Finding { file_id, evidence, .. }| {
        let waiting = others.iter().filter_map(|other| other.undecided_since(*file_id));
        let last = waiting.chain([history.unknown_since(*file_id)?]).max()?;
        let evidence = evidence.as_deref();
        let are_repeated = !history.can_be_about_it(*file_id, by, evidence)
            || history.has_said(None, by, evidence, last)
            || others.iter().any(|other| other.has_said(Some(*file_id), by, evidence, last));
        are_repeated.then_some((*file_id, last))
    }))
}

/// The files of a list that went out in another run after the request that the list is about, where they wait for a decision.
fn sent_since_list(history: &History, others: &[History], findings: &[Finding]) -> Option<String> {
    let claiming = findings.iter().filter(|finding| finding.verdict != Verdict::Leave && finding.is_of_a_list);
    sent(claiming.filter_map(|Finding { file_id, .. }| {
        let own = history.unknown_since(*file_id)?;
        let last = others.iter().filter_map(|other| other.undecided_since(*file_id)).max()?;
        (own < last).then_some((*file_id, last))
    }))
}

/// Which files were sent, and when the last of them was; `None` if there are none.
fn sent(files: impl Iterator<Item = (u64, SystemTime)>) -> Option<String> {
    let (mut ids, times): (Vec<u64>, Vec<SystemTime>) = files.unzip();
    ids.sort_unstable();
    let last = times.into_iter().max()?;
    let were = if ids.len() == 1 { "was" } else { "were" };
    Some(format!("{} ({}) {were} sent at {}", counted(ids.len(), "file"), ranges::excerpt(&ids), times::text(last)))
}

/// What has happened to a file, in words around it: before it, and after one of them or several.
#[derive(PartialEq, Eq)]
struct Happened {
    before: String,
    one: String,
    several: String,
}

impl From<Since<'_>> for Happened {
    fn from(since: Since<'_>) -> Self {
        let (before, one, several) = match since {
            Since::Sent(at) => {
                let at = times::text(at);
                (String::new(), format!("was sent at {at}"), format!("were sent at {at}"))
            }
            Since::Decided(Decision { verdict, by, at, .. }) => {
                let at = format!("at {}", times::text(*at));
                (format!("{by} decided {} about ", verdict.as_str()), at.clone(), at)
            }
            Since::ToBeSent => (
                String::new(),
                "was found not to be published, and is to be sent".to_owned(),
                "were found not to be published, and are to be sent".to_owned(),
            ),
        };
        Self { before, one, several }
    }
}

impl Happened {
    fn to(&self, mut ids: Vec<u64>) -> String {
        ids.sort_unstable();
        let after = if ids.len() == 1 { &self.one } else { &self.several };
        format!("{}{} ({}) {after}", self.before, counted(ids.len(), "file"), ranges::excerpt(&ids))
    }
}

impl JournalledFile {
    fn of(file: &history::File, history: &History) -> Self {
        let mut result = history.result(file);
        let is_awaited = history.is_written() && result.await_another_call();
        // What is awaited carries a decision out.
        let decision = file.decision().filter(|_| !is_awaited);
        Self {
            result,
            chunk: file.chunk,
            decided_by: decision.map(|decision| decision.by.clone()),
            decided_at: decision.map(|decision| decision.at),
            evidence: decision.and_then(|decision| decision.evidence.clone()),
            in_flight: is_awaited || history.is_in_flight(file),
        }
    }
}

/// The files that another call may be about to send, since it writes the journal.
fn awaited(history: &History) -> HashSet<u64> {
    if history.is_written() { history.to_be_sent().into_iter().collect() } else { HashSet::new() }
}

/// The run so far; files that another call may be about to send are in flight as well.
fn report(history: &History) -> PublishReport {
    history.report().awaiting(&awaited(history))
}

impl Journal {
    /// Reads a journal. Another process may be writing it.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) where it is missing, damaged, cut short or of a newer version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        // The working directory may change before somebody decides.
        let path = path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned());
        let path = folder::by_its_own_name(&path);
        LettingGo::until_now().wait(&path);
        let history = folder::observe_journal(&path)?;
        Ok(Self { path, history, warning: None })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it shows.
    #[cfg(feature = "cli")]
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// What the run is about.
    #[cfg(feature = "cli")]
    pub(crate) fn header(&self) -> &record::Header {
        self.history.header()
    }

    /// What was asked, all chunks together.
    #[must_use]
    pub fn request(&self) -> &PublishRequest {
        self.history.request()
    }

    /// Every file, in the order asked.
    #[must_use]
    pub fn files(&self) -> Vec<JournalledFile> {
        self.history.files().iter().map(|file| JournalledFile::of(file, &self.history)).collect()
    }

    /// Every chunk, in order.
    #[must_use]
    pub fn chunks(&self) -> Vec<JournalledChunk> {
        let awaited = awaited(&self.history);
        let shown = |(number, chunk, file_ids): (u32, &history::ChunkHistory, Vec<u64>)| JournalledChunk {
            chunk: number,
            state: if file_ids.iter().any(|id| awaited.contains(id)) {
                "in_flight"
            } else {
                self.history.state_of(chunk)
            },
            attempts: chunk.attempts,
            sent_at: chunk.sent_at,
            file_ids,
        };
        self.history.chunks().map(shown).collect()
    }

    /// The chunk with which each file went out last; one that is to be sent again may be planned in another one by now.
    #[cfg(feature = "cli")]
    pub(crate) fn last_chunks(&self) -> HashMap<u64, u32> {
        self.history.files().iter().map(|file| (file.id, self.history.last_chunk(file))).collect()
    }

    /// When each file went out last; where the server did not begin to process it, that is when it refused it.
    #[cfg(feature = "cli")]
    pub(crate) fn sent_at(&self) -> HashMap<u64, SystemTime> {
        let at = |file: &history::File| {
            let refused = || self.history.sent_at(file.chunk).filter(|_| file.state == FileState::NotProcessed);
            Some((file.id, self.history.last_sent_at(file).or_else(refused)?))
        };
        self.history.files().iter().filter_map(at).collect()
    }

    /// The files whose outcome is unknown and about which nobody has decided yet.
    #[must_use]
    pub fn undecided(&self) -> Vec<u64> {
        self.history.undecided()
    }

    /// The files that another call was sending when the journal was read, or was about to: what becomes of them is to be
    /// awaited.
    #[must_use]
    pub fn in_flight(&self) -> Vec<u64> {
        let files = self.files().into_iter().filter(|file| file.in_flight);
        files.map(|file| file.result.file_id).collect()
    }

    /// What going on sends, request by request, if nothing comes in between.
    #[cfg(feature = "cli")]
    pub(crate) fn to_come(&self) -> Vec<record::Chunk> {
        self.history.to_come()
    }

    /// The run so far as a report. Raw answers stay in the journal.
    #[must_use]
    pub fn report(&self) -> PublishReport {
        report(&self.history).kept_in(&self.path)
    }

    /// Records what a person found out about files whose outcome is unknown, and on what evidence; or that files which
    /// are yet to be sent need not be, since they were published in some other way: that is logged as a warning. Returns
    /// the files about which somebody had decided before, as they were then: the new decision replaces that one, which this
    /// journal has shown. This journal shows it from then on; what others have recorded since it was read, a new one shows.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input), naming the values that are not ids.
    /// [`JournalReason::Outdated`] where, since the journal was read, somebody else decided about one of these files, or it
    /// was sent, or the journal is another run's: read it again. Also where a file is said to be published, or not to be, in words,
    /// `by` and `evidence`, in which anything was decided before the file was sent last, or without evidence once anything was: a
    /// script that runs again may say so.
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) where a file is not of this run or its outcome
    /// is known, where the journal is being written, or where a file is said not to be published sooner than 90 s after
    /// it was sent: the server may still be at work.
    pub fn decide<Ids>(
        &mut self,
        file_ids: Ids,
        verdict: Verdict,
        by: &str,
        evidence: Option<&str>,
    ) -> Result<Vec<JournalledFile>, Error>
    where
        Ids: IntoIterator,
        Ids::Item: Into<RawId>,
    {
        let found = |file_id| Finding { file_id, verdict, evidence: evidence.map(str::to_owned), is_of_a_list: false };
        let file_ids = id::validate("file_ids", file_ids).map_err(Error::from);
        let findings = file_ids.map(|file_ids| file_ids.into_iter().map(found).collect());
        findings.and_then(|findings| self.record(findings, by)).map_err(|error| self.not_recorded(error))
    }

    /// Records what a person found out about each of some files: all of it or nothing.
    #[cfg(feature = "cli")]
    pub(crate) fn decide_each(&mut self, findings: Vec<Finding>, by: &str) -> Result<Vec<JournalledFile>, Error> {
        self.record(findings, by).map_err(|error| self.not_recorded(error))
    }

    /// An error of a decision, with what the journal shows by now, or showed when it was read; nothing of it, where another
    /// run's journal stands in its place. For hosts that refuse a word before they decide.
    #[doc(hidden)]
    #[must_use]
    pub fn not_recorded(&self, error: Error) -> Error {
        let now = JournalFile::observe(&self.path);
        let history = match &now {
            Ok(now) if !now.is_of_the_run_of(&self.history) => return error.recording_nothing(),
            Ok(now) => now,
            Err(_) => &self.history,
        };
        error.recording_nothing().with_report(report(history).kept_in(&self.path)).with_journal(&self.path)
    }

    /// What somebody should know of the last decision: it was about files that were not sent, and will not be. For hosts
    /// that log in their own way.
    #[doc(hidden)]
    pub fn take_warning(&mut self) -> Option<String> {
        self.warning.take()
    }

    fn record(&mut self, findings: Vec<Finding>, by: &str) -> Result<Vec<JournalledFile>, Error> {
        self.warning = None;
        if by.trim().is_empty() {
            return Err(Error::input(message![name("by"), " must name who decides, not be empty."]));
        }
        if findings.is_empty() {
            return Err(Error::input(message![
                name("file_ids"),
                " must name the files that are decided about, and names none."
            ]));
        }
        LettingGo::until_now().wait(&self.path);
        let (mut file, mut history) = folder::open_journal(&self.path)?;
        folder::refuse_one_that_lacks_lines(&self.path, &history)?;
        let now = clock::now();
        let outdated = |what: &str| {
            let advice = "Read the journal again before you decide.";
            Error::of_journal(&self.path, JournalReason::Outdated, what).with_advice(advice)
        };
        if !history.is_of_the_run_of(&self.history) {
            return Err(outdated("is of another run since it was read"));
        }
        if let Some(news) = news(&history, &self.history, findings.iter().map(|finding| finding.file_id)) {
            return Err(outdated(&format!("was continued since it was read: {news}")));
        }
        let claiming = findings.iter().filter(|finding| finding.verdict != Verdict::Leave);
        let others = folder::others_about(&self.path, &history, claiming.map(|finding| finding.file_id));
        if let Some(sent) = sent_since_list(&history, &others, &findings) {
            let what = format!("takes no list about an earlier request: {sent} by another run of this folder");
            let advice = "Decide in that run's journal.";
            return Err(Error::of_journal(&self.path, JournalReason::Outdated, &what).with_advice(advice));
        }
        if let Some(sent) = sent_since_words(&history, &others, &findings, by) {
            let what = format!(
                "takes no `published` or `not_published` in these words: {sent}, and the words may be from before that"
            );
            let advice = message!["Look again, and say in ", name("evidence"), " what was found after that request."];
            return Err(Error::of_journal(&self.path, JournalReason::Outdated, &what).with_advice(advice));
        }
        if !history.header().is_local() {
            self.refuse_haste(&history, &findings, now.wall)?;
        }
        let decided = |finding: &Finding| history.file(finding.file_id).filter(|file| file.decision().is_some());
        let replaced =
            findings.iter().filter_map(decided).map(|file| JournalledFile::of(file, &history)).collect::<Vec<_>>();
        let decision = |Finding { file_id, verdict, evidence, .. }| Record::Decision {
            file_id,
            decision: verdict,
            by: by.to_owned(),
            evidence,
        };
        // All of them or none: a mistake in the list leaves nothing of it written.
        let file_ids: Vec<u64> = findings.iter().map(|finding| finding.file_id).collect();
        let records: Vec<Dated> = findings.into_iter().map(|finding| (decision(finding), now.utc())).collect();
        for (record, at) in &records {
            history
                .apply(record, *at)
                .map_err(|reason| Error::journal_refuses(&self.path, &format!("refuses {reason}")))?;
        }
        file.append(records.clone()).map_err(|unrecorded| match unrecorded {
            Unrecorded::Failed { error, .. } => error,
            Unrecorded::Lost => {
                Error::of_journal(&self.path, JournalReason::Changed, "was changed by something else meanwhile")
            }
        })?;
        folder::take_in(&self.path, &history.header().run, file.end());
        self.warning = never_sent(&self.path, &history, &file_ids);
        // Nobody has looked at what else is on disk by now.
        for (record, at) in &records {
            self.show(record, *at);
        }
        if let Some(warning) = &self.warning {
            // A logger that panics costs nobody a result.
            let _ = catch_unwind(AssertUnwindSafe(|| warn!(target: "addepar_portal", "{warning}")));
        }
        Ok(replaced)
    }

    /// Shows what was recorded about a file that has no news.
    fn show(&mut self, record: &Record, at: SystemTime) {
        let shown = self.history.apply(record, at);
        debug_assert!(shown.is_ok(), "a file without news is as it was: {shown:?}");
    }

    /// This journal, with what `settle` has recorded about these files; what else has happened since it was read, a new one
    /// shows.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[doc(hidden)]
    pub fn settled(&self, file_ids: &[u64]) -> Result<Self, Error> {
        let (mut settled, now) = (self.clone(), Self::open(&self.path)?.history);
        for file_id in file_ids.iter().copied().filter(|_| now.is_of_the_run_of(&self.history)) {
            let Some(Since::Decided(decision)) = now.since(&self.history, file_id) else { continue };
            // Somebody may have decided otherwise by now.
            if decision.by == settle::BY {
                let Decision { verdict: decision, by, evidence, at, .. } = decision.clone();
                settled.show(&Record::Decision { file_id, decision, by, evidence }, at);
            }
        }
        Ok(settled)
    }

    /// Refuses to believe that files are not published while the server may still be publishing them.
    fn refuse_haste(&self, history: &History, findings: &[Finding], now: SystemTime) -> Result<(), Error> {
        const PATIENCE: Duration = Duration::from_secs(90);
        let not_published = findings.iter().filter(|finding| finding.verdict == Verdict::NotPublished);
        let wanted: HashSet<u64> = not_published.map(|finding| finding.file_id).collect();
        let files = history.files().iter().filter(|file| wanted.contains(&file.id) && file.state == FileState::Unknown);
        let latest = files.filter_map(|file| Some((history.last_sent_at(file)? + PATIENCE, file.id))).max();
        match latest.filter(|(ready, _)| *ready > now) {
            None => Ok(()),
            Some((ready, id)) => Err(Error::of_journal(
                &self.path,
                JournalReason::TooEarly,
                &format!(
                    "takes no `not_published` about file {id} before {}: Addepar may still be working on the request",
                    times::text(ready + Duration::from_secs(1)),
                ),
            )),
        }
    }

    /// The whole journal as JSON: what it is about, `files`, `chunks`, `undecided`, and what the answers have beside the
    /// files, as in a report.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.to_json_with(self.files())
    }

    /// The same, with some of its files alone.
    pub(crate) fn to_json_with(&self, files: Vec<JournalledFile>) -> String {
        #[derive(Serialize)]
        struct Shown<'a> {
            #[serde(flatten)]
            header: &'a record::Header,
            files: Vec<JournalledFile>,
            chunks: Vec<JournalledChunk>,
            undecided: Vec<u64>,
            in_flight: Vec<u64>,
            #[serde(flatten)]
            beside: Beside,
        }
        let shown = Shown {
            header: self.history.header(),
            files,
            chunks: self.chunks(),
            undecided: self.undecided(),
            in_flight: self.in_flight(),
            beside: self.history.beside(),
        };
        serde_json::to_string(&shown).unwrap_or_default()
    }
}
