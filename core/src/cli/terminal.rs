//! Standard output, standard error and the person in front of them.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, IsTerminal, Write};

use crate::system::terminal;

/// A line on standard error. Nobody may be reading it: that is no reason to stop.
pub(super) fn say(message: &str) {
    let _ = writeln!(io::stderr(), "addepar-portal: {}", shown(message));
}

/// Writes results. A reader that has seen enough, such as `head`, is no error.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// How many columns standard output has; `None`: it is no terminal.
pub(super) fn width() -> Option<usize> {
    let terminal = io::stdout().is_terminal();
    terminal.then(|| terminal_size::terminal_size_of(io::stdout())).flatten().map(|(width, _)| width.0.into())
}

/// How many columns standard error has; `None`: it is no terminal.
pub(super) fn error_width() -> Option<usize> {
    if !io::stderr().is_terminal() {
        return None;
    }
    Some(terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| width.0.into()))
}

/// Whether a character could command a terminal, or make a text read as another one.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A text that may come from a server, for a terminal: line feeds stay.
pub(super) fn shown(text: &str) -> String {
    escaped(text, |c| c == '\n')
}

/// The same on one line.
pub(super) fn one_line(text: &str) -> String {
    escaped(text, |_| false)
}

fn escaped(text: &str, allowed: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_dangerous(c) && !allowed(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
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

/// At most so many columns of a line.
pub(super) fn clip(line: &str, width: usize) -> String {
    // Letters of East Asia and pictures take two columns.
    let columns = |c: char| if c < '\u{1100}' { 1 } else { 2 };
    if line.chars().map(columns).sum::<usize>() <= width {
        return line.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let fits = |c: &char| {
        let fits = columns(*c) <= left;
        left = left.saturating_sub(columns(*c));
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
    fn a_line_never_takes_more_columns_than_there_are() {
        assert_eq!(clip("published", 9), "published");
        assert_eq!(clip("published", 8), "publish…");
        assert_eq!(clip("文件文件", 8), "文件文件");
        assert_eq!(clip("文件文件", 7), "文件文…");
        assert_eq!(clip("文件文件", 6), "文件…");
    }
}
