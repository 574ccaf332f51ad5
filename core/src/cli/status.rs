//! What the program exits with.

use crate::error::{Error, ErrorKind};
use crate::journal::view::Journal;
use crate::model::report::PublishReport;

/// How the program ended, for scripts that run it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// Every file is ok.
    Ok,
    /// Some file failed, or a person decided about one; an audit found something.
    Failed,
    /// Bad input or settings: nothing was sent.
    Refused,
    /// Some file may have been published: a person has to look.
    Unknown,
    /// The server processed nothing.
    NothingProcessed,
    /// Some files are processed, others can still be sent.
    PartWay,
    /// Ctrl-C, SIGTERM or SIGHUP.
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

    /// The status that a report comes to.
    pub(super) fn of_files(report: &PublishReport) -> Self {
        let left = report.left().count() + report.files().iter().filter(|file| file.is_to_be_sent_again()).count();
        if !report.undecided().is_empty() {
            Self::Unknown
        } else if left == report.files().len() {
            Self::NothingProcessed
        } else if left > 0 {
            Self::PartWay
        } else if report.ok() {
            Self::Ok
        } else {
            Self::Failed
        }
    }

    /// The status of a run that ended in an error.
    pub(super) fn of_error(error: &Error, journal: Option<&Journal>) -> Self {
        // The journal's word counts where its last line could not be written.
        if journal.is_some_and(|journal| !journal.undecided().is_empty()) {
            return Self::Unknown;
        }
        if error.kind() == ErrorKind::AlreadySent {
            return Self::Refused;
        }
        let of_files = error.report().map_or(Self::NothingProcessed, Self::of_files);
        match (error.kind(), of_files) {
            (_, Self::Unknown) => Self::Unknown,
            (ErrorKind::Config | ErrorKind::Input, _) => Self::Refused,
            (ErrorKind::Stopped, _) => Self::Interrupted,
            (_, Self::Ok) => Self::Failed,
            (_, status) => status,
        }
    }
}
