//! `journal init`, `forget`, `show`, `resolve` and `audit`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::path::Path;

use crate::cli::arguments::{Format, Resolve};
use crate::cli::list::Column;
use crate::cli::output::{Around, Line};
use crate::cli::refused::{Refused, ids};
use crate::cli::status::Status;
use crate::cli::terminal::{Terminal, say};
use crate::cli::{checklist, list, output, terminal};
use crate::error::Error;
use crate::journal::audit::{Audit, Ending, Loss, Missing, Sent};
use crate::journal::folder::{forget_as_shown, init_journal_dir, is_set_up, missed};
use crate::journal::index::Entry;
use crate::journal::view::{Finding, Journal, JournalledFile};
use crate::model::display::counted;
use crate::model::file_result::Verdict;
use crate::model::id;
use crate::model::message::{self, Language, message};
use crate::model::ranges;
use crate::model::times;

/// What became of every file of a run, or of those about which a person has to decide.
pub(super) fn show(path: &Path, undecided: bool, format: Format) -> Result<Status, Refused> {
    let journal = Journal::open(path)?;
    let mut files = journal.files();
    if undecided {
        let wanted: HashSet<u64> = journal.undecided().into_iter().collect();
        files.retain(|file| wanted.contains(&file.result.file_id));
    }
    let text = match format {
        Format::Json => terminal::json(&journal.to_json_with(files)) + "\n",
        Format::Csv if undecided => checklist::written(&journal, files),
        Format::Csv => csv(&journal, files),
        Format::Table => text(path, &journal, undecided),
    };
    output::write(&text, Status::Ok)
}

/// The command that shows a journal.
pub(super) fn command(path: &Path) -> String {
    format!("addepar-portal journal show {}", message::in_shell(path))
}

