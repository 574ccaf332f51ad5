//! The answer: bytes and the request, read into a [`PublishReport`].
//!
//! The API's page contradicts itself, so reading is liberal: any member may be missing or of
//! another type, and what cannot be read makes one file unknown, not the whole answer. Results are
//! matched by id, never by position. Nothing is guessed, and the raw text is kept.

use std::borrow::Cow;
use std::collections::HashMap;
use std::mem;

use crate::model::file_result::{FileError, FileResult, FileState, Status, UnexpectedResult};
use crate::model::id;
use crate::model::report::PublishReport;
use crate::model::request::PublishRequest;
use crate::response::json::{Kind, Malformed, Reader};
use crate::response::pattern::Pattern;

/// The most results and error objects that are read from one body: twenty times what one call can
/// ask for leaves room for liberal servers, and a hostile one cannot fill the memory.
pub(crate) const MAX_ITEMS: usize = 200_000;

/// A body as text, whatever its bytes.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) text: String,
    /// Whether bytes that are no UTF-8 were replaced.
    replaced: bool,
}

impl Raw {
    pub(crate) fn new(body: Vec<u8>) -> Self {
        match String::from_utf8(body) {
            Ok(text) => Self { text, replaced: false },
            Err(error) => Self { text: String::from_utf8_lossy(error.as_bytes()).into_owned(), replaced: true },
        }
    }
}

/// What was answered so far, page by page: each result is put where it belongs as it is read.
#[derive(Debug)]
pub(crate) struct Answered {
    request: PublishRequest,
    files: Vec<FileResult>,
    said: Vec<Said>,
    positions: Positions,
    /// What belongs to no requested file alone.
    unexpected: Vec<UnexpectedResult>,
    /// How many results and error objects there were.
    items: usize,
    next_link: Option<String>,
}

/// A further page that was read.
#[derive(Debug)]
pub(crate) struct Further {
    raw: Raw,
    results: Vec<UnexpectedResult>,
    next_link: Option<String>,
}

impl Further {
    /// Reads it, or says why it cannot be read.
    pub(crate) fn read(body: Vec<u8>) -> Result<Self, String> {
        let raw = Raw::new(body);
        let mut results = Vec::new();
        let next_link = read(&raw, &mut results)?;
        Ok(Self { raw, results, next_link })
    }

    /// Its text.
    pub(crate) fn raw(&self) -> &str {
        &self.raw.text
    }
}

/// What the results say about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Once,
    /// Different things.
    Contradictory,
}

impl Answered {
    /// Reads the first page, or says why it cannot be read.
    pub(crate) fn read(request: &PublishRequest, raw: &Raw) -> Result<Self, String> {
        let ids = request.file_ids();
        let mut answered = Self {
            request: request.clone(),
            files: ids.iter().map(|id| FileResult::unanswered(*id, FileState::Unknown)).collect(),
            said: vec![Said::Nothing; ids.len()],
            positions: Positions::default(),
            unexpected: Vec::new(),
            items: 0,
            next_link: None,
        };
        answered.next_link = read(raw, &mut answered)?;
        Ok(answered)
    }

    /// Takes in a further page, all of it or nothing. Its text.
    pub(crate) fn take_further(&mut self, page: Further) -> Result<String, String> {
        let items: usize = page.results.iter().map(items).sum();
        if self.items + items > MAX_ITEMS {
            return Err("too many results".to_owned());
        }
        for result in page.results {
            self.take(result);
        }
        self.next_link = page.next_link;
        Ok(page.raw.text)
    }

    /// Where the next page is.
    pub(crate) fn next_link(&self) -> Option<&str> {
        self.next_link.as_deref()
    }

    /// The place of a file, and what was said about it so far.
    fn place(&mut self, id: Option<u64>) -> Option<(&mut FileResult, &mut Said)> {
        let position = self.positions.find(self.request.file_ids(), id?)?;
        Some((self.files.get_mut(position)?, self.said.get_mut(position)?))
    }

    /// Every requested file with its state, and what belongs to none. `raw` is the text of all pages.
    pub(crate) fn into_report(self, raw: String) -> PublishReport {
        PublishReport::new(self.request, self.files, self.unexpected, self.next_link, raw)
    }
}

/// Receives the results of a page as they are read.
trait Results {
    fn take(&mut self, result: UnexpectedResult);

    /// A result that says what most say.
    fn take_success(&mut self, id: u64) {
        self.take(UnexpectedResult::success(id));
    }
}

