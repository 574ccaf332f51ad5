//! The files of a report on their way to JavaScript.

use addepar_portal::host::Asks;
use addepar_portal::{FileError, FileResult, PublishReport};
use serde::Serialize;

/// Files as one flat list, in JSON, which the facade makes into objects: that takes half as long as objects of the addon, or
/// objects in JSON.
///
/// First whether files about which there is nothing to say were published and notified (`null` if nobody asked for it), how
/// many files there are and their ids. Then, of each file about which there is more to say than that both steps succeeded:
/// its position, state, whether it was published and notified, both statuses, how many errors there are, of each error its
/// code, title, detail and contacts, then the contacts not published, those not notified, what a person decided, why it is
/// unknown and the name of its portfolio. Contacts are their number and themselves.
pub(crate) fn written(report: &PublishReport) -> String {
    let (files, asks) = (report.files(), report.request().asks());
    let mut rows = RowWriter::default();
    rows.all(files, asks);
    rows.finish()
}

#[derive(Default)]
struct RowWriter(Vec<u8>);

impl RowWriter {
    fn all(&mut self, files: &[FileResult], asks: Asks) {
        let FileResult { published, notified, .. } = FileResult::succeeded(0, asks);
        self.cell(&published);
        self.cell(&notified);
        self.cell(&files.len());
        for file in files {
            self.cell(&file.file_id);
        }
        for (position, file) in files.iter().enumerate().filter(|(_, file)| !file.goes_without_saying(asks)) {
            self.cell(&position);
            self.file(file);
        }
    }

    fn file(&mut self, file: &FileResult) {
        self.cell(&file.state);
        self.cell(&file.published);
        self.cell(&file.notified);
        self.cell(&file.publish_status);
        self.cell(&file.notify_status);
        self.cell(&file.errors.len());
        for error in &file.errors {
            let FileError { code, title, detail } = error;
            self.cell(code);
            self.cell(title);
            self.cell(detail);
            self.contacts(error.contact_ids());
        }
        self.contacts(file.contacts_not_published());
        self.contacts(file.contacts_not_notified());
        self.cell(&file.decision);
        self.cell(&file.reason);
        self.cell(&file.portfolio_name);
    }

    fn contacts(&mut self, contacts: Option<Vec<u64>>) {
        self.cell(&contacts.as_ref().map(Vec::len));
        for contact in contacts.unwrap_or_default() {
            self.cell(&contact);
        }
    }

    fn cell(&mut self, cell: &impl Serialize) {
        self.0.push(if self.0.is_empty() { b'[' } else { b',' });
        // Numbers, texts and words are always written.
        let _ = serde_json::to_writer(&mut self.0, cell);
    }

    fn finish(mut self) -> String {
        self.0.push(b']');
        String::from_utf8(self.0).unwrap_or_default()
    }
}
