//! Reads the JSON that this library wrote, and says in words of its own what is wrong with any other: what is expected
//! where, and what stands there.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::error::Category;
use serde_json::{Map, Value, map};

/// Reads a value, or says what is wrong, as it goes on after a colon.
///
/// # Errors
/// What is wrong with the text, in words.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|_| match serde_json::from_slice::<Value>(json) {
        Err(error) => not_json(&error),
        Ok(value) => match T::deserialize(Reader(&value)) {
            Err(Misplaced { path, rule }) if path.is_empty() => format!("it {rule}"),
            Err(Misplaced { path, rule }) => format!("`{path}` {rule}"),
            // A member that stands twice has one value here, and is refused there.
            Ok(_) => "a member stands twice in it".to_owned(),
        },
    })
}

fn not_json(error: &serde_json::Error) -> String {
    let line = if error.line() > 1 { format!("line {}, ", error.line()) } else { String::new() };
    let place = format!("{line}column {}", error.column());
    match error.classify() {
        Category::Eof => format!("it must be whole JSON, and is cut off at {place}"),
        Category::Io | Category::Syntax | Category::Data => format!("it must be JSON, and is not at {place}"),
    }
}

/// A value that is not where it belongs.
#[derive(Debug)]
struct Misplaced {
    /// Where it stands, such as `files[3].state`.
    path: String,
    /// What is expected there and what stands there, as it goes on after the path.
    rule: String,
}

impl Misplaced {
    fn new(rule: String) -> Self {
        Self { path: String::new(), rule }
    }

    /// The same, seen from the object or list around it.
    fn within(mut self, parent: &str) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = [parent, separator, &self.path].concat();
        self
    }
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.rule)
    }
}

impl std::error::Error for Misplaced {}

impl de::Error for Misplaced {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::new(format!("cannot be read: {problem}"))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("must be {}, not {}", in_words(expected), shown(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("must be one of {}, not {}", expected.join(", "), shown(&Unexpected::Str(found))))
    }

    fn missing_field(name: &'static str) -> Self {
        Self { path: name.to_owned(), rule: "is missing".to_owned() }
    }
}

/// What is expected, from serde's names for it.
fn in_words(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number from 0".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        text if text.contains("string") => "a text".to_owned(),
        text if text.starts_with("a tuple") => "a list".to_owned(),
        text if ["struct", "map", "enum"].iter().any(|kind| text.contains(kind)) => "an object".to_owned(),
        _ => expected,
    }
}

fn shown(found: &Unexpected<'_>) -> String {
    const LENGTH: usize = 60;
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => value.to_string(),
        Unexpected::Str(text) if text.chars().count() > LENGTH => {
            format!("{:?} …", text.chars().take(LENGTH).collect::<String>())
        }
        Unexpected::Str(text) => format!("{text:?}"),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        _ => "another kind of value".to_owned(),
    }
}

fn kind(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(number) => Unexpected::Float(number.as_f64().unwrap_or_default()),
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

/// A value that is read once more, to find out what is wrong with it.
struct Reader<'a>(&'a Value);

impl<'a> Deserializer<'a> for Reader<'a> {
    type Error = Misplaced;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Misplaced> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (None, Some(number), _) => visitor.visit_i64(number),
                (None, None, number) => visitor.visit_f64(number.unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(list) => visitor.visit_seq(Elements { left: list, position: 0 }),
            Value::Object(object) => visitor.visit_map(Members::new(object)),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Misplaced> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misplaced> {
        visitor.visit_newtype_struct(self)
    }

    /// All of ours are words.
    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misplaced> {
        let Value::String(word) = self.0 else {
            return Err(Misplaced::new(format!("must be one of {}, not {}", words.join(", "), shown(&kind(self.0)))));
        };
        let word: StrDeserializer<'_, Misplaced> = word.as_str().into_deserializer();
        visitor.visit_enum(word)
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Elements<'a> {
    left: &'a [Value],
    position: usize,
}

impl<'a> SeqAccess<'a> for Elements<'a> {
    type Error = Misplaced;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Misplaced> {
        let Some((first, left)) = self.left.split_first() else { return Ok(None) };
        let place = format!("[{}]", self.position);
        (self.left, self.position) = (left, self.position + 1);
        seed.deserialize(Reader(first)).map(Some).map_err(|error| error.within(&place))
    }
}

