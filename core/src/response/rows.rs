//! The answer: bytes and the request, read into a [`PublishReport`].
//!
//! The API's page contradicts itself, so reading is liberal: any member may be missing or of
//! another type, and what cannot be read makes one file unknown, not the whole answer. Results are
//! matched by id, never by position. Nothing is guessed, and the raw text is kept.

use std::collections::HashMap;
use std::mem;

use crate::model::api_error::ApiError;
use crate::model::display;
use crate::model::file_result::{FileError, FileResult, FileState, Status, UnexpectedResult};
use crate::model::id;
use crate::model::report::{Beside, PublishReport, UnreadPage};
use crate::model::request::{Asks, PublishRequest};
use crate::response::api_errors::beside_results;
use crate::response::json::{Kind, Reader};
use crate::response::members::{MAX_ITEMS, Read, errors, members, once, text, unmarked, word};
use crate::response::pattern::Pattern;

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
    asks: Asks,
    files: Vec<FileResult>,
    said: Vec<Said>,
    positions: Positions,
    /// What belongs to no requested file alone.
    unexpected: Vec<UnexpectedResult>,
    /// What stands beside the results.
    errors: Vec<ApiError>,
    /// How many results and error objects there were.
    items: usize,
    next_link: Option<String>,
}

/// A further page that was read.
#[derive(Debug)]
pub(crate) struct Further {
    raw: Raw,
    rows: Vec<Row>,
    page: Page,
}

impl Further {
    /// Reads it; where it cannot be read, why, and its text.
    pub(crate) fn read(body: Vec<u8>) -> Result<Self, (String, String)> {
        let raw = Raw::new(body);
        let mut rows = Vec::new();
        match read(&raw, &mut rows) {
            Ok(page) => Ok(Self { raw, rows, page }),
            Err(reason) => Err((reason, raw.text)),
        }
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
    /// Different things, or one of them may be about another file: nothing that follows settles it.
    Doubtful,
}

impl Answered {
    /// Reads the first page, or says why it cannot be read.
    pub(crate) fn read(request: &PublishRequest, raw: &Raw) -> Result<Self, String> {
        let ids = request.file_ids();
        let mut answered = Self {
            request: request.clone(),
            asks: request.asks(),
            files: ids.iter().map(|id| FileResult::unanswered(*id, FileState::Unknown)).collect(),
            said: vec![Said::Nothing; ids.len()],
            positions: Positions::default(),
            unexpected: Vec::new(),
            errors: Vec::new(),
            items: 0,
            next_link: None,
        };
        let Page { errors, next_link } = read(raw, &mut answered)?;
        (answered.errors, answered.next_link) = (errors, next_link);
        Ok(answered)
    }

    /// Takes in a further page, all of it or nothing. Its text; where nothing is taken, with the reason.
    pub(crate) fn take_further(&mut self, page: Further) -> Result<String, (String, String)> {
        let Further { raw, rows, page: Page { errors, next_link } } = page;
        let items = rows.iter().map(Row::items).sum::<usize>() + errors.len();
        if self.items + self.errors.len() + items > MAX_ITEMS {
            return Err(("too many results".to_owned(), raw.text));
        }
        for row in rows {
            self.take(row);
        }
        self.errors.extend(errors);
        self.next_link = next_link;
        Ok(raw.text)
    }

    /// Where the next page is.
    pub(crate) fn next_link(&self) -> Option<&str> {
        self.next_link.as_deref()
    }

    fn position(&mut self, id: u64) -> Option<usize> {
        self.positions.find(self.request.file_ids(), id)
    }

    /// The place of a file, and what was said about it so far.
    fn place(&mut self, id: u64) -> Option<(&mut FileResult, &mut Said)> {
        let position = self.position(id)?;
        Some((self.files.get_mut(position)?, self.said.get_mut(position)?))
    }

    /// Makes a file unknown for good, if it was asked for. What was said about it before is kept apart.
    fn doubt(&mut self, id: u64, reason: String) {
        let Some((file, said)) = self.place(id) else { return };
        let before = mem::replace(said, Said::Doubtful);
        // The first reason is told.
        if before != Said::Doubtful {
            let first = mem::replace(file, FileResult::unknown(id, reason)).into_answer();
            self.unexpected.extend((before == Said::Once).then_some(first));
        }
    }

