//! What a message says, before a language has its say about names and units.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::path::Path;
use std::time::Duration;

/// The language that a message is read in: each has its own way to write a name and a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `chunk_size`, seconds.
    Rust,
    /// As in Rust.
    Python,
    /// `chunkSize`, `maxWaitMs`, milliseconds.
    Node,
    /// `--override-contacts`, `ADDEPAR_FIRM_ID`, seconds.
    CommandLine,
}

/// A message as values: texts, the names of settings and arguments, and their times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message(Vec<Part>);

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(Cow<'static, str>),
    /// A setting, an argument or a function, in snake case.
    Name(&'static str),
    /// An element of an argument that is a list.
    Element(&'static str, usize),
    /// A time, in seconds as they are written.
    Seconds(String),
    /// An argument with a word as its value.
    Choice(&'static str, &'static str),
    /// How a decision is recorded in a journal: any, or that files are left out.
    Decide {
        journal: String,
        is_leave: bool,
    },
    /// How a journal is resumed.
    Resume(String),
    /// A command of the program, with the path that it is about.
    Command(&'static str, String),
    /// What a program can do, and the command line cannot.
    InPrograms(Message),
    /// How a list is left with each of its ids once: a sentence that some languages have. A number and texts that are
    /// this number are one id, as is a `bigint`.
    EachOnce,
    /// How texts such as "37.0", which were floats once, turn into ids: the end of a sentence.
    WithoutPoint,
}

/// A setting, an argument or a function, in snake case.
pub(crate) const fn name(name: &'static str) -> Part {
    Part::Name(name)
}

/// An argument with a word as its value.
pub(crate) const fn choice(name: &'static str, word: &'static str) -> Part {
    Part::Choice(name, word)
}

/// How a decision is recorded in the journal of this path.
pub(crate) fn decide(journal: &Path) -> Part {
    Part::Decide { journal: journal.display().to_string(), is_leave: false }
}

/// How it is recorded in the journal of this path that files are left out.
pub(crate) fn leave(journal: &Path) -> Part {
    Part::Decide { journal: journal.display().to_string(), is_leave: true }
}

/// How the journal of this path is resumed.
pub(crate) fn resume(journal: &Path) -> Part {
    Part::Resume(journal.display().to_string())
}

/// A command of the program, with the path that it is about.
pub(crate) fn command(words: &'static str, path: &Path) -> Part {
    Part::Command(words, path.display().to_string())
}

/// What a program can do, and the command line cannot: there it is left out.
pub(crate) const fn in_programs(said: Message) -> Part {
    Part::InPrograms(said)
}

/// The value of a setting that is a time.
pub(crate) fn seconds(seconds: f64) -> Part {
    Part::Seconds(seconds.to_string())
}

/// How long something took, or may take, with so many decimals of a second.
pub(crate) fn lasting(time: Duration, decimals: usize) -> Part {
    Part::Seconds(format!("{:.decimals$}", time.as_secs_f64()))
}

impl From<&'static str> for Part {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Part {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<usize> for Part {
    fn from(count: usize) -> Self {
        Self::Text(count.to_string().into())
    }
}

impl From<Vec<Part>> for Message {
    fn from(parts: Vec<Part>) -> Self {
        Self(parts)
    }
}

impl From<&'static str> for Message {
    /// In a text of ours a word between backticks is a name.
    fn from(text: &'static str) -> Self {
        let pieces = text.split('`').enumerate().filter(|(_, piece)| !piece.is_empty());
        Self(pieces.map(|(number, piece)| if number % 2 == 1 { name(piece) } else { piece.into() }).collect())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self(if text.is_empty() { Vec::new() } else { vec![text.into()] })
    }
}

/// A message of texts, names and times, one after the other.
macro_rules! message {
    ($($part:expr),+ $(,)?) => {
        $crate::model::message::Message::from(vec![$($crate::model::message::Part::from($part)),+])
    };
}
pub(crate) use message;

/// The settings and arguments that are times: in Node their names end in `Ms`.
const TIMES: [&str; 5] = ["timeout", "connect_timeout", "max_rate_limit_wait", "max_wait", "stop_timeout"];

/// What the command line calls what it takes; everything else comes from variables.
const FLAGS: [(&str, &str); 12] = [
    ("file_ids", "ID"),
    ("portal_publishing", "--portal-publishing"),
    ("contact_notification", "--contact-notification"),
    ("publish_override_contact_ids", "--override-contacts"),
    ("journal", "--journal"),
    ("journal_dir", "ADDEPAR_JOURNAL_DIR"),
    ("publish_batch", "--journal"),
    ("reports", "--report"),
    ("skip_published", "--skip-published"),
    ("by", "--by"),
    ("evidence", "--evidence"),
    ("decision", "--published, --not-published or --leave"),
];

impl Message {
    /// The message as a language writes it.
    #[must_use]
    pub fn in_language(&self, language: Language) -> String {
        let mut text = String::new();
        for part in &self.0 {
            // Writing into a string never fails.
            let _ = match part {
                Part::Text(words) => text.write_str(words),
                Part::Name(name) => write!(text, "`{}`", written(name, language)),
                Part::Element(name, position) => write!(text, "{}[{position}]", written(name, language)),
                Part::Seconds(seconds) => write_time(&mut text, seconds, language),
                Part::Choice(name, word) => match language {
                    Language::Node => write!(text, "{}: '{word}'", written(name, language)),
                    Language::CommandLine if is_flag(name) => write!(text, "{} {word}", written(name, language)),
                    _ => write!(text, "{name}=\"{word}\""),
                },
                Part::Decide { journal, is_leave } => {
                    let journal = quoted(journal, language);
                    let given = |any, leave| if *is_leave { leave } else { any };
                    match language {
                        Language::Rust => {
                            let said =
                                given("verdict, \"NAME\", Some(\"WHAT YOU FOUND\")", "Verdict::Leave, \"NAME\", None");
                            write!(text, "`Journal::open({journal})?.decide(file_ids, {said})`")
                        }
                        Language::Python => {
                            let said =
                                given("decision, by=\"NAME\", evidence=\"WHAT YOU FOUND\"", "\"leave\", by=\"NAME\"");
                            write!(text, "`Journal({journal}).decide(file_ids, {said})`")
                        }
                        Language::Node => {
                            let said = given(
                                "decision, { by: 'NAME', evidence: 'WHAT YOU FOUND' }",
                                "'leave', { by: 'NAME' }",
                            );
                            write!(text, "`new Journal({journal}).decide(fileIds, {said})`")
                        }
                        Language::CommandLine => {
                            let said = given(
                                "--published (or --not-published, --leave) --files IDS --by NAME --evidence 'WHAT YOU FOUND'",
                                "--leave --files IDS --by NAME",
                            );
                            write!(text, "`addepar-portal journal resolve {journal} {said}`")
                        }
                    }
                }
                Part::Resume(journal) => {
                    let journal = quoted(journal, language);
                    match language {
                        Language::Rust => write!(text, "`client.resume(&BatchOptions::new({journal}), …)`"),
                        Language::Python | Language::Node => write!(text, "`client.resume({journal})`"),
                        Language::CommandLine => write!(text, "`addepar-portal resume {journal}`"),
                    }
                }
                Part::Command(words, path) => {
                    // npm installs the program beside the package.
                    let npx = if language == Language::Node { "npx " } else { "" };
                    write!(text, "`{npx}addepar-portal {words} {}`", quoted(path, Language::CommandLine))
                }
                Part::InPrograms(_) if language == Language::CommandLine => continue,
                Part::InPrograms(said) => text.write_str(&said.in_language(language)),
                Part::EachOnce => match language {
                    Language::Rust | Language::CommandLine => continue,
                    Language::Python => text.write_str(
                        " `.unique()` of a column of numbers, or `list(dict.fromkeys(map(int, ids)))`, has each once.",
                    ),
                    Language::Node => text.write_str(" `[...new Set(Array.from(ids, Number))]` has each once."),
                },
                Part::WithoutPoint => text.write_str(match language {
                    Language::Rust | Language::CommandLine => "write it without the point",
                    Language::Python => "`pd.to_numeric(column).astype('Int64')` makes whole numbers of a column",
                    Language::Node => "`ids.map(Number)` makes whole numbers of a list",
                }),
            };
        }
        text
    }

    /// Whether there is nothing to say.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This message and, right after it, the rest of its sentence.
    pub(crate) fn followed_by(mut self, rest: impl Into<Self>) -> Self {
        self.0.extend(rest.into().0);
        self
    }

    /// The same message with another text in the place of each of its texts.
    pub(crate) fn with_texts(self, other: &dyn Fn(String) -> String) -> Self {
        let part = |part| match part {
            Part::Text(text) => other(text.into_owned()).into(),
            Part::InPrograms(said) => in_programs(said.with_texts(other)),
            part => part,
        };
        Self(self.0.into_iter().map(part).collect())
    }

    /// This message and, after a blank, another one.
    pub(crate) fn and(mut self, other: impl Into<Self>) -> Self {
        let other = other.into();
        if !self.is_empty() && !other.is_empty() {
            self.0.push(" ".into());
        }
        self.0.extend(other.0);
        self
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_language(Language::Rust))
    }
}