impl Results for Vec<UnexpectedResult> {
    fn take(&mut self, result: UnexpectedResult) {
        self.push(result);
    }
}

/// Puts each result where it belongs.
impl Results for Answered {
    fn take_success(&mut self, id: u64) {
        match self.place(Some(id)) {
            Some((file, said @ Said::Nothing)) => {
                *said = Said::Once;
                *file = FileResult::succeeded(id);
                self.items += 1;
            }
            _ => self.take(UnexpectedResult::success(id)),
        }
    }

    fn take(&mut self, result: UnexpectedResult) {
        self.items += items(&result);
        let Some((file, said)) = self.place(result.file_id) else { return self.unexpected.push(result) };
        match *said {
            Said::Nothing => {
                *said = Said::Once;
                *file = FileResult::answered(file.file_id, result);
            }
            Said::Once if file.repeats(&result) => {}
            Said::Once => {
                *said = Said::Contradictory;
                let unknown = FileResult::unanswered(file.file_id, FileState::Unknown);
                let first = mem::replace(file, unknown).into_answer();
                self.unexpected.extend([first, result]);
            }
            Said::Contradictory => self.unexpected.push(result),
        }
    }
}

fn items(result: &UnexpectedResult) -> usize {
    1 + result.errors.len()
}

/// Where each id stands in the request. Answers mostly come in the order asked, so the next
/// position is tried before the map is built.
#[derive(Debug, Default)]
struct Positions {
    next: usize,
    map: Option<HashMap<u64, usize>>,
}

impl Positions {
    fn find(&mut self, ids: &[u64], id: u64) -> Option<usize> {
        if ids.get(self.next) == Some(&id) {
            self.next += 1;
            return Some(self.next - 1);
        }
        let map = self.map.get_or_insert_with(|| ids.iter().copied().zip(0..).collect());
        let position = map.get(&id).copied()?;
        self.next = position + 1;
        Some(position)
    }
}

/// Reads a page. The link to the next one, or why the body cannot be read.
fn read(raw: &Raw, taker: &mut impl Results) -> Result<Option<String>, String> {
    if raw.replaced {
        return Err("it is not UTF-8".to_owned());
    }
    let text = raw.text.strip_prefix('\u{feff}').unwrap_or(&raw.text);
    page(&mut Reader::new(text), taker).map_err(|malformed| malformed.to_string())
}

type Read<T> = Result<T, Malformed>;

fn page(reader: &mut Reader<'_>, taker: &mut impl Results) -> Read<Option<String>> {
    let (mut data, mut links) = (None, None);
    reader.object(|reader, key| match key {
        "data" => once(&mut data, reader, |reader| results(reader, taker)),
        "links" => once(&mut links, reader, next_link),
        _ => reader.skip(),
    })?;
    reader.end()?;
    data.ok_or_else(|| reader.malformed("no `data` list"))?;
    Ok(links.flatten())
}

/// Reads a member. The same one twice is no answer that can be trusted.
fn once<'a, T>(
    slot: &mut Option<T>,
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Read<T>,
) -> Read<()> {
    if slot.is_some() {
        return Err(reader.malformed("a member that stands twice"));
    }
    *slot = Some(read(reader)?);
    Ok(())
}

fn next_link(reader: &mut Reader<'_>) -> Read<Option<String>> {
    let mut next = None;
    members(reader, |reader, key| match key {
        "next" => once(&mut next, reader, link),
        _ => reader.skip(),
    })?;
    Ok(next.flatten())
}

/// A link: a string, or an object with `href`.
fn link(reader: &mut Reader<'_>) -> Read<Option<String>> {
    let mut link = None;
    match reader.peek()? {
        Kind::String => link = Some(reader.string()?.into_owned()),
        _ => members(reader, |reader, key| match key {
            "href" if reader.peek()? == Kind::String => {
                once(&mut link, reader, |reader| Ok(reader.string()?.into_owned()))
            }
            _ => reader.skip(),
        })?,
    }
    Ok(link.filter(|link| !link.is_empty()))
}

/// Reads the members of an object; a value of another kind has none.
fn members<'a>(reader: &mut Reader<'a>, member: impl FnMut(&mut Reader<'a>, &str) -> Read<()>) -> Read<()> {
    match reader.peek()? {
        Kind::Object => reader.object(member),
        _ => reader.skip(),
    }
}

