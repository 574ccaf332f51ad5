//! What the API says about a whole request.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

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
