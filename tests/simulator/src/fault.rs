//! What can go wrong, by name.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::Answer;

/// An answer by script.
#[derive(Deserialize, Clone)]
pub(crate) struct Scripted {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    content_type: Option<String>,
    /// JSON, or a text that is sent as it is.
    #[serde(default)]
    body: Value,
}

impl Scripted {
    pub(crate) fn answer(self) -> Answer {
        let body = match self.body {
            Value::String(text) => text,
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let mut answer = Answer::json(self.status, body);
        answer.headers.extend(self.headers);
        if let Some(content_type) = self.content_type {
            answer.headers.insert("Content-Type".to_owned(), content_type);
        }
        answer
    }
}

/// Where a hanging server stops reading.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    Head,
    #[default]
    Body,
}

/// What the next POST meets. The work is done first, save where the name says otherwise.
#[derive(Deserialize, Clone)]
#[serde(tag = "name", rename_all = "snake_case")]
pub(crate) enum Fault {
    /// Any answer; `processed`: after the work was done.
    Answer {
        #[serde(flatten)]
        answer: Scripted,
        #[serde(default)]
        processed: bool,
    },
    /// A status with an error body; nothing is processed.
    Status {
        status: u16,
    },
    /// 429 with these headers; nothing is processed.
    RateLimited {
        retry_after: Option<String>,
        x_retry_after: Option<String>,
    },
    /// A proxy's HTML page; nothing is processed.
    Html {
        #[serde(default = "bad_gateway")]
        status: u16,
    },
    /// Never answers.
    Hang {
        #[serde(default)]
        after: Part,
    },
    CloseBeforeAnswer,
    ResetBeforeAnswer,
    CloseAfterHead,
    CloseInHeaders,
    CloseInBody,
    ResetInBody,
    ChunkedCut,
    /// 400 after a wait.
    #[serde(rename = "slow_400")]
    Slow400 {
        after_ms: u64,
    },
    /// The answer in small pieces.
    Drip {
        every_ms: u64,
        #[serde(default = "one")]
        bytes: usize,
    },
    /// A 200 of so many bytes.
    Huge {
        bytes: u64,
        #[serde(default)]
        content_length: bool,
    },
    Nested {
        depth: usize,
    },
    NotJson,
    InvalidUtf8,
    Empty,
    NoData,
    Accepted,
    NoContent,
    Redirect {
        #[serde(default = "temporary_redirect")]
        status: u16,
        #[serde(default)]
        location: Option<String>,
    },
    /// The normal answer, then a second one that nobody asked for.
    StrayBytes,
    /// The normal answer, then the connection is closed.
    CloseIdle {
        #[serde(default)]
        after_ms: u64,
    },
    GarbageStatus,
    MissingResult {
        file: u64,
    },
    ExtraResult {
        file: u64,
    },
    /// The same file twice, with different answers.
    Contradiction {
        file: u64,
    },
    NextLink {
        link: String,
    },
}

fn bad_gateway() -> u16 {
    502
}

fn temporary_redirect() -> u16 {
    307
}

fn one() -> usize {
    1
}

impl Fault {
    /// Reads `{"name": "status", "status": 503, "times": 2}`, `"hang"` or `"status:503"`.
    pub(crate) fn read(fault: &Value) -> Result<Vec<Self>, String> {
        let mut fault = match fault {
            Value::String(name) => match name.split_once(':') {
                Some((name, status)) => {
                    let status: u16 = status.parse().map_err(|_| format!("{status:?} is no status"))?;
                    json!({ "name": name, "status": status })
                }
                None => json!({ "name": name }),
            },
            other => other.clone(),
        };
        if let Some((name, status)) = fault.get("name").and_then(Value::as_str).and_then(|name| name.split_once(':')) {
            let shorthand = Value::String(format!("{name}:{status}"));
            return Self::read(&shorthand);
        }
        let times = fault.as_object_mut().and_then(|fault| fault.remove("times"));
        let times = times.as_ref().map_or(Some(1), Value::as_u64).ok_or("`times` must be a number")?;
        let fault: Self = serde_json::from_value(fault).map_err(|error| error.to_string())?;
        Ok((0..times).map(|_| fault.clone()).collect())
    }
}
