//! Ids as JavaScript wrote them.

use addepar_portal::host::NoId;
use addepar_portal::{Error, RawId};
use napi::bindgen_prelude::{Either, Float64Array};
use serde::Deserialize;

/// A list of safe integers; any other list as the JSON of [`Item`]s.
pub type Ids = Either<Float64Array, String>;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Item {
    /// A number or bigint that is whole.
    Integer(String),
    Text(String),
    /// The type and the value of anything else.
    Other(String, String),
}

impl From<Item> for RawId {
    fn from(item: Item) -> Self {
        let other = |type_name: String, shown: String| {
            let hint = (type_name == "Promise").then_some("Did you forget `await`?");
            Self::from(NoId { type_name, shown, hint })
        };
        match item {
            Item::Integer(digits) => digits.parse().map_or_else(|_| other("integer".to_owned(), digits), Self::Integer),
            Item::Text(text) => Self::Text(text),
            Item::Other(type_name, shown) => other(type_name, shown),
        }
    }
}

/// The ids for the core's verdict.
///
/// # Errors
/// JSON that the facade did not write.
pub(crate) fn raw(ids: Ids) -> Result<Vec<RawId>, Error> {
    match ids {
        Either::A(numbers) => Ok(numbers.iter().map(|number| RawId::Integer(safe_integer(*number).into())).collect()),
        Either::B(json) => {
            let items: Vec<Item> =
                serde_json::from_str(&json).map_err(|_| Error::input("The ids were not handed over."))?;
            Ok(items.into_iter().map(RawId::from).collect())
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the facade sends safe integers only")]
fn safe_integer(number: f64) -> i64 {
    number as i64
}

/// Ids that JavaScript had from here.
pub(crate) fn known(ids: &[f64]) -> Vec<u64> {
    ids.iter().filter_map(|id| u64::try_from(safe_integer(*id)).ok()).collect()
}

/// Ids for JavaScript: each is at most 2^53 - 1.
pub(crate) fn numbers(ids: &[u64]) -> Float64Array {
    ids.iter().map(|id| number(signed(*id))).collect::<Vec<_>>().into()
}

/// An id among other numbers.
#[expect(clippy::cast_possible_wrap, reason = "the core has no id above 2^53 - 1")]
pub(crate) fn signed(id: u64) -> i64 {
    id as i64
}

#[expect(clippy::cast_precision_loss, reason = "the core has no id above 2^53 - 1")]
fn number(number: i64) -> f64 {
    number as f64
}