fn csv(journal: &Journal, files: Vec<JournalledFile>) -> String {
    const COLUMNS: [&str; 5] = ["chunk", "decided_by", "decided_at", "evidence", "in_flight"];
    let columns: Vec<&str> = output::RESULT_COLUMNS.into_iter().chain(COLUMNS).collect();
    let mut text = output::line(columns.iter().copied().map(Cow::Borrowed));
    for file in files {
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
    let header = journal.header();
    for id in &header.skipped {
        // The run knows nothing else of it.
        let field = |column: &&str| match *column {
            "file_id" => id.to_string(),
            "state" => "skipped".to_owned(),
            "portfolio_name" => header.portfolio_names.get(id).cloned().unwrap_or_default(),
            _ => String::new(),
        };
        text += &output::line(columns.iter().map(|column| Cow::Owned(field(column))));
    }
    text
}

fn text(path: &Path, journal: &Journal, undecided: bool) -> String {
    let header = journal.header();
    let report = journal.report();
    let mut run = format!("run {} at {} (firm {})", header.run, header.base_url, header.firm_id);
    if header.simulated {
        run += ", simulated";
    }
    if let Some(operator) = &header.operator {
        let _ = write!(run, ", by {operator}");
    }
    let before = terminal::one_line(&run) + "\n\n";
    let sent_at: HashMap<u64, String> = journal.sent_at().into_iter().map(|(id, at)| (id, times::text(at))).collect();
    let mut rows = report.rows();
    let mut all = command(path);
    let to_decide = journal.undecided();
    if undecided {
        let wanted: HashSet<u64> = to_decide.iter().copied().collect();
        rows.retain(|row| wanted.contains(&row.file.file_id));
        all += " --undecided";
    }
    let mut below = output::below(&report);
    if !header.skipped.is_empty() && !undecided {
        let _ = writeln!(
            below,
            "{} left out, as the reports showed {} as published already: {}",
            counted(header.skipped.len(), "file"),
            if header.skipped.len() == 1 { "it" } else { "them" },
            ranges::excerpt(&header.skipped),
        );
    }
    let in_flight = journal.in_flight();
    let being_sent: HashSet<u64> = journal.history().in_flight().into_iter().collect();
    let (sending, awaited): (Vec<u64>, Vec<u64>) = in_flight.iter().partition(|id| being_sent.contains(id));
    for (ids, what) in [
        (sending, "being sent by another process at this moment"),
        (awaited, "that another process may be about to send, as it writes this journal"),
    ] {
        if !ids.is_empty() {
            let _ = writeln!(below, "{} {what}: {}", counted(ids.len(), "file"), ranges::excerpt(&ids));
        }
    }
    let path = message::in_shell(path);
    if !to_decide.is_empty() {
        let _ = writeln!(
            below,
            "{} to be decided about: {}. Fill this in, then record it:\n\
             \x20 addepar-portal journal show {path} --undecided --format csv > todo.csv\n\
             \x20 addepar-portal journal resolve {path} --from todo.csv --by NAME",
            counted(to_decide.len(), "file"),
            ranges::excerpt(&to_decide),
        );
    } else if let Some(left) = Some(journal.to_come()).filter(|left| !left.is_empty() && in_flight.is_empty()) {
        let left = left.iter().map(|chunk| chunk.file_ids.len()).sum();
        let _ = writeln!(below, "{} yet to be sent:\n  addepar-portal resume {path}", counted(left, "file"));
    }
    let around = Around { before: &before, all: Some(all), ..Around::default() };
    let table = output::files_table(&report, rows, Some(&sent_at), &below, &around);
    before + &table
}

/// Records what a person found out.
pub(super) fn resolve(arguments: &Resolve) -> Result<Status, Refused> {
    let nothing = |reason: String| Refused(format!("{reason}. Nothing was recorded."));
    let verdict = arguments.verdict.verdict();
    let list = match &arguments.files.from {
        Some(path) => Some((path, list::read(path, Column::Usual).map_err(nothing)?)),
        None => None,
    };
    let mut journal = Journal::open(&arguments.journal).map_err(Error::recording_nothing)?;
    // Where a list names a request, that is the last one, or the list is refused.
    let of_the_last_request = match &list {
        Some((path, list)) => checklist::outdated(list, &journal)
            .and_then(|()| checklist::of_the_last_request(list))
            .map_err(|reason| nothing(format!("{}{reason}", list::name(path))))?,
        None => HashSet::new(),
    };
    let evidence = arguments.evidence.as_deref();
    let findings = match (list, verdict) {
        (Some((path, list)), None) => {
            let findings = checklist::findings(&list, evidence);
            findings.map_err(|reason| nothing(format!("{}{reason}", list::name(path))))?
        }
        (list, Some(verdict)) => {
            let file_ids = match list {
                Some((path, list)) => {
                    let decided = checklist::first_decided(&list);
                    let decided = decided.map_err(|reason| nothing(format!("{}{reason}", list::name(path))))?;
                    if let Some(line) = decided {
                        return Err(nothing(format!(
                            "{}, line {line}, has a decision of its own: leave out --published, --not-published and --leave",
                            list::name(path),
                        )));
                    }
                    list.ids()
                }
                None if arguments.files.undecided => undecided(&journal, verdict, arguments.yes)?,
                None => named(&journal, arguments.files.files.as_deref().unwrap_or_default())?,
            };
            let found = |file_id| {
                let is_of_a_list = of_the_last_request.contains(&file_id);
                Finding { file_id, verdict, evidence: evidence.map(str::to_owned), is_of_a_list }
            };
            file_ids.into_iter().map(found).collect()
        }
        // The arguments want a verdict there.
        (None, None) => return Err(nothing("A decision is missing".to_owned())),
    };
    let stdin_is_taken = arguments.files.from.as_deref().is_some_and(list::is_stdin);
    overturned(&journal, &findings, arguments.yes, stdin_is_taken)?;
    let mut recorded = Vec::new();
    for verdict in Verdict::ALL {
        let count = findings.iter().filter(|finding| finding.verdict == verdict).count();
        recorded.extend((count > 0).then(|| format!("{}, {}", verdict.as_str(), counted(count, "file"))));
    }
    let said: HashMap<u64, (Verdict, Option<String>)> =
        findings.iter().map(|finding| (finding.file_id, (finding.verdict, finding.evidence.clone()))).collect();
    let mut replaced = journal.decide_each(findings, &arguments.by)?;
    // A list that is recorded once more overrules nobody.
    replaced.retain(|file| {
        let before = file.result.decision.map(|verdict| (verdict, file.evidence.clone()));
        said.get(&file.result.file_id) != before.as_ref() || file.decided_by.as_deref() != Some(arguments.by.as_str())
    });
    if let Some(warning) = journal.take_warning() {
        say(&format!("{warning}."));
    }
    // Others may have decided too.
    let journal = Journal::open(&arguments.journal).unwrap_or(journal);
    let next = match (journal.undecided().as_slice(), journal.report().settled()) {
        ([], true) => "Every file is settled: nothing is left to be sent.".to_owned(),
        ([], false) => {
            let next = message!["Resume it with ", message::resume(&arguments.journal), "."];
            next.in_language(Language::CommandLine)
        }
        (left, _) => format!("{} still to be decided about: {}.", counted(left.len(), "file"), ranges::excerpt(left)),
    };
    let text = format!("Recorded: {}. {}{next}\n", recorded.join("; "), replacing(&replaced));
    output::write(&terminal::shown(&text), Status::Ok)
}

/// The earlier decisions that new ones replaced, in words.
fn replacing(files: &[JournalledFile]) -> String {
    let replaced = decisions(files).into_iter().map(|(decision, file_ids)| {
        format!("This replaces an earlier decision about {}: {decision}. ", ranges::excerpt(&file_ids))
    });
    replaced.collect()
}

/// What was decided about files, by whom and when, each with its files.
fn decisions(files: &[JournalledFile]) -> Vec<(String, Vec<u64>)> {
    let mut decisions: Vec<(String, Vec<u64>)> = Vec::new();
    for file in files {
        let verdict = file.result.decision.map_or("", Verdict::as_str);
        let at = file.decided_at.map(times::text).unwrap_or_default();
        let decision = format!("{verdict}, by {} at {at}", file.decided_by.as_deref().unwrap_or_default());
        match decisions.iter_mut().find(|(other, _)| *other == decision) {
            Some((_, file_ids)) => file_ids.push(file.result.file_id),
            None => decisions.push((decision, vec![file.result.file_id])),
        }
    }
    decisions
}

/// The files of `--files`.
fn named(journal: &Journal, written: &[String]) -> Result<Vec<u64>, Refused> {
    let file_ids = ranges::read(written, journal.files().len())
        .map_err(|reason| Refused(format!("`--files` {reason}. Nothing was recorded.")))?;
    let file_ids = id::validate("--files", file_ids).map_err(Error::from).map_err(Error::recording_nothing);
    Ok(file_ids?)
}

/// The files of `--undecided`, to which somebody has agreed: a command that is repeated may find other ones.
fn undecided(journal: &Journal, verdict: Verdict, yes: bool) -> Result<Vec<u64>, Refused> {
    let file_ids = journal.undecided();
    if file_ids.is_empty() {
        return Err(Refused("No file is to be decided about. Nothing was recorded.".to_owned()));
    }
    let (are, them) = if file_ids.len() == 1 { ("is", "it") } else { ("are", "them") };
    let found = match verdict {
        Verdict::Published => format!("{are} published: nothing sends {them} again"),
        Verdict::NotPublished => format!("{are} not published: the next resume sends {them}"),
        Verdict::Leave => {
            format!("{are} left as {}: nothing sends {them} again", if them == "it" { "it is" } else { "they are" })
        }
    };
    let what =
        format!("About to record that {} {found}:\n  {}", counted(file_ids.len(), "file"), ranges::written(&file_ids));
    agreed(&what, yes, false)?;
    Ok(file_ids)
}

/// Lets somebody agree to it where files are to be sent after all that somebody had decided not to send.
fn overturned(journal: &Journal, findings: &[Finding], yes: bool, stdin_is_taken: bool) -> Result<(), Refused> {
    let not_published = findings.iter().filter(|finding| finding.verdict == Verdict::NotPublished);
    let wanted: HashSet<u64> = not_published.map(|finding| finding.file_id).collect();
    let mut files = journal.files();
    let keeps_it = |decision| matches!(decision, Some(Verdict::Published | Verdict::Leave));
    files.retain(|file| wanted.contains(&file.result.file_id) && keeps_it(file.result.decision));
    if files.is_empty() {
        return Ok(());
    }
    let (are, them) = if files.len() == 1 { ("is", "it") } else { ("are", "them") };
    let mut what = format!(
        "About to record that {} {are} not published, about which somebody decided otherwise. The next resume sends {them}:",
        counted(files.len(), "file"),
    );
    for (decision, file_ids) in decisions(&files) {
        let _ = write!(what, "\n  {}: {decision}", ranges::written(&file_ids));
    }
    agreed(&what, yes, stdin_is_taken)
}

/// Says what is about to be recorded, and asks unless `yes` was given. Refused: nobody agreed.
fn agreed(what: &str, yes: bool, stdin_is_taken: bool) -> Result<(), Refused> {
    if yes {
        say(what);
        return Ok(());
    }
    let Some(terminal) = Terminal::open(stdin_is_taken) else {
        say(what);
        return Err(Refused(
            "There is no terminal to ask on: give --yes to record this without. Nothing was recorded.".to_owned(),
        ));
    };
    if terminal.agrees(&format!("{what}\nContinue?")) {
        Ok(())
    } else {
        Err(Refused("Nothing was recorded.".to_owned()))
    }
}

/// Sets a folder up for journals.
pub(super) fn init(folder: &Path) -> Result<Status, Refused> {
    let already = if is_set_up(folder) { " already" } else { "" };
    let id = init_journal_dir(folder)?;
    let text = format!("{} is set up for journals{already} (id {id}).\n", folder.display());
    output::write(&terminal::shown(&text), Status::Ok)
}

/// Records that a journal is gone, to which somebody has agreed: what it showed as sent can go out again.
pub(super) fn forget(path: &Path, yes: bool) -> Result<Status, Refused> {
    let missed = missed(path)?;
    let mut what =
        format!("About to record that the journal {} is gone for good:\n  {}", path.display(), known(&missed));
    if !missed.file_ids().is_empty() {
        what += "\nFrom then on calls refuse these files only where another journal shows them. Any of them may have been \
                 published and e-mailed: check them in Addepar before they are sent again.";
    }
    agreed(&what, yes, false)?;
    let file_ids = forget_as_shown(path, &missed)?;
    // All of them: nothing else may name them any more.
    let named = match file_ids.iter().map(u64::to_string).collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "no file.".to_owned(),
        ids => format!(
            "{}: {ids}. Any of them may have been published and e-mailed: check them in Addepar before they are sent \
             again.",
            counted(file_ids.len(), "file"),
        ),
    };
    let text = format!("Recorded: {} is gone, and is not missed any more. It named {named}\n", path.display());
    output::write(&terminal::shown(&text), Status::Ok)
}