    /// Every requested file with its state, and what belongs to none. `raw` is the text of all pages that were read;
    /// `unread`: why the next one was not.
    pub(crate) fn into_report(self, raw: String, unread: Option<UnreadPage>) -> PublishReport {
        let Self { request, mut files, said, unexpected, errors, .. } = self;
        let left_out = match &unread {
            None => "The answer has no result for it.".to_owned(),
            Some(page) => {
                format!("The answer has no result for it, and its next page was not read. {}", page.reason)
            }
        };
        for (file, _) in files.iter_mut().zip(said).filter(|(_, said)| *said == Said::Nothing) {
            file.reason = Some(left_out.clone());
        }
        if !errors.is_empty() {
            let reason = display::beside_results(&errors);
            files = files.into_iter().map(|file| file.beside_errors(&reason)).collect();
        }
        let beside = Beside { unexpected, errors, unread_pages: Vec::from_iter(unread) };
        PublishReport::new(request, files, beside, raw)
    }
}

/// A result as it was read.
#[derive(Debug)]
struct Row {
    /// With the id that counts.
    result: UnexpectedResult,
    /// The resource's id, where it is another than the one that counts, or where that cannot be read.
    other_id: Option<u64>,
    /// Whether its ids are the same and written as plain digits.
    is_plain: bool,
}

impl Row {
    fn items(&self) -> usize {
        1 + self.result.errors.len()
    }
}

/// Receives the results of a page as they are read.
trait Results {
    fn take(&mut self, row: Row);

    /// A result that says what most say.
    fn take_success(&mut self, id: u64) {
        self.take(Row { result: UnexpectedResult::success(id), other_id: None, is_plain: true });
    }
}

impl Results for Vec<Row> {
    fn take(&mut self, row: Row) {
        self.push(row);
    }
}

/// Puts each result where it belongs.
impl Results for Answered {
    fn take_success(&mut self, id: u64) {
        let asks = self.asks;
        match self.place(id) {
            Some((file, said @ Said::Nothing)) => {
                *said = Said::Once;
                *file = FileResult::succeeded(id, asks);
                self.items += 1;
            }
            _ => self.take(Row { result: UnexpectedResult::success(id), other_id: None, is_plain: true }),
        }
    }

    fn take(&mut self, row: Row) {
        self.items += row.items();
        let (asks, id) = (self.asks, row.result.file_id);
        // The resource's id may be the result's own, unless it is that of a requested file.
        if let Some(other) = row.other_id.filter(|other| self.position(*other).is_some()) {
            match id {
                None => self.doubt(
                    other,
                    "A result has this file's id as its `id`, and a `file_id` that cannot be read.".to_owned(),
                ),
                Some(id) if self.position(id).is_some() => {
                    self.doubt(id, format!("A result has this file's id as its `file_id`, and {other} as its `id`."));
                    self.doubt(other, format!("A result has this file's id as its `id`, and {id} as its `file_id`."));
                }
                Some(_) => {}
            }
            return self.unexpected.push(row.result);
        }
        match id.and_then(|id| self.place(id)) {
            Some((file, said @ Said::Nothing)) => {
                *said = Said::Once;
                *file = FileResult::answered(file.file_id, row.result, asks);
            }
            Some((file, Said::Once)) if file.repeats(&row.result) => {}
            Some((file, Said::Once)) => {
                let id = file.file_id;
                self.doubt(
                    id,
                    "Two results for it contradict each other: both are among the unexpected results.".to_owned(),
                );
                self.unexpected.push(row.result);
            }
            Some((_, Said::Doubtful)) | None => self.unexpected.push(row.result),
        }
    }
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

/// What a page has beside its results.
#[derive(Debug)]
struct Page {
    errors: Vec<ApiError>,
    next_link: Option<String>,
}

/// Reads a page, or says why it cannot be read.
fn read(raw: &Raw, taker: &mut impl Results) -> Result<Page, String> {
    if raw.replaced {
        return Err("it is not UTF-8".to_owned());
    }
    page(&mut Reader::new(unmarked(&raw.text)), taker).map_err(|malformed| malformed.to_string())
}

fn page(reader: &mut Reader<'_>, taker: &mut impl Results) -> Read<Page> {
    let (mut data, mut links, mut error, mut errors) = (None, None, None, None);
    reader.object(|reader, key| match key {
        "data" => once(&mut data, reader, |reader| results(reader, taker)),
        "links" => once(&mut links, reader, next_link),
        "error" => once(&mut error, reader, beside_results),
        "errors" => once(&mut errors, reader, beside_results),
        _ => reader.skip(),
    })?;
    reader.end()?;
    data.ok_or_else(|| reader.malformed("no `data` list"))?;
    Ok(Page { errors: [error, errors].into_iter().flatten().flatten().collect(), next_link: links.flatten() })
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
            let row = row(reader)?;
            count += row.items();
            let id = row.result.file_id.filter(|_| row.is_plain);
            if let Some(id) = id.filter(|id| row.result == UnexpectedResult::success(*id)) {
                let length = start.len() - reader.rest().len();
                pattern = start.get(..length).and_then(|text| Pattern::of(text, id));
            }
            taker.take(row);
        }
        if count > MAX_ITEMS {
            return Err(reader.malformed("too many results"));
        }
        Ok(())
    })
}

