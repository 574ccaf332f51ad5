//! What the API says about a whole request.

use serde::{Deserialize, Serialize};

/// An error object of JSON:API about the whole request; any member may have been missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiError {
    /// The status code, as text.
    pub status: Option<String>,
    /// The error's name.
    pub code: Option<String>,
    /// What went wrong, in words.
    pub title: Option<String>,
    /// Details in prose.
    pub detail: Option<String>,
    /// The part of the request at fault, an object in JSON:API: as JSON.
    pub source: Option<String>,
}
