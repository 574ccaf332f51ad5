//! Results on standard output: tables, JSON and CSV.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::{self, Write};

use crate::cli::arguments::Format;
use crate::cli::refused::Refused;
use crate::cli::status::Status;
use crate::cli::terminal::{self, Screen};
use crate::model::display::Row;
use crate::model::file_result::{FileResult, FileState, Verdict};
use crate::model::report::PublishReport;

/// Writes results. Where they cannot be written, that is told, and success is none.
#[allow(clippy::unnecessary_wraps, reason = "the last step of every command")]
pub(super) fn write(text: &str, status: Status) -> Result<Status, Refused> {
    match terminal::print(text) {
        Ok(()) => Ok(status),
        Err(error) => {
            terminal::say(&format!("The results cannot be written to standard output: {error}."));
            Ok(if status == Status::Ok { Status::Failed } else { status })
        }
    }
}

/// A report with what people decided about its files. `around`: of a table, what else is on the screen.
pub(super) fn report(report: &PublishReport, format: Format, around: &Around<'_>) -> String {
    match format {
        Format::Json => terminal::json(&report.to_json()) + "\n",
        Format::Csv => csv(report),
        Format::Table => files_table(report, report.rows(), None, &below(report), around),
    }
}

/// What is on a screen besides a table.
#[derive(Debug, Default)]
pub(super) struct Around<'a> {
    /// What was written above it.
    pub(super) before: &'a str,
    /// What is said next on standard error.
    pub(super) after: &'a str,
    /// The command that shows every file again. Without one, every file that is not ok is shown now.
    pub(super) all: Option<String>,
}

/// A line of a table.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) cells: Vec<String>,
    /// The less, the sooner a person has to look at it.
    pub(super) attention: u8,
    /// Whether nobody has to look at it.
    pub(super) is_fine: bool,
    /// What it is counted as where it is not shown.
    pub(super) what: String,
}

/// A table of files, and what stands below it; with the names of their portfolios if any is known.
pub(super) fn files_table(
    report: &PublishReport,
    rows: Vec<Row<'_>>,
    sent_at: Option<&HashMap<u64, String>>,
    below: &str,
    around: &Around<'_>,
) -> String {
    let screen = terminal::screen();
    // What went wrong tells more than when it was sent: in a pipe and on a wider screen stands both.
    let sent_at = sent_at.filter(|_| screen.is_none_or(|screen| screen.columns >= 100));
    let has_portfolios = rows.iter().any(|row| row.file.portfolio_name.is_some());
    let mut columns = vec!["file"];
    columns.extend(has_portfolios.then_some("portfolio"));
    columns.extend(["state", "published", "notified"]);
    columns.extend(sent_at.map(|_| "sent at"));
    columns.push("errors");
    let line = |row: Row<'_>| {
        let id = row.file.file_id;
        let mut cells = vec![id.to_string()];
        cells.extend(has_portfolios.then(|| row.file.portfolio_name.clone().unwrap_or_default()));
        cells.extend([row.state.clone(), row.published.to_owned(), row.notified.to_owned()]);
        cells.extend(sent_at.map(|sent_at| sent_at.get(&id).cloned().unwrap_or_default()));
        cells.push(row.errors);
        Line { cells, attention: report.attention(row.file), is_fine: row.file.state == FileState::Ok, what: row.state }
    };
    fitting_table(screen, &columns, rows.into_iter().map(line).collect(), below, around)
}

/// A table with what needs attention last, and what stands below it. On a screen it has no more lines than that has
/// room for; it says how many it leaves out, and where they are.
pub(super) fn fitting_table(
    screen: Option<Screen>,
    columns: &[&str],
    mut lines: Vec<Line>,
    below: &str,
    around: &Around<'_>,
) -> String {
    lines.sort_by_key(|line| Reverse(line.attention));
    let left_out = screen.map_or(String::new(), |screen| leave_out(screen, &mut lines, below, around));
    let rows: Vec<Vec<String>> = lines.into_iter().map(|line| line.cells).collect();
    let table = if rows.is_empty() { String::new() } else { table_within(screen.map(|s| s.columns), columns, rows) };
    table + &left_out + below
}

