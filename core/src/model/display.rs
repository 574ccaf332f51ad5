//! A report for people: the words and the order that every table of it has.

use std::fmt;
use std::time::SystemTime;

use crate::model::api_error::ApiError;
use crate::model::file_result::{FileResult, FileState, Step, Verdict};
use crate::model::ranges;
use crate::model::report::{FailedContacts, PublishReport, UnreadPage};
use crate::model::request::Asked;
use crate::model::times;

/// What a table says of one step: no more than the answer proves.
///
/// A success says that the step failed for no contact that was to be reached, and there may be none. A failure says that the step
/// failed for some contacts, or for all of them.
const fn word(asked: Asked, answer: Option<bool>) -> &'static str {
    match (asked, answer) {
        (Asked::Nobody, _) => "not asked",
        (_, Some(false)) => "some or none",
        (Asked::Preferring, Some(true)) => "as preferred",
        (Asked::All, Some(true)) => "yes",
        (Asked::InDifferentWays, Some(true)) | (_, None) => "?",
    }
}

/// One file, as a table shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// The file.
    pub file: &'a FileResult,
    /// Its state in words, with what a person made of it.
    pub state: String,
    /// Whether it was published to all contacts: `yes`, `as preferred` (to those who prefer it, who may be none), `some or
    /// none`, `not asked` or `?`.
    pub published: &'static str,
    /// Whether all contacts were e-mailed, in the same words.
    pub notified: &'static str,
    /// Why it is unknown, and what the API wrote about it, as it came: escape it for where it is shown.
    pub errors: String,
}

/// The contacts that a step failed for, in words: `1, 2`; `?` if not identified; nothing where it failed for none.
#[must_use]
pub fn contacts(done: Option<bool>, contacts: Option<Vec<u64>>) -> String {
    match contacts {
        Some(contacts) => contacts.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
        None if done == Some(false) => "?".to_owned(),
        None => String::new(),
    }
}

impl PublishReport {
    /// Every file as a table shows it: what needs attention first.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_>> {
        let (publish, notify) = if self.modes_differ() {
            (Asked::InDifferentWays, Asked::InDifferentWays)
        } else {
            (self.request().asked_to_publish(), self.request().asked_to_notify())
        };
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
        rows.sort_by_key(|row| self.attention(row.file));
        rows
    }

    /// How many files are in which state, in the words and the order of [`rows`](Self::rows).
    #[must_use]
    pub fn counts(&self) -> Vec<(String, usize)> {
        let mut files: Vec<&FileResult> = self.files().iter().collect();
        files.sort_by_key(|file| self.attention(file));
        let mut counts: Vec<(String, usize)> = Vec::new();
        for file in files {
            let state = self.state_in_words(file);
            match counts.iter_mut().find(|(counted, _)| *counted == state) {
                Some((_, count)) => *count += 1,
                None => counts.push((state, 1)),
            }
        }
        counts
    }

    /// How many contacts missed something, and how many files are in neither list; then what each of the first contacts
    /// missed.
    #[must_use]
    pub fn failed_contacts_in_words(&self) -> String {
        const CONTACTS: usize = 50;
        const RANGES: usize = 20;
        let FailedContacts { contacts, unreadable } = self.failed_contacts();
        let beside = self.counts().into_iter().filter(|(state, _)| !matches!(state.as_str(), "ok" | "failed"));
        let beside = beside.map(|(state, count)| format!(", {} {}", counted(count, "file"), state.replace('_', " ")));
        let missed = if contacts.is_empty() && !unreadable.is_empty() {
            "the contacts who missed something are not identified".to_owned()
        } else {
            format!("{} missed something", counted(contacts.len(), "contact"))
        };
        let counts = beside.fold(missed, |all, one| all + &one);
        let mut lines = vec![counts];
        for (contact, failed) in contacts.iter().take(CONTACTS) {
            let mut steps: Vec<(Step, Vec<u64>)> = Vec::new();
            for (file_id, step) in failed {
                match steps.iter_mut().find(|(other, _)| other == step) {
                    Some((_, file_ids)) => file_ids.push(*file_id),
                    None => steps.push((*step, vec![*file_id])),
                }
            }
            let said =
                |(step, ids): &(Step, Vec<u64>)| format!("{} failed for {}", step.as_str(), ranges::first(RANGES, ids));
            lines.push(format!("contact {contact}: {}", steps.iter().map(said).collect::<Vec<_>>().join("; ")));
        }
        if contacts.len() > CONTACTS {
            lines.push(format!("and {}", counted(contacts.len() - CONTACTS, "more contact")));
        }
        if !unreadable.is_empty() {
            let (files, named) = (counted(unreadable.len(), "file"), ranges::first(RANGES, &unreadable));
            lines.push(format!("{files} failed for unidentified contacts: {named}"));
        }
        lines.join("\n")
    }

    /// What somebody has to look at comes first.
    pub(crate) fn attention(&self, file: &FileResult) -> u8 {
        match (file.state, file.decision) {
            (FileState::Unknown, None) if !self.in_flight().contains(&file.file_id) => 0,
            (FileState::Failed, _) => 1,
            (FileState::Unknown, None) => 2,
            (FileState::NotProcessed, None) | (_, Some(Verdict::NotPublished)) => 3,
            (FileState::Unknown | FileState::NotProcessed, Some(Verdict::Published | Verdict::Leave)) => 4,
            (FileState::Ok, _) => 5,
        }
    }

    /// What is to be said below a table of the files, as it came: escape it for where it is shown.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.errors().is_empty() {
            notes.push(beside_results(self.errors()));
        }
        match self.unexpected().len() {
            0 => {}
            1 => notes.push("1 result belongs to no requested file alone: see unexpected".to_owned()),
            count => notes.push(format!("{count} results belong to no requested file alone: see unexpected")),
        }
        let page = |page: &UnreadPage| format!("further results were not read: {} ({})", page.link, page.reason);
        notes.extend(self.unread_pages().iter().map(page));
        notes
    }
}

