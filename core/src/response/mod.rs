//! The answer: bytes and the request, read into a report. No I/O.

pub(crate) mod api_errors;
pub(crate) mod generated_reports;
pub(crate) mod json;
pub(crate) mod members;
pub(crate) mod pattern;
pub(crate) mod rows;

use crate::model::file_result::FileState;
use crate::model::report::{PublishReport, UnreadPage};
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
        Ok(answered) => {
            let unread = answered.next_link().map(|link| UnreadPage {
                link: link.to_owned(),
                http_status: None,
                reason: "The answer was read without a network.".to_owned(),
                raw: String::new(),
            });
            Ok(answered.into_report(raw.text, unread))
        }
        Err(reason) => {
            let report = PublishReport::uniform(request, FileState::Unknown, raw.text);
            Err(Box::new(Unreadable { reason, report }))
        }
    }
}
