//! A list of files: CSV with a header, or one id a line.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::journal::record;
use crate::model::id::{self, RawId};

/// The column that holds the ids.
pub(super) const COLUMN: &str = "file_id";

/// Whether a list is read from standard input.
pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Which column holds the ids.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column<'a> {
    /// The usual one: there is no flag that names another.
    Usual,
    /// What --column says. A name that was given wants a header that has it.
    Asked(Option<&'a str>),
}

/// A list of files, with what else stands beside them.
#[derive(Debug)]
pub(super) struct List {
    columns: Vec<String>,
    rows: Vec<Row>,
}

/// A line of a list.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) id: u64,
    fields: Vec<String>,
}

impl List {
    pub(super) fn ids(&self) -> Vec<u64> {
        self.rows.iter().map(|row| row.id).collect()
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Where a column is, whatever case its name is written in; or what is wrong, as it goes on after the list's name:
    /// of several, one would be passed over.
    pub(super) fn position(&self, column: &str) -> Result<Option<usize>, String> {
        let mut found = self.columns.iter().enumerate().filter(|(_, name)| name.eq_ignore_ascii_case(column));
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(format!(" has several columns named {column:?}")),
            (found, None) => Ok(found.map(|(position, _)| position)),
        }
    }
}

impl Row {
    /// What stands in the column at this position, if anything does.
    pub(super) fn field(&self, position: Option<usize>) -> Option<&str> {
        position.and_then(|position| self.fields.get(position)).map(String::as_str).filter(|field| !field.is_empty())
    }
}

/// What a list is called in a sentence.
pub(super) fn name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Reads a list; `-` is standard input. An error is a sentence without its end.
pub(super) fn read(path: &Path, column: Column<'_>) -> Result<List, String> {
    let mut bytes = Vec::new();
    let read = if is_stdin(path) {
        io::stdin().read_to_end(&mut bytes).map(drop)
    } else {
        fs::read(path).map(|all| bytes = all)
    };
    read.map_err(|error| format!("{} cannot be read: {error}", name(path)))?;
    of_bytes(bytes, column).map_err(|reason| format!("{}{reason}", name(path)))
}

/// The list in a file, or what is wrong with it, as it goes on after the file's name.
fn of_bytes(bytes: Vec<u8>, column: Column<'_>) -> Result<List, String> {
    const EXPECTED: &str = "A list of files is CSV with a header, or one id a line, as UTF-8 text";
    let kind = kind_of(&bytes);
    let found = match String::from_utf8(bytes) {
        Ok(text) => list(text.trim_start_matches('\u{feff}'), column),
        Err(_) => Err(format!(" is not UTF-8 text: save it as CSV UTF-8. {EXPECTED}")),
    };
    match kind {
        Some((kind, advice)) => found.map_err(|_| format!(" is {kind}{advice}. {EXPECTED}")),
        None => found,
    }
}

/// What a file that cannot be read as a list seems to be, by how it begins, and what to do instead.
fn kind_of(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const WORKBOOK: (&str, &str) = ("an Excel workbook", ": save its sheet as CSV UTF-8");
    const KINDS: [(&[u8], (&str, &str)); 6] = [
        (b"PK\x03\x04", WORKBOOK),
        (b"\xd0\xcf\x11\xe0", WORKBOOK),
        (b"%PDF", ("a PDF", "")),
        (record::START, ("a journal", ": `journal show` shows its files, `resume` resumes it")),
        (b"{", ("JSON", "")),
        (b"[", ("JSON", "")),
    ];
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    KINDS.iter().find(|(first, _)| start.starts_with(first)).map(|(_, kind)| *kind)
}

