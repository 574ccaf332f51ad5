//! The check-list of a journal: the files about which a person has to decide, to be filled in and read again.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::cli::list::{List, Row};
use crate::cli::output;
use crate::journal::view::{Finding, Journal, JournalledFile};
use crate::model::file_result::Verdict;
use crate::model::id::RawId;
use crate::model::times;

/// The request that a person looks after: its run and its chunk. What was found out is about that one. It reads like nothing
/// that a spreadsheet would write anew, as a time does.
const REQUEST: &str = "request";
/// What a person fills in.
const DECISION: &str = "decision";
const EVIDENCE: &str = "evidence";

/// The check-list as CSV.
pub(super) fn written(journal: &Journal, files: Vec<JournalledFile>) -> String {
    let (sent_at, requests) = (journal.sent_at(), requests(journal));
    let columns = ["file_id", "portfolio_name", "sent_at", REQUEST, "reason", DECISION, EVIDENCE];
    let mut text = output::line(columns.map(Cow::Borrowed));
    for file in files {
        text += &output::line([
            Cow::Owned(file.result.file_id.to_string()),
            Cow::Borrowed(file.result.portfolio_name.as_deref().unwrap_or_default()),
            sent_at.get(&file.result.file_id).map_or_else(String::new, |at| times::text(*at)).into(),
            Cow::Borrowed(requests.get(&file.result.file_id).map_or("", String::as_str)),
            file.result.reason.as_deref().unwrap_or_default().into(),
            "".into(),
            "".into(),
        ]);
    }
    text
}

/// The last request of each file.
fn requests(journal: &Journal) -> HashMap<u64, String> {
    let run = &journal.header().run;
    journal.last_chunks().into_iter().map(|(file_id, chunk)| (file_id, format!("{run}/{chunk}"))).collect()
}

/// The files about whose last request a list is, by its own words.
pub(super) fn of_the_last_request(list: &List) -> Result<HashSet<u64>, String> {
    let column = list.position(REQUEST)?;
    let rows = list.rows().iter().filter(|row| row.field(column).is_some());
    Ok(rows.map(|row| row.id).collect())
}

/// What is wrong with a list, as it goes on after its name, if a file of it was sent once more since the list was made: what
/// somebody found out then says nothing of that.
pub(super) fn outdated(list: &List, journal: &Journal) -> Result<(), String> {
    let Some(column) = list.position(REQUEST)? else { return Ok(()) };
    let newest = requests(journal);
    let is_another = |row: &&Row| {
        // A file that is not of this run is refused in its place.
        let now = newest.get(&row.id);
        row.field(Some(column)).zip(now).is_some_and(|(listed, now)| listed != now)
    };
    list.rows().iter().find(is_another).map_or(Ok(()), |row| {
        Err(format!(
            ", line {}: its column {REQUEST:?} names another request with file {} than the last one ({}): make a new list of \
             this journal, and look again. A column of your own needs another name",
            row.line,
            row.id,
            RawId::from(row.field(Some(column)).unwrap_or_default()),
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
    let of_the_last_request = of_the_last_request(list)?;
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
                let is_of_a_list = of_the_last_request.contains(&row.id);
                Ok(Finding { file_id: row.id, verdict, evidence, is_of_a_list })
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