/// Why a file is unknown, and the most telling text of each of its errors.
fn error_texts(file: &FileResult) -> String {
    let errors = Some(errors_in_words(file)).filter(|errors| !errors.is_empty());
    file.reason.clone().into_iter().chain(errors).collect::<Vec<_>>().join(" ")
}

/// The most telling text of each of a file's errors, as it came: escape it for where it is shown.
#[must_use]
pub fn errors_in_words(file: &FileResult) -> String {
    let texts = file.errors.iter().filter_map(|error| telling([&error.detail, &error.title, &error.code]));
    texts.collect::<Vec<_>>().join(" ")
}

fn telling(texts: [&Option<String>; 3]) -> Option<&str> {
    texts.into_iter().flatten().map(String::as_str).find(|text| !text.is_empty())
}

/// A sentence about errors that stand beside the results of an answer.
pub(crate) fn beside_results(errors: &[ApiError]) -> String {
    let said = errors.iter().find_map(|error| telling([&error.detail, &error.title, &error.code])).and_then(excerpt);
    let what = "The answer has errors beside its results";
    match said {
        // The API's sentences end with a full stop or without.
        Some(said) if said.ends_with(['.', '!', '?']) => format!("{what}: {said}"),
        Some(said) => format!("{what}: {said}."),
        None => format!("{what}."),
    }
}

