//! Ids of files and contacts: what a caller may write, and what the API takes.
//!
//! The API documents ids as unique integers. JSON numbers are exact up to 2^53 - 1, so that is the
//! largest id that can be sent without a silent change.

use std::collections::HashSet;
use std::fmt;

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
            Self::Other(value) if value.shown == value.type_name => f.write_str(&value.shown),
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
    /// The id that it means, if it means one.
    #[must_use]
    pub fn value(&self) -> Option<u64> {
        match self {
            Self::Integer(id) => u64::try_from(*id).ok().filter(|id| in_range(*id)),
            Self::Text(id) => parse(id),
            Self::Other(_) => None,
        }
    }

    /// What its writer can do about it.
    pub(crate) fn hint(&self) -> Option<Message> {
        match self {
            Self::Other(value) => value.hint.map(Message::from),
            // A column with missing values is one of floats, and a CSV has its numbers like that.
            Self::Text(text) if text.contains('.') && parse_number(text).is_some() => {
                Some(message![format!("The text {self} was a float once: "), Part::WithoutPoint, "."])
            }
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

/// An id from a JSON number: `37.0` and `3.7e1` are 37. Exact, unlike a float.
pub(crate) fn parse_number(number: &str) -> Option<u64> {
    const MOST_DIGITS: i64 = 16;
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    // How many digits stand before the point, once it is where the exponent puts it.
    let before_point = i64::try_from(whole.len()).ok()?.checked_add(exponent.parse().ok()?)?;
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let digits = digits.get(zeros..)?;
    let before_point = before_point.checked_sub(i64::try_from(zeros).ok()?)?;
    let before_point = usize::try_from(before_point).ok().filter(|_| before_point <= MOST_DIGITS)?;
    let (whole, fraction) = digits.split_at_checked(before_point).unwrap_or((digits, ""));
    fraction.bytes().all(|digit| digit == b'0').then(|| parse(&format!("{whole:0<before_point$}")))?
}

pub(crate) fn in_range(id: u64) -> bool {
    (1..=MAX_ID).contains(&id)
}

/// The arguments that are lists of ids.
const LISTS: [&str; 2] = ["file_ids", "publish_override_contact_ids"];

/// The error for a string, bytes or mapping in the place of a list of ids.
#[must_use]
pub fn not_a_collection(argument: &str, type_name: &str) -> InvalidInput {
    let things = if argument == LISTS[1] { "contacts" } else { "files" };
    InvalidInput::new(message![
        LISTS.into_iter().find(|known| *known == argument).map_or_else(|| argument.to_owned().into(), name),
        format!(" must be a list of ids, not one {type_name}. (Read as a list, \"37\" would be the {things} 3 and 7.)"),
    ])
}

/// Validates a list of ids, the value of an argument.
pub(crate) fn validate<Ids>(argument: &'static str, raw: Ids) -> Result<Vec<u64>, InvalidInput>
where
    Ids: IntoIterator,
    Ids::Item: Into<RawId>,
{
    checked(argument, raw, usize::MAX)
}

/// The same of one call, which takes so many. A host reads one id more at most: how many there are, nobody knows then.
pub(crate) fn validate_at_most<Ids>(argument: &'static str, raw: Ids, most: usize) -> Result<Vec<u64>, InvalidInput>
where
    Ids: IntoIterator,
    Ids::Item: Into<RawId>,
{
    checked(argument, raw, most)
}

fn checked<Ids>(argument: &'static str, raw: Ids, most: usize) -> Result<Vec<u64>, InvalidInput>
where
    Ids: IntoIterator,
    Ids::Item: Into<RawId>,
{
    let raw = raw.into_iter();
    let mut ids = Vec::with_capacity(raw.size_hint().0);
    let mut refused = Vec::new();
    let mut hint = None;
    let mut padded = Vec::new();
    for (position, id) in raw.map(Into::into).enumerate() {
        if let Some(value) = id.value() {
            ids.push(value);
            if let RawId::Text(text) = id
                && text.starts_with('0')
            {
                padded.push((value, text));
            }
        } else {
            hint = hint.or_else(|| id.hint());
            refused.push((position, id));
        }
    }
    let is_counted = ids.len() + refused.len() <= most;
    if !refused.is_empty() {
        return Err(InvalidInput::new(refusal(argument, &refused, is_counted).and(hint.unwrap_or_default())));
    }
    let repeated = repeated(&ids);
    if !repeated.is_empty() {
        let is_padded: HashSet<u64> = padded.iter().map(|(id, _)| *id).collect();
        let first = repeated.iter().filter(|id| is_padded.contains(id)).take(SHOWN);
        let spellings: Vec<String> = first.filter_map(|id| spellings(*id, &ids, &padded)).collect();
        let spelled = match spellings.as_slice() {
            [] => String::new(),
            several => format!(" ({}: leading zeros do not count)", enumerate(several)),
        };
        let shown: Vec<String> = repeated.iter().map(ToString::to_string).collect();
        return Err(InvalidInput::new(message![
            name(argument),
            format!(" must have each id once, and repeats {}{spelled}.", first_of(&shown, is_counted)),
            Part::EachOnce,
        ]));
    }
    Ok(ids)
}

/// Validates one id, the value of an argument.
pub(crate) fn validate_one(argument: &'static str, raw: &RawId) -> Result<u64, InvalidInput> {
    raw.value().ok_or_else(|| {
        InvalidInput::new(message![
            name(argument),
            format!(" must be a whole number from 1 to {MAX_ID} or a string of ASCII digits, not {raw}."),
        ])
    })
}

fn refusal(argument: &'static str, refused: &[(usize, RawId)], is_counted: bool) -> Message {
    let mut parts = Vec::new();
    for (position, id) in refused.iter().take(SHOWN) {
        if !parts.is_empty() {
            parts.push(Part::from(", "));
        }
        parts.extend([Part::Element(argument, *position), format!(" is {id}").into()]);
    }
    let more = and_more(refused.len(), is_counted);
    parts.push(format!("{more}: ids are whole numbers from 1 to {MAX_ID} or strings of ASCII digits.").into());
    parts.into()
}

/// The ways in which one id of these is written, if there are several; `padded` has those with leading zeros.
fn spellings(id: u64, ids: &[u64], padded: &[(u64, String)]) -> Option<String> {
    let of_id = padded.iter().filter(|(padded, _)| *padded == id);
    let mut written: Vec<&str> = of_id.map(|(_, text)| text.as_str()).collect();
    let plain = id.to_string();
    if ids.iter().filter(|each| **each == id).count() > written.len() {
        written.push(&plain);
    }
    written.sort_unstable();
    written.dedup();
    (written.len() > 1).then(|| written.iter().take(SHOWN).map(|text| clip(text)).collect::<Vec<_>>().join(" and "))
}

fn repeated(ids: &[u64]) -> Vec<u64> {
    if ids.is_sorted_by(|a, b| a < b) {
        return Vec::new();
    }
    let mut seen = HashSet::with_capacity(ids.len());
    let mut told = HashSet::new();
    ids.iter().filter(|id| !seen.insert(**id) && told.insert(**id)).copied().collect()
}

/// The first few of a list and how many more there are.
pub(crate) fn enumerate(items: &[String]) -> String {
    first_of(items, true)
}

fn first_of(items: &[String], is_counted: bool) -> String {
    items.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ") + &and_more(items.len(), is_counted)
}

/// How many more there are than are shown, if they were counted.
fn and_more(count: usize, is_counted: bool) -> String {
    match count.saturating_sub(SHOWN) {
        0 => String::new(),
        more if is_counted => format!(" and {more} more"),
        _ => " and more".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::message::Language;

    use super::{MAX_ID, RawId, not_a_collection, parse_number, validate};

    #[test]
    fn what_a_text_would_be_read_as_fits_the_argument() {
        for (argument, things) in [("file_ids", "files"), ("publish_override_contact_ids", "contacts")] {
            let said = not_a_collection(argument, "str").message();
            assert!(said.contains(&format!("\"37\" would be the {things} 3 and 7")), "{said}");
        }
    }

    #[test]
    fn an_id_that_is_written_in_two_ways_is_shown_in_both() {
        let text = |text: &str| RawId::from(text);
        for (ids, said) in [
            (vec![text("0038"), text("38")], "repeats 38 (0038 and 38: leading zeros do not count)."),
            (vec![RawId::from(38_u64), text("0038")], "repeats 38 (0038 and 38: leading zeros do not count)."),
            (vec![text("0038"), text("0038")], "repeats 38."),
            (vec![text("38"), RawId::from(38_u64)], "repeats 38."),
        ] {
            let refused = validate("file_ids", ids).err().map(|refused| refused.message()).unwrap_or_default();
            assert!(refused.ends_with(said), "{refused}");
        }
    }

    #[test]
    fn a_text_that_was_a_float_says_how_it_turns_into_an_id() {
        let said = |texts: &[&str], language| {
            let refused = validate("file_ids", texts.iter().copied()).err();
            refused.map(|refused| refused.into_message().in_language(language)).unwrap_or_default()
        };
        for (language, advice) in [
            (Language::Rust, "write it without the point."),
            (Language::Python, "`pd.to_numeric(column).astype('Int64')` makes whole numbers of a column."),
            (Language::Node, "`ids.map(Number)` makes whole numbers of a list."),
        ] {
            let expected = format!("or strings of ASCII digits. The text \"1000.0\" was a float once: {advice}");
            assert!(said(&["37", "1000.0", "1001.0"], language).ends_with(&expected), "{language:?}");
        }
        for other in ["37.5", "x", "37.", "3.7e1x", "-1.0", "nan"] {
            let said = said(&[other], Language::Python);
            assert_eq!(said.contains("was a float once"), other == "37.", "{said}");
        }
    }

    #[test]
    fn a_number_is_an_id_if_it_is_whole() {
        for (number, id) in [
            ("37", Some(37)),
            ("037", Some(37)),
            ("37.0", Some(37)),
            ("37.000000000000000000000000", Some(37)),
            ("3.7e1", Some(37)),
            ("3.70E+1", Some(37)),
            ("0.00037e5", Some(37)),
            ("3700e-2", Some(37)),
            ("9007199254740991", Some(MAX_ID)),
            ("9.007199254740991e15", Some(MAX_ID)),
            ("9007199254740991.0", Some(MAX_ID)),
            ("9007199254740992", None),
            ("9007199254740991.4", None),
            ("37.5", None),
            ("3.75e1", None),
            ("37e-1", None),
            ("0", None),
            ("0.0e5", None),
            ("-37", None),
            ("-37.0", None),
            ("1e16", None),
            ("1e400", None),
            ("1e9223372036854775807", None),
            ("1e-9223372036854775808", None),
            ("1e99999999999999999999", None),
        ] {
            assert_eq!(parse_number(number), id, "{number}");
        }
    }
}
