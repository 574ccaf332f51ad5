//! How a batch goes, and how far it has come.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::generated_report;
use crate::model::id::MAX_FILES;
use crate::model::invalid_input::InvalidInput;
use crate::model::message::{self, message, name};
use crate::model::request::PublishRequest;

/// Whether files may be sent that a journal in the folder of journals shows as sent. Files of which nobody knows what became
/// (those about which nobody has decided, and those decided `leave`), and files that another process is sending, are
/// refused in any case. What a person found to be published is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// They are refused.
    #[default]
    Refuse,
    /// They are sent.
    Allow,
}

impl FromStr for Repeat {
    type Err = InvalidInput;

    fn from_str(repeat: &str) -> Result<Self, InvalidInput> {
        match repeat {
            "refuse" => Ok(Self::Refuse),
            "allow" => Ok(Self::Allow),
            other => {
                Err(InvalidInput::new(message![name("repeat"), format!(" must be refuse or allow, not {other:?}.")]))
            }
        }
    }
}

/// How many files go into one request where nobody says so.
pub(crate) const DEFAULT_CHUNK_SIZE: usize = 100;

/// How a batch goes.
#[derive(Debug, Clone)]
pub struct BatchOptions {
    /// The journal: made, or resumed if it is of the same batch.
    pub journal: PathBuf,
    /// How many files go into one request, from 1 to 500; default 100. A journal keeps the size that it was made with: any
    /// other than that and the default is refused.
    pub chunk_size: usize,
    /// Seconds that all waits for the rate limit may take together; default an hour.
    pub max_wait: f64,
    /// Whether to keep to the published limits before the server has to refuse; default no.
    pub pace: bool,
    /// What to do about files that were sent before; default to refuse them.
    pub repeat: Repeat,
    /// Seconds that a batch which is stopped waits for the request in flight, which is dropped then: its files are
    /// unknown. Default as long as the client's timeout for each attempt.
    pub stop_timeout: Option<f64>,
    /// The jobs of generated reports that the files came out of. They are looked at before anything is sent, which the
    /// journal keeps: it can be settled then. A request without files has those that the reports have when the journal is
    /// made; what they have later is not sent, and is warned of.
    pub reports: Vec<String>,
    /// Whether files that these reports show as published are left out when the journal is made; default no. Not for files
    /// that are named: each of them is reported. Where every file is published, nothing is sent, and the batch's report has
    /// no files and is ok.
    pub skip_published: bool,
}

impl BatchOptions {
    /// The defaults, with this journal.
    pub fn new(journal: impl Into<PathBuf>) -> Self {
        Self {
            journal: journal.into(),
            chunk_size: DEFAULT_CHUNK_SIZE,
            max_wait: 3_600.0,
            pace: false,
            repeat: Repeat::Refuse,
            stop_timeout: None,
            reports: Vec::new(),
            skip_published: false,
        }
    }

    /// The size of chunks, as the language of a binding writes the number that it was given.
    ///
    /// # Errors
    /// It is not whole, or is beyond every size.
    pub fn chunk_size_from(given: &str) -> Result<usize, InvalidInput> {
        given.parse().map_err(|_| {
            InvalidInput::new(message![
                name("chunk_size"),
                format!(" must be a whole number from 1 to {MAX_FILES}, not {given}."),
            ])
        })
    }

    /// Refuses values that make no sense; how long all waits may take.
    pub(crate) fn checked(&self) -> Result<Duration, InvalidInput> {
        let Self { journal, chunk_size, max_wait, .. } = self;
        self.stop_limit()?;
        self.job_ids()?;
        if self.skip_published && self.reports.is_empty() {
            return Err(InvalidInput::new(message![
                name("skip_published"),
                " needs ",
                name("reports"),
                ": they show which files are published.",
            ]));
        }
        let shown = journal.display().to_string();
        if journal.file_name().is_none() {
            return Err(InvalidInput::new(message![
                name("journal"),
                format!(" must be the path of a file, not {shown:?}."),
            ]));
        }
        if journal.starts_with("~") {
            return Err(InvalidInput::new(message![
                name("journal"),
                format!(" is {shown:?}: `~` is the shell's, so write the whole path."),
            ]));
        }
        if shown.contains('\0') {
            return Err(InvalidInput::new(message![
                name("journal"),
                format!(" must be a path, and {shown:?} has a NUL in it."),
            ]));
        }
        // Such an ending comes from a script, and the journal without it is another one.
        if shown.ends_with(|last: char| last.is_whitespace() || last.is_control()) {
            return Err(InvalidInput::new(message![
                name("journal"),
                format!(" must not end in a blank or a control character, as {shown:?} does."),
            ]));
        }
        if !(1..=MAX_FILES).contains(chunk_size) {
            return Err(InvalidInput::new(message![
                name("chunk_size"),
                format!(" must be from 1 to {MAX_FILES}, not {chunk_size}."),
            ]));
        }
        time_from_zero("max_wait", *max_wait)
    }

    /// As [`checked`](Self::checked), for a request: one without files takes them from reports.
    pub(crate) fn checked_for(&self, request: Option<&PublishRequest>) -> Result<Duration, InvalidInput> {
        if self.reports.is_empty() && request.is_some_and(|request| request.file_ids().is_empty()) {
            return Err(InvalidInput::new(message![
                name("file_ids"),
                " must name the files: give a list of ids, or in ",
                name("reports"),
                " the jobs that they came out of.",
            ]));
        }
        // None were left of some others, say: that does not mean all files of the reports.
        if request.is_some_and(|request| request.file_ids().is_empty() && !request.is_for_reports()) {
            return Err(PublishRequest::names_none());
        }
        let checked = self.checked()?;
        if self.skip_published && request.is_some_and(|request| !request.file_ids().is_empty()) {
            return Err(InvalidInput::new(message![
                name("skip_published"),
                " leaves out files that ",
                name("reports"),
                " bring, and cannot be given beside ",
                name("file_ids"),
                ": every file that is named is published and reported.",
            ]));
        }
        Ok(checked)
    }

    /// The jobs of generated reports, as they may stand in a path.
    pub(crate) fn job_ids(&self) -> Result<Vec<String>, InvalidInput> {
        self.reports.iter().map(|given| generated_report::job_id(given)).collect()
    }

    /// How long a batch that is stopped waits for the request in flight.
    pub(crate) fn stop_limit(&self) -> Result<Option<Duration>, InvalidInput> {
        self.stop_timeout.map(|limit| time_from_zero("stop_timeout", limit)).transpose()
    }
}

fn time_from_zero(argument: &'static str, given: f64) -> Result<Duration, InvalidInput> {
    Duration::try_from_secs_f64(given).map_err(|_| {
        InvalidInput::new(message![name(argument), " must be a time from 0, not ", message::seconds(given), "."])
    })
}

/// How far a batch has come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// How many files there are.
    pub total: usize,
    /// How many are [`FileState::Ok`](crate::FileState::Ok).
    pub succeeded: usize,
    /// How many failed for some or all contacts.
    pub failed: usize,
    /// How many have an unknown outcome.
    pub unknown: usize,
    /// How many are yet to be processed.
    pub not_processed: usize,
    /// The chunk that was sent last, or is next.
    pub chunk: u32,
    /// How many chunks there are.
    pub chunks: usize,
    /// Seconds that the batch now waits for the rate limit.
    pub waiting: Option<f64>,
}