/// A list, or what is wrong with it, as it goes on after the list's name.
fn list(text: &str, column: Column<'_>) -> Result<List, String> {
    let mut records = records(text)?;
    // Programs leave blank ones behind.
    let end = records.iter().rposition(|record| !record.is_blank()).map_or(0, |last| last + 1);
    records.truncate(end);
    let mut records = records.into_iter().skip_while(Record::is_blank).peekable();
    let Some(first) = records.peek() else { return Err(" has no ids".to_owned()) };
    let is_plain = matches!(column, Column::Usual | Column::Asked(None))
        && matches!(first.fields.as_slice(), [only] if id::parse(only).is_some());
    let (position, columns) = if is_plain {
        (0, vec![COLUMN.to_owned()])
    } else {
        let Record { line, fields: names, .. } = records.next().unwrap_or_default();
        (header(&names, column).map_err(|reason| format!(", line {line}: {reason}"))?, names)
    };
    let width = filled(&columns);
    let (mut found, mut lines) = (Vec::new(), HashMap::new());
    // Between the rows of a table a blank one is a row whose id is missing; people put blank lines between ids.
    for record in records.filter(|record| !(is_plain && record.is_blank())) {
        let is_blank = record.is_blank();
        let Record { line, fields, .. } = record;
        // A comma too many, or one too few before the id, would put another number in its place. Excel leaves out those
        // of empty fields at the end here and there.
        let may_be_another = position > 0 && !is_blank && (fields.len() > columns.len() || fields.len() < width);
        if filled(&fields) > width || may_be_another {
            let counted = |count| if count == 1 { "1 value".to_owned() } else { format!("{count} values") };
            return Err(format!(", line {line}: {}, where the first line has {}", counted(fields.len()), width));
        }
        let field = fields.get(position).map_or("", String::as_str);
        let id = id::parse(field).ok_or_else(|| {
            // Programs write a column with gaps like that.
            let has_point = field.strip_suffix(".0").is_some_and(|whole| id::parse(whole).is_some());
            let advice = if has_point { "; write it without the point" } else { "" };
            let (given, most) = (RawId::from(field), id::MAX_ID);
            format!(", line {line}: {given} is not an id: ids are whole numbers from 1 to {most}{advice}")
        })?;
        if let Some(before) = lines.insert(id, line) {
            return Err(format!(", line {line}: file {id} stands in line {before} already"));
        }
        found.push(Row { line, id, fields });
    }
    if found.is_empty() { Err(" has no ids".to_owned()) } else { Ok(List { columns, rows: found }) }
}

/// Where the column of the ids is.
fn header(names: &[String], column: Column<'_>) -> Result<usize, String> {
    let (column, advice) = match column {
        Column::Usual => (COLUMN, ""),
        Column::Asked(asked) => (asked.unwrap_or(COLUMN), "; see --column"),
    };
    let mut found = names.iter().enumerate().filter(|(_, name)| *name == column);
    match (found.next(), found.next()) {
        (Some((position, _)), None) => Ok(position),
        (Some(_), Some(_)) => Err(format!("several columns are named {column:?}")),
        (None, _) => {
            let names = id::enumerate(&names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>());
            Err(format!("no column is named {column:?} (it has {names}){advice}"))
        }
    }
}

/// How many fields there are without the empty ones at the end, which some programs write and others leave out.
fn filled(fields: &[String]) -> usize {
    fields.iter().rposition(|field| !field.is_empty()).map_or(0, |last| last + 1)
}

/// A record of a CSV text.
#[derive(Debug, Default)]
struct Record {
    /// The number of its first line.
    line: usize,
    fields: Vec<String>,
    has_quotes: bool,
}

impl Record {
    /// Whether nothing stands there. An empty field in quotes is a value that somebody wrote.
    fn is_blank(&self) -> bool {
        !self.has_quotes && filled(&self.fields) == 0
    }
}

/// The records of a CSV text (RFC 4180).
///
/// Fields are trimmed: none of what is looked for begins or ends with a blank.
fn records(text: &str) -> Result<Vec<Record>, String> {
    let separator = separator(text);
    let (mut records, mut fields, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut began, mut quoted, mut closed, mut has_quotes) = (1, 1, false, false, false);
    let mut characters = text.chars().chain(['\n']).peekable();
    while let Some(c) = characters.next() {
        line += usize::from(c == '\n');
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' if quoted => (quoted, closed) = (false, true),
            '"' if field.trim().is_empty() && !closed => (quoted, has_quotes) = (true, true),
            _ if quoted => {
                if characters.peek().is_none() {
                    return Err(format!(", line {began}: a quote is not closed"));
                }
                field.push(c);
            }
            '\n' => {
                closed = false;
                fields.push(std::mem::take(&mut field).trim().to_owned());
                let fields = std::mem::take(&mut fields);
                records.push(Record { line: began, fields, has_quotes: std::mem::take(&mut has_quotes) });
                began = line;
            }
            c if c == separator => {
                closed = false;
                fields.push(std::mem::take(&mut field).trim().to_owned());
            }
            c if closed && !c.is_whitespace() => {
                return Err(format!(", line {began}: {c:?} follows a closing quote"));
            }
            c => field.push(c),
        }
    }
    Ok(records)
}

