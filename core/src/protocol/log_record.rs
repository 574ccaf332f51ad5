//! What a call reports as it goes on, for logs. No secret, and no file's id above debug level.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tracing::{debug, info, warn};

use crate::error::Error;
use crate::model::attempt::Attempt;
use crate::model::attempt::Outcome;
use crate::model::report::PublishReport;
use crate::model::request::PublishRequest;

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

/// One line for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// How much it matters.
    pub level: Level,
    /// The line.
    pub message: String,
    /// How long the call waits now, if that is what it is about.
    pub wait: Option<Duration>,
}

impl LogRecord {
    fn info(message: String) -> Self {
        Self { level: Level::Info, message, wait: None }
    }

    /// What came up before the call's journal was open.
    pub(crate) fn warning(message: String) -> Self {
        Self { level: Level::Warn, ..Self::info(message) }
    }

    /// A request goes out.
    pub(crate) fn sending(request: &PublishRequest, attempt: usize) -> [Self; 2] {
        let files = match request.file_ids().len() {
            1 => "1 file".to_owned(),
            count => format!("{count} files"),
        };
        let message = format!(
            "Sending {files}, attempt {attempt}: portal_publishing {}, contact_notification {}, {} override contacts",
            request.portal_publishing(),
            request.contact_notification(),
            request.publish_override_contact_ids().len(),
        );
        let ids = request.file_ids().iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        [
            Self::info(message),
            Self { level: Level::Debug, message: format!("Files of attempt {attempt}: {ids}"), wait: None },
        ]
    }

    /// An attempt is followed by another one after a wait.
    pub(crate) fn waiting(attempts: &[Attempt], delay: Duration) -> Self {
        let next = attempts.len() + 1;
        let message = format!("{}. Waiting {:.1} s before attempt {next}", described(attempts), delay.as_secs_f64());
        Self { wait: Some(delay), ..Self::info(message) }
    }

    /// A batch waits before its next chunk.
    pub(crate) fn pace(delay: Duration) -> Self {
        let message = format!("Waiting {:.1} s to keep to the published rate limits", delay.as_secs_f64());
        Self { wait: Some(delay), ..Self::info(message) }
    }

    /// An attempt is followed by another one with a fresh token.
    pub(crate) fn fresh_token(attempts: &[Attempt]) -> Self {
        Self::info(format!("{}. Asking for a fresh access token", described(attempts)))
    }

    /// The call is over.
    pub(crate) fn ended(attempts: &[Attempt], result: Result<&PublishReport, &Error>) -> Self {
        let summary = match result {
            Ok(report) => report.summary(),
            Err(error) => match error.report() {
                Some(report) => format!("{} ({})", report.summary(), error.code()),
                None => error.code().to_owned(),
            },
        };
        Self::info(format!("{}: {summary}", described(attempts)))
    }

    /// Hands the record to Rust's own logging.
    pub(crate) fn trace(&self) {
        at_no_cost(|| match self.level {
            Level::Debug => debug!(target: TARGET, "{}", self.message),
            Level::Info => info!(target: TARGET, "{}", self.message),
            Level::Warn => warn!(target: TARGET, "{}", self.message),
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
fn described(attempts: &[Attempt]) -> String {
    let Some(attempt) = attempts.last() else { return "Nothing was sent".to_owned() };
    let elapsed = attempt.elapsed.as_secs_f64();
    let ended = match (attempt.http_status, attempt.outcome) {
        (Some(status), _) => format!("{status} after {elapsed:.3} s"),
        (None, Outcome::NotProcessed) => format!("the server was not reached in {elapsed:.3} s"),
        (None, _) => format!("no answer after {elapsed:.3} s"),
    };
    let id = attempt.request_id.as_ref().map(|id| format!(" (request id {id})")).unwrap_or_default();
    format!("Attempt {}: {ended}{id}", attempts.len())
}
