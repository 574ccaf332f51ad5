//! What became of every file. The report stays here; JavaScript reads from it what it looks at.

use std::sync::Arc;

use addepar_portal::{Attempt, Error, FileError, FileResult, FileState, PublishReport, Status, UnexpectedResult};
use napi::bindgen_prelude::{Either, Float64Array};
use napi_derive::napi;
use serde::Serialize;

use crate::failure::Failure;
use crate::id;
use crate::request::Request;

/// A report of the core.
#[napi]
pub struct Report(Arc<PublishReport>);

#[napi]
impl Report {
    /// Reads an answer's body without any network.
    #[napi]
    pub fn from_response(request: &Request, body: &[u8]) -> Either<Report, Failure> {
        Self::or_failure(PublishReport::from_response(request.inner(), body))
    }

    /// Reads what `to_json` wrote.
    #[napi]
    pub fn from_json(json: String) -> Either<Report, Failure> {
        Self::or_failure(PublishReport::from_json(&json))
    }

    /// Whether every file is ok.
    #[napi]
    pub fn ok(&self) -> bool {
        self.0.ok()
    }

    /// The files, in the order asked.
    #[napi]
    pub fn file_ids(&self) -> Float64Array {
        id::numbers(self.0.request().file_ids())
    }

    /// What was asked.
    #[napi]
    pub fn request(&self) -> Request {
        self.0.request().clone().into()
    }

    /// The files about which there is more to say than that both steps succeeded, as the JSON of [`Exception`]s.
    /// Most answers have few: rows cost more than the HTTP call.
    #[napi]
    pub fn exceptions(&self) -> String {
        let files = self.0.files().iter().enumerate().filter(|(_, file)| !is_plain(file));
        let exceptions: Vec<_> = files.map(|(position, file)| Exception::new(position, file)).collect();
        serde_json::to_string(&exceptions).unwrap_or_default()
    }

    /// Attempts, unexpected results and the next link, as JSON.
    #[napi]
    pub fn circumstances(&self) -> String {
        #[derive(Serialize)]
        struct Circumstances<'a> {
            attempts: &'a [Attempt],
            unexpected: &'a [UnexpectedResult],
            next_link: Option<&'a str>,
        }
        let circumstances = Circumstances {
            attempts: self.0.attempts(),
            unexpected: self.0.unexpected(),
            next_link: self.0.next_link(),
        };
        serde_json::to_string(&circumstances).unwrap_or_default()
    }

    /// The answer's body as it came.
    #[napi]
    pub fn raw(&self) -> &str {
        self.0.raw()
    }

    /// The contacts that some step failed for, as JSON.
    #[napi]
    pub fn failed_contacts(&self) -> String {
        serde_json::to_string(&self.0.failed_contacts()).unwrap_or_default()
    }

    /// The error of a report that is not ok.
    #[napi]
    pub fn failure(&self) -> Option<Failure> {
        PublishReport::clone(&self.0).raise_for_failures().err().map(Failure::from)
    }

    /// The whole report as JSON, the same in every language.
    #[napi]
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// The report for a person to read.
    #[napi(js_name = "toString")]
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}

impl Report {
    pub(crate) fn or_failure(result: Result<impl Into<Self>, Error>) -> Either<Self, Failure> {
        match result {
            Ok(report) => Either::A(report.into()),
            Err(error) => Either::B(error.into()),
        }
    }
}

/// The position of a file and its members, without their names, which would take longer to read than
/// the members themselves.
#[derive(Serialize)]
struct Exception<'a>(
    usize,
    u64,
    FileState,
    Option<bool>,
    Option<bool>,
    Option<&'a Status>,
    Option<&'a Status>,
    Vec<FileErrorRow<'a>>,
    Option<Vec<u64>>,
    Option<Vec<u64>>,
);

/// Code, title, detail and the contacts that it names.
#[derive(Serialize)]
struct FileErrorRow<'a>(Option<&'a str>, Option<&'a str>, Option<&'a str>, Option<Vec<u64>>);

impl<'a> Exception<'a> {
    fn new(position: usize, file: &'a FileResult) -> Self {
        let errors = file.errors.iter().map(|error| {
            let FileError { code, title, detail } = error;
            FileErrorRow(code.as_deref(), title.as_deref(), detail.as_deref(), error.contact_ids())
        });
        Self(
            position,
            file.file_id,
            file.state,
            file.published,
            file.notified,
            file.publish_status.as_ref(),
            file.notify_status.as_ref(),
            errors.collect(),
            file.contacts_not_published(),
            file.contacts_not_notified(),
        )
    }
}

/// Whether the file is one of which the facade knows every member without being told.
fn is_plain(file: &FileResult) -> bool {
    let FileResult { file_id: _, state, published, notified, publish_status, notify_status, errors } = file;
    *state == FileState::Ok
        && *published == Some(true)
        && *notified == Some(true)
        && *publish_status == Some(Status::Success)
        && *notify_status == Some(Status::Success)
        && errors.is_empty()
}

impl From<PublishReport> for Report {
    fn from(report: PublishReport) -> Self {
        Self(Arc::new(report))
    }
}

impl From<Arc<PublishReport>> for Report {
    fn from(report: Arc<PublishReport>) -> Self {
        Self(report)
    }
}