/// What separates fields: spreadsheets write semicolons in many countries.
fn separator(text: &str) -> char {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    [';', '\t'].into_iter().find(|separator| header.contains(*separator) && !header.contains(',')).unwrap_or(',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str, column: Option<&str>) -> Result<Vec<u64>, String> {
        list(text, Column::Asked(column)).map(|list| list.ids())
    }

    #[test]
    fn lists_are_read_as_people_write_them() {
        let lists = [
            ("37\n38\n", None),
            ("37\r\n\r\n  38\r\n\r\n", None),
            ("0037\n\"38\"", None),
            ("file_id\n37\n38", None),
            ("name,file_id\n\"Smith, J.\",37\n\"a \"\"b\"\"\nc\",38\n", None),
            ("name;file_id\r\nx;37\r\ny;\"38\"\r\n", None),
            ("\n;;\nname;file_id\nx;37\ny;38\n;;\n;\n\n", None),
            ("name\tfile_id\nx\t37\ny\t38", None),
            ("37,Report\n37,1\n38,2\n", Some("37")),
            ("file_id\n37,\n38,,\n", None),
            ("file_id,decision,evidence\n37,leave\n38\n", None),
        ];
        for (text, column) in lists {
            assert_eq!(ids(text, column), Ok(vec![37, 38]), "{text:?}");
        }
    }

    #[test]
    fn a_file_of_another_kind_is_named_for_what_it_is() {
        let files: [(&[u8], &str); 9] = [
            (b"{\"data\": []}", "is JSON"),
            (b" [37, 38]\n", "is JSON"),
            (b"\xef\xbb\xbf[37]", "is JSON"),
            (b"[37, 38", "is JSON"),
            (b"{\"type\":\"header\",\"format\":2}\n", "is a journal"),
            (b"PK\x03\x04\x14\0\x06\0", "is an Excel workbook"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook"),
            (b"%PDF-1.7\n%\xe2\xe3", "is a PDF"),
            (b"file_id\n\xff\xfe\n", "is not UTF-8 text"),
        ];
        for (bytes, kind) in files {
            let refused = of_bytes(bytes.to_vec(), Column::Asked(None)).err().unwrap_or_default();
            assert!(refused.contains(kind), "{kind}: {refused}");
            assert!(refused.contains("CSV"), "what was expected: {refused}");
        }
    }

    #[test]
    fn what_is_not_an_id_is_named_with_its_line() {
        let lists = [
            ("", None, " has no ids"),
            ("file_id\n\n", None, " has no ids"),
            ("name;file_id\r\nx;37\r\n;;\r\ny;\"38\"\r\n", None, ", line 3: \"\" is not an id"),
            ("name,file_id\nx,37\n\n\ny,38\n", None, ", line 3: \"\" is not an id"),
            ("file_id\n\n37\n", None, ", line 2: \"\" is not an id"),
            ("file_id\n0901\n\"\"\n0903\n", None, ", line 3: \"\" is not an id"),
            ("file_id\n0901\n\n\"\"\n\n", None, ", line 3: \"\" is not an id"),
            ("file_id\n0901\n\"\"\n", None, ", line 3: \"\" is not an id"),
            ("0901\n\n\"\"\n0903\n", None, ", line 3: \"\" is not an id"),
            ("0901\n\" \"\n", None, ", line 2: \"\" is not an id"),
            ("37\n\nx\n", None, ", line 3: \"x\" is not an id"),
            ("37\n38,39\n", None, ", line 2: 2 values, where the first line has 1"),
            ("name,file_id,size\nReport Q3, 2024,37,100\n", None, ", line 2: 4 values, where the first line has 3"),
            ("name,file_id,size\nReport Q3, 2024,37,\n", None, ", line 2: 4 values, where the first line has 3"),
            ("name,file_id\nReport Q3, 2024,\"\"\n", None, ", line 2: 3 values, where the first line has 2"),
            ("name,file_id,size\n37,100\n", None, ", line 2: 2 values, where the first line has 3"),
            ("file_id\n1,234\n", None, ", line 2: 2 values"),
            ("file_id\n\"3\"7\n", None, ", line 2: '7' follows a closing quote"),
            ("file_id\n\"3\"\"7\n", None, ", line 2: a quote is not closed"),
            ("file_id\n\"\" \"7\"\n", None, ", line 2: '\"' follows a closing quote"),
            ("37,38\n", None, ", line 1: no column is named \"file_id\" (it has \"37\", \"38\")"),
            ("37\n38\n", Some("file_id"), ", line 1: no column"),
            ("name,file_id\n\"a\nb\",37\nc,\n", None, ", line 4: \"\" is not an id"),
            (
                "file_id\n37.0\n",
                None,
                ", line 2: \"37.0\" is not an id: ids are whole numbers from 1 to 9007199254740991; write it without the",
            ),
            ("file_id\n-37\n", None, ", line 2: \"-37\" is not an id"),
            ("file_id\n9007199254740992\n", None, ", line 2: \"9007199254740992\" is not an id"),
            ("file_id\n37\n38\n037\n", None, ", line 4: file 37 stands in line 2 already"),
            ("file_id,file_id\n1,2\n", None, ", line 1: several columns"),
            ("file_id,name\n37,\"x\n38,y\n", None, ", line 2: a quote is not closed"),
            ("id\n37\n", None, ", line 1: no column is named \"file_id\" (it has \"id\")"),
        ];
        for (text, column, reason) in lists {
            let refused = ids(text, column).err().unwrap_or_default();
            assert!(refused.starts_with(reason), "{text:?}: {refused}");
        }
    }
}
