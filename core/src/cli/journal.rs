//! `journal init`, `forget`, `show`, `resolve` and `audit`.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

use crate::cli::arguments::{FilesArgument, Format, Resolve};
use crate::cli::refused::{Refused, ids};
use crate::cli::status::Status;
use crate::cli::{list, output, terminal};
use crate::journal::audit::{Audit, Ending, Sent};
use crate::journal::folder::{forget_journal, init_journal_dir};
use crate::journal::view::{Journal, JournalledFile};
use crate::model::display::counted;
use crate::model::file_result::Verdict;
use crate::model::id;
use crate::model::message::{self, Language, message};
use crate::model::times;

/// What became of every file of a run.
pub(super) fn show(path: &Path, format: Format) -> Result<Status, Refused> {
    let journal = Journal::open(path)?;
    let text = match format {
        Format::Json => terminal::json(&journal.to_json()) + "\n",
        Format::Csv => csv(&journal),
        Format::Table => text(&journal),
    };
    output::write(&text, Status::Ok)
}

fn csv(journal: &Journal) -> String {
    const COLUMNS: [&str; 5] = ["chunk", "decided_by", "decided_at", "evidence", "in_flight"];
    let mut text = output::line(output::RESULT_COLUMNS.into_iter().chain(COLUMNS).map(Cow::Borrowed));
    for file in journal.files() {
        let JournalledFile { result, chunk, decided_by, decided_at, evidence, in_flight } = file;
        let mut fields = output::result_fields(&result);
        fields.extend([
            chunk.to_string(),
            decided_by.unwrap_or_default(),
            decided_at.map(times::text).unwrap_or_default(),
            evidence.unwrap_or_default(),
            in_flight.to_string(),
        ]);
        text += &output::line(fields.into_iter().map(Cow::Owned));
    }
    text
}

fn text(journal: &Journal) -> String {
    let header = journal.header();
    let report = journal.report();
    let mut text = format!("run {} at {} (firm {})", header.run, header.base_url, header.firm_id);
    if header.simulated {
        text += ", simulated";
    }
    if let Some(operator) = &header.operator {
        let _ = write!(text, ", by {operator}");
    }
    let mut text = terminal::one_line(&text) + "\n\n";
    let chunks: std::collections::HashMap<u64, u32> =
        journal.files().into_iter().map(|file| (file.result.file_id, file.chunk)).collect();
    let sent: std::collections::HashMap<u32, String> = journal
        .chunks()
        .into_iter()
        .map(|chunk| (chunk.chunk, chunk.sent_at.map(times::text).unwrap_or_default()))
        .collect();
    let rows = report.rows().into_iter().map(|row| {
        let id = row.file.file_id;
        let chunk = chunks.get(&id).copied().unwrap_or_default();
        let sent_at = sent.get(&chunk).cloned().unwrap_or_default();
        (row.file, vec![row.state, row.published.to_owned(), row.notified.to_owned(), sent_at, row.errors])
    });
    text += &output::files_table(&["state", "published", "notified", "sent at", "errors"], rows.collect());
    text += &output::below(&report);
    for (ids, what) in [
        (journal.undecided(), "to be decided about with `journal resolve`"),
        (journal.in_flight(), "being sent by another process at this moment"),
    ] {
        if !ids.is_empty() {
            let named = id::enumerate(&ids.iter().map(u64::to_string).collect::<Vec<_>>());
            let _ = writeln!(text, "{} {what}: {named}", counted(ids.len(), "file"));
        }
    }
    text
}