fn write_time(text: &mut String, seconds: &str, language: Language) -> fmt::Result {
    match (language, seconds.parse::<f64>()) {
        // As JavaScript writes them.
        (Language::Node, Ok(f64::INFINITY)) => text.write_str("Infinity"),
        (Language::Node, Ok(f64::NEG_INFINITY)) => text.write_str("-Infinity"),
        (Language::Node, Ok(seconds)) if seconds.is_nan() => text.write_str("NaN"),
        // To the microsecond: 1.001 s are 1001 ms, and not 1000.9999999999999.
        (Language::Node, Ok(seconds)) => write!(text, "{} ms", (seconds * 1e6).round() / 1e3),
        _ => write!(text, "{seconds} s"),
    }
}

/// A path as a shell takes it.
#[cfg(feature = "cli")]
pub(crate) fn in_shell(path: &Path) -> String {
    quoted(&path.display().to_string(), Language::CommandLine)
}

/// A text as a language's source, or a shell, writes it.
fn quoted(text: &str, language: Language) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    match language {
        Language::Rust | Language::Python => format!("{text:?}"),
        Language::Node => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Language::CommandLine if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Language::CommandLine => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// A name as a language writes it.
fn written(name: &str, language: Language) -> String {
    match language {
        // A variable is written alike everywhere.
        _ if name.starts_with(|first: char| first.is_ascii_uppercase()) => name.to_owned(),
        Language::Rust | Language::Python => name.to_owned(),
        Language::Node => camel_case(name) + if TIMES.contains(&name) { "Ms" } else { "" },
        Language::CommandLine => {
            let flag = FLAGS.iter().find(|(known, _)| *known == name);
            flag.map_or_else(|| name.to_owned(), |(_, flag)| (*flag).to_owned())
        }
    }
}

fn is_flag(name: &str) -> bool {
    FLAGS.iter().any(|(known, flag)| *known == name && flag.starts_with('-'))
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_writes_what_to_do_with_a_journal_in_its_own_way() {
        let (path, other) = (Path::new("a b.jsonl"), Path::new("it's.jsonl"));
        let said = message![decide(path), ", or ", leave(path), ", then ", resume(other)];
        let expected = [
            (
                Language::Rust,
                r#"`Journal::open("a b.jsonl")?.decide(file_ids, verdict, "NAME", Some("WHAT YOU FOUND"))`, or `Journal::open("a b.jsonl")?.decide(file_ids, Verdict::Leave, "NAME", None)`, then `client.resume(&BatchOptions::new("it's.jsonl"), …)`"#,
            ),
            (
                Language::Python,
                r#"`Journal("a b.jsonl").decide(file_ids, decision, by="NAME", evidence="WHAT YOU FOUND")`, or `Journal("a b.jsonl").decide(file_ids, "leave", by="NAME")`, then `client.resume("it's.jsonl")`"#,
            ),
            (
                Language::Node,
                r"`new Journal('a b.jsonl').decide(fileIds, decision, { by: 'NAME', evidence: 'WHAT YOU FOUND' })`, or `new Journal('a b.jsonl').decide(fileIds, 'leave', { by: 'NAME' })`, then `client.resume('it\'s.jsonl')`",
            ),
            (
                Language::CommandLine,
                r"`addepar-portal journal resolve 'a b.jsonl' --published (or --not-published, --leave) --files IDS --by NAME --evidence 'WHAT YOU FOUND'`, or `addepar-portal journal resolve 'a b.jsonl' --leave --files IDS --by NAME`, then `addepar-portal resume 'it'\''s.jsonl'`",
            ),
        ];
        for (language, text) in expected {
            assert_eq!(said.in_language(language), text);
        }
        assert_eq!(
            message![resume(Path::new("x.jsonl"))].in_language(Language::CommandLine),
            "`addepar-portal resume x.jsonl`"
        );
    }

    #[test]
    fn npm_s_program_is_run_by_npx() {
        let said = message![command("journal init", Path::new("my journals"))];
        assert_eq!(said.in_language(Language::Python), "`addepar-portal journal init 'my journals'`");
        assert_eq!(said.in_language(Language::Node), "`npx addepar-portal journal init 'my journals'`");
    }

    #[test]
    fn the_command_line_is_not_told_what_only_programs_can_do() {
        let said = message!["Leave it out", in_programs(message![", or pass ", choice("repeat", "allow")]), "."];
        for (language, text) in [
            (Language::Rust, "Leave it out, or pass repeat=\"allow\"."),
            (Language::Node, "Leave it out, or pass repeat: 'allow'."),
            (Language::CommandLine, "Leave it out."),
        ] {
            assert_eq!(said.in_language(language), text);
        }
        let masked = said.with_texts(&|text| text.replace("pass", "****"));
        assert_eq!(masked.in_language(Language::Python), "Leave it out, or **** repeat=\"allow\".");
    }

    #[test]
    fn each_language_says_how_a_list_has_each_id_once() {
        let said = message!["Each once.", Part::EachOnce];
        for (language, text) in [
            (Language::Rust, "Each once."),
            (
                Language::Python,
                "Each once. `.unique()` of a column of numbers, or `list(dict.fromkeys(map(int, ids)))`, has each once.",
            ),
            (Language::Node, "Each once. `[...new Set(Array.from(ids, Number))]` has each once."),
            (Language::CommandLine, "Each once."),
        ] {
            assert_eq!(said.in_language(language), text);
        }
    }

    #[test]
    fn each_language_writes_modes_and_measured_times_in_its_own_way() {
        let said = message![choice("portal_publishing", "publish"), ", ", lasting(Duration::from_micros(1_001_400), 3)];
        for (language, text) in [
            (Language::Rust, "portal_publishing=\"publish\", 1.001 s"),
            (Language::Python, "portal_publishing=\"publish\", 1.001 s"),
            (Language::Node, "portalPublishing: 'publish', 1001 ms"),
            (Language::CommandLine, "--portal-publishing publish, 1.001 s"),
        ] {
            assert_eq!(said.in_language(language), text);
        }
        let masked = said.with_texts(&|text| text.replace(',', ";"));
        assert_eq!(masked.in_language(Language::Rust), "portal_publishing=\"publish\"; 1.001 s");
    }

    #[test]
    fn each_language_writes_names_and_times_in_its_own_way() {
        let said = message![
            name("connect_timeout"),
            " must be at least ",
            seconds(0.001),
            ", or leave it to ",
            name("publish_batch"),
            " with ",
            Part::Choice("repeat", "allow"),
            " and ",
            name("publish_override_contact_ids"),
        ];
        let expected = [
            (
                Language::Python,
                "`connect_timeout` must be at least 0.001 s, or leave it to `publish_batch` with repeat=\"allow\" and \
                 `publish_override_contact_ids`",
            ),
            (
                Language::Node,
                "`connectTimeoutMs` must be at least 1 ms, or leave it to `publishBatch` with repeat: 'allow' and \
                 `publishOverrideContactIds`",
            ),
            (
                Language::CommandLine,
                "`connect_timeout` must be at least 0.001 s, or leave it to `--journal` with repeat=\"allow\" and \
                 `--override-contacts`",
            ),
        ];
        for (language, text) in expected {
            assert_eq!(said.in_language(language), text);
        }
    }
}
