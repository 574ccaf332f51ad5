//! Everything that can go wrong, and the one table of its kinds.
//!
//! An [`Error`] holds what is known as values. It is put into words last: the problem, what follows from it for the
//! files (worked out from the report), and what to do.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::model::api_error::ApiError;
use crate::model::attempt::{Attempt, Fault, Outcome};
use crate::model::display::{counted, excerpt, listed, time_of_day};
use crate::model::file_result::FileState;
use crate::model::id::{self, MAX_ID, RawId};
use crate::model::invalid_input::InvalidInput;
use crate::model::message::{
    Language, Message, Part, command, decide, in_programs, leave, message, name, resume, seconds,
};
use crate::model::report::PublishReport;
use crate::model::request::{Asks, PublishRequest};
use crate::response::Unreadable;

macro_rules! kinds {
    ($($(#[$docs:meta])* $kind:ident = $code:literal, $class:literal;)*) => {
        /// What kind of error it is. Tests compare the classes of the bindings with [`ErrorKind::ALL`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$docs])* $kind,)*
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The code that every language shows.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)*
                }
            }

            /// The name of its class in Python and Node.
            #[must_use]
            pub const fn class_name(self) -> &'static str {
                match self {
                    $(Self::$kind => $class,)*
                }
            }
        }
    };
}

kinds! {
    /// Missing or contradictory settings, or no access token could be had. The request was not sent; of a batch, earlier ones
    /// may have been.
    Config = "ERR_CONFIG", "ConfigError";
    /// Values that cannot be sent. Nothing was sent now.
    Input = "ERR_INPUT", "InputError";
    /// The server was never reached by that request: proven.
    Connect = "ERR_CONNECT", "ConnectError";
    /// The server refused the whole request.
    Rejected = "ERR_REJECTED", "RejectedError";
    /// 401.
    Authentication = "ERR_AUTHENTICATION", "AuthenticationError";
    /// 403.
    PermissionDenied = "ERR_PERMISSION_DENIED", "PermissionDeniedError";
    /// 429.
    RateLimited = "ERR_RATE_LIMITED", "RateLimitedError";
    /// The server may have processed the request.
    OutcomeUnknown = "ERR_OUTCOME_UNKNOWN", "OutcomeUnknownError";
    /// Some file is not ok; only from `raise_for_failures`.
    PublishFailures = "ERR_PUBLISH_FAILURES", "PublishFailuresError";
    /// A journal shows some of the files as sent. Nothing was sent now.
    AlreadySent = "ERR_ALREADY_SENT", "AlreadySentError";
    /// The journal is locked, of another run, damaged, cannot be written, or waits for a decision: [`JournalReason`].
    Journal = "ERR_JOURNAL", "JournalError";
    /// A batch was stopped on request.
    Stopped = "ERR_STOPPED", "StoppedError";
}

impl ErrorKind {
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
#[non_exhaustive]
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

macro_rules! journal_reasons {
    ($($(#[$docs:meta])* $reason:ident = $word:literal,)*) => {
        /// Why a journal, or a folder of journals, cannot be used: one of these words, the same in every language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum JournalReason {
            $($(#[$docs])* $reason,)*
        }

        impl JournalReason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$reason),*];

            /// The reason as it is written in errors.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => $word,)*
                }
            }
        }
    };
}

journal_reasons! {
    /// Another call, of this process or another one, writes the journal or looks into the folder.
    Busy = "busy",
    /// Nobody knows what became of some files, and nobody has decided yet.
    Undecided = "undecided",
    /// It is of another run: other files, modes, contacts, firm or server.
    OtherRun = "other_run",
    /// It is not as it was written, or was never a journal.
    Damaged = "damaged",
    /// A newer version of this library wrote it.
    NewerFormat = "newer_format",
    /// It is not there, or not any more.
    Missing = "missing",
    /// Something moved, replaced, cut or continued it meanwhile.
    Changed = "changed",
    /// The system does not let it be read.
    CannotRead = "cannot_read",
    /// It cannot be written or locked: a full disk, say.
    CannotWrite = "cannot_write",
    /// What was to be recorded does not fit what the journal has.
    Refused = "refused",
    /// Since it was read, somebody else has decided about some of the files, or they were sent, or it is another run's; or
    /// the words of a decision were recorded before the last request went out.
    Outdated = "outdated",
    /// A file is said not to be published while Addepar may still be working on the request.
    TooEarly = "too_early",
}

impl JournalReason {
    /// Why a file could not be opened or read.
    pub(crate) fn of_reading(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::Missing } else { Self::CannotRead }
    }
}

/// An error with everything that is known about it. It holds no secret.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    problem: Message,
    consequence: Consequence,
    advice: Message,
    /// Whether the journal of the call can be resumed.
    is_resumable: bool,
    /// Whether settings are missing, and nothing is wrong with those that are there.
    lacks_settings: bool,
    /// The attempt that it is about: of a batch with many requests, the one that failed.
    attempt: Option<Attempt>,
    /// The status of the answer that it is about, where that answers no attempt to publish.
    status: Option<u16>,
    errors: Vec<ApiError>,
    phase: Option<Phase>,
    /// Of an error about a journal.
    reason: Option<JournalReason>,
    retry_after: Option<Duration>,
    report: Option<Arc<PublishReport>>,
    /// The files that it is about, where that is not for the report to say.
    file_ids: Option<Vec<u64>>,
    /// The journal of the call; of files that were sent before, the one that shows them.
    journal: Option<PathBuf>,
}