/// What is known of a journal that is gone.
fn known(entry: &Entry) -> String {
    let mut known = format!("run {}", entry.run());
    if let Some(at) = entry.written_at() {
        let _ = write!(known, ", last written at {}", times::text(at));
    }
    let file_ids = entry.file_ids();
    let _ = write!(known, ", names {}", counted(file_ids.len(), "file"));
    if !file_ids.is_empty() {
        let _ = write!(known, ": {}", ranges::excerpt(&file_ids));
    }
    known
}

/// What calls miss of a journal, and what to do about it.
fn missing(Missing { path, entry, loss, elsewhere }: &Missing) -> String {
    let (how, first) = match loss {
        Loss::Whole => ("is not there any more", ""),
        Loss::Name { lies_at: Some(other) } => {
            return format!(
                "renamed: {} has another run's journal in its place, and lies at {} now. Calls with its folder send nothing: \
                 give each its name back, or one that no journal had before.\n",
                path.display(),
                other.display(),
            );
        }
        Loss::Name { lies_at: None } => ("is gone, and another run's journal has its name", ""),
        Loss::Lines => ("lost lines that it had", "move it away and "),
        Loss::Unreadable => ("cannot be read", "move it away and "),
    };
    let next = match elsewhere {
        // Once its folder forgot it, nothing there would keep a call from sending its files again.
        Some(other) if matches!(loss, Loss::Name { .. }) => {
            format!(", under a name that no journal had before. It lies at {} now.", other.display())
        }
        Some(other) => format!(". It lies at {} now.", other.display()),
        None => format!(
            ", or {first}record that it is gone for good:\n  addepar-portal journal forget {}",
            message::in_shell(path),
        ),
    };
    let known = known(entry);
    format!(
        "missing: {} {how} ({known}). Calls with its folder send nothing: put it back as it was{next}\n",
        path.display()
    )
}

