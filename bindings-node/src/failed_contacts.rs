//! The contacts that some step failed for, as a text. Python has the same one (`FailedContacts.__str__` in `_rows.py`), and one
//! test for each language compares them with the same words.

use addepar_portal::{FailedContacts, PublishReport};

/// How many contacts are shown, and how many ranges of files of each.
const CONTACTS: usize = 50;
const RANGES: usize = 20;

/// How many contacts missed something; then what each of the first ones missed.
pub(crate) fn text(report: &PublishReport) -> String {
    let FailedContacts { contacts, unreadable } = report.failed_contacts();
    let mut counts = vec![format!("{} missed something", counted(contacts.len(), "contact"))];
    for (state, count) in report.counts() {
        if state != "ok" && state != "failed" {
            counts.push(format!("{} {}", counted(count, "file"), state.replace('_', " ")));
        }
    }
    let mut lines = vec![counts.join(", ")];
    for (contact, failed) in contacts.iter().take(CONTACTS) {
        let mut steps: Vec<(&str, Vec<u64>)> = Vec::new();
        for (file, step) in failed {
            match steps.iter_mut().find(|(name, _)| *name == step.as_str()) {
                Some((_, files)) => files.push(*file),
                None => steps.push((step.as_str(), vec![*file])),
            }
        }
        let said: Vec<String> =
            steps.iter().map(|(step, files)| format!("{step} failed for {}", ranges(files))).collect();
        lines.push(format!("contact {contact}: {}", said.join("; ")));
    }
    let more = contacts.len().saturating_sub(CONTACTS);
    if more > 0 {
        lines.push(format!("and {}", counted(more, "more contact")));
    }
    if !unreadable.is_empty() {
        let count = counted(unreadable.len(), "file");
        lines.push(format!("{count} failed for contacts that cannot be told: {}", ranges(&unreadable)));
    }
    lines.join("\n")
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Ids as the command line takes them, in ranges where three and more follow each other; no more than the first.
fn ranges(files: &[u64]) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &file in files {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(file) => *last = file,
            _ => runs.push((file, file)),
        }
    }
    let mut shown: Vec<String> = Vec::new();
    for (first, last) in runs {
        if last - first >= 2 {
            shown.push(format!("{first}-{last}"));
        } else {
            shown.extend((first..=last).map(|file| file.to_string()));
        }
    }
    let more = if shown.len() > RANGES { ",…" } else { "" };
    shown.truncate(RANGES);
    shown.join(",") + more
}