/// What an error means for the files of the whole call. It is put into words last, from the report that the error has by
/// then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consequence {
    /// What the report says. Without one there was no call: a value was refused before.
    OfCall,
    /// This call sent nothing. What earlier ones sent, the report shows; without one, nobody knows.
    NothingSentNow,
    /// A generated report was not read: nothing was sent.
    NothingRead,
    /// A decision was not recorded.
    NothingRecorded,
    /// The batch ended here, and the report says how far it has come.
    BatchStopped,
    /// The problem says it.
    Stated,
}

/// What to do about files whose outcome is unknown, where no journal can take a decision.
const CHECK_FIRST: &str = "Do not run this again. Check each in Addepar, then publish only what is missing.";

/// What to do before anybody looks.
const WAIT_FIRST: &str = "Addepar may still be working on the request: wait 90 seconds.";

/// The files in some state, for a message that may be all that is left in a log.
fn names(report: &PublishReport, wanted: impl Fn(FileState) -> bool) -> String {
    let ids: Vec<u64> = report.files().iter().filter(|file| wanted(file.state)).map(|file| file.file_id).collect();
    listed(ids.into_iter())
}

/// What may have happened to files that went out, as they were asked to.
fn may_have_happened(request: &PublishRequest) -> &'static str {
    let Asks { publish, notify } = request.asks();
    match (publish, notify) {
        (true, true) => "published and e-mailed",
        (true, false) => "published",
        (false, true) => "e-mailed about",
        (false, false) => "processed",
    }
}

/// What to look at where the server was not reached.
fn unreachable_advice(fault: Fault) -> Message {
    match fault {
        Fault::Certificate => {
            message!["If the server uses a private certificate authority, name its file in ", name("ca_file"), "."]
        }
        Fault::AuthorityAsServer => message![
            "The server shows the certificate of an authority (CA:TRUE) as its own, which is refused whatever ",
            name("ca_file"),
            " names. Give the server a certificate of its own (basicConstraints=CA:FALSE).",
        ],
        Fault::Proxy => message!["Look at the setting ", name("proxy"), " or the variables HTTPS_PROXY and NO_PROXY."],
        Fault::ConnectTimeout | Fault::Timeout | Fault::Connection | Fault::Dropped => Message::default(),
    }
}

const LOOK_AT_CREDENTIALS: &str = "Look at the credentials; an access token lasts 60 minutes.";

/// What the API's error objects say, the first ones of many, each as a sentence.
fn said(errors: &[ApiError]) -> Option<String> {
    const SHOWN: usize = 3;
    let mut texts = errors.iter().filter_map(|error| {
        let text = [&error.detail, &error.title, &error.code].into_iter().flatten().find_map(|text| excerpt(text))?;
        Some(sentence(text))
    });
    let shown: Vec<String> = texts.by_ref().take(SHOWN).collect();
    let more = match texts.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    (!shown.is_empty()).then(|| shown.join(" ") + &more)
}

/// The API's sentences end with a full stop or without.
fn sentence(text: String) -> String {
    if text.ends_with(['.', '!', '?']) { text } else { text + "." }
}

/// What a 429 asks for.
fn rate_limit(retry_after: Option<Duration>) -> Message {
    const LIMIT: &str =
        "The limit is per firm and shared with its other integrations: 50 requests in 15 minutes, 1,000 in 24 hours.";
    match retry_after {
        Some(delay) => message![
            "It asks to wait ",
            whole_seconds(delay),
            ", and this call waits no more: at most 3 times for a request, and all together no longer than it may",
            in_programs(message![" (", name("max_rate_limit_wait"), "; of a batch ", name("max_wait"), ")"]),
            ". ",
            LIMIT,
        ],
        None => message!["It does not say how long to wait. ", LIMIT],
    }
}

