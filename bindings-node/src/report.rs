//! What became of every file. The report stays here; JavaScript reads from it what it looks at.

use std::sync::Arc;

use addepar_portal::{Attempt, Error, FileError, FileResult, PublishReport, Status, UnexpectedResult, Verdict};
use napi::bindgen_prelude::{Either, Float64Array, Int32Array};
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
        Self::or_failure(PublishReport::from_json(&json).map_err(Error::from))
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

    /// What became of every file.
    #[napi]
    pub fn rows(&self) -> Rows {
        let mut rows = RowWriter::default();
        rows.all(self.0.files());
        Rows { cells: id::compact(&rows.cells), texts: serde_json::to_string(&rows.texts).unwrap_or_default() }
    }

    /// Whether nothing is left to be sent or to be decided about.
    #[napi]
    pub fn settled(&self) -> bool {
        self.0.settled()
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

/// Files as numbers, which the facade makes into objects: half of the time that objects of the addon take, or JSON.
///
/// First how many files there are and their ids. Then, of each file about which there is more to say than that both
/// steps succeeded: its position, state, whether it was published and notified (1 or 0), both statuses, how many errors
/// there are, of each error its code, title, detail and contacts, then the contacts not published, those not notified and
/// what a person decided. A text is its place in `texts`, contacts are their number and themselves, and -1 is none.
#[napi(object)]
pub struct Rows {
    /// The numbers, small ones where all of them are: V8 makes an object of any other.
    pub cells: Either<Int32Array, Float64Array>,
    /// A list of texts, as JSON.
    pub texts: String,
}

#[derive(Default)]
struct RowWriter<'a> {
    cells: Vec<i64>,
    texts: Vec<&'a str>,
}

impl<'a> RowWriter<'a> {
    const NONE: i64 = -1;
    /// Few texts come more than once, and those come early: only so many are looked through.
    const LOOKED_THROUGH: usize = 16;

    fn all(&mut self, files: &'a [FileResult]) {
        self.count(files.len());
        self.cells.extend(files.iter().map(|file| id::signed(file.file_id)));
        for (position, file) in files.iter().enumerate().filter(|(_, file)| !file.goes_without_saying()) {
            self.count(position);
            self.file(file);
        }
    }

    fn file(&mut self, file: &'a FileResult) {
        self.text(Some(file.state.as_str()));
        self.answer(file.published);
        self.answer(file.notified);
        self.text(file.publish_status.as_ref().map(Status::as_str));
        self.text(file.notify_status.as_ref().map(Status::as_str));
        self.count(file.errors.len());
        for error in &file.errors {
            let FileError { code, title, detail } = error;
            self.text(code.as_deref());
            self.text(title.as_deref());
            self.text(detail.as_deref());
            self.contacts(error.contact_ids());
        }
        self.contacts(file.contacts_not_published());
        self.contacts(file.contacts_not_notified());
        self.text(file.decision.map(Verdict::as_str));
    }

    #[expect(clippy::cast_possible_wrap, reason = "no list has so many members")]
    fn count(&mut self, count: usize) {
        self.cells.push(count as i64);
    }

    fn answer(&mut self, answer: Option<bool>) {
        self.cells.push(answer.map_or(Self::NONE, i64::from));
    }

    fn text(&mut self, text: Option<&'a str>) {
        let Some(text) = text else { return self.cells.push(Self::NONE) };
        let known = self.texts.iter().take(Self::LOOKED_THROUGH).position(|known| *known == text);
        let place = known.unwrap_or(self.texts.len());
        if known.is_none() {
            self.texts.push(text);
        }
        self.count(place);
    }

    fn contacts(&mut self, contacts: Option<Vec<u64>>) {
        let Some(contacts) = contacts else { return self.cells.push(Self::NONE) };
        self.count(contacts.len());
        self.cells.extend(contacts.into_iter().map(id::signed));
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