/// Records what a person found out.
pub(super) fn resolve(arguments: &Resolve) -> Result<Status, Refused> {
    let verdict = match (arguments.verdict.published, arguments.verdict.not_published) {
        (true, _) => Verdict::Published,
        (_, true) => Verdict::NotPublished,
        _ => Verdict::Leave,
    };
    let file_ids = match &arguments.files {
        FilesArgument { from: Some(path), .. } => list::read(path, None)?,
        FilesArgument { files, .. } => ids("--files", files.as_deref().unwrap_or_default())?,
    };
    let mut journal = Journal::open(&arguments.journal)?;
    journal.decide(file_ids.iter().copied(), verdict, &arguments.by, arguments.evidence.as_deref())?;
    let next = match (journal.undecided().len(), journal.report().settled()) {
        (0, true) => "Every file is settled: nothing is left to be sent.".to_owned(),
        (0, false) => {
            let next = message!["Resume it with ", message::resume(&arguments.journal), "."];
            next.in_language(Language::CommandLine)
        }
        (undecided, _) => format!("{} still to be decided about.", counted(undecided, "file")),
    };
    let text = format!("Recorded: {}, {}. {next}\n", verdict.as_str(), counted(file_ids.len(), "file"));
    output::write(&terminal::shown(&text), Status::Ok)
}

/// Sets a folder up for journals.
pub(super) fn init(folder: &Path) -> Result<Status, Refused> {
    let id = init_journal_dir(folder)?;
    let text = format!("{} is set up for journals (id {id}).\n", folder.display());
    output::write(&terminal::shown(&text), Status::Ok)
}

/// Records that a journal is gone.
pub(super) fn forget(path: &Path) -> Result<Status, Refused> {
    let file_ids = forget_journal(path)?;
    let text = format!(
        "Recorded: {} is gone, and is not missed any more. It named {}: {}. Any of them may have been published and \
         e-mailed: check them in Addepar before they are sent again.\n",
        path.display(),
        counted(file_ids.len(), "file"),
        // All of them: nothing else may name them any more.
        file_ids.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
    );
    output::write(&terminal::shown(&text), Status::Ok)
}

/// Every send of a file across the journals of a folder.
pub(super) fn audit(folder: &Path, file: Option<&str>) -> Result<Status, Refused> {
    let file = file.map(|file| ids("--file", &[file.to_owned()])).transpose()?.and_then(|ids| ids.first().copied());
    let audit = Audit::of(folder, file)?;
    for reason in &audit.unreadable {
        terminal::say(reason);
    }
    for path in &audit.foreign {
        terminal::say(&format!("{} is not a journal: it was passed over.", path.display()));
    }
    if audit.journals == 0 && audit.unreadable.is_empty() {
        return Err(Refused(format!("The folder {} has no journal.", folder.display())));
    }
    let rows = audit.sends.iter().map(|sent| {
        vec![
            sent.file_id.to_string(),
            sent.firm_id.to_string(),
            times::text(sent.at),
            sent.run.to_string(),
            sent.chunk.to_string(),
            sent.attempt.to_string(),
            ended(sent),
        ]
    });
    let mut text = output::table(&["file", "firm", "sent at", "run", "chunk", "attempt", "ended in"], rows.collect());
    let (twice, repeated, undecided) = (audit.sent_twice(), audit.repeated(), audit.undecided());
    let listed = |ids: &[u64]| id::enumerate(&ids.iter().map(u64::to_string).collect::<Vec<_>>());
    let _ = writeln!(text, "{} in {}", counted(audit.sends.len(), "send"), counted(audit.journals, "journal"));
    for (ids, what) in [
        (&twice, "sent more than once"),
        (&repeated, "sent more than once with repeat=\"allow\""),
        (&undecided, "undecided"),
        (&audit.in_flight(), "being sent at this moment"),
    ] {
        if !ids.is_empty() {
            let _ = writeln!(text, "{} {what}: {}", counted(ids.len(), "file"), listed(ids));
        }
    }
    let is_clean = audit.unreadable.is_empty() && twice.is_empty() && undecided.is_empty();
    output::write(&text, if is_clean { Status::Ok } else { Status::Failed })
}

fn ended(sent: &Sent) -> String {
    let ended = match sent.ending {
        Ending::Open => "unknown (no outcome was recorded)",
        Ending::InFlight => "being sent",
        Ending::In(state) => state.as_str(),
    };
    match sent.decision {
        Some(decision) => format!("{ended}, decided: {}", decision.as_str()),
        None => ended.to_owned(),
    }
}