/// A time that is never shown shorter than it is.
fn whole_seconds(delay: Duration) -> Part {
    seconds(delay.as_secs_f64().ceil())
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, problem: impl Into<Message>) -> Self {
        Self(Box::new(Inner {
            kind,
            problem: problem.into(),
            consequence: Consequence::OfCall,
            advice: Message::default(),
            is_resumable: false,
            lacks_settings: false,
            attempt: None,
            status: None,
            errors: Vec::new(),
            phase: None,
            reason: None,
            retry_after: None,
            report: None,
            file_ids: None,
            journal: None,
        }))
    }

    fn with_consequence(mut self, consequence: Consequence) -> Self {
        self.0.consequence = consequence;
        self
    }

    pub(crate) fn with_advice(mut self, advice: impl Into<Message>) -> Self {
        self.0.advice = advice.into();
        self
    }

    /// An argument that the language of a binding lets through and Rust's types do not.
    #[must_use]
    pub fn input(problem: impl Into<Message>) -> Self {
        Self::new(ErrorKind::Input, problem)
    }

    /// The same of a value that was to be recorded in a journal.
    #[must_use]
    pub fn decision(problem: impl Into<Message>) -> Self {
        Self::input(problem).recording_nothing()
    }

    /// A setting that the language of a binding lets through and Rust's types do not.
    #[must_use]
    pub fn config(problem: impl Into<Message>) -> Self {
        Self::new(ErrorKind::Config, problem)
    }

    /// Settings that are not there.
    pub(crate) fn missing_settings(problem: impl Into<Message>) -> Self {
        let mut error = Self::config(problem);
        error.0.lacks_settings = true;
        error
    }

    /// Whether settings are missing, and nothing is wrong with those that are there.
    #[cfg(feature = "cli")]
    pub(crate) fn lacks_settings(&self) -> bool {
        self.0.lacks_settings
    }

    /// No access token can be had; an earlier one may have been refused by the server.
    pub(crate) fn no_token(reason: impl Into<Message>) -> Self {
        Self::config(Message::from("No access token could be had: ").followed_by(reason).followed_by("."))
    }

    /// Files that journals show as sent: `problem` says when, how and in which run, the report what became of each.
    /// `journal`: the one that shows them, if it is one.
    pub(crate) fn already_sent(
        problem: Message,
        file_ids: Vec<u64>,
        journal: Option<&Path>,
        report: PublishReport,
    ) -> Self {
        let mut error = Self::new(ErrorKind::AlreadySent, problem).with_earlier(report);
        error.0.file_ids = Some(file_ids);
        match journal {
            Some(path) => error.with_journal(path),
            None => error,
        }
    }

    /// A column of the caller's, whose ids of `things` are looked up in a report, has others than that: passed over, they
    /// would miss their files or contacts in silence.
    #[doc(hidden)]
    #[must_use]
    pub fn no_ids_in_column(column: &str, things: &str, refused: &[RawId]) -> Self {
        let hint = refused.iter().find_map(RawId::hint).unwrap_or_default();
        let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
        let problem = format!(
            "{column} must hold the ids of {things}: whole numbers from 1 to {MAX_ID}, strings of ASCII digits or missing \
             values, not {}.",
            id::enumerate(&refused),
        );
        Self::input(Message::from(problem).and(hint)).with_consequence(Consequence::Stated)
    }

    /// Reading what this library wrote tells nothing of what was sent.
    pub(crate) fn unreadable_json(problem: impl Into<Message>) -> Self {
        Self::input(problem).with_consequence(Consequence::Stated)
    }

    pub(crate) fn publish_failures(report: PublishReport) -> Self {
        let problem =
            format!("Not every file is ok: {}{}.", report.summary(), names(&report, |state| state != FileState::Ok));
        let mut advice = Message::default();
        let undecided = report.undecided();
        if undecided.len() == report.count(FileState::Unknown) && !undecided.is_empty() {
            advice = advice.and("Check the unknown ones in Addepar before anything is sent again.");
        } else if !undecided.is_empty() {
            let named = listed(undecided.into_iter());
            advice = advice.and(format!("Check those unknown ones in Addepar about which nobody has decided{named} before anything is sent again."));
        }
        if report.count(FileState::Failed) > 0 {
            advice = advice.and(if report.request().asks().notify {
                "Publishing a failed file again may e-mail those who already got one."
            } else {
                "Publishing a failed file again publishes it again to those who already have it."
            });
        }
        // Of several requests none is the one that it is about.
        let is_one = report.attempts().iter().filter(|attempt| attempt.outcome != Outcome::NotProcessed).count() < 2;
        let attempt = report.attempts().last().filter(|_| is_one).cloned();
        Self::new(ErrorKind::PublishFailures, problem)
            .with_consequence(Consequence::Stated)
            .with_advice(advice)
            .with_attempt(attempt)
            .with_errors(report.errors().to_vec())
            .with_report(report)
    }

    /// The server was never reached; `cause` says why in the words of the layer that failed.
    pub(crate) fn connect(fault: Fault, cause: Message, report: PublishReport) -> Self {
        let unanswered = report.attempts().iter().filter(|attempt| attempt.http_status.is_none()).count();
        let tries = if unanswered > 1 { format!(" after {unanswered} tries") } else { String::new() };
        let problem = Message::from(format!("The server was not reached{tries}: ")).followed_by(cause).followed_by(".");
        Self::new(ErrorKind::Connect, problem)
            .with_advice(unreachable_advice(fault))
            .with_attempt(report.attempts().last().cloned())
            .with_report(report)
    }

    /// The server refused the whole request. `page`: the beginning of a body that has no error objects.
    pub(crate) fn refused(
        status: u16,
        url: &str,
        errors: Vec<ApiError>,
        page: Option<String>,
        retry_after: Option<Duration>,
        report: PublishReport,
    ) -> Self {
        let advice: Message = match status {
            400 => {
                "The causes of a 400 that are documented: more than 500 files; a file that is missing, not found or \
                 invalid; a file that is associated with no portfolio."
                    .into()
            }
            401 => LOOK_AT_CREDENTIALS.into(),
            403 => {
                "It takes the permissions \"Portal: Share client files\" and \"Files: Create, edit, delete\", or the \
                    OAuth scopes FILE_WRITE (another page: FILES_WRITE) and PUBLISH_FILE. They may be missing for one or \
                    more of these files, or the firm may be a wrong one."
                    .into()
            }
            404 | 405 | 410 => message![
                format!("The request went to {url}: look at "),
                name("base_url"),
                ", or at ",
                name("firm_name"),
                " and ",
                name("environment"),
                ".",
            ],
            429 => rate_limit(retry_after),
            _ => Message::default(),
        };
        let problem = match said(&errors).or_else(|| page.map(sentence)) {
            Some(said) => format!("The server refused the request with {status}: {said}"),
            None => format!("The server refused the request with {status}."),
        };
        Self::new(ErrorKind::refusal(status), problem)
            .with_advice(advice)
            .with_errors(errors)
            .with_retry_after(retry_after.filter(|_| status == 429))
            .with_attempt(report.attempts().last().cloned())
            .with_report(report)
    }

    /// A generated report could not be asked for; `cause` says why in the words of the layer that failed.
    pub(crate) fn report_unreachable(fault: Fault, cause: Message) -> Self {
        let problem = Message::from("The generated report could not be read: ").followed_by(cause).followed_by(".");
        Self::new(ErrorKind::Connect, problem)
            .with_consequence(Consequence::NothingRead)
            .with_advice(unreachable_advice(fault))
    }

    /// The server does not show a generated report. `page`: the beginning of a body that has no error objects.
    pub(crate) fn report_refused(
        status: u16,
        errors: Vec<ApiError>,
        page: Option<String>,
        retry_after: Option<Duration>,
    ) -> Self {
        let advice: Message = match status {
            401 => LOOK_AT_CREDENTIALS.into(),
            403 => {
                "To read generated reports takes the permission \"Access to all tools and portfolios\" or the OAuth scope \
                    FILES. It may be missing, or the firm may be a wrong one."
                    .into()
            }
            404 => "Look at the id of the job, and at the firm.".into(),
            429 => rate_limit(retry_after),
            _ => Message::default(),
        };
        let problem = match said(&errors).or_else(|| page.map(sentence)) {
            Some(said) => format!("The server answered the request for a generated report with {status}: {said}"),
            None => format!("The server answered the request for a generated report with {status}."),
        };
        let mut error = Self::new(ErrorKind::refusal(status), problem);
        error.0.status = Some(status);
        error
            .with_consequence(Consequence::NothingRead)
            .with_advice(advice)
            .with_errors(errors)
            .with_retry_after(retry_after)
    }

    /// The answer to a look at generated reports cannot be read.
    pub(crate) fn report_unreadable(reason: &str, errors: Vec<ApiError>) -> Self {
        let problem = format!("The generated report could not be read: {reason}.");
        Self::new(ErrorKind::Rejected, problem).with_consequence(Consequence::NothingRead).with_errors(errors)
    }

    /// The request went out and nobody knows what became of it. `what` is a sentence's beginning.
    pub(crate) fn unknown(what: impl Into<Message>, phase: Phase, report: PublishReport) -> Self {
        let what = what.into();
        let report = report.with_reason(&format!("{what}."));
        let files = counted(report.count(FileState::Unknown), "file");
        let sent_at = report.attempts().last().and_then(|attempt| attempt.sent_at);
        let at = sent_at.map(|time| format!(" at {} UTC", time_of_day(time))).unwrap_or_default();
        let names = names(&report, |state| state == FileState::Unknown);
        let happened = may_have_happened(report.request());
        Self::new(
            ErrorKind::OutcomeUnknown,
            what.followed_by(format!(". {files} went to Addepar{at} and may have been {happened}{names}.")),
        )
        .with_consequence(Consequence::Stated)
        .with_phase(phase)
        .with_attempt(report.attempts().last().cloned())
        .with_report(report)
    }

    /// The call was processed, and its result did not reach the caller, who had cancelled it.
    pub(crate) fn undelivered(report: Arc<PublishReport>) -> Self {
        let problem = format!(
            "The call was cancelled after the server had processed it: {}{}.",
            report.summary(),
            names(&report, |_| true),
        );
        let error = Self::new(ErrorKind::OutcomeUnknown, problem)
            .with_consequence(Consequence::Stated)
            .with_attempt(report.attempts().last().cloned());
        let is_known = report.undecided().is_empty();
        let error = error.with_report(report);
        if is_known {
            error.with_advice("Its report says what became of each file: do not send them again.")
        } else {
            error.with_phase(Phase::ReadingPages)
        }
    }

    /// A call that is driven on in a process that was forked while it was under way.
    pub(crate) fn inherited(request: Option<&PublishRequest>) -> Self {
        let problem = "This process was forked while the call was under way. The parent process continues with it; this \
                       one does not, and cannot know what becomes of its files.";
        let error = Self::new(ErrorKind::OutcomeUnknown, problem)
            .with_consequence(Consequence::Stated)
            .with_advice("Do not publish them here.")
            .with_phase(Phase::AwaitingAnswer);
        match request.filter(|request| !request.file_ids().is_empty()) {
            Some(request) => {
                let report = PublishReport::uniform(request, FileState::Unknown, String::new());
                error.with_report(report.with_reason("The process was forked while the call was under way."))
            }
            None => error,
        }
    }

    /// A journal whose thread has ended by itself.
    pub(crate) fn broken_off() -> Self {
        Self::config("The journal's thread broke off.")
    }

    /// Something about a journal.
    pub(crate) fn about_journal(reason: JournalReason, problem: impl Into<Message>) -> Self {
        let mut error = Self::new(ErrorKind::Journal, problem);
        error.0.reason = Some(reason);
        error
    }

    /// A journal that cannot be used; `what` goes on after its name. What was sent before, it does not say.
    pub(crate) fn of_journal(path: &Path, reason: JournalReason, what: &str) -> Self {
        Self::of_journal_in_words(path, reason, what.to_owned())
    }

    /// The same with words of each language.
    pub(crate) fn of_journal_in_words(path: &Path, reason: JournalReason, what: impl Into<Message>) -> Self {
        let problem = Message::from(format!("The journal {} ", path.display()));
        Self::about_journal(reason, problem.followed_by(what).followed_by(".")).with_journal(path)
    }

    /// A journal, or what has its name, that cannot be opened.
    pub(crate) fn unopened(path: &Path, error: &io::Error) -> Self {
        let reason = JournalReason::of_reading(error);
        let what = match reason {
            JournalReason::Missing => {
                "is not there: it was never made, or moved, or its disk is not mounted".to_owned()
            }
            _ => format!("cannot be opened: {error}"),
        };
        Self::of_journal(path, reason, &what)
    }

    /// A journal in a folder that is not there.
    pub(crate) fn without_folder(path: &Path, folder: &Path) -> Self {
        let what = message![
            format!(
                "cannot be made or locked: its folder {} does not exist. Was it moved, or is its disk not mounted? If it is \
                 new, set it up for journals with ",
                folder.display(),
            ),
            command("journal init", folder),
        ];
        Self::of_journal_in_words(path, JournalReason::Missing, what)
    }

    /// A file in the place of a journal; `what` goes on after its name.
    pub(crate) fn of_file(path: &Path, reason: JournalReason, what: &str) -> Self {
        Self::about_journal(reason, format!("{} {what}.", path.display())).with_journal(path)
    }

    /// A folder of journals that cannot be used; `what` goes on after its name.
    pub(crate) fn of_folder(folder: &Path, reason: JournalReason, what: impl Into<Message>) -> Self {
        let problem = Message::from(format!("The folder of journals {} ", folder.display()));
        Self::about_journal(reason, problem.followed_by(what).followed_by("."))
    }

    /// Journals without which nobody knows what was sent; `what` goes on after the name of one.
    pub(crate) fn missed(paths: &[PathBuf], reason: JournalReason, what: &str) -> Self {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let (first, others) = names.split_first().map_or(("", &[][..]), |(first, others)| (first, others));
        let others = if others.is_empty() { String::new() } else { format!(" (and so with {})", others.join(", ")) };
        let problem = format!("The journal {first} {what}{others}, and calls rely on what it showed as sent.");
        let mut error = Self::about_journal(reason, problem);
        if let Some(path) = paths.first() {
            let gone =
                if reason == JournalReason::Missing { "record" } else { "move away what has its name, and record" };
            error = error.with_journal(path).with_advice(message![
                "Put it back as it was. ",
                command("journal audit", path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))),
                format!(
                    " says whether it lies in a subfolder. If it is gone for good, {gone} that it is, which names its files, \
                     and check them in Addepar before they are sent again: "
                ),
                command("journal forget", path),
                ".",
            ]);
        }
        error
    }

    /// What a journal does not take; `what` goes on after its name.
    pub(crate) fn journal_refuses(path: &Path, what: &str) -> Self {
        Self::of_journal(path, JournalReason::Refused, what)
    }

    /// The same error, of what was to be recorded.
    pub(crate) fn recording_nothing(self) -> Self {
        self.with_consequence(Consequence::NothingRecorded)
    }

    /// A journal that waits for a person. `attempt`: the one whose answer left files unknown, if anything was sent now.
    pub(crate) fn awaiting_decision(
        path: &Path,
        file_ids: &[u64],
        attempt: Option<&Attempt>,
        report: PublishReport,
    ) -> Self {
        let what = format!(
            "waits for a decision: {} may have been {}{}",
            counted(file_ids.len(), "file"),
            may_have_happened(report.request()),
            listed(file_ids.iter().copied()),
        );
        Self::of_journal(path, JournalReason::Undecided, &what)
            .with_consequence(if attempt.is_some() { Consequence::OfCall } else { Consequence::NothingSentNow })
            .with_attempt(attempt.cloned())
            .with_report(report)
            .resumable(path)
    }

    /// What a request came to could not be written down.
    pub(crate) fn unrecorded(failed: Self, is_saved: bool, report: PublishReport) -> Self {
        let Inner { problem, journal, reason, .. } = *failed.0;
        let reason = reason.unwrap_or(JournalReason::CannotWrite);
        // What was moved in flight took the last outcome along, where it could still be written.
        let may_be_elsewhere = reason == JournalReason::Changed;
        let problem = problem.and(match (is_saved, may_be_elsewhere) {
            (true, _) => "The report of this error is true.",
            (false, true) => {
                "The report of this error is true. The journal may have the last outcome as well, wherever it is now, or it \
                 may show that request as unknown."
            }
            (false, false) => {
                "The report of this error is true, the journal is not: it shows the last request as unknown."
            }
        });
        let error = Self::about_journal(reason, problem);
        let Some(path) = journal else { return error.with_report(report) };
        let is_told = is_saved || !report.undecided().is_empty();
        let error = error.with_report(report).resumable(&path);
        if is_told {
            error
        } else if may_be_elsewhere {
            error.with_advice(message![
                "Put the journal back in its place and look at it first. If it shows the last request as unknown, record what \
                 the report says with ",
                decide(&path),
                ".",
            ])
        } else {
            error.with_advice(message!["Record what it says with ", decide(&path), "."])
        }
    }

    /// A journal that changed between the question and the answer.
    pub(crate) fn not_agreed(path: &Path, report: PublishReport) -> Self {
        let what = "changed since it was asked what to send: files are to be sent that nobody agreed to";
        Self::of_journal(path, JournalReason::Changed, what).with_advice("Run the command again.").with_report(report)
    }

    /// A batch that would have to wait longer than it may.
    pub(crate) fn paced(delay: Duration) -> Self {
        let problem = message![
            "The published limits of 50 requests in 15 minutes and 1,000 in 24 hours ask to wait ",
            whole_seconds(delay),
            ", longer than ",
            name("max_wait"),
            " has left.",
        ];
        Self::new(ErrorKind::RateLimited, problem).with_retry_after(Some(delay))
    }

    /// A batch that was stopped on request.
    pub(crate) fn stopped(path: &Path, report: PublishReport) -> Self {
        let when = if report.settled() { " after its last request" } else { "" };
        Self::new(ErrorKind::Stopped, format!("The batch was stopped{when}: {}.", report.summary()))
            .with_consequence(Consequence::Stated)
            .with_report(report)
            .resumable(path)
    }

    /// A batch that was stopped on request before its journal was opened.
    pub(crate) fn stopped_early() -> Self {
        Self::new(ErrorKind::Stopped, "The batch was stopped while generated reports were read.")
            .with_consequence(Consequence::NothingRead)
    }

    /// The same error, of a batch whose files the report shows.
    pub(crate) fn in_batch(self, path: &Path, report: PublishReport) -> Self {
        self.with_consequence(Consequence::BatchStopped).with_report(report).resumable(path)
    }

    /// The same error, before anything was sent this time, with what became of the files before.
    pub(crate) fn with_earlier(self, report: PublishReport) -> Self {
        let has_earlier = self.0.consequence == Consequence::NothingSentNow
            || report.outcome() != Outcome::NotProcessed
            || !report.attempts().is_empty();
        let consequence = if has_earlier { Consequence::NothingSentNow } else { Consequence::OfCall };
        self.with_consequence(consequence).with_report(report)
    }

    /// The same error, before anything was sent this time; what became of the files before, nobody knows.
    pub(crate) fn nothing_sent_now(self) -> Self {
        self.with_consequence(Consequence::NothingSentNow)
    }

    pub(crate) fn with_report(mut self, report: impl Into<Arc<PublishReport>>) -> Self {
        self.0.report = Some(report.into());
        self
    }

    /// The same error, whose report is also in a journal.
    pub(crate) fn with_report_kept_in(mut self, path: &Path) -> Self {
        self.0.report = self.0.report.map(|report| Arc::new(Arc::unwrap_or_clone(report).kept_in(path)));
        self
    }

    pub(crate) fn with_journal(mut self, path: &Path) -> Self {
        self.0.journal = Some(path.to_owned());
        self
    }

    /// The same error, of a call with this journal, which can be resumed.
    pub(crate) fn resumable(mut self, path: &Path) -> Self {
        self.0.is_resumable = true;
        self.with_journal(path)
    }

    pub(crate) fn with_attempt(mut self, attempt: Option<Attempt>) -> Self {
        self.0.attempt = attempt;
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

    /// What went wrong, without what follows for the files, as a part of another sentence.
    pub(crate) fn problem(&self) -> String {
        self.0.problem.in_language(Language::Rust).trim_end_matches('.').to_owned()
    }

    /// What went wrong, what follows for the files, and what to do, in words.
    #[must_use]
    pub fn message(&self) -> String {
        self.message_in(Language::Rust)
    }

    /// The same, with names and units as a language writes them.
    #[must_use]
    pub fn message_in(&self, language: Language) -> String {
        let Inner { problem, advice, .. } = &*self.0;
        let (first, last) = match self.0.consequence {
            Consequence::BatchStopped => (Message::default(), self.consequence()),
            _ => (self.consequence(), Message::default()),
        };
        problem.clone().and(first).and(advice.clone()).and(last).and(self.next_step()).in_language(language)
    }

    fn consequence(&self) -> Message {
        match (self.0.consequence, self.report()) {
            (Consequence::Stated, _) => Message::default(),
            (Consequence::NothingRecorded, _) => "Nothing was recorded.".into(),
            (Consequence::NothingSentNow, _) => "Nothing was sent now.".into(),
            (Consequence::NothingRead, _) => "Nothing was sent.".into(),
            (Consequence::BatchStopped, report) => {
                let summary = report.map(PublishReport::summary).unwrap_or_default();
                format!("The batch stopped here: {summary}.").into()
            }
            (Consequence::OfCall, None) => match self.outcome() {
                Outcome::NotProcessed => "Nothing was sent.".into(),
                Outcome::Unknown | Outcome::Processed => Message::default(),
            },
            (Consequence::OfCall, Some(report)) => match report.outcome() {
                Outcome::NotProcessed if report.attempts().iter().all(|attempt| attempt.sent_at.is_none()) => {
                    "Nothing was sent.".into()
                }
                Outcome::NotProcessed => "Nothing was processed.".into(),
                Outcome::Unknown | Outcome::Processed => format!("{}.", report.summary()).into(),
            },
        }
    }

    /// How the call is continued.
    fn next_step(&self) -> Message {
        let Some(report) = self.report() else { return Message::default() };
        let wait = if self.0.retry_after.is_some() { "Wait that long" } else { "Wait" };
        let is_undecided = !report.undecided().is_empty();
        let Some(path) = self.journal().filter(|_| self.0.is_resumable) else {
            return match (self.0.kind, self.0.consequence) {
                (ErrorKind::OutcomeUnknown, _) if is_undecided && self.0.advice.is_empty() => {
                    Message::from(WAIT_FIRST).and(CHECK_FIRST)
                }
                (ErrorKind::RateLimited, Consequence::OfCall) => {
                    format!("{wait}, then publish the files again.").into()
                }
                _ => Message::default(),
            };
        };
        if is_undecided {
            return message![
                WAIT_FIRST,
                " Then check each of these files in Addepar, and record what you find with ",
                decide(path),
                ". Then resume with ",
                resume(path),
                ".",
            ];
        }
        if report.settled() {
            return Message::default();
        }
        let is_unprocessed =
            report.files().iter().all(|file| file.state == FileState::NotProcessed && file.decision.is_none());
        // The firm and the server are those of the journal for good, and so are the files of a batch.
        match self.0.kind {
            ErrorKind::Stopped => message!["Resume it with ", resume(path), "."],
            ErrorKind::RateLimited if self.0.consequence == Consequence::OfCall => {
                message![format!("{wait}, then call again, or resume with "), resume(path), "."]
            }
            ErrorKind::RateLimited => message![format!("{wait}, then resume with "), resume(path), "."],
            _ if self.0.consequence == Consequence::OfCall && is_unprocessed => message![
                "Fix the cause, then call again; or resume with ",
                resume(path),
                " if the server, the firm and the list stay as they are.",
            ],
            kind => {
                let fix = match kind {
                    ErrorKind::Rejected | ErrorKind::PermissionDenied => message![
                        "Fix the cause, or leave out the files that are the cause: ",
                        leave(path),
                        ". Then resume with ",
                        resume(path),
                        ".",
                    ],
                    _ => message!["Fix the cause, then resume with ", resume(path), "."],
                };
                fix.followed_by(if is_unprocessed {
                    " If the server or the firm was a wrong one, begin again with a journal of another name."
                } else {
                    ""
                })
            }
        }
    }

    /// What became of the whole call or batch: [`Outcome::NotProcessed`] only if no file was or may have been processed.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match (self.0.kind, self.report()) {
            // A call that was cancelled once its answer had been read.
            (ErrorKind::OutcomeUnknown, Some(report)) if report.outcome() == Outcome::Processed => Outcome::Processed,
            (ErrorKind::OutcomeUnknown, _) => Outcome::Unknown,
            (_, Some(report)) => report.outcome(),
            (ErrorKind::Config | ErrorKind::Input, None) if self.0.consequence == Consequence::OfCall => {
                Outcome::NotProcessed
            }
            (_, None) if self.0.consequence == Consequence::NothingRead => Outcome::NotProcessed,
            (_, None) => Outcome::Unknown,
        }
    }

    /// The status code of the answer that it is about; none where it is about no answer.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.0.attempt.as_ref().map_or(self.0.status, |attempt| attempt.http_status)
    }

    /// The `X-Request-Id` of that answer.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.attempt.as_ref()?.request_id.as_deref()
    }

    /// How long the attempt took that it is about.
    #[must_use]
    pub fn elapsed(&self) -> Option<Duration> {
        Some(self.0.attempt.as_ref()?.elapsed)
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

    /// Why the journal or its folder cannot be used; of [`ErrorKind::Journal`].
    #[must_use]
    pub fn reason(&self) -> Option<JournalReason> {
        self.0.reason
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
    #[doc(hidden)]
    #[must_use]
    pub fn shared_report(&self) -> Option<Arc<PublishReport>> {
        self.0.report.clone()
    }

    /// The files whose outcome is unknown and about which nobody has decided; those that were sent before, of
    /// [`ErrorKind::AlreadySent`].
    #[must_use]
    pub fn file_ids(&self) -> Vec<u64> {
        if let Some(file_ids) = &self.0.file_ids {
            return file_ids.clone();
        }
        let files = self.report().into_iter().flat_map(PublishReport::files);
        files.filter(|file| file.is_undecided()).map(|file| file.file_id).collect()
    }

    /// The journal of the call, if it has one; of [`ErrorKind::AlreadySent`] the one that shows all of those files, if
    /// they lie in one.
    #[must_use]
    pub fn journal(&self) -> Option<&Path> {
        self.0.journal.as_deref()
    }

    /// The files whose outcome is unknown and about which nobody has decided, as the report has them; of
    /// [`ErrorKind::AlreadySent`] those of its files. With a journal, a person has to decide about them there before it can be
    /// resumed.
    #[must_use]
    pub fn undecided(&self) -> Vec<u64> {
        if let (Some(file_ids), Some(report)) = (&self.0.file_ids, self.report()) {
            let undecided: HashSet<u64> = report.undecided().into_iter().collect();
            return file_ids.iter().copied().filter(|id| undecided.contains(id)).collect();
        }
        self.report().map(PublishReport::undecided).unwrap_or_default()
    }

    /// Whether a log has to have it, however the call ended: what went out may be lost. For bindings.
    #[doc(hidden)]
    #[must_use]
    pub fn is_loss(&self) -> bool {
        matches!(self.0.kind, ErrorKind::OutcomeUnknown | ErrorKind::Journal) || !self.undecided().is_empty()
    }

    /// Everything but the report, as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.to_json_in(Language::Rust)
    }

    /// The same, with the message as a language writes it.
    #[must_use]
    pub fn to_json_in(&self, language: Language) -> String {
        #[derive(Serialize)]
        struct Shown<'a> {
            code: &'static str,
            message: String,
            outcome: Outcome,
            http_status: Option<u16>,
            request_id: Option<&'a str>,
            elapsed: Option<f64>,
            errors: &'a [ApiError],
            phase: Option<Phase>,
            reason: Option<JournalReason>,
            retry_after: Option<f64>,
            file_ids: Vec<u64>,
            journal: Option<String>,
            undecided: Vec<u64>,
        }
        let shown = Shown {
            code: self.code(),
            message: self.message_in(language),
            outcome: self.outcome(),
            http_status: self.http_status(),
            request_id: self.request_id(),
            elapsed: self.elapsed().as_ref().map(Duration::as_secs_f64),
            errors: self.errors(),
            phase: self.phase(),
            reason: self.reason(),
            retry_after: self.retry_after().as_ref().map(Duration::as_secs_f64),
            file_ids: self.file_ids(),
            journal: self.journal().map(|path| path.display().to_string()),
            undecided: self.undecided(),
        };
        serde_json::to_string(&shown).unwrap_or_default()
    }
}

