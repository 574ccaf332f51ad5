//! A report for people: the words and the order that every table of it has.

use std::fmt;

use crate::model::file_result::{FileResult, FileState, Verdict};
use crate::model::report::PublishReport;

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
    /// Its state in words, with what a person made of it.
    pub state: String,
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
                state: self.state_in_words(file),
                published: word(publish, file.published),
                notified: word(notify, file.notified),
                errors: error_texts(file),
            })
            .collect();
        rows.sort_by_key(|row| attention(row.file));
        rows
    }
}

/// The most telling text of each error of a file.
fn error_texts(file: &FileResult) -> String {
    let texts = file.errors.iter().filter_map(|error| {
        let texts = [&error.detail, &error.title, &error.code];
        texts.into_iter().flatten().map(String::as_str).find(|text| !text.is_empty())
    });
    texts.collect::<Vec<_>>().join(" ")
}

const fn attention(file: &FileResult) -> u8 {
    match (file.state, file.decision) {
        (FileState::Failed, _) => 0,
        (FileState::Unknown, None) => 1,
        (FileState::NotProcessed, None) | (_, Some(Verdict::NotPublished)) => 2,
        (FileState::Unknown | FileState::NotProcessed, Some(Verdict::Published | Verdict::Leave)) => 3,
        (FileState::Ok, _) => 4,
    }
}

impl fmt::Display for PublishReport {
    /// The summary, and a line for each of the first files that are not ok. What a server wrote is
    /// escaped: it may be shown on a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LINES: usize = 20;
        let (publish, notify) = self.request().asks();
        f.write_str(&self.summary())?;
        let troubled = || self.files().iter().filter(|file| file.state != FileState::Ok);
        let width = troubled().take(LINES).map(|file| file.file_id.to_string().len()).max().unwrap_or_default();
        let states = troubled().take(LINES).map(|file| self.state_in_words(file).len()).max().unwrap_or_default();
        let states = states.max(FileState::NotProcessed.as_str().len());
        for file in troubled().take(LINES) {
            write!(
                f,
                "\n  {:>width$}  {:<states$}  published: {:<9}  notified: {:<9}",
                file.file_id,
                self.state_in_words(file),
                word(publish, file.published),
                word(notify, file.notified),
            )?;
            for said in file.errors.iter().filter_map(|error| error.detail.as_deref().or(error.title.as_deref())) {
                write!(f, "  {}", said.escape_debug())?;
            }
        }
        match troubled().count().saturating_sub(LINES) {
            0 => {}
            more => write!(f, "\n  … and {more} more")?,
        }
        match self.unexpected().len() {
            0 => Ok(()),
            count => write!(f, "\n  {count} results belong to no requested file alone: see unexpected"),
        }
    }
}

/// `1 file`, `2 files`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// Ids in brackets, the first ones of many.
pub(crate) fn listed(ids: impl Iterator<Item = u64>) -> String {
    const NAMED: usize = 20;
    let mut ids = ids.map(|id| id.to_string());
    let named = ids.by_ref().take(NAMED).collect::<Vec<_>>().join(", ");
    match ids.count() {
        0 => format!(" (files {named})"),
        more => format!(" (files {named} and {more} more)"),
    }
}
