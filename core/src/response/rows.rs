//! The answer: bytes and the request, read into a [`PublishReport`].
//!
//! The API's page contradicts itself, so reading is liberal: any member may be missing or of
//! another type, and what cannot be read makes one file unknown, not the whole answer. Results are
//! matched by id, never by position. Nothing is guessed, and the raw text is kept.

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
    /// Whether bytes that are not UTF-8 were replaced.
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
/// position is tried before the ids are sorted.
#[derive(Debug, Default)]
struct Positions {
    next: usize,
    sorted: Option<Vec<(u64, usize)>>,
}

impl Positions {
    fn find(&mut self, ids: &[u64], id: u64) -> Option<usize> {
        if ids.get(self.next) == Some(&id) {
            self.next += 1;
            return Some(self.next - 1);
        }
        let sorted = self.sorted.get_or_insert_with(|| {
            let mut sorted: Vec<_> = ids.iter().copied().zip(0..).collect();
            sorted.sort_unstable();
            sorted
        });
        let found = sorted.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        let position = sorted.get(found)?.1;
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
            errors: [error, errors, outer_error, outer_errors].into_iter().flatten().reduce(joined).unwrap_or_default(),
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
    let of = |text: &str, other: fn(&str) -> Option<u64>| match id::parse(text) {
        Some(id) if !text.starts_with('0') => GivenId::Plain(id),
        _ => other(text).map_or(GivenId::Unreadable, GivenId::Other),
    };
    match reader.peek()? {
        Kind::String => Ok(of(&reader.string()?, |text| id::parse(text.trim_ascii()))),
        Kind::Number => Ok(of(reader.number()?, id::parse_number)),
        Kind::Null => reader.skip().map(|()| GivenId::Absent),
        _ => reader.skip().map(|()| GivenId::Unreadable),
    }
}

fn joined(mut errors: Vec<FileError>, more: Vec<FileError>) -> Vec<FileError> {
    errors.extend(more);
    errors
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::request::{ContactNotification, PortalPublishing};

    const ASKS: Asks = Asks { publish: true, notify: true };
    const NO_RESULT: &str = "The answer has no result for it.";

    fn read_first(files: u64, body: &str) -> Result<Answered, String> {
        let modes = (PortalPublishing::Publish, ContactNotification::Notify);
        let request = PublishRequest::for_batch(1..=files, modes.0, modes.1).unwrap();
        Answered::read(&request, &Raw::new(body.into()))
    }

    /// The report of an answer about the files from 1 on.
    fn report(files: u64, body: &str) -> PublishReport {
        read_first(files, body).unwrap().into_report(body.to_owned(), None)
    }

    fn list(rows: &[String]) -> String {
        format!(r#"{{"data":[{}]}}"#, rows.join(","))
    }

    const SUCCESS: &str = r#""publish_status":"success","notify_status":"success""#;

    fn success(id: u64) -> String {
        format!(r#"{{"id":"{id}","attributes":{{"file_id":{id},{SUCCESS}}}}}"#)
    }

    /// A success whose ids are written like that.
    fn named(id: &str, file_id: &str) -> String {
        format!(r#"{{"id":{id},"attributes":{{"file_id":{file_id},{SUCCESS}}}}}"#)
    }

    fn details<const N: usize>(details: [&str; N]) -> Vec<FileError> {
        details.map(|detail| FileError { detail: Some(detail.to_owned()), ..FileError::default() }).to_vec()
    }

    /// What is known of each file: its state and why that is unknown.
    fn known(report: &PublishReport) -> Vec<(FileState, Option<&str>)> {
        report.files().iter().map(|file| (file.state, file.reason.as_deref())).collect()
    }

    const OK: (FileState, Option<&str>) = (FileState::Ok, None);
    const ABSENT: (FileState, Option<&str>) = (FileState::Unknown, Some(NO_RESULT));

    #[test]
    fn a_result_belongs_to_the_file_that_it_names_wherever_it_stands() {
        for order in [[1, 2, 3, 9], [3, 2, 1, 9], [2, 3, 9, 1], [9, 3, 1, 2]] {
            let report = report(4, &list(&order.map(success)));
            assert_eq!(known(&report), [OK, OK, OK, ABSENT], "{order:?}");
            assert_eq!(report.files().first(), Some(&FileResult::succeeded(1, ASKS)), "{order:?}");
            assert_eq!(report.unexpected(), [UnexpectedResult::success(9)], "{order:?}");
        }
    }

    #[test]
    fn an_id_counts_however_it_is_written() {
        for (id, file_id) in [
            ("\"1\"", "1"),
            ("1", "\"1\""),
            ("\"1\"", "null"),
            ("null", "1"),
            ("\" 1 \"", "\"001\""),
            ("1.0", "1e0"),
            // Another id of the resource is its own, unless it is that of a file that was asked for.
            ("\"77\"", "1"),
            ("{}", "1"),
        ] {
            assert_eq!(known(&report(2, &list(&[named(id, file_id)]))), [OK, ABSENT], "{id} {file_id}");
        }
        for (id, file_id) in [("null", "null"), ("[]", "null"), ("null", "true"), ("\"one\"", "null"), ("0", "null")] {
            let report = report(1, &list(&[named(id, file_id)]));
            assert_eq!(known(&report), [ABSENT], "{id} {file_id}");
            assert_eq!(report.unexpected().first().map(|result| result.file_id), Some(None), "{id} {file_id}");
        }
    }

    #[test]
    fn every_file_that_a_result_with_two_ids_may_be_about_is_unknown() {
        let unknown = |reason| (FileState::Unknown, Some(reason));
        let by_file_id = unknown("A result has this file's id as its `file_id`, and 1 as its `id`.");
        let by_id = unknown("A result has this file's id as its `id`, and 2 as its `file_id`.");
        let unreadable = unknown("A result has this file's id as its `id`, and a `file_id` that cannot be read.");

        let both = report(3, &list(&[named("1", "2"), success(3)]));
        assert_eq!(known(&both), [by_id, by_file_id, OK]);
        assert_eq!(both.unexpected(), [UnexpectedResult::success(2)]);

        // What was said before is kept apart, and nothing that follows settles it.
        let both = report(3, &list(&[success(2), named("1", "2"), success(1), named("1", "3")]));
        let third = unknown("A result has this file's id as its `file_id`, and 1 as its `id`.");
        assert_eq!(known(&both), [by_id, by_file_id, third]);
        assert_eq!(both.unexpected(), [2, 2, 1, 3].map(UnexpectedResult::success));

        let one = report(1, &list(&[named("1", "{}")]));
        assert_eq!(known(&one), [unreadable]);
        // The result is about a file that nobody asked for: it says nothing about this one.
        let other = report(1, &list(&[named("1", "9")]));
        assert_eq!(known(&other), [ABSENT]);
        assert_eq!(other.unexpected(), [UnexpectedResult::success(9)]);
    }

    #[test]
    fn a_result_that_is_repeated_counts_once_and_one_that_contradicts_makes_its_file_unknown() {
        let repeated = report(1, &list(&[success(1), success(1), success(1).replace("success", "SUCCESS")]));
        assert_eq!((known(&repeated), repeated.unexpected().len()), (vec![OK], 0));

        let failed = success(1).replacen("success", "fail", 1);
        let contradicted = report(2, &list(&[success(1), success(2), failed, success(1)]));
        let reason = "Two results for it contradict each other: both are among the unexpected results.";
        assert_eq!(known(&contradicted), [(FileState::Unknown, Some(reason)), OK]);
        let fail = UnexpectedResult { publish_status: Some(Status::Fail), ..UnexpectedResult::success(1) };
        assert_eq!(contradicted.unexpected(), [UnexpectedResult::success(1), fail, UnexpectedResult::success(1)]);
    }

    #[test]
    fn the_errors_of_a_result_are_read_wherever_they_stand() {
        let object = r#"{"code":"publish_failed","title":"Not published","detail":"Contacts [5]"}"#;
        let whole = FileError {
            code: Some("publish_failed".to_owned()),
            title: Some("Not published".to_owned()),
            detail: Some("Contacts [5]".to_owned()),
        };
        let statuses = r#""publish_status":"fail","notify_status":"success""#;
        let inner = |members: &str| format!(r#"{{"attributes":{{"file_id":1,{statuses},{members}}}}}"#);
        let outer = |members: &str| format!(r#"{{"attributes":{{"file_id":1,{statuses}}},{members}}}"#);
        for (row, errors) in [
            (inner(&format!(r#""error":{object}"#)), vec![whole.clone()]),
            (inner(&format!(r#""errors":[{object}]"#)), vec![whole.clone()]),
            (outer(&format!(r#""error":{object}"#)), vec![whole.clone()]),
            (outer(&format!(r#""errors":[{object}]"#)), vec![whole]),
            (inner(r#""errors":["first","second"],"error":"third""#), details(["third", "first", "second"])),
            (inner(r#""errors":[],"error":"""#), Vec::new()),
        ] {
            let answer = UnexpectedResult {
                file_id: Some(1),
                publish_status: Some(Status::Fail),
                notify_status: Some(Status::Success),
                errors,
            };
            assert_eq!(report(1, &list(&[row])).files(), [FileResult::answered(1, answer, ASKS)]);
        }
    }

    #[test]
    fn errors_beside_the_results_leave_no_file_ok() {
        let failed = success(2).replacen("success", "fail", 1);
        for errors in [r#""error":{"title":"Partly done"}"#, r#""errors":[{"title":"Partly done"}]"#] {
            let body = list(&[success(1), failed.clone()]).replacen('{', &format!("{{{errors},"), 1);
            let report = report(2, &body);
            let reason = "The answer has errors beside its results: Partly done.";
            assert_eq!(known(&report), [(FileState::Unknown, Some(reason)), (FileState::Failed, None)]);
            assert_eq!(report.errors().len(), 1);
        }
    }

    #[test]
    fn the_link_to_the_next_page_is_a_text_or_an_object_with_href() {
        for (links, link) in [
            (r#"{"next":"/v1/2"}"#, Some("/v1/2")),
            (r#"{"prev":"/v1/0","next":{"meta":{},"href":"/v1/2"}}"#, Some("/v1/2")),
            (r#"{"next":""}"#, None),
            (r#"{"next":null}"#, None),
            (r#"{"next":{"href":2}}"#, None),
            (r#"{"prev":"/v1/0"}"#, None),
            ("null", None),
        ] {
            let answered = read_first(1, &format!(r#"{{"data":[],"links":{links}}}"#));
            assert_eq!(answered.as_ref().map(Answered::next_link), Ok(link), "{links}");
        }
    }

    #[test]
    fn a_further_page_adds_its_results_and_has_the_next_link() {
        let mut answered = read_first(3, &list(&[success(1)])).unwrap();
        let text =
            r#"{"data":[],"errors":["late"],"links":{"next":"/v1/3"}}"#.replace("[]", &format!("[{}]", success(3)));
        let page = Further::read(text.clone().into()).unwrap();
        assert_eq!(page.raw(), text);
        assert_eq!(answered.take_further(page), Ok(text));
        assert_eq!(answered.next_link(), Some("/v1/3"));
        let report = answered.into_report(String::new(), None);
        assert_eq!(report.errors().len(), 1);
        assert_eq!(report.file(2).map(|file| file.published), Some(None));
        assert_eq!(report.file(3).map(|file| file.published), Some(Some(true)));
    }

    #[test]
    fn a_file_without_a_result_says_why_the_next_page_was_not_read() {
        let unread = UnreadPage {
            link: "/v1/2".to_owned(),
            http_status: Some(500),
            reason: "The server answered 500.".to_owned(),
            raw: String::new(),
        };
        let report = read_first(2, &list(&[success(1)])).unwrap().into_report(String::new(), Some(unread));
        let reason = "The answer has no result for it, and its next page was not read. The server answered 500.";
        assert_eq!(known(&report), [OK, (FileState::Unknown, Some(reason))]);
    }

    #[test]
    fn a_body_that_is_not_a_list_of_results_says_what_is_wrong_with_it() {
        for (body, reason) in [
            (format!(r#"{{"data":[{}"#, success(1)), "the text is cut"),
            (r#"{"errors":[]}"#.to_owned(), "no `data` list"),
            (r#"{"data":[],"data":[]}"#.to_owned(), "a member that stands twice"),
        ] {
            let error = read_first(1, &body).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        let (error, text) = Further::read(b"{\"data\":[]}\xff".to_vec()).unwrap_err();
        assert_eq!((error.as_str(), text.as_str()), ("it is not UTF-8", "{\"data\":[]}\u{fffd}"));
    }

    /// Counts the results that were read, and those that were compared with the one before.
    #[derive(Default)]
    struct Counted {
        read: usize,
        compared: usize,
    }

    impl Results for Counted {
        fn take(&mut self, _: Row) {
            self.read += 1;
        }

        fn take_success(&mut self, _: u64) {
            self.compared += 1;
        }
    }

    #[test]
    fn results_that_differ_in_nothing_but_their_id_are_compared() {
        let only_file_id = |id: u64| format!(r#"{{"attributes":{{"file_id":{id},{SUCCESS}}}}}"#);
        for rows in [[1, 2, 3].map(success), [1, 2, 3].map(only_file_id)] {
            let mut counted = Counted::default();
            read(&Raw::new(list(&rows).into()), &mut counted).unwrap();
            assert_eq!((counted.read, counted.compared), (1, 2), "{rows:?}");
        }
    }

    #[test]
    fn results_that_look_alike_are_not_taken_for_another() {
        let failed = |id| success(id).replacen("success", "fail", 1);
        let report_of = report(2, &list(&[failed(1), failed(2)]));
        assert_eq!(known(&report_of), [(FileState::Failed, None), (FileState::Failed, None)]);

        // The second result has the id of another file too.
        let report_of = report(3, &list(&[named("1", "2"), named("1", "3")]));
        assert_eq!(report_of.count(FileState::Unknown), 3);

        // 1 and 20, not 1 and 2.
        let rows = [named("null", "0.1e1"), named("null", "0.2e2")];
        let report_of = report(20, &list(&rows));
        let ok: Vec<u64> = report_of.in_state(FileState::Ok).map(|file| file.file_id).collect();
        assert_eq!(ok, [1, 20]);
    }

    /// A page with so many error objects in its first result, then these results, and these errors beside them.
    fn large(errors: usize, ids: impl IntoIterator<Item = u64>, beside: usize) -> String {
        let many = vec!["1"; errors].join(",");
        let first = format!(r#"{{"attributes":{{"file_id":1,{SUCCESS},"errors":[{many}]}}}}"#);
        let rows: Vec<String> = [first].into_iter().chain(ids.into_iter().map(success)).collect();
        list(&rows).replacen('{', &format!(r#"{{"errors":[{}],"#, vec!["1"; beside].join(",")), 1)
    }

    #[test]
    fn no_page_has_more_results_and_errors_than_are_read() {
        // The first result and its errors leave room for three more.
        let errors = MAX_ITEMS - 4;
        assert!(read_first(9, &large(errors, 2..=4, 0)).is_ok());
        let reason = read_first(9, &large(errors, 2..=5, 0)).unwrap_err();
        assert!(reason.contains("too many results"), "{reason}");
        let reason = read_first(9, &large(MAX_ITEMS, [], 0)).unwrap_err();
        assert!(reason.contains("too many results"), "{reason}");
    }

    #[test]
    fn all_pages_together_have_no_more_results_and_errors_than_are_read() {
        // One result with its errors, three more, and two errors beside them leave room for five.
        let first = large(MAX_ITEMS - 11, 2..=4, 2);
        let page = |ids| Further::read(large(0, ids, 2).into()).unwrap();
        let mut answered = read_first(9, &first).unwrap();
        let (reason, text) = answered.take_further(page(vec![5, 6, 7])).unwrap_err();
        assert_eq!(reason, "too many results");
        assert!(text.contains("\"file_id\":7"));
        // Nothing of it was taken, so that there is room for a smaller one.
        assert!(answered.take_further(page(vec![8, 9])).is_ok());
        let report = answered.into_report(String::new(), None);
        assert_eq!([5, 8].map(|id| report.file(id).map(|file| file.published)), [Some(None), Some(Some(true))]);
    }
}
