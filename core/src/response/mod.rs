//! The answer: bytes and the request, read into a report. No I/O.

pub(crate) mod api_errors;
pub(crate) mod generated_reports;
pub(crate) mod json;
pub(crate) mod pattern;
pub(crate) mod rows;

use crate::model::file_result::FileState;
use crate::model::report::PublishReport;
use crate::model::request::PublishRequest;
use crate::response::rows::{Answered, Raw};

/// A body that does not say what was done.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) reason: String,
    /// Every file is unknown; it holds the raw text.
    pub(crate) report: PublishReport,
}

/// Reads a whole body.
pub(crate) fn read(request: &PublishRequest, body: &[u8]) -> Result<PublishReport, Box<Unreadable>> {
    let raw = Raw::new(body.to_vec());
    match Answered::read(request, &raw) {
        Ok(answered) => Ok(answered.into_report(raw.text)),
        Err(reason) => {
            let report = PublishReport::uniform(request, FileState::Unknown, raw.text);
            Err(Box::new(Unreadable { reason, report }))
        }
    }
}
