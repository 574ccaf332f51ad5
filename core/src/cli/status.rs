//! What the program exits with.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind};
use crate::journal::{Journal, Verdict};
use crate::report::{FileState, PublishReport};

/// How the program ended, for whoever runs it by script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// Every file is ok.
    Ok,
    /// Some file failed, or an audit found something.
    Failed,
    /// Bad input or settings: nothing was sent.
    Refused,
    /// Some file may have been published: a person has to look.
    Unknown,
    /// The server processed nothing.
    NothingProcessed,
    /// Some files are processed, others can still be sent.
    PartWay,
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

impl Status {
    pub(super) const fn code(self) -> i32 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Refused => 2,
            Self::Unknown => 3,
            Self::NothingProcessed => 4,
            Self::PartWay => 5,
            Self::Interrupted => 130,
        }
    }

    /// The status that a report comes to. A file is settled when a person found it to be published.
    pub(super) fn of_files(report: &PublishReport, decisions: &HashMap<u64, Verdict>) -> Self {
        let settled = |id: &u64| decisions.get(id) == Some(&Verdict::Published);
        let left = report.count(FileState::NotProcessed);
        if report.in_state(FileState::Unknown).any(|file| !settled(&file.file_id)) {
            Self::Unknown
        } else if left == report.files().len() {
            Self::NothingProcessed
        } else if left > 0 {
            Self::PartWay
        } else if report.count(FileState::Failed) > 0 {
            Self::Failed
        } else {
            Self::Ok
        }
    }

    /// The status of a run that ended in an error.
    pub(super) fn of_error(error: &Error, journal: Option<&Journal>, decisions: &HashMap<u64, Verdict>) -> Self {
        // The journal's word counts where its last line could not be written.
        if journal.is_some_and(|journal| !journal.undecided().is_empty()) {
            return Self::Unknown;
        }
        let of_files = error.report().map_or(Self::NothingProcessed, |report| Self::of_files(report, decisions));
        match (error.kind(), of_files) {
            (_, Self::Unknown) => Self::Unknown,
            (ErrorKind::Config | ErrorKind::Input, _) => Self::Refused,
            (ErrorKind::Stopped, _) => Self::Interrupted,
            (_, Self::Ok) => Self::Failed,
            (_, status) => status,
        }
    }
}

/// What people decided about files whose outcome is unknown.
pub(super) fn decisions(journal: Option<&Journal>) -> HashMap<u64, Verdict> {
    let Some(journal) = journal else { return HashMap::new() };
    // An earlier decision about a file that was sent again says nothing about its last outcome.
    let undecided: std::collections::HashSet<u64> = journal.undecided().into_iter().collect();
    let files = journal.files().into_iter().filter(|file| file.result.state == FileState::Unknown);
    files
        .filter(|file| !undecided.contains(&file.result.file_id))
        .filter_map(|file| Some((file.result.file_id, file.decision?)))
        .collect()
}
