//! The answer: bytes and the request, read into a [`PublishReport`].
//!
//! The API's page contradicts itself, so reading is liberal: any member may be missing or of
//! another type, and what cannot be read makes one file unknown, not the whole answer. Results are
//! matched by id, never by position. Nothing is guessed, and the raw text is kept.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::Error;
use crate::id;
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
        let Object(document) = serde_json::from_str::<Object<Document>>(text).map_err(|error| error.to_string())?;
        let Some(document) = document else { return Err("it is no JSON object".to_owned()) };
        let Some(results) = document.data else { return Err("it has no `data` list".to_owned()) };
        Ok(Self { results: results.0, next_link: document.links.0.and_then(|links| links.next.0) })
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

#[derive(Deserialize)]
struct Document {
    data: Option<Results>,
    #[serde(default)]
    links: Object<Links>,
}

#[derive(Deserialize)]
struct Links {
    #[serde(default)]
    next: Text,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    id: Id,
    #[serde(default)]
    attributes: Object<Attributes>,
}

#[derive(Deserialize, Default)]
struct Attributes {
    #[serde(default)]
    file_id: Id,
    #[serde(default)]
    publish_status: Word,
    #[serde(default)]
    notify_status: Word,
    #[serde(default)]
    error: Errors,
    #[serde(default)]
    errors: Errors,
}

impl From<Option<Resource>> for UnexpectedResult {
    fn from(resource: Option<Resource>) -> Self {
        let (id, attributes) = resource.map_or_else(Default::default, |resource| (resource.id, resource.attributes));
        let attributes = attributes.0.unwrap_or_default();
        let mut errors = attributes.error.0;
        errors.extend(attributes.errors.0);
        Self {
            file_id: attributes.file_id.0.or(id.0),
            publish_status: attributes.publish_status.0,
            notify_status: attributes.notify_status.0,
            errors,
        }
    }
}

/// Any JSON value, each kind by its own name; what a type does not name is read over.
///
/// Recursion goes through the parser's own limit, so a value nested too deep is an error.
trait Lenient<'de>: Sized {
    fn nothing() -> Self;

    fn string(_text: &str) -> Self {
        Self::nothing()
    }

    fn number(_shown: String) -> Self {
        Self::nothing()
    }

    fn object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Skip, Skip>()?.is_some() {}
        Ok(Self::string("{…}"))
    }

    fn array<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Skip>()?.is_some() {}
        Ok(Self::string("[…]"))
    }
}

struct LenientVisitor<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for LenientVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::nothing())
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(T::string(if value { "true" } else { "false" }))
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(T::number(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(T::number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<T, E> {
        Ok(T::number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(T::string(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::object(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::array(list)
    }
}

macro_rules! lenient {
    ($($name:ident $(<$parameter:ident>)?),*) => {$(
        impl<'de $(, $parameter: Deserialize<'de>)?> Deserialize<'de> for $name $(<$parameter>)? {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(LenientVisitor(PhantomData))
            }
        }
    )*};
}
lenient!(Skip, Text, Word, Errors, OneError, Object<T>);

/// A value of no interest.
struct Skip;

impl Lenient<'_> for Skip {
    fn nothing() -> Self {
        Self
    }
}

/// A string; another scalar as it is written.
#[derive(Default)]
struct Text(Option<String>);

impl Lenient<'_> for Text {
    fn nothing() -> Self {
        Self(None)
    }

    fn string(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }

    fn number(shown: String) -> Self {
        Self(Some(shown))
    }
}

/// A status word.
#[derive(Default)]
struct Word(Option<Status>);

impl Lenient<'_> for Word {
    fn nothing() -> Self {
        Self(None)
    }

    fn string(text: &str) -> Self {
        Self(Some(Status::new(text)))
    }

    fn number(shown: String) -> Self {
        Self(Some(Status::new(&shown)))
    }
}

/// An object, or `None` for anything else.
struct Object<T>(Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Lenient<'de> for Object<T> {
    fn nothing() -> Self {
        Self(None)
    }

    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|value| Self(Some(value)))
    }
}

/// Error objects: absent, null, one object, a list; a bare text is an error's detail.
#[derive(Default)]
struct Errors(Vec<FileError>);

impl<'de> Lenient<'de> for Errors {
    fn nothing() -> Self {
        Self(Vec::new())
    }

    fn string(text: &str) -> Self {
        Self(vec![OneError::string(text).0])
    }