impl From<InvalidInput> for Error {
    fn from(invalid: InvalidInput) -> Self {
        let refuse = if invalid.is_of_decision() { Self::decision } else { Self::input };
        refuse(invalid.into_message())
    }
}

impl From<Unreadable> for Error {
    fn from(Unreadable { reason, report }: Unreadable) -> Self {
        Self::unknown(format!("The answer cannot be read ({reason})"), Phase::ReadingAnswer, report)
    }
}

impl PublishReport {
    /// Reads an answer's body without any network.
    ///
    /// # Errors
    /// [`ErrorKind::OutcomeUnknown`] where the body is cut, not JSON, nested too deep or has no `data` list; the error's
    /// report holds the raw text.
    pub fn from_response(request: &PublishRequest, body: &[u8]) -> Result<Self, Error> {
        crate::response::read(request, body).map_err(|unreadable| (*unreadable).into())
    }

    /// Reads what [`to_json`](Self::to_json) wrote, in any language.
    ///
    /// # Errors
    /// [`ErrorKind::Input`], saying what is wrong with the text.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let unreadable = |reason| Error::unreadable_json(format!("This is not the JSON of a report: {reason}."));
        Self::read_json(json).map_err(unreadable)
    }

    /// The report itself if every file is ok.
    ///
    /// # Errors
    /// [`ErrorKind::PublishFailures`] otherwise, with the report.
    pub fn raise_for_failures(self) -> Result<Self, Error> {
        if self.ok() { Ok(self) } else { Err(Error::publish_failures(self)) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("code", &self.code()).field("message", &self.message()).finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}
