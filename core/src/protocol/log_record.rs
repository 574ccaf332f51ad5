//! What a call reports as it goes on, for logs. No secret, and no file's id above debug level.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tracing::{debug, info, warn};

use crate::error::Error;
use crate::model::attempt::{Attempt, Outcome};
use crate::model::display::counted;
use crate::model::file_result::FileState;
use crate::model::message::{Language, Message, choice, lasting, message};
use crate::model::report::PublishReport;
use crate::model::request::PublishRequest;
use crate::model::times::maybe_seconds;

/// How much a record matters, as frameworks for logging count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Details that may name files.
    Debug,
    /// The course of a call.
    Info,
    /// What somebody should look at.
    Warn,
}

impl Level {
    /// The level's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
        }
    }
}

/// One line for a log, and what it is about as values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// How much it matters.
    pub level: Level,
    text: Message,
    /// What it is about.
    pub fields: LogFields,
}

/// What a record is about: whatever is known of it. As JSON, times are in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LogFields {
    /// The journal of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal: Option<String>,
    /// The chunk of a batch, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk: Option<u32>,
    /// The attempt at the request, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<usize>,
    /// How many files the request has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_count: Option<usize>,
    /// The status code of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Its `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How long the attempt took.
    #[serde(with = "maybe_seconds", skip_serializing_if = "Option::is_none")]
    pub elapsed: Option<Duration>,
    /// How long the call waits now.
    #[serde(with = "maybe_seconds", skip_serializing_if = "Option::is_none")]
    pub wait: Option<Duration>,
    /// How many files of the request are in which state.
    #[serde(flatten)]
    pub states: Option<States>,
    /// The code of the error that the request ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
}

/// How many files are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct States {
    pub ok: usize,
    pub failed: usize,
    pub unknown: usize,
    pub not_processed: usize,
}

impl From<&PublishReport> for States {
    fn from(report: &PublishReport) -> Self {
        Self {
            ok: report.count(FileState::Ok),
            failed: report.count(FileState::Failed),
            unknown: report.count(FileState::Unknown),
            not_processed: report.count(FileState::NotProcessed),
        }
    }
}

impl LogFields {
    /// What is known of the last attempt.
    fn of_attempt(attempts: &[Attempt]) -> Self {
        let Some(attempt) = attempts.last() else { return Self::default() };
        Self {
            attempt: Some(attempts.len()),
            http_status: attempt.http_status,
            request_id: attempt.request_id.clone(),
            elapsed: Some(attempt.elapsed),
            ..Self::default()
        }
    }
}

impl LogRecord {
    fn info(text: impl Into<Message>, fields: LogFields) -> Self {
        Self { level: Level::Info, text: text.into(), fields }
    }

    /// What came up before the call's journal was open.
    pub(crate) fn warning(text: String) -> Self {
        Self { level: Level::Warn, ..Self::info(text, LogFields::default()) }
    }

    /// A request goes out.
    pub(crate) fn sending(request: &PublishRequest, attempt: usize) -> [Self; 2] {
        let file_count = request.file_ids().len();
        let fields = LogFields { attempt: Some(attempt), file_count: Some(file_count), ..LogFields::default() };
        let text = message![
            format!("Sending {}, attempt {attempt}: ", counted(file_count, "file")),
            choice("portal_publishing", request.portal_publishing().as_str()),
            ", ",
            choice("contact_notification", request.contact_notification().as_str()),
            format!(", {}", counted(request.publish_override_contact_ids().len(), "override contact")),
        ];
        let ids = request.file_ids().iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let files = Self::info(format!("Files of attempt {attempt}: {ids}"), fields.clone());
        [Self::info(text, fields), Self { level: Level::Debug, ..files }]
    }

    /// An attempt is followed by another one after a wait.
    pub(crate) fn waiting(attempts: &[Attempt], delay: Duration) -> Self {
        let next = attempts.len() + 1;
        let text = described(attempts).followed_by(message![
            ". Waiting ",
            lasting(delay, 1),
            format!(" before attempt {next}")
        ]);
        Self::info(text, LogFields { wait: Some(delay), ..LogFields::of_attempt(attempts) })
    }