/// Leaves out what the screen has no room for: lines that are fine, then those that need attention least. It says how
/// many they are.
fn leave_out(screen: Screen, lines: &mut Vec<Line>, below: &str, around: &Around<'_>) -> String {
    // Of a window of three lines not much can be seen, but something.
    const LEAST: usize = 5;
    // The names of the columns, and the line with the prompt.
    let others = 2 + [around.before, below, around.after].map(|text| screen.rows_of(text)).iter().sum::<usize>();
    let room = screen.rows.saturating_sub(others);
    if lines.len() <= room {
        return String::new();
    }
    let mut left_out = LeftOut { counts: Vec::new(), all: around.all.as_deref() };
    lines.retain(|line| {
        if line.is_fine {
            left_out.add(line);
        }
        !line.is_fine
    });
    if around.all.is_some() {
        // What is said about them takes room as well, the more the more of them there are.
        let room = |left_out: &LeftOut<'_>| room.saturating_sub(screen.rows_of(&left_out.to_string())).max(LEAST);
        while lines.len() > room(&left_out) {
            let beyond = lines.len() - room(&left_out);
            lines.drain(..beyond).for_each(|line| left_out.add(&line));
        }
    }
    if left_out.counts.is_empty() { String::new() } else { format!("{left_out}\n") }
}

/// The lines that a table leaves out, counted by what they are.
struct LeftOut<'a> {
    counts: Vec<(String, usize)>,
    /// The command that shows them.
    all: Option<&'a str>,
}

impl LeftOut<'_> {
    fn add(&mut self, line: &Line) {
        match self.counts.iter_mut().find(|(what, _)| *what == line.what) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((line.what.clone(), 1)),
        }
    }
}

impl fmt::Display for LeftOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        write!(f, "Not shown: {}.", counts.join(", "))?;
        self.all.map_or(Ok(()), |all| write!(f, " All of them:\n  {all} | less"))
    }
}

/// What stands below a table of a report's files.
pub(super) fn below(report: &PublishReport) -> String {
    let mut text = report.summary() + "\n";
    for note in report.notes() {
        let _ = writeln!(text, "{}", terminal::one_line(&note));
    }
    text
}

fn csv(report: &PublishReport) -> String {
    let mut text = line(RESULT_COLUMNS.iter().map(|name| Cow::Borrowed(*name)));
    for file in report.files() {
        text += &line(result_fields(file).into_iter().map(Cow::Owned));
    }
    text
}

pub(super) const RESULT_COLUMNS: [&str; 12] = [
    "file_id",
    "state",
    "published",
    "notified",
    "publish_status",
    "notify_status",
    "contacts_not_published",
    "contacts_not_notified",
    "errors",
    "decision",
    "reason",
    "portfolio_name",
];

/// The fields of one file. Unidentified contacts are `?`: not the same as none.
pub(super) fn result_fields(file: &FileResult) -> Vec<String> {
    let truth = |answer: Option<bool>| answer.map(|answer| answer.to_string()).unwrap_or_default();
    let contacts = |ids: Option<Vec<u64>>| match ids {
        Some(ids) => ids.iter().map(u64::to_string).collect::<Vec<_>>().join(" "),
        None => "?".to_owned(),
    };
    let status = |status: &Option<crate::model::file_result::Status>| {
        status.as_ref().map_or("", |status| status.as_str()).to_owned()
    };
    let errors = file
        .errors
        .iter()
        .filter_map(|error| error.detail.as_deref().or(error.title.as_deref()).or(error.code.as_deref()));
    vec![
        file.file_id.to_string(),
        file.state.as_str().to_owned(),
        truth(file.published),
        truth(file.notified),
        status(&file.publish_status),
        status(&file.notify_status),
        contacts(file.contacts_not_published()),
        contacts(file.contacts_not_notified()),
        errors.collect::<Vec<_>>().join(" "),
        file.decision.map(Verdict::as_str).unwrap_or_default().to_owned(),
        file.reason.clone().unwrap_or_default(),
        file.portfolio_name.clone().unwrap_or_default(),
    ]
}

/// One line of CSV.
pub(super) fn line<'a>(fields: impl IntoIterator<Item = Cow<'a, str>>) -> String {
    let fields: Vec<String> = fields.into_iter().map(|field| csv_field(&field)).collect();
    fields.join(",") + "\r\n"
}

/// How a formula begins, also as East Asian keyboards write it: spreadsheets read the full-width signs alike.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// A field that a spreadsheet does not take for a formula, and no terminal for a command.
fn csv_field(field: &str) -> String {
    let mut shown = terminal::one_line(field);
    if shown.trim_start().starts_with(FORMULA) {
        shown.insert(0, '\'');
    }
    if shown.contains([',', '"', ';', '\'', ' ']) { format!("\"{}\"", shown.replace('"', "\"\"")) } else { shown }
}

/// A table as wide as the terminal. Its first column is right-aligned, the last one is cut.
pub(super) fn table(names: &[&str], rows: Vec<Vec<String>>) -> String {
    table_within(terminal::screen().map(|screen| screen.columns), names, rows)
}