fn results(reader: &mut Reader<'_>, taker: &mut impl Results) -> Read<()> {
    let mut count = 0;
    let mut pattern: Option<Pattern<'_>> = None;
    reader.array(|reader| {
        reader.peek()?;
        let start = reader.rest();
        let known = pattern.as_ref().and_then(|pattern| pattern.find(start));
        if let Some((id, length)) = known {
            reader.advance(length);
            count += 1;
            taker.take_success(id);
        } else {
            let result = result(reader)?;
            count += items(&result);
            if let Some(id) = result.file_id.filter(|id| result == UnexpectedResult::success(*id)) {
                let length = start.len() - reader.rest().len();
                pattern = start.get(..length).and_then(|text| Pattern::of(text, id));
            }
            taker.take(result);
        }
        if count > MAX_ITEMS {
            return Err(reader.malformed("too many results"));
        }
        Ok(())
    })
}

fn result(reader: &mut Reader<'_>) -> Read<UnexpectedResult> {
    let (mut resource_id, mut file_id) = (None, None);
    let (mut publish_status, mut notify_status) = (None, None);
    let (mut error, mut errors) = (None, None);
    let mut attributes = None;
    members(reader, |reader, key| match key {
        "id" => once(&mut resource_id, reader, id),
        "attributes" if attributes.is_some() => Err(reader.malformed("a member that stands twice")),
        "attributes" => {
            attributes = Some(());
            members(reader, |reader, key| match key {
                "file_id" => once(&mut file_id, reader, id),
                "publish_status" => once(&mut publish_status, reader, status),
                "notify_status" => once(&mut notify_status, reader, status),
                "error" => once(&mut error, reader, self::errors),
                "errors" => once(&mut errors, reader, self::errors),
                _ => reader.skip(),
            })
        }
        _ => reader.skip(),
    })?;
    let mut all = error.unwrap_or_default();
    all.append(&mut errors.unwrap_or_default());
    Ok(UnexpectedResult {
        file_id: file_id.flatten().or(resource_id.flatten()),
        publish_status: publish_status.flatten(),
        notify_status: notify_status.flatten(),
        errors: all,
    })
}

/// An id as a number or a string of digits.
fn id(reader: &mut Reader<'_>) -> Read<Option<u64>> {
    Ok(match reader.peek()? {
        Kind::String => id::parse(&reader.string()?),
        Kind::Number => id::parse(reader.number()?),
        _ => {
            reader.skip()?;
            None
        }
    })
}

fn status(reader: &mut Reader<'_>) -> Read<Option<Status>> {
    Ok(word(reader)?.map(|word| Status::new(&word)))
}

fn text(reader: &mut Reader<'_>) -> Read<Option<String>> {
    Ok(word(reader)?.map(Cow::into_owned))
}

/// A string; another value roughly as it is written. The raw text has it in full.
fn word<'a>(reader: &mut Reader<'a>) -> Read<Option<Cow<'a, str>>> {
    let shown = match reader.peek()? {
        Kind::String => return reader.string().map(Some),
        Kind::Number => return Ok(Some(reader.number()?.into())),
        Kind::True => Some("true".into()),
        Kind::False => Some("false".into()),
        Kind::Object => Some("{…}".into()),
        Kind::Array => Some("[…]".into()),
        Kind::Null => None,
    };
    reader.skip()?;
    Ok(shown)
}

/// Error objects: one, or a list; a bare text is an error's detail. Null, false and an empty text
/// are none.
fn errors(reader: &mut Reader<'_>) -> Read<Vec<FileError>> {
    let mut errors = Vec::new();
    match reader.peek()? {
        Kind::Array => reader.array(|reader| {
            if errors.len() == MAX_ITEMS {
                return Err(reader.malformed("too many error objects"));
            }
            errors.extend(error(reader)?);
            Ok(())
        })?,
        _ => errors.extend(error(reader)?),
    }
    Ok(errors)
}

fn error(reader: &mut Reader<'_>) -> Read<Option<FileError>> {
    match reader.peek()? {
        Kind::Object => {}
        Kind::Null | Kind::False => return reader.skip().map(|()| None),
        _ => {
            let detail = text(reader)?.filter(|detail| !detail.is_empty());
            return Ok(detail.map(|detail| FileError { detail: Some(detail), ..FileError::default() }));
        }
    }
    let (mut code, mut title, mut detail) = (None, None, None);
    reader.object(|reader, key| match key {
        "code" => once(&mut code, reader, text),
        "title" => once(&mut title, reader, text),
        "detail" => once(&mut detail, reader, text),
        _ => reader.skip(),
    })?;
    Ok(Some(FileError { code: code.flatten(), title: title.flatten(), detail: detail.flatten() }))
}
