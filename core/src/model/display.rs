//! A report for people: the words and the order that every table of it has.

use crate::model::report::{FileResult, FileState, PublishReport};

/// What a table says of one step: whether it was done for all contacts.
///
/// The API answers success as well when nobody was to be reached, so what was asked counts too.
#[must_use]
pub const fn word(asked: bool, answer: Option<bool>) -> &'static str {
    match answer {
        Some(false) => "not all",
        _ if !asked => "not asked",
        Some(true) => "yes",
        None => "?",
    }
}

/// One file, as a table shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// The file.
    pub file: &'a FileResult,
    /// Whether it was published to all contacts: [`word`].
    pub published: &'static str,
    /// Whether all contacts were e-mailed.
    pub notified: &'static str,
    /// What the API wrote about it, as it came: escape it for where it is shown.
    pub errors: String,
}

impl PublishReport {
    /// Every file as a table shows it: what needs attention first.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_>> {
        let (publish, notify) = self.request().asks();
        let mut rows: Vec<Row<'_>> = self
            .files()
            .iter()
            .map(|file| Row {
                file,
                published: word(publish, file.published),
                notified: word(notify, file.notified),
                errors: told(file),
            })
            .collect();
        rows.sort_by_key(|row| attention(row.file.state));
        rows
    }
}

/// The most telling text of each error of a file.
fn told(file: &FileResult) -> String {
    let texts = file.errors.iter().filter_map(|error| {
        let texts = [&error.detail, &error.title, &error.code];
        texts.into_iter().flatten().map(String::as_str).find(|text| !text.is_empty())
    });
    texts.collect::<Vec<_>>().join(" ")
}

const fn attention(state: FileState) -> u8 {
    match state {
        FileState::Failed => 0,
        FileState::Unknown => 1,
        FileState::NotProcessed => 2,
        FileState::Ok => 3,
    }
}
