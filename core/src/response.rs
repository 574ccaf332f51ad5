//! The answer: bytes and the request, read into a [`PublishReport`].
//!
//! The API's page contradicts itself, so reading is liberal: any member may be missing or of
//! another type, and what cannot be read makes one file unknown, not the whole answer. Results are
//! matched by id, never by position. Nothing is guessed, and the raw text is kept.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::id;
use crate::json::{Kind, Malformed, Reader};
use crate::report::{FileError, FileResult, FileState, PublishReport, Status, UnexpectedResult};
use crate::request::PublishRequest;

/// The most results and error objects that are read from one body: twenty times what one call can
/// ask for leaves room for liberal servers, and a hostile one cannot fill the memory.
pub(crate) const MAX_ITEMS: usize = 200_000;

/// One page of results.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) results: Vec<UnexpectedResult>,
    pub(crate) next_link: Option<String>,
}

impl PublishReport {
    /// Reads an answer's body without any network.
    ///
    /// # Errors
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown) where the body is cut, not
    /// JSON, nested too deep or has no `data` list; the error's report holds the raw text.
    pub fn from_response(request: &PublishRequest, body: &[u8]) -> Result<Self, Error> {
        let raw = Raw::new(body.to_vec());
        match Page::read(&raw) {
            Ok(page) => Ok(assemble(request, page, raw.text)),
            Err(reason) => Err(Error::unreadable(&reason, Self::uniform(request, FileState::Unknown, raw.text))),
        }
    }
}

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

impl Page {
    /// One page of results, or why the body cannot be read.
    pub(crate) fn read(raw: &Raw) -> Result<Self, String> {
        if raw.replaced {
            return Err("it is not UTF-8".to_owned());
        }
        let text = raw.text.strip_prefix('\u{feff}').unwrap_or(&raw.text);
        page(&mut Reader::new(text)).map_err(|malformed| malformed.to_string())
    }
}

/// Gives every requested file its state, and keeps what belongs to none.
pub(crate) fn assemble(request: &PublishRequest, page: Page, raw: String) -> PublishReport {
    let ids = request.file_ids();
    let mut files: Vec<Option<Slot>> = Vec::new();
    files.resize_with(ids.len(), || None);
    let mut positions = Positions::new(ids);
    let mut unexpected = Vec::new();
    for result in page.results {
        let slot = result.file_id.and_then(|id| positions.find(id)).and_then(|position| files.get_mut(position));
        match slot {
            Some(slot @ None) => *slot = Some(Slot::Answered(result)),
            Some(Some(Slot::Answered(first))) if *first == result => {}
            Some(slot) => {
                if let Some(Slot::Answered(first)) = slot.replace(Slot::Contradicted) {
                    unexpected.push(first);
                }
                unexpected.push(result);
            }
            None => unexpected.push(result),
        }
    }
    let files = ids
        .iter()
        .zip(files)
        .map(|(id, slot)| match slot {
            Some(Slot::Answered(result)) => FileResult::answered(*id, result),
            Some(Slot::Contradicted) | None => FileResult::unanswered(*id, FileState::Unknown),
        })
        .collect();
    PublishReport::new(request.clone(), files, unexpected, page.next_link, raw)
}

enum Slot {
    Answered(UnexpectedResult),
    Contradicted,
}

/// Where each id stands in the request. Answers mostly come in the order asked, so the next
/// position is tried before the map is built.
struct Positions<'a> {
    ids: &'a [u64],
    next: usize,
    map: Option<HashMap<u64, usize>>,
}

impl<'a> Positions<'a> {
    fn new(ids: &'a [u64]) -> Self {
        Self { ids, next: 0, map: None }
    }

    fn find(&mut self, id: u64) -> Option<usize> {
        if self.ids.get(self.next) == Some(&id) {
            self.next += 1;
            return Some(self.next - 1);
        }
        let map = self.map.get_or_insert_with(|| self.ids.iter().copied().zip(0..).collect());
        let position = map.get(&id).copied()?;
        self.next = position + 1;
        Some(position)
    }
}

type Read<T> = Result<T, Malformed>;

fn page(reader: &mut Reader<'_>) -> Read<Page> {
    let (mut results, mut links) = (None, None);
    reader.object(|reader, key| match key {
        "data" => once(&mut results, reader, self::results),
        "links" => once(&mut links, reader, next_link),
        _ => reader.skip(),
    })?;
    reader.end()?;
    let results = results.ok_or_else(|| reader.malformed("no `data` list"))?;
    Ok(Page { results, next_link: links.flatten() })
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

fn results(reader: &mut Reader<'_>) -> Read<Vec<UnexpectedResult>> {
    let mut results = Vec::new();
    let mut items = 0;
    reader.array(|reader| {
        let result = result(reader)?;
        items += 1 + result.errors.len();
        if items > MAX_ITEMS {
            return Err(reader.malformed("too many results"));
        }
        results.push(result);
        Ok(())
    })?;
    Ok(results)
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

/// An error object of JSON:API about the whole request; any member may have been missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiError {
    /// The status code, as text.
    #[serde(deserialize_with = "lenient")]
    pub status: Option<String>,
    /// The error's name.
    #[serde(deserialize_with = "lenient")]
    pub code: Option<String>,
    /// What went wrong, in words.
    #[serde(deserialize_with = "lenient")]
    pub title: Option<String>,
    /// Details in prose.
    #[serde(deserialize_with = "lenient")]
    pub detail: Option<String>,
    /// The part of the request at fault, an object in JSON:API: as JSON.
    #[serde(deserialize_with = "lenient")]
    pub source: Option<String>,
}

/// A string, or another value as JSON.
fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}

/// The error objects of a refusal; none where the body is plain text or HTML.
pub(crate) fn api_errors(body: &str) -> Vec<ApiError> {
    const MAX_ERRORS: usize = 100;
    const MAX_LENGTH: usize = 1 << 20;
    let refusal = Some(body).filter(|body| body.len() <= MAX_LENGTH).map(serde_json::from_str::<Value>);
    let Some(Ok(Value::Object(mut refusal))) = refusal else { return Vec::new() };
    let Some(Value::Array(errors)) = refusal.remove("errors") else { return Vec::new() };
    let objects = errors.into_iter().filter(Value::is_object).take(MAX_ERRORS);
    objects.filter_map(|error| serde_json::from_value(error).ok()).collect()
}

/// One line of a body that is not JSON:API, for an error message.
pub(crate) fn excerpt(body: &str) -> Option<String> {
    const LENGTH: usize = 200;
    let start: String = body.chars().take(4 * LENGTH).collect();
    let words = start.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = words.chars().filter(|c| !c.is_control()).take(LENGTH).collect();
    (!shown.is_empty()).then_some(shown)
}