    /// A batch waits before its next chunk.
    pub(crate) fn pace(delay: Duration) -> Self {
        let text = message!["Waiting ", lasting(delay, 1), " to keep to the published rate limits"];
        Self::info(text, LogFields { wait: Some(delay), ..LogFields::default() })
    }

    /// A journal is settled by two looks at generated reports, of which there was one.
    pub(crate) fn looking_again(delay: Duration) -> Self {
        let text = message![
            "Waiting ",
            lasting(delay, 1),
            " before the generated reports are looked at again: what two looks prove, one does not",
        ];
        Self::info(text, LogFields { wait: Some(delay), ..LogFields::default() })
    }

    /// The server did not show a generated report, and is asked again.
    pub(crate) fn asking_again(delay: Duration) -> Self {
        let text = message!["Waiting ", lasting(delay, 1), " before the generated report is asked for again"];
        Self::info(text, LogFields { wait: Some(delay), ..LogFields::default() })
    }

    /// An attempt is followed by another one with a fresh token.
    pub(crate) fn fresh_token(attempts: &[Attempt]) -> Self {
        let text = described(attempts).followed_by(". Asking for a fresh access token");
        Self::info(text, LogFields::of_attempt(attempts))
    }

    /// The request is over.
    pub(crate) fn ended(attempts: &[Attempt], result: Result<&PublishReport, &Error>) -> Self {
        let (report, code) = match result {
            Ok(report) => (Some(report), None),
            Err(error) => (error.report(), Some(error.code())),
        };
        let summary = match (report, code) {
            (Some(report), None) => report.summary(),
            (Some(report), Some(code)) => format!("{} ({code})", report.summary()),
            (None, code) => code.unwrap_or_default().to_owned(),
        };
        let fields = LogFields {
            file_count: report.map(|report| report.files().len()),
            states: report.map(States::from),
            code,
            ..LogFields::of_attempt(attempts)
        };
        Self::info(described(attempts).followed_by(format!(": {summary}")), fields)
    }

    /// The same record, of a call with this journal, of this chunk of it.
    pub(crate) fn of_run(mut self, journal: Option<&Path>, chunk: Option<u32>) -> Self {
        self.fields.journal = journal.map(|path| path.display().to_string());
        self.fields.chunk = chunk;
        self
    }

    /// The line, with names and units as a language writes them.
    #[must_use]
    pub fn message_in(&self, language: Language) -> String {
        self.text.in_language(language)
    }

    /// Hands the record to Rust's own logging.
    pub(crate) fn trace(&self) {
        at_no_cost(|| match self.level {
            Level::Debug => debug!(target: TARGET, "{}", self.text),
            Level::Info => info!(target: TARGET, "{}", self.text),
            Level::Warn => warn!(target: TARGET, "{}", self.text),
        });
    }
}

/// A logger that panics costs nobody a result.
fn at_no_cost<T>(log: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(log)).ok()
}

const TARGET: &str = "addepar_portal";

/// Whether anybody reads Rust's own logging.
pub(crate) fn is_traced() -> bool {
    at_no_cost(|| tracing::enabled!(target: TARGET, tracing::Level::INFO)).unwrap_or_default()
}

/// A sent request was dropped, and the caller may never look at the error.
pub(crate) fn trace_dropped(error: &Error) {
    at_no_cost(|| warn!(target: TARGET, "{error}"));
}

/// How the last attempt ended.
fn described(attempts: &[Attempt]) -> Message {
    let Some(attempt) = attempts.last() else { return "Nothing was sent".into() };
    let elapsed = lasting(attempt.elapsed, 3);
    let ended = match (attempt.http_status, attempt.outcome) {
        (Some(status), _) => format!("{status} after "),
        (None, Outcome::NotProcessed) => "the server was not reached in ".to_owned(),
        (None, _) => "no answer after ".to_owned(),
    };
    let id = attempt.request_id.as_ref().map(|id| format!(" (request id {id})")).unwrap_or_default();
    message![format!("Attempt {}: {ended}", attempts.len()), elapsed, id]
}
