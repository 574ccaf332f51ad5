//! Standard output, standard error and the person in front of them.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, IsTerminal, Write};

use crate::model::display::{escaped, is_dangerous};
use crate::system::terminal;

/// A message on standard error. It may be that nobody reads it: then it is lost, and nothing stops.
pub(super) fn say(message: &str) {
    let _ = writeln!(io::stderr(), "{}", said(message));
}

/// What [`say`] writes: as wide as the terminal, if it is one.
pub(super) fn said(message: &str) -> String {
    let message = format!("addepar-portal: {}", shown(message));
    match error_width() {
        Some(width) => message.lines().map(|line| broken(line, width)).collect::<Vec<_>>().join("\n"),
        None => message,
    }
}

/// A line that is broken between words. What stands between backticks stays on one line, to be copied: only the
/// terminal breaks that.
fn broken(line: &str, width: usize) -> String {
    let words = line.trim_start_matches(' ');
    let indent = " ".repeat(line.len() - words.len());
    let can_quote = words.matches('`').count().is_multiple_of(2);
    let mut is_quoted = false;
    let mut text = String::new();
    let mut column = 0;
    for word in words.split(|c| {
        is_quoted ^= c == '`' && can_quote;
        c == ' ' && !is_quoted
    }) {
        let columns = columns(word);
        if column > 0 && column + 1 + columns <= width {
            text.push(' ');
            column += 1;
        } else {
            text += if column > 0 { "\n" } else { "" };
            text += &indent;
            column = indent.len();
        }
        text += word;
        column += columns;
    }
    text
}

/// Writes results. A reader that has seen enough, such as `head`, is not an error.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// How many columns and rows a terminal has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

impl Screen {
    /// How many rows a text takes, whose long lines the terminal breaks.
    pub(super) fn rows_of(self, text: &str) -> usize {
        text.lines().map(|line| columns(line).div_ceil(self.columns.max(1)).max(1)).sum()
    }
}

/// The terminal that standard output is; `None` if it is none.
pub(super) fn screen() -> Option<Screen> {
    let terminal = io::stdout().is_terminal();
    let size = terminal.then(|| terminal_size::terminal_size_of(io::stdout())).flatten();
    size.map(|(columns, rows)| Screen { columns: columns.0.into(), rows: rows.0.into() })
}

/// How many columns standard error has; `None` if it is not a terminal.
pub(super) fn error_width() -> Option<usize> {
    if !io::stderr().is_terminal() {
        return None;
    }
    Some(terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| width.0.into()))
}

/// A text that may come from a server, for a terminal: line feeds stay.
pub(super) fn shown(text: &str) -> String {
    escaped(text, |c| c == '\n')
}

/// The same on one line.
pub(super) fn one_line(text: &str) -> String {
    escaped(text, |_| false)
}

/// JSON whose strings have no character that a terminal would obey. Its meaning stays.
pub(super) fn json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if is_dangerous(c) {
            // All of them fit into four digits, and stand in strings only.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// How many columns a character takes: letters of East Asia and pictures take two.
const fn columns_of(c: char) -> usize {
    if c < '\u{1100}' || matches!(c, '\u{2010}'..='\u{203a}') { 1 } else { 2 }
}

/// How many columns a line takes.
pub(super) fn columns(line: &str) -> usize {
    line.chars().map(columns_of).sum()
}

/// At most so many columns of a line.
pub(super) fn clip(line: &str, width: usize) -> String {
    if columns(line) <= width {
        return line.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let fits = |c: &char| {
        let fits = columns_of(*c) <= left;
        left = left.saturating_sub(columns_of(*c));
        fits
    };
    let mut clipped: String = line.chars().take_while(fits).collect();
    clipped.push('…');
    clipped
}

/// Where a question is asked and answered.
pub(super) struct Terminal {
    answers: Box<dyn BufRead + Send>,
    questions: Box<dyn Write + Send>,
}

impl Terminal {
    /// The terminal, if somebody sits there. `stdin_is_taken`: standard input was the list of files.
    pub(super) fn open(stdin_is_taken: bool) -> Option<Self> {
        if !stdin_is_taken && !io::stdin().is_terminal() {
            return None;
        }
        if !stdin_is_taken && io::stderr().is_terminal() {
            return Some(Self { answers: Box::new(BufReader::new(io::stdin())), questions: Box::new(io::stderr()) });
        }
        let answers = File::open(terminal::INPUT).ok().filter(IsTerminal::is_terminal)?;
        let questions = OpenOptions::new().write(true).open(terminal::OUTPUT).ok()?;
        Some(Self { answers: Box::new(BufReader::new(answers)), questions: Box::new(questions) })
    }

    /// Asks; only a yes is a yes.
    pub(super) fn agrees(mut self, question: &str) -> bool {
        let asked = write!(self.questions, "{} [y/N] ", shown(question)).and_then(|()| self.questions.flush());
        let mut answer = String::new();
        let answered = asked.and_then(|()| self.answers.read_line(&mut answer));
        answered.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_cannot_command_a_terminal() {
        let hostile = "a\u{1b}[2Jb\u{9b}31m\rc\u{202e}d";
        assert_eq!(one_line(hostile), "a\\u{1b}[2Jb\\u{9b}31m\\rc\\u{202e}d");
        let text = serde_json::to_string(hostile).unwrap_or_default();
        let safe = json(&text);
        assert!(!safe.chars().any(is_dangerous), "{safe:?}");
        assert_eq!(serde_json::from_str::<String>(&safe).ok().as_deref(), Some(hostile));
    }

    #[test]
    fn a_message_is_broken_between_words_and_a_command_is_not() {
        for (line, text) in [
            ("Nothing was sent.", "Nothing was\nsent."),
            ("  12 files are ok", "  12 files\n  are ok"),
            ("Resume with `x resume run.jsonl`, then look", "Resume with\n`x resume run.jsonl`,\nthen look"),
            ("https://example.com/ is far", "https://example.com/\nis far"),
            ("an `open quote", "an `open\nquote"),
            ("", ""),
        ] {
            assert_eq!(broken(line, 12), text);
        }
    }

    #[test]
    fn a_line_never_takes_more_columns_than_there_are() {
        assert_eq!(clip("published", 9), "published");
        assert_eq!(clip("published", 8), "publish…");
        assert_eq!(clip("文件文件", 8), "文件文件");
        assert_eq!(clip("文件文件", 7), "文件文…");
        assert_eq!(clip("文件文件", 6), "文件…");
    }
}