/// Whether a character could command a terminal, or make a text read as another one.
#[must_use]
pub fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A text without characters that are dangerous, unless they are allowed.
pub(crate) fn escaped(text: &str, allowed: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_dangerous(c) && !allowed(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// One line of a text that came from outside, for a sentence.
pub(crate) fn excerpt(text: &str) -> Option<String> {
    const LENGTH: usize = 200;
    let start: String = text.chars().take(4 * LENGTH).collect();
    let words = start.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = words.chars().filter(|c| !c.is_control()).take(LENGTH).collect();
    (!shown.is_empty()).then_some(shown)
}

impl fmt::Display for PublishReport {
    /// The summary, and a line for each of the first files that are not ok: what needs attention first. What a server
    /// wrote is escaped: it may be shown on a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LINES: usize = 20;
        f.write_str(&self.summary())?;
        let mut troubled = self.rows();
        troubled.retain(|row| row.file.state != FileState::Ok);
        let more = troubled.len().saturating_sub(LINES);
        troubled.truncate(LINES);
        let width = troubled.iter().map(|row| row.file.file_id.to_string().len()).max().unwrap_or_default();
        let states = troubled.iter().map(|row| row.state.len()).max().unwrap_or_default();
        let states = states.max(FileState::NotProcessed.as_str().len());
        for Row { file, state, published, notified, errors } in troubled {
            write!(
                f,
                "\n  {:>width$}  {state:<states$}  published: {published:<12}  notified: {notified:<12}",
                file.file_id,
            )?;
            if !errors.is_empty() {
                write!(f, "  {}", escaped(&errors, |_| false))?;
            }
        }
        if more > 0 {
            write!(f, "\n  … and {more} more")?;
        }
        self.notes().iter().try_for_each(|note| write!(f, "\n  {}", escaped(note, |_| false)))
    }
}

/// `1 file`, `2 files`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// Ids in brackets, the first ones of many.
pub(crate) fn listed(ids: impl ExactSizeIterator<Item = u64>) -> String {
    let files = if ids.len() == 1 { "file" } else { "files" };
    format!(" ({files} {})", named(ids))
}

/// Ids, the first ones of many.
pub(crate) fn named(ids: impl Iterator<Item = u64>) -> String {
    const NAMED: usize = 20;
    let mut ids = ids.map(|id| id.to_string());
    let named = ids.by_ref().take(NAMED).collect::<Vec<_>>().join(", ");
    match ids.count() {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The time of day of a moment, in UTC.
pub(crate) fn time_of_day(time: SystemTime) -> String {
    let text = times::text(time);
    text.get(11..19).unwrap_or(&text).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::report::Beside;
    use crate::model::request::{ContactNotification, PortalPublishing, PublishRequest};

    #[test]
    fn rows_and_counts_begin_with_what_somebody_has_to_look_at() {
        let files = [
            (FileState::Ok, None),
            (FileState::Unknown, Some(Verdict::Leave)),
            (FileState::Unknown, None),
            (FileState::NotProcessed, None),
            (FileState::Unknown, Some(Verdict::NotPublished)),
            (FileState::Failed, None),
            (FileState::Unknown, None),
            (FileState::Ok, None),
        ];
        let request = PublishRequest::new(1..=8_u64, PortalPublishing::Publish, ContactNotification::Notify).unwrap();
        let files = (1..).zip(files);
        let files = files.map(|(id, (state, decision))| FileResult { decision, ..FileResult::unanswered(id, state) });
        let report = PublishReport::new(request, files.collect(), Beside::default(), String::new());
        let report = report.with_in_flight(vec![3]);
        let rows: Vec<(u64, String)> = report.rows().into_iter().map(|row| (row.file.file_id, row.state)).collect();
        let expected = [
            (7, "unknown"),
            (6, "failed"),
            (3, "being sent"),
            (4, "not_processed"),
            (5, "unknown, decided: not_published"),
            (2, "unknown, decided: leave"),
            (1, "ok"),
            (8, "ok"),
        ];
        assert_eq!(rows, expected.map(|(id, state)| (id, state.to_owned())));
        let counts = report.counts();
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<usize>(), 8);
        assert_eq!(counts.first(), Some(&("unknown".to_owned(), 1)));
        assert_eq!(counts.last(), Some(&("ok".to_owned(), 2)));
        let words = report.to_string();
        assert!(words.find("7  unknown").unwrap() < words.find("6  failed").unwrap(), "{words}");
    }

    #[test]
    fn a_table_says_no_more_than_the_answer_proves() {
        use ContactNotification::{DoNotNotify, Notify, UseContactPreference as NotifyAsPreferred};
        use PortalPublishing::{DoNotPublish, Publish, UseContactPreference as PublishAsPreferred};
        let rows = |modes: (PortalPublishing, ContactNotification), contacts: &[u64], answer| {
            let request = PublishRequest::new([1], modes.0, modes.1).unwrap();
            let request = request.with_override_contacts(contacts.iter().copied()).unwrap();
            let file = FileResult { published: answer, notified: answer, ..FileResult::unanswered(1, FileState::Ok) };
            let report = PublishReport::new(request, vec![file], Beside::default(), String::new());
            report.rows().first().map(|row| (row.published, row.notified)).unwrap()
        };
        for (modes, contacts, yes, no) in [
            ((Publish, Notify), &[][..], ("yes", "yes"), ("some or none", "some or none")),
            (
                (PublishAsPreferred, NotifyAsPreferred),
                &[],
                ("as preferred", "as preferred"),
                ("some or none", "some or none"),
            ),
            ((PublishAsPreferred, DoNotNotify), &[], ("as preferred", "not asked"), ("some or none", "not asked")),
            ((DoNotPublish, Notify), &[], ("not asked", "yes"), ("not asked", "some or none")),
            ((DoNotPublish, DoNotNotify), &[7], ("yes", "not asked"), ("some or none", "not asked")),
        ] {
            assert_eq!(rows(modes, contacts, Some(true)), yes, "{modes:?}");
            assert_eq!(rows(modes, contacts, Some(false)), no, "{modes:?}");
        }
    }

    #[test]
    fn contacts_that_cannot_be_told_differ_from_none() {
        let cases = [
            (Some(false), Some(vec![1, 2]), "1, 2"),
            (Some(false), None, "?"),
            (Some(true), Some(vec![]), ""),
            (None, None, ""),
        ];
        for (done, ids, words) in cases {
            assert_eq!(contacts(done, ids), words);
        }
    }
}
