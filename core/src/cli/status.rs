//! What the program exits with.

use crate::error::{Error, ErrorKind, JournalReason};
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

    /// The status of a call that ended in a report: one without files had nothing to send.
    pub(super) fn of_report(report: &PublishReport) -> Self {
        if report.files().is_empty() { Self::Ok } else { Self::of_files(report) }
    }

    /// The status that the files of a report come to.
    fn of_files(report: &PublishReport) -> Self {
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

    /// The status of a call that ended in an error. `is_refused`: it was not begun.
    pub(super) fn of_error(error: &Error, journal: Option<&Journal>, is_refused: bool) -> Self {
        // A journal that is not what it was says nothing.
        let is_another = matches!(error.reason(), Some(JournalReason::Changed | JournalReason::Missing));
        if is_refused && is_another {
            return Self::Refused;
        }
        // The journal's word counts where its last line could not be written.
        if journal.is_some_and(|journal| !journal.undecided().is_empty()) {
            return Self::Unknown;
        }
        let of_files = error.report().map_or(Self::NothingProcessed, Self::of_files);
        match (error.kind(), of_files) {
            // What its journal leaves undecided was looked at.
            (ErrorKind::Config | ErrorKind::Input | ErrorKind::Journal, _) if is_refused => Self::Refused,
            (_, Self::Unknown) => Self::Unknown,
            // Settings may turn out to be wrong when the first request is about to go out.
            (ErrorKind::AlreadySent, _) | (ErrorKind::Config | ErrorKind::Input, Self::NothingProcessed) => {
                Self::Refused
            }
            (ErrorKind::Stopped, _) => Self::Interrupted,
            (_, Self::Ok) => Self::Failed,
            (_, status) => status,
        }
    }

    /// The status of a batch that was interrupted and ended in an error, perhaps that of its last request.
    pub(super) fn of_interrupted(error: &Error, journal: Option<&Journal>, is_refused: bool) -> Self {
        match Self::of_error(error, journal, is_refused) {
            status @ (Self::Refused | Self::Unknown) => status,
            _ => Self::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use super::*;
    use crate::model::file_result::{FileResult, FileState, Verdict};
    use crate::model::request::{ContactNotification, PortalPublishing, PublishRequest};

    /// A report of files in these states.
    fn report(states: &[(FileState, Option<Verdict>)]) -> PublishReport {
        let ids = 1..=states.len() as u64;
        let request = PublishRequest::new(ids.clone(), PortalPublishing::Publish, ContactNotification::Notify);
        let request = request.unwrap_or_else(|_| PublishRequest::of_nothing());
        let result = |(id, (state, decision)): (u64, &(FileState, Option<Verdict>))| {
            (id, FileResult { decision: *decision, ..FileResult::unanswered(id, *state) })
        };
        let results: HashMap<u64, FileResult> = ids.zip(states).map(result).collect();
        PublishReport::uniform(&request, FileState::NotProcessed, String::new()).with_results(&results)
    }

    #[test]
    fn each_report_has_its_status_whatever_error_it_comes_with() {
        use FileState::{Failed, NotProcessed, Ok, Unknown};
        let decided = |verdict| (Unknown, Some(verdict));
        for (states, status) in [
            (vec![(Ok, None), (Ok, None)], Status::Ok),
            (vec![(Ok, None), (Failed, None)], Status::Failed),
            (vec![(Ok, None), decided(Verdict::Published), decided(Verdict::Leave)], Status::Failed),
            (vec![decided(Verdict::Leave)], Status::Failed),
            (vec![(NotProcessed, None), (NotProcessed, None)], Status::NothingProcessed),
            (vec![(Ok, None), (NotProcessed, None)], Status::PartWay),
            (vec![(Ok, None), decided(Verdict::NotPublished)], Status::PartWay),
            (vec![(Failed, None), (NotProcessed, None), (Unknown, None)], Status::Unknown),
        ] {
            let report = report(&states);
            assert_eq!(Status::of_report(&report), status, "{report}");
            // The thread of its journal may break off in the middle: that is not a bad setting.
            let error = Error::config("It broke off.").in_batch(Path::new("run.jsonl"), report);
            let expected = match status {
                Status::NothingProcessed => Status::Refused,
                Status::Ok => Status::Failed,
                status => status,
            };
            assert_eq!(Status::of_error(&error, None, false), expected, "{error}");
            assert_eq!(Status::of_error(&error, None, true), Status::Refused, "{error}");
            let interrupted = match expected {
                Status::Refused | Status::Unknown => expected,
                _ => Status::Interrupted,
            };
            assert_eq!(Status::of_interrupted(&error, None, false), interrupted, "{error}");
        }
        // A call of no files ends well, unless it ends in an error.
        let none = PublishReport::uniform(&PublishRequest::of_nothing(), FileState::NotProcessed, String::new());
        assert_eq!(Status::of_report(&none), Status::Ok);
        assert_eq!(Status::of_error(&Error::config("No.").with_earlier(none), None, false), Status::Refused);
    }
}