fn table_within(width: Option<usize>, names: &[&str], mut rows: Vec<Vec<String>>) -> String {
    rows.insert(0, names.iter().map(|name| (*name).to_owned()).collect());
    for cell in rows.iter_mut().flatten() {
        *cell = terminal::one_line(cell);
    }
    let widest = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| terminal::columns(cell)).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..names.len()).map(widest).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (position, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let blank = " ".repeat(width.saturating_sub(terminal::columns(cell)));
            let _ = if position == 0 { write!(line, "{blank}{cell}") } else { write!(line, "  {cell}{blank}") };
        }
        let line = line.trim_end();
        text += &width.map_or_else(|| line.to_owned(), |width| terminal::clip(line, width));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_the_terminal() {
        let rows = || {
            vec![
                vec!["37".into(), "failed".into(), "Publish failed for\ncontacts [4]".into()],
                vec!["1001".into(), "ok".into(), String::new()],
            ]
        };
        let wide = "file  state   errors\n  37  failed  Publish failed for\\ncontacts [4]\n1001  ok\n";
        assert_eq!(table_within(None, &["file", "state", "errors"], rows()), wide);
        let narrow = "file  state   errors\n  37  failed  Publish…\n1001  ok\n";
        assert_eq!(table_within(Some(22), &["file", "state", "errors"], rows()), narrow);
    }

    #[test]
    fn a_table_leaves_out_what_is_fine_first_and_says_how_many() {
        let lines = |fine: usize, failed: usize, unknown: usize| {
            let line = |what: &str, attention, is_fine| Line {
                cells: vec!["7".into(), what.into()],
                attention,
                is_fine,
                what: what.into(),
            };
            let all = (0..unknown).map(|_| line("unknown", 0, false));
            let all = all.chain((0..fine).map(|_| line("ok", 4, true)));
            all.chain((0..failed).map(|_| line("failed", 1, false))).collect::<Vec<_>>()
        };
        let again = Around { all: Some("show run.jsonl".into()), ..Around::default() };
        let only_now = Around::default();
        // Rows of the screen, lines that are fine, failed and unknown → shown, and what is said.
        for (rows, (fine, failed, unknown), around, (shown, said)) in [
            (13, (4, 3, 3), &again, (10, "")),
            (12, (4, 3, 3), &again, (6, "Not shown: 4 ok. All of them:\n  show run.jsonl | less\n")),
            (12, (4, 3, 3), &only_now, (6, "Not shown: 4 ok.\n")),
            (12, (4, 10, 3), &again, (7, "Not shown: 4 ok, 6 failed. All of them:\n  show run.jsonl | less\n")),
            (12, (4, 10, 3), &only_now, (13, "Not shown: 4 ok.\n")),
            (12, (0, 0, 20), &only_now, (20, "")),
            (12, (20, 0, 0), &only_now, (0, "Not shown: 20 ok.\n")),
            // A smaller window shows five all the same.
            (3, (1, 9, 1), &again, (5, "Not shown: 1 ok, 5 failed. All of them:\n  show run.jsonl | less\n")),
        ] {
            let screen = Some(Screen { columns: 80, rows });
            let text = fitting_table(screen, &["file", "state"], lines(fine, failed, unknown), "counts\n", around);
            assert_eq!(text.matches("   7  ").count(), shown, "{text}");
            assert!(text.ends_with(&format!("{said}counts\n")), "{text}");
            let states: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("   7  ")).collect();
            let order = |state: &&&str| ["ok", "failed", "unknown"].iter().position(|known| known == *state);
            assert!(states.is_sorted_by_key(|state| order(&state)), "{text}");
        }
        let piped = fitting_table(None, &["file", "state"], lines(99, 99, 99), "counts\n", &only_now);
        assert_eq!(piped.lines().count(), 1 + 3 * 99 + 1);
    }

    #[test]
    fn a_field_is_neither_a_formula_nor_a_second_field() {
        let fields = [
            ("37", "37"),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@x", "\"'@x\""),
            // Spreadsheets of East Asia take the full-width signs for the same.
            ("＝1+1", "\"'＝1+1\""),
            ("＋1", "\"'＋1\""),
            ("－1", "\"'－1\""),
            (" ＠x", "\"' ＠x\""),
            ("1＋1", "1＋1"),
            ("  =1", "\"'  =1\""),
            ("\t=1", "\\t=1"),
            ("a,b", "\"a,b\""),
            ("a\nb", "a\\nb"),
        ];
        for (field, written) in fields {
            assert_eq!(csv_field(field), written, "{field:?}");
        }
    }
}
