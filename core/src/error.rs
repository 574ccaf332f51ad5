//! Everything that can go wrong, and the one table of codes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::model::report::{Attempt, FileState, PublishReport};
use crate::model::request::PublishRequest;
use crate::protocol::outcome::{Fault, Outcome};
use crate::response::rows::{self, ApiError};

/// What kind of error it is. The bindings match on it exhaustively.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Missing or contradictory settings. Nothing was sent.
    Config,
    /// Values that cannot be sent. Nothing was sent.
    Input,
    /// The server was never reached: proven.
    Connect,
    /// The server refused the whole request.
    Rejected,
    /// 401.
    Authentication,
    /// 403.
    PermissionDenied,
    /// 429.
    RateLimited,
    /// The server may have processed the request.
    OutcomeUnknown,
    /// Some file is not ok; only from `raise_for_failures`.
    PublishFailures,
    /// A journal shows some of the files as sent. Nothing was sent now.
    AlreadySent,
    /// The journal is locked, of another run, damaged, cannot be written, or waits for a decision.
    Journal,
    /// A batch was stopped on request.
    Stopped,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Config,
        Self::Input,
        Self::Connect,
        Self::Rejected,
        Self::Authentication,
        Self::PermissionDenied,
        Self::RateLimited,
        Self::OutcomeUnknown,
        Self::PublishFailures,
        Self::AlreadySent,
        Self::Journal,
        Self::Stopped,
    ];

    /// The code that every language shows.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Config => "ERR_CONFIG",
            Self::Input => "ERR_INPUT",
            Self::Connect => "ERR_CONNECT",
            Self::Rejected => "ERR_REJECTED",
            Self::Authentication => "ERR_AUTHENTICATION",
            Self::PermissionDenied => "ERR_PERMISSION_DENIED",
            Self::RateLimited => "ERR_RATE_LIMITED",
            Self::OutcomeUnknown => "ERR_OUTCOME_UNKNOWN",
            Self::PublishFailures => "ERR_PUBLISH_FAILURES",
            Self::AlreadySent => "ERR_ALREADY_SENT",
            Self::Journal => "ERR_JOURNAL",
            Self::Stopped => "ERR_STOPPED",
        }
    }

    fn refusal(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            403 => Self::PermissionDenied,
            429 => Self::RateLimited,
            _ => Self::Rejected,
        }
    }
}

/// Where a request was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// After the body began to go out, before an answer.
    AwaitingAnswer,
    /// The answer arrived, but not whole, or it does not say what was done.
    ReadingAnswer,
    /// The POST was answered; a further page of results could not be read.
    ReadingPages,
}

impl Phase {
    /// The phase as it is written in errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingAnswer => "awaiting_answer",
            Self::ReadingAnswer => "reading_answer",
            Self::ReadingPages => "reading_pages",
        }
    }
}

/// An error with everything that is known about it. It holds no secret.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    errors: Vec<ApiError>,
    phase: Option<Phase>,
    retry_after: Option<Duration>,
    report: Option<Arc<PublishReport>>,
    /// The files that it is about, where that is not for the report to say.
    file_ids: Option<Vec<u64>>,
    /// The journal of the call.
    journal: Option<PathBuf>,
}

/// What to do about files whose outcome is unknown; the end of every such message.
const CHECK_FIRST: &str = "Do not run this again. Check each in Addepar, then publish only what is missing.";

/// The files in some state, for a message that may be all that is left in a log.
fn names(report: &PublishReport, wanted: impl Fn(FileState) -> bool) -> String {
    listed(report.files().iter().filter(|file| wanted(file.state)).map(|file| file.file_id))
}

/// Ids in brackets, the first ones of many.
pub(crate) fn listed(ids: impl Iterator<Item = u64>) -> String {
    const NAMED: usize = 20;
    let mut ids = ids.map(|id| id.to_string());
    let named = ids.by_ref().take(NAMED).collect::<Vec<_>>().join(", ");
    match ids.count() {
        0 => format!(" (files {named})"),
        more => format!(" (files {named} and {more} more)"),
    }
}