    fn number(shown: String) -> Self {
        Self::string(&shown)
    }

    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Ok(Self(vec![OneError::object(map)?.0]))
    }

    fn array<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut errors = Vec::new();
        while let Some(OneError(error)) = list.next_element()? {
            if errors.len() == MAX_ITEMS {
                return Err(A::Error::custom("too many error objects"));
            }
            errors.push(error);
        }
        Ok(Self(errors))
    }
}

struct OneError(FileError);

impl<'de> Lenient<'de> for OneError {
    fn nothing() -> Self {
        Self(FileError::default())
    }

    fn string(text: &str) -> Self {
        Self(FileError { detail: Some(text.to_owned()), ..FileError::default() })
    }

    fn number(shown: String) -> Self {
        Self::string(&shown)
    }

    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        struct Members {
            #[serde(default)]
            code: Text,
            #[serde(default)]
            title: Text,
            #[serde(default)]
            detail: Text,
        }
        let Members { code, title, detail } = Members::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Self(FileError { code: code.0, title: title.0, detail: detail.0 }))
    }
}

/// An id as a number or a string of digits. On the hot path, hence without a detour over text.
#[derive(Default)]
struct Id(Option<u64>);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl<'de> Visitor<'de> for IdVisitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }

            fn visit_u64<E>(self, id: u64) -> Result<Id, E> {
                Ok(Id(Some(id).filter(|id| id::in_range(*id))))
            }

            fn visit_str<E>(self, digits: &str) -> Result<Id, E> {
                Ok(Id(id::parse(digits)))
            }

            fn visit_unit<E>(self) -> Result<Id, E> {
                Ok(Id(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Id, E> {
                Ok(Id(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Id, E> {
                Ok(Id(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Id, E> {
                Ok(Id(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Id, A::Error> {
                Skip::object(map).map(|_| Id(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Id, A::Error> {
                Skip::array(list).map(|_| Id(None))
            }
        }

        deserializer.deserialize_any(IdVisitor)
    }
}

/// The `data` list.
struct Results(Vec<UnexpectedResult>);

impl<'de> Deserialize<'de> for Results {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ResultsVisitor;

        impl<'de> Visitor<'de> for ResultsVisitor {
            type Value = Results;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a `data` list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Results, A::Error> {
                let mut results: Vec<UnexpectedResult> = Vec::new();
                let mut items = 0;
                while let Some(Object(resource)) = list.next_element::<Object<Resource>>()? {
                    let result = UnexpectedResult::from(resource);
                    items += 1 + result.errors.len();
                    if items > MAX_ITEMS {
                        return Err(A::Error::custom("too many results"));
                    }
                    results.push(result);
                }
                Ok(Results(results))
            }
        }

        deserializer.deserialize_seq(ResultsVisitor)
    }
}

/// An error object of JSON:API about the whole request; any member may have been missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, serde::Serialize, Deserialize)]
pub struct ApiError {
    /// The status code, as text.
    #[serde(default, deserialize_with = "lenient_text")]
    pub status: Option<String>,
    /// The error's name.
    #[serde(default, deserialize_with = "lenient_text")]
    pub code: Option<String>,
    /// What went wrong, in words.
    #[serde(default, deserialize_with = "lenient_text")]
    pub title: Option<String>,
    /// Details in prose.
    #[serde(default, deserialize_with = "lenient_text")]
    pub detail: Option<String>,
    /// The part of the request at fault.
    #[serde(default, deserialize_with = "lenient_source")]
    pub source: Option<String>,
}

fn lenient_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Text::deserialize(deserializer).map(|text| text.0)
}

/// `source` is an object in JSON:API (`{"pointer": …}`): its text as JSON.
fn lenient_source<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}

/// The error objects of a refusal; none where the body is plain text or HTML.
pub(crate) fn api_errors(body: &str) -> Vec<ApiError> {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(default)]
        errors: Vec<Object<ApiError>>,
    }
    const MAX_ERRORS: usize = 100;
    serde_json::from_str::<Object<Refusal>>(body)
        .ok()
        .and_then(|Object(refusal)| refusal)
        .map(|refusal| refusal.errors.into_iter().filter_map(|Object(error)| error).take(MAX_ERRORS).collect())
        .unwrap_or_default()
}

/// One line of a body that is not JSON:API, for an error message.
pub(crate) fn excerpt(body: &str) -> Option<String> {
    const LENGTH: usize = 200;
    let start: String = body.chars().take(4 * LENGTH).collect();
    let words = start.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = words.chars().filter(|c| !c.is_control()).take(LENGTH).collect();
    (!shown.is_empty()).then_some(shown)
}
