//! What became of every file. The report stays here; JavaScript reads from it what it looks at.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use addepar_portal::{ApiError, Attempt, PublishReport, UnexpectedResult, UnreadPage};
use napi::bindgen_prelude::{Either, Float64Array};
use napi_derive::napi;
use serde::Serialize;

use crate::failure::{Failure, or_failure};
use crate::id;
use crate::request::Request;
use crate::rows;

/// A report of the core.
#[napi]
pub struct Report(Arc<PublishReport>);

#[napi]
impl Report {
    /// Reads an answer's body without any network.
    #[napi]
    pub fn from_response(request: &Request, body: &[u8]) -> Either<Report, Failure> {
        or_failure(PublishReport::from_response(request.inner(), body))
    }

    /// Reads what `to_json` wrote.
    #[napi]
    pub fn from_json(json: String) -> Either<Report, Failure> {
        or_failure(PublishReport::from_json(&json))
    }

    /// The state of every file, on every error of a publish.
    #[napi]
    pub fn of_failure(failure: &Failure) -> Option<Report> {
        failure.inner().shared_report().map(Self)
    }

    /// Whether every file is ok.
    #[napi]
    pub fn ok(&self) -> bool {
        self.0.ok()
    }

    /// What was asked.
    #[napi]
    pub fn request(&self) -> Request {
        self.0.request().clone().into()
    }

    /// What became of every file: cells, as JSON.
    #[napi]
    pub fn rows(&self) -> String {
        rows::written(&self.0)
    }

    /// Whether nothing is left to be sent, awaited or decided about.
    #[napi]
    pub fn settled(&self) -> bool {
        self.0.settled()
    }

    /// The files about which a person has to decide.
    #[napi]
    pub fn undecided(&self) -> Float64Array {
        id::numbers(&self.0.undecided())
    }

    /// The files that another call was sending when the journal was read.
    #[napi]
    pub fn in_flight(&self) -> Float64Array {
        id::numbers(self.0.in_flight())
    }

    /// Attempts, unexpected results, errors beside the results and pages that were not read, and the journal, as JSON.
    #[napi]
    pub fn circumstances(&self) -> String {
        #[derive(Serialize)]
        struct Circumstances<'a> {
            attempts: &'a [Attempt],
            unexpected: &'a [UnexpectedResult],
            errors: &'a [ApiError],
            unread_pages: &'a [UnreadPage],
            next_link: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            journal: Option<Cow<'a, str>>,
        }
        let circumstances = Circumstances {
            attempts: self.0.attempts(),
            unexpected: self.0.unexpected(),
            errors: self.0.errors(),
            unread_pages: self.0.unread_pages(),
            next_link: self.0.next_link(),
            journal: self.0.journal().map(Path::to_string_lossy),
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

    /// The same for a person to read.
    #[napi]
    pub fn failed_contacts_text(&self) -> String {
        self.0.failed_contacts_in_words()
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