struct Members<'a> {
    left: map::Iter<'a>,
    value: Option<(&'a str, &'a Value)>,
}

impl<'a> Members<'a> {
    fn new(object: &'a Map<String, Value>) -> Self {
        Self { left: object.iter(), value: None }
    }
}

impl<'a> MapAccess<'a> for Members<'a> {
    type Error = Misplaced;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Misplaced> {
        let Some((name, value)) = self.left.next() else { return Ok(None) };
        self.value = Some((name, value));
        let name: StrDeserializer<'_, Misplaced> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Misplaced> {
        let Some((name, value)) = self.value.take() else { return Err(Misplaced::new("has no value".to_owned())) };
        seed.deserialize(Reader(value)).map_err(|error| error.within(name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::file_result::FileState;
    use crate::model::report::PublishReport;
    use crate::model::request::{ContactNotification, PortalPublishing, PublishRequest};

    #[test]
    fn what_stands_in_the_wrong_place_is_named_with_what_belongs_there() {
        let request = PublishRequest::new([37], PortalPublishing::Publish, ContactNotification::Notify);
        let Ok(request) = request else { return };
        let report = PublishReport::uniform(&request, FileState::Unknown, String::new()).to_json();
        assert!(read::<PublishReport>(report.as_bytes()).is_ok());
        let cases = [
            (
                "/files/0/state",
                json!("hagn"),
                "`files[0].state` must be one of ok, failed, unknown, not_processed, not \"hagn\"",
            ),
            ("/files/0/state", json!(5), "`files[0].state` must be one of ok, failed, unknown, not_processed, not 5"),
            ("/files/0/file_id", json!("37"), "`files[0].file_id` must be a whole number from 0, not \"37\""),
            ("/files/0/file_id", json!(-1), "`files[0].file_id` must be a whole number from 0, not -1"),
            ("/files/0/published", json!("yes"), "`files[0].published` must be true or false, not \"yes\""),
            ("/files/0", json!(null), "`files[0]` must be an object, not null"),
            ("/files", json!({}), "`files` must be a list, not an object"),
            ("/raw", json!(null), "`raw` must be a text, not null"),
            ("/raw", json!(["x"]), "`raw` must be a text, not a list"),
            ("/attempts", json!([{}]), "`attempts[0].sent_at` is missing"),
            ("/request/portal_publishing", json!("shout"), "`request.portal_publishing` must be one of"),
            ("/request/file_ids", json!([37, 37]), "`request` cannot be read: `file_ids`"),
            ("", json!(5), "it must be an object, not 5"),
            ("", json!({}), "`request` is missing"),
        ];
        for (place, value, expected) in cases {
            let mut changed: Value = serde_json::from_str(&report).unwrap_or_default();
            if let Some(found) = changed.pointer_mut(place) {
                *found = value;
            }
            let said = read::<PublishReport>(changed.to_string().as_bytes()).err().unwrap_or_default();
            assert!(said.starts_with(expected), "{place}: {said}");
        }
    }

    #[test]
    fn what_is_not_json_is_said_with_its_place() {
        for (text, expected) in [
            ("hagn", "it must be JSON, and is not at column 1"),
            ("{\"a\":\n x}", "it must be JSON, and is not at line 2, column 2"),
            ("", "it must be whole JSON, and is cut off at column 0"),
            ("[1", "it must be whole JSON, and is cut off at column 2"),
        ] {
            assert_eq!(read::<Vec<u8>>(text.as_bytes()).err().as_deref(), Some(expected), "{text}");
        }
        assert_eq!(read::<Vec<u8>>(b"[1]"), Ok(vec![1]));
    }
}
