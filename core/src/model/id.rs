//! Ids of files and contacts: what a caller may write, and what the API takes.
//!
//! The API documents ids as unique integers. JSON numbers are exact up to 2^53 - 1, so that is the
//! largest id that can be sent without a silent change.

use std::collections::HashSet;
use std::fmt::{self, Write};

use crate::model::invalid_input::InvalidInput;
use crate::model::message::{Message, Part, message, name};

/// The largest id that every JSON reader takes exactly: 2^53 - 1.
pub const MAX_ID: u64 = (1 << 53) - 1;

/// The most files that one call may publish (API documentation, "Maximum of 500 files").
pub const MAX_FILES: usize = 500;

/// How many offending values an error message spells out.
const SHOWN: usize = 5;

/// One id as a caller wrote it, before validation.
///
/// The bindings turn every host value into one of these and leave the verdict to
/// [`PublishRequest::new`](crate::PublishRequest::new).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawId {
    /// A whole number of any size.
    Integer(i128),
    /// Text, such as `"37"` or `"0037"`.
    Text(String),
    /// A value of a type that cannot be an id: a bool, a float, nothing at all. Boxed: it is rare.
    Other(Box<NoId>),
}

/// What a caller wrote in the place of an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoId {
    /// The host language's name of the type.
    pub type_name: String,
    /// The value as the host language shows it.
    pub shown: String,
    /// What the host language's user can do about it.
    pub hint: Option<&'static str>,
}

impl From<NoId> for RawId {
    fn from(value: NoId) -> Self {
        Self::Other(Box::new(value))
    }
}

macro_rules! from_integer {
    ($($integer:ty)*) => {$(
        impl From<$integer> for RawId {
            fn from(id: $integer) -> Self {
                Self::Integer(i128::from(id))
            }
        }
    )*};
}
from_integer!(u8 u16 u32 u64 i8 i16 i32 i64);

impl From<&str> for RawId {
    fn from(id: &str) -> Self {
        Self::Text(id.to_owned())
    }
}

impl From<String> for RawId {
    fn from(id: String) -> Self {
        Self::Text(id)
    }
}

impl fmt::Display for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(id) => write!(f, "{id}"),
            Self::Text(id) => write!(f, "{:?}", clip(id)),
            Self::Other(value) => write!(f, "{} ({})", clip(&value.shown), value.type_name),
        }
    }
}

/// At most 40 characters of a value that came from outside.
fn clip(text: &str) -> String {
    let mut clipped: String = text.chars().take(40).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}

impl RawId {
    fn value(&self) -> Option<u64> {
        match self {
            Self::Integer(id) => u64::try_from(*id).ok().filter(|id| in_range(*id)),
            Self::Text(id) => parse(id),
            Self::Other(_) => None,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Other(value) => value.hint,
            _ => None,
        }
    }
}

/// An id from ASCII digits, leading zeros allowed.
pub(crate) fn parse(digits: &str) -> Option<u64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let id = digits.bytes().try_fold(0_u64, |id, byte| id.checked_mul(10)?.checked_add(digit(byte)?))?;
    in_range(id).then_some(id)
}

pub(crate) fn in_range(id: u64) -> bool {
    (1..=MAX_ID).contains(&id)
}

/// The arguments that are lists of ids.
const LISTS: [&str; 2] = ["file_ids", "publish_override_contact_ids"];

/// The error for a string, bytes or mapping in the place of a list of ids.
#[must_use]
pub fn not_a_collection(argument: &str, type_name: &str) -> InvalidInput {
    InvalidInput::new(message![
        LISTS.into_iter().find(|known| *known == argument).map_or_else(|| argument.to_owned().into(), name),
        format!(" must be a list of ids, not one {type_name}. (Read as a list, \"37\" would be the files 3 and 7.)"),
    ])
}

/// Validates a list of ids, the value of an argument.
pub(crate) fn validate<Ids>(argument: &'static str, raw: Ids) -> Result<Vec<u64>, InvalidInput>
where
    Ids: IntoIterator,
    Ids::Item: Into<RawId>,
{
    let raw = raw.into_iter();
    let mut ids = Vec::with_capacity(raw.size_hint().0);
    let mut refused = Vec::new();
    let mut hint = None;
    for (position, id) in raw.map(Into::into).enumerate() {
        if let Some(value) = id.value() {
            ids.push(value);
        } else {
            hint = hint.or(id.hint());
            refused.push((position, id));
        }
    }
    if !refused.is_empty() {
        return Err(InvalidInput::new(refusal(argument, &refused).and(hint.map(Message::from).unwrap_or_default())));
    }
    let repeated = repeated(&ids);
    if !repeated.is_empty() {
        return Err(InvalidInput::new(message![
            name(argument),
            format!(" must have each id once, and has {} more than once.", enumerate(&repeated)),
        ]));
    }
    Ok(ids)
}

fn refusal(argument: &'static str, refused: &[(usize, RawId)]) -> Message {
    let mut parts = Vec::new();
    for (position, id) in refused.iter().take(SHOWN) {
        if !parts.is_empty() {
            parts.push(Part::from(", "));
        }
        parts.extend([Part::Element(argument, *position), format!(" is {id}").into()]);
    }
    let more = match refused.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    parts.push(format!("{more}: ids are whole numbers from 1 to {MAX_ID} or strings of ASCII digits.").into());
    parts.into()
}

fn repeated(ids: &[u64]) -> Vec<String> {
    if ids.is_sorted_by(|a, b| a < b) {
        return Vec::new();
    }
    let mut seen = HashSet::with_capacity(ids.len());
    let mut told = HashSet::new();
    ids.iter().filter(|id| !seen.insert(**id) && told.insert(**id)).map(ToString::to_string).collect()
}

/// The first few of a list and how many more there are.
pub(crate) fn enumerate(items: &[String]) -> String {
    let mut text = items.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN {
        let _ = write!(text, " and {} more", items.len() - SHOWN);
    }
    text
}
