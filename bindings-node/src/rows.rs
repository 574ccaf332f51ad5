//! The files of a report on their way to JavaScript.

use addepar_portal::host::Asks;
use addepar_portal::{FileError, FileResult, PublishReport, Status, Verdict};
use napi::bindgen_prelude::{Either, Float64Array, Int32Array};
use napi_derive::napi;

use crate::id;

/// Files as numbers, which the facade makes into objects: half of the time that objects of the addon take, or JSON.
///
/// First whether files about which there is nothing to say were published and notified (1, or -1 if nobody asked for it),
/// how many files there are and their ids. Then, of each file about which there is more to say than that both steps
/// succeeded: its position, state, whether it was published and notified (1 or 0), both statuses, how many errors there
/// are, of each error its code, title, detail and contacts, then the contacts not published, those not notified, what a
/// person decided, why it is unknown and the name of its portfolio. A text is its place in `texts`, contacts are their number and themselves, and -1
/// is none.
#[napi(object)]
pub struct Rows {
    /// The numbers, small ones where all of them are: V8 makes an object of any other.
    pub cells: Either<Int32Array, Float64Array>,
    /// A list of texts, as JSON.
    pub texts: String,
}

impl Rows {
    pub(crate) fn of(report: &PublishReport) -> Self {
        let mut rows = RowWriter::default();
        rows.all(report.files(), report.request().asks());
        Self { cells: id::compact(&rows.cells), texts: serde_json::to_string(&rows.texts).unwrap_or_default() }
    }
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

    fn all(&mut self, files: &'a [FileResult], asks: Asks) {
        let FileResult { published, notified, .. } = FileResult::succeeded(0, asks);
        self.answer(published);
        self.answer(notified);
        self.count(files.len());
        self.cells.extend(files.iter().map(|file| id::signed(file.file_id)));
        for (position, file) in files.iter().enumerate().filter(|(_, file)| !file.goes_without_saying(asks)) {
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
        self.text(file.reason.as_deref());
        self.text(file.portfolio_name.as_deref());
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