fn counted(files: usize) -> String {
    if files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: String) -> Self {
        Self(Box::new(Inner {
            kind,
            message,
            errors: Vec::new(),
            phase: None,
            retry_after: None,
            report: None,
            file_ids: None,
            journal: None,
        }))
    }

    /// An argument that the language of a binding lets through and Rust's types do not.
    #[must_use]
    pub fn input(message: String) -> Self {
        Self::new(ErrorKind::Input, message + " Nothing was sent.")
    }

    /// A setting that the language of a binding lets through and Rust's types do not.
    #[must_use]
    pub fn config(message: String) -> Self {
        Self::new(ErrorKind::Config, message + " Nothing was sent.")
    }

    /// No access token can be had; an earlier one may have been refused by the server.
    pub(crate) fn no_token(reason: &str) -> Self {
        Self::new(ErrorKind::Config, format!("No access token could be had: {reason}. Nothing was processed."))
    }

    /// Files that a journal shows as sent: `message` says when, how and in which run, the report what became of each.
    pub(crate) fn already_sent(message: String, file_ids: Vec<u64>, report: PublishReport) -> Self {
        let mut error = Self::new(ErrorKind::AlreadySent, message + " Nothing was sent now.").with_report(report);
        error.0.file_ids = Some(file_ids);
        error
    }

    pub(crate) fn publish_failures(report: PublishReport) -> Self {
        let message = format!(
            "Not every file is ok: {}{}. See .report; publishing a failed file again may e-mail those who already got one.",
            report.summary(),
            names(&report, |state| state != FileState::Ok),
        );
        Self::new(ErrorKind::PublishFailures, message).with_report(report)
    }

    /// The server was never reached; `cause` says why in the words of the layer that failed.
    pub(crate) fn connect(fault: Fault, cause: &str, report: PublishReport) -> Self {
        let advice = match fault {
            Fault::Certificate => " If the server uses a private certificate authority, name its file in `ca_file`.",
            Fault::Proxy => " Look at the setting `proxy` or the variables HTTPS_PROXY and NO_PROXY.",
            Fault::ConnectTimeout | Fault::Timeout | Fault::Connection => "",
        };
        let unanswered = report.attempts().iter().filter(|attempt| attempt.http_status.is_none()).count();
        let tries = if unanswered > 1 { format!(" after {unanswered} tries") } else { String::new() };
        let nothing = if unanswered == report.attempts().len() { "sent" } else { "processed" };
        let message = format!("The server was not reached{tries}: {cause}. Nothing was {nothing}.{advice}");
        Self::new(ErrorKind::Connect, message).with_report(report)
    }

    /// The server refused the whole request.
    pub(crate) fn refused(status: u16, errors: Vec<ApiError>, excerpt: Option<String>, report: PublishReport) -> Self {
        let said = errors
            .iter()
            .find_map(|error| error.detail.as_deref().or(error.title.as_deref()))
            .and_then(rows::excerpt)
            .or(excerpt)
            .map(|said| format!(": {said}"))
            .unwrap_or_default();
        let advice = match status {
            401 => " Look at the credentials; an access token lasts 60 minutes.",
            403 => {
                " For one or more of these files the permissions \"Portal: Share client files\" and \"Files: Create, \
                 edit, delete\" or the OAuth scopes FILE_WRITE (another page: FILES_WRITE) and PUBLISH_FILE are missing."
            }
            429 => {
                " The limit is per firm and shared with its other integrations: 50 requests in 15 minutes, 1,000 in 24 hours."
            }
            _ => "",
        };
        let message = format!("The server refused the request with {status}{said}. Nothing was processed.{advice}")
            .replace("..", ".");
        let mut error = Self::new(ErrorKind::refusal(status), message).with_report(report);
        error.0.errors = errors;
        error
    }

    /// The request went out and what became of it cannot be told. `what` is a sentence's beginning.
    pub(crate) fn unknown(what: &str, phase: Phase, report: PublishReport) -> Self {
        let files = counted(report.count(FileState::Unknown));
        let sent_at = report.attempts().last().and_then(|attempt| attempt.sent_at);
        let went = match sent_at.map(|time| humantime::format_rfc3339_seconds(time).to_string()) {
            Some(time) => format!("went to Addepar at {} UTC", time.get(11..19).unwrap_or(&time)),
            None => "went to Addepar".to_owned(),
        };
        let names = names(&report, |state| state == FileState::Unknown);
        let message = format!("{what}. {files} {went} and may have been published and e-mailed{names}. {CHECK_FIRST}");
        Self::new(ErrorKind::OutcomeUnknown, message).with_phase(phase).with_report(report)
    }

    /// The call was processed, and its result did not reach the caller, who had cancelled it.
    pub(crate) fn undelivered(report: Arc<PublishReport>) -> Self {
        let message = format!(
            "The call was cancelled after the server had processed it: {}{}. See .report. {CHECK_FIRST}",
            report.summary(),
            names(&report, |_| true),
        );
        Self::new(ErrorKind::OutcomeUnknown, message).with_phase(Phase::ReadingPages).with_report(report)
    }

    /// A call that is driven on in a process that was forked while it was under way.
    pub(crate) fn inherited(request: Option<&PublishRequest>) -> Self {
        let message = "This process was forked while the call was under way. The parent process continues with it; this \
                       one does not, and cannot know what becomes of its files. Do not publish them here.";
        let error = Self::new(ErrorKind::OutcomeUnknown, message.to_owned()).with_phase(Phase::AwaitingAnswer);
        match request.filter(|request| !request.file_ids().is_empty()) {
            Some(request) => error.with_report(PublishReport::uniform(request, FileState::Unknown, String::new())),
            None => error,
        }
    }

    /// A journal that cannot be used; `reason` goes on after its name.
    pub(crate) fn of_journal(path: &Path, reason: &str) -> Self {
        let message = format!("The journal {} {reason}. Nothing was sent.", path.display());
        Self::new(ErrorKind::Journal, message).with_journal(path)
    }

    /// A decision that a journal does not take; `reason` goes on after its name.
    pub(crate) fn journal_refuses(path: &Path, reason: &str) -> Self {
        let message = format!("The journal {} {reason}. Nothing was recorded.", path.display());
        Self::new(ErrorKind::Journal, message).with_journal(path)
    }

    /// A journal that waits for a person. `sent`: what became of the files, if something was sent just now.
    pub(crate) fn awaiting_decision(path: &Path, file_ids: &[u64], sent: Option<&str>, report: PublishReport) -> Self {
        let message = format!(
            "The journal {} waits for a decision: {} may have been published and e-mailed{}. Check each in Addepar (the \
             server may work on a request for a minute: not sooner), record what you find (published, not_published \
             or leave), then resume. {}.",
            path.display(),
            counted(file_ids.len()),
            listed(file_ids.iter().copied()),
            sent.unwrap_or("Nothing was sent"),
        );
        Self::new(ErrorKind::Journal, message).with_report(report).with_journal(path)
    }

    /// What a request came to could not be written down.
    pub(crate) fn unrecorded(failed: &Self, is_saved: bool, report: PublishReport) -> Self {
        let journal = if is_saved { "" } else { ", the journal is not: it shows the last request as unknown" };
        let message = format!(
            "{} The report of this error is true{journal}. {}",
            failed.message().trim_end_matches(" Nothing was sent."),
            report.summary(),
        );
        let error = Self::new(ErrorKind::Journal, message).with_report(report);
        match failed.journal() {
            Some(path) => error.with_journal(path),
            None => error,
        }
    }

    /// A journal that changed between the question and the answer.
    pub(crate) fn not_agreed(path: &Path, report: PublishReport) -> Self {
        let message = format!(
            "The journal {} changed since it was asked what to send: files are to be sent that nobody agreed to. Run the \
             command again. {}.",
            path.display(),
            report.summary(),
        );
        Self::new(ErrorKind::Journal, message).with_report(report).with_journal(path)
    }

    /// A batch that would have to wait longer than it may.
    pub(crate) fn paced(delay: Duration) -> Self {
        let message = format!(
            "The published limits of 50 requests in 15 minutes and 1,000 in 24 hours ask to wait {:.0} s, longer than \
             max_wait has left.",
            delay.as_secs_f64(),
        );
        Self::new(ErrorKind::RateLimited, message).with_retry_after(Some(delay))
    }

    /// A batch that was stopped on request.
    pub(crate) fn stopped(path: &Path, report: PublishReport) -> Self {
        let message =
            format!("The batch was stopped: {}. Resume it with its journal {}.", report.summary(), path.display());
        Self::new(ErrorKind::Stopped, message).with_report(report).with_journal(path)
    }

    /// The same error, of a batch whose files the report shows.
    pub(crate) fn in_batch(mut self, path: &Path, report: PublishReport) -> Self {
        let advice = match self.kind() {
            ErrorKind::OutcomeUnknown => "decide about each of these files in the journal, then resume",
            ErrorKind::RateLimited => "wait, then resume",
            _ => "fix it, then resume",
        };
        self.0.message = format!(
            "{} The batch stopped here ({}): {advice} with {}.",
            self.0.message,
            report.summary(),
            path.display(),
        );
        self.with_report(report).with_journal(path)
    }

    /// A 2xx whose body does not say what was done.
    pub(crate) fn unreadable(reason: &str, report: PublishReport) -> Self {
        Self::unknown(&format!("The answer cannot be read ({reason})"), Phase::ReadingAnswer, report)
    }

    pub(crate) fn with_report(mut self, report: impl Into<Arc<PublishReport>>) -> Self {
        self.0.report = Some(report.into());
        self
    }

    pub(crate) fn with_journal(mut self, path: &Path) -> Self {
        self.0.journal = Some(path.to_owned());
        self
    }

    pub(crate) fn with_phase(mut self, phase: Phase) -> Self {
        self.0.phase = Some(phase);
        self
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    pub(crate) fn with_errors(mut self, errors: Vec<ApiError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// What kind of error it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The code of the kind.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// What went wrong and what to do, in words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What became of the whole call or batch: [`Outcome::NotProcessed`] only if no file was or may have been processed.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let of_kind = match self.0.kind {
            ErrorKind::OutcomeUnknown => return Outcome::Unknown,
            ErrorKind::PublishFailures => Outcome::Processed,
            // Without a report nobody knows what its journal shows.
            ErrorKind::Journal | ErrorKind::Stopped => Outcome::Unknown,
            ErrorKind::Config
            | ErrorKind::Input
            | ErrorKind::AlreadySent
            | ErrorKind::Connect
            | ErrorKind::Rejected
            | ErrorKind::Authentication
            | ErrorKind::PermissionDenied
            | ErrorKind::RateLimited => Outcome::NotProcessed,
        };
        self.report().map_or(of_kind, PublishReport::outcome)
    }

    fn last_attempt(&self) -> Option<&Attempt> {
        self.report()?.attempts().last()
    }

    /// The status code of the last answer.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.last_attempt()?.http_status
    }

    /// The `X-Request-Id` of the last answer.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.last_attempt()?.request_id.as_deref()
    }

    /// How long the last attempt took.
    #[must_use]
    pub fn elapsed(&self) -> Option<Duration> {
        Some(self.last_attempt()?.elapsed)
    }

    /// The error objects of the answer.
    #[must_use]
    pub fn errors(&self) -> &[ApiError] {
        &self.0.errors
    }

    /// Where the request was lost.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// The delay that a 429 asked for.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The state of every file; on every error of a publish.
    #[must_use]
    pub fn report(&self) -> Option<&PublishReport> {
        self.0.report.as_deref()
    }

    /// The same report, for hosts that keep it longer than the error.
    #[must_use]
    pub fn shared_report(&self) -> Option<Arc<PublishReport>> {
        self.0.report.clone()
    }

    /// The files whose outcome is unknown; those that were sent before, of [`ErrorKind::AlreadySent`].
    #[must_use]
    pub fn file_ids(&self) -> Vec<u64> {
        if let Some(file_ids) = &self.0.file_ids {
            return file_ids.clone();
        }
        let unknown = self.report().into_iter().flat_map(|report| report.in_state(FileState::Unknown));
        unknown.map(|file| file.file_id).collect()
    }

    /// The journal of the call, if it has one.
    #[must_use]
    pub fn journal(&self) -> Option<&Path> {
        self.0.journal.as_deref()
    }

    /// The files about which a person has to decide before the journal can be resumed.
    #[must_use]
    pub fn undecided(&self) -> Vec<u64> {
        let report = self.report().filter(|_| self.journal().is_some());
        report.map(PublishReport::undecided).unwrap_or_default()
    }

    /// Everything but the report, as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Shown<'a> {
            code: &'static str,
            message: &'a str,
            outcome: Outcome,
            http_status: Option<u16>,
            request_id: Option<&'a str>,
            elapsed: Option<f64>,
            errors: &'a [ApiError],
            phase: Option<Phase>,
            retry_after: Option<f64>,
            file_ids: Vec<u64>,
            journal: Option<String>,
            undecided: Vec<u64>,
        }
        let shown = Shown {
            code: self.code(),
            message: self.message(),
            outcome: self.outcome(),
            http_status: self.http_status(),
            request_id: self.request_id(),
            elapsed: self.elapsed().as_ref().map(Duration::as_secs_f64),
            errors: self.errors(),
            phase: self.phase(),
            retry_after: self.retry_after().as_ref().map(Duration::as_secs_f64),
            file_ids: self.file_ids(),
            journal: self.journal().map(|path| path.display().to_string()),
            undecided: self.undecided(),
        };
        serde_json::to_string(&shown).unwrap_or_default()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("code", &self.code()).field("message", &self.message()).finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}