/// How many of the journals that wait for a decision stand below a table.
const JOURNALS_SHOWN: usize = 5;

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
    let has_nothing = audit.journals == 0 && audit.missing.is_empty() && audit.forgotten.is_empty();
    if has_nothing && audit.unreadable.is_empty() && !is_set_up(folder) {
        return Err(Refused(format!("The folder {} has no journal.", folder.display())));
    }
    let (twice, repeated) = (audit.sent_twice(), audit.repeated());
    let (undecided, in_flight) = (audit.undecided(), audit.in_flight());
    let again = audit.sent_after_a_decision();
    let came_to_nothing = audit.sends.iter().filter(|sent| !sent.may_have_reached()).count();
    let nothing = match came_to_nothing {
        0 => String::new(),
        count => format!("; {} came to nothing", counted(count, "send")),
    };
    let sends = counted(audit.sends.len(), "send");
    let mut below = format!("{sends} in {}{nothing}\n", counted(audit.journals, "journal"));
    let kinds = [
        (0, &undecided, "undecided"),
        (1, &twice, "sent more than once"),
        (2, &in_flight, "being sent at this moment"),
        (3, &again, "sent again after the decision not_published"),
        (4, &repeated, "sent more than once with repeat=\"allow\""),
    ];
    for (path, entry) in &audit.forgotten {
        let by = |(by, at): (Option<&str>, _)| format!(", by {} at {}", by.unwrap_or("somebody"), times::text(at));
        let by = entry.forgotten().map(by).unwrap_or_default();
        let _ = writeln!(below, "forgotten: {}{by} ({})", path.display(), known(entry));
    }
    let mut attention = HashMap::new();
    for (urgency, ids, what) in kinds.into_iter().rev() {
        attention.extend(ids.iter().map(|id| (*id, urgency)));
        if !ids.is_empty() {
            let _ = writeln!(below, "{} {what}: {}", counted(ids.len(), "file"), ranges::excerpt(ids));
        }
    }
    let waiting = audit.undecided_by_journal();
    for (path, file_ids) in waiting.iter().take(JOURNALS_SHOWN) {
        let _ = writeln!(below, "  to decide about {}: {}", ranges::excerpt(file_ids), command(path));
    }
    if waiting.len() > JOURNALS_SHOWN {
        let _ = writeln!(below, "  and {}", counted(waiting.len() - JOURNALS_SHOWN, "more journal"));
    }
    below.extend(audit.missing.iter().map(missing));
    let line = |sent: &Sent| {
        let ended = ended(sent);
        let cells = vec![
            sent.file_id.to_string(),
            sent.firm_id.to_string(),
            times::text(sent.at),
            ended.clone(),
            sent.journal.strip_prefix(folder).unwrap_or(&sent.journal).display().to_string(),
            sent.chunk.to_string(),
            sent.attempt.to_string(),
        ];
        let urgency = attention.get(&sent.file_id).copied();
        Line { cells, attention: urgency.unwrap_or(u8::MAX), is_fine: urgency.is_none(), what: ended }
    };
    let mut command = format!("addepar-portal journal audit {}", message::in_shell(folder));
    if let Some(file) = file {
        let _ = write!(command, " --file {file}");
    }
    let around = Around { all: Some(command), ..Around::default() };
    let columns = ["file", "firm", "sent at", "ended in", "journal", "chunk", "attempt"];
    let lines = audit.sends.iter().map(line).collect();
    let text = output::fitting_table(terminal::screen(), &columns, lines, &terminal::shown(&below), &around);
    let is_whole = audit.unreadable.is_empty() && audit.missing.is_empty();
    let is_clean = is_whole && twice.is_empty() && undecided.is_empty();
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