fn row(reader: &mut Reader<'_>) -> Read<Row> {
    let (mut resource_id, mut file_id) = (None, None);
    let (mut publish_status, mut notify_status) = (None, None);
    let (mut error, mut errors, mut outer_error, mut outer_errors) = (None, None, None, None);
    let mut attributes = None;
    members(reader, |reader, key| match key {
        "id" => once(&mut resource_id, reader, given_id),
        "error" => once(&mut outer_error, reader, file_errors),
        "errors" => once(&mut outer_errors, reader, file_errors),
        "attributes" => once(&mut attributes, reader, |reader| {
            members(reader, |reader, key| match key {
                "file_id" => once(&mut file_id, reader, given_id),
                "publish_status" => once(&mut publish_status, reader, status),
                "notify_status" => once(&mut notify_status, reader, status),
                "error" => once(&mut error, reader, file_errors),
                "errors" => once(&mut errors, reader, file_errors),
                _ => reader.skip(),
            })
        }),
        _ => reader.skip(),
    })?;
    let (resource_id, file_id) = (resource_id.unwrap_or(GivenId::Absent), file_id.unwrap_or(GivenId::Absent));
    let counts = if file_id == GivenId::Absent { resource_id } else { file_id };
    Ok(Row {
        other_id: resource_id.value().filter(|_| resource_id.value() != counts.value()),
        is_plain: [resource_id, file_id]
            .into_iter()
            .all(|id| id == GivenId::Absent || matches!(id, GivenId::Plain(_)) && id == counts),
        result: UnexpectedResult {
            file_id: counts.value(),
            publish_status: publish_status.flatten(),
            notify_status: notify_status.flatten(),
            errors: [error, errors, outer_error, outer_errors].into_iter().flatten().flatten().collect(),
        },
    })
}

/// An id as a result has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GivenId {
    /// Missing, or null.
    Absent,
    /// Its digits and nothing else.
    Plain(u64),
    /// Written in some other way.
    Other(u64),
    Unreadable,
}

impl GivenId {
    fn value(self) -> Option<u64> {
        match self {
            Self::Plain(id) | Self::Other(id) => Some(id),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// An id as a whole number, or as a string of digits with or without blanks around them.
fn given_id(reader: &mut Reader<'_>) -> Read<GivenId> {
    let plain = |text: &str| id::parse(text).filter(|_| !text.starts_with('0')).map(GivenId::Plain);
    let (plain, other) = match reader.peek()? {
        Kind::String => {
            let text = reader.string()?;
            (plain(&text), id::parse(text.trim_ascii()))
        }
        Kind::Number => {
            let number = reader.number()?;
            (plain(number), id::parse_number(number))
        }
        Kind::Null => return reader.skip().map(|()| GivenId::Absent),
        _ => return reader.skip().map(|()| GivenId::Unreadable),
    };
    Ok(plain.or(other.map(GivenId::Other)).unwrap_or(GivenId::Unreadable))
}

fn status(reader: &mut Reader<'_>) -> Read<Option<Status>> {
    Ok(word(reader)?.map(|word| Status::new(&word)))
}

fn file_errors(reader: &mut Reader<'_>) -> Read<Vec<FileError>> {
    errors(reader, file_error, |detail| FileError { detail: Some(detail), ..FileError::default() })
}

fn file_error(reader: &mut Reader<'_>) -> Read<FileError> {
    let (mut code, mut title, mut detail) = (None, None, None);
    reader.object(|reader, key| match key {
        "code" => once(&mut code, reader, text),
        "title" => once(&mut title, reader, text),
        "detail" => once(&mut detail, reader, text),
        _ => reader.skip(),
    })?;
    Ok(FileError { code: code.flatten(), title: title.flatten(), detail: detail.flatten() })
}
