//! The check-list of a journal: the files about which a person has to decide, to be filled in and read again.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::cli::list::{List, Row};
use crate::cli::output;
use crate::journal::view::{Finding, Journal, JournalledFile};
use crate::model::file_result::Verdict;
use crate::model::id::RawId;
use crate::model::times;

/// When the request went out that a person looks after.
const SENT_AT: &str = "sent_at";
/// What a person fills in.
const DECISION: &str = "decision";
const EVIDENCE: &str = "evidence";

/// The check-list as CSV.
pub(super) fn written(journal: &Journal, files: Vec<JournalledFile>) -> String {
    let sent_at = sent_at(journal);
    let columns = ["file_id", "portfolio_name", SENT_AT, "reason", DECISION, EVIDENCE];
    let mut text = output::line(columns.map(Cow::Borrowed));
    for file in files {
        text += &output::line([
            Cow::Owned(file.result.file_id.to_string()),
            file.result.portfolio_name.unwrap_or_default().into(),
            sent_at.get(&file.result.file_id).map_or("", String::as_str).into(),
            file.result.reason.unwrap_or_default().into(),
            "".into(),
            "".into(),
        ]);
    }
    text
}

/// When each file was sent last.
fn sent_at(journal: &Journal) -> HashMap<u64, String> {
    let chunks = journal.chunks().into_iter().filter_map(|chunk| Some((chunk.chunk, times::text(chunk.sent_at?))));
    let chunks: HashMap<u32, String> = chunks.collect();
    let files = journal.files().into_iter();
    files.filter_map(|file| Some((file.result.file_id, chunks.get(&file.chunk)?.clone()))).collect()
}

/// What is wrong with a list, as it goes on after its name, if a file of it was sent once more since the list was made: what
/// somebody found out then says nothing of that. A time that a program has written anew is not compared.
pub(super) fn outdated(list: &List, journal: &Journal) -> Result<(), String> {
    let Some(then) = list.position(SENT_AT)? else { return Ok(()) };
    let sent_at = sent_at(journal);
    let wrong = list.rows().iter().find_map(|row| {
        let then = row.field(Some(then)).filter(|then| times::is_text(then))?;
        let now = sent_at.get(&row.id).filter(|now| *now != then)?;
        Some((row, then, now))
    });
    wrong.map_or(Ok(()), |(row, then, now)| {
        Err(format!(
            ", line {}, is about file {} as it was sent at {then}, and it was sent again at {now}: make a new list, and look again",
            row.line, row.id,
        ))
    })
}

/// What somebody filled in, or what is wrong with it, as it goes on after the list's name.
pub(super) fn findings(list: &List, evidence: Option<&str>) -> Result<Vec<Finding>, String> {
    let Some(decision) = list.position(DECISION)? else {
        return Err(format!(
            " has no column {DECISION:?}: fill one in, or give --published, --not-published or --leave for all of its files"
        ));
    };
    let own = list.position(EVIDENCE)?;
    let finding = |row: &Row| {
        let written = row.field(Some(decision))?;
        Some(verdict(written).map_or_else(
            || {
                Err(format!(
                    ", line {}: a decision must be published, not_published or leave, not {}",
                    row.line,
                    RawId::from(written),
                ))
            },
            |verdict| {
                let evidence = row.field(own).or(evidence).map(str::to_owned);
                Ok(Finding { file_id: row.id, verdict, evidence })
            },
        ))
    };
    let findings = list.rows().iter().filter_map(finding).collect::<Result<Vec<_>, _>>()?;
    if findings.is_empty() { Err(format!(" has no decision: its column {DECISION:?} is empty")) } else { Ok(findings) }
}

/// The first line that has a decision of its own; or what is wrong with the list, as it goes on after its name.
pub(super) fn first_decided(list: &List) -> Result<Option<usize>, String> {
    let decision = list.position(DECISION)?;
    Ok(list.rows().iter().find(|row| row.field(decision).is_some()).map(|row| row.line))
}

/// Whether a list is a check-list: its files may have been published, and a list of results has their states beside them.
pub(super) fn is_one(list: &List) -> bool {
    let has = |column| !matches!(list.position(column), Ok(None));
    has(DECISION) && has(EVIDENCE) && !has("state")
}

/// A decision as people write it into a spreadsheet: `Not published` is `not_published`.
fn verdict(written: &str) -> Option<Verdict> {
    let word = written.to_ascii_lowercase().replace([' ', '-'], "_");
    Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == word)
}
