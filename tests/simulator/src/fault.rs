//! What can go wrong, by name.

use std::collections::BTreeMap;
use std::iter::{RepeatN, repeat_n};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::http::Answer;
use crate::refusal::in_words;

const MAX_TIMES: usize = 10_000;

/// Milliseconds from which on a 400 may say that the server gave up a request that it had begun to process.
pub(crate) const OWN_LIMIT_MS: u64 = 50_000;

/// What a POST meets. The work is done first, save where the name says otherwise.
#[derive(Deserialize, Clone)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Fault {
    /// Any answer; `processed`: after the work was done.
    Answer(Scripted),
    /// A status with an error body; nothing is processed.
    Status {
        status: u16,
        headers: Option<BTreeMap<String, String>>,
    },
    /// 429 with these headers; nothing is processed.
    RateLimited {
        retry_after: Option<Value>,
        x_retry_after: Option<Value>,
    },
    /// A proxy's HTML page; nothing is processed.
    Html {
        status: Option<u16>,
    },
    /// Never answers.
    Hang {
        after: Option<Part>,
        processed: Option<bool>,
    },
    CloseBeforeAnswer {},
    /// Does the work for half of the files, then closes without an answer.
    HalfDone {},
    ResetBeforeAnswer {},
    /// Reads no body: nothing is processed.
    CloseAfterHead {},
    CloseInHeaders {},
    CloseInBody {},
    ResetInBody {},
    ChunkedCut {},
    /// 400 after a wait: from [`OWN_LIMIT_MS`] on it may be the server's own limit, which has done the work; before that it
    /// is a refusal, and nothing is processed.
    #[serde(rename = "slow_400")]
    Slow400 {
        after_ms: u64,
    },
    /// The normal answer, its body in small pieces.
    Drip {
        every_ms: u64,
        bytes: Option<usize>,
    },
    /// A 200 of so many bytes.
    Huge {
        bytes: u64,
        content_length: Option<bool>,
    },
    Nested {
        depth: usize,
    },
    NotJson {},
    InvalidUtf8 {},
    Empty {},
    NoData {},
    Accepted {},
    NoContent {},
    Redirect {
        status: Option<u16>,
        location: Option<String>,
    },
    /// The normal answer, then a second one that nobody asked for.
    StrayBytes {},
    /// The normal answer, then the connection is closed.
    CloseIdle {
        after_ms: Option<u64>,
    },
    GarbageStatus {},
    /// These bytes in the place of an answer; `{body}` and `{length}` stand for the normal answer's body and its length,
    /// `{chunks}` for that body in one chunk. `keeps`: the connection stays open after them.
    Raw {
        text: String,
        keeps: Option<bool>,
    },
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

/// Where a hanging server stops reading.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    Head,
    Body,
}

/// An answer by script.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scripted {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    content_type: Option<String>,
    /// JSON, or a text that is sent as it is.
    #[serde(default)]
    body: Value,
    body_base64: Option<Base64>,
    pub(crate) processed: Option<bool>,
    pub(crate) after_ms: Option<u64>,
}

#[derive(Deserialize, Clone)]
#[serde(try_from = "String")]
struct Base64(Vec<u8>);

impl TryFrom<String> for Base64 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        BASE64_STANDARD.decode(&text).map(Self).map_err(|error| format!("{text:?} is not base64: {error}"))
    }
}

impl Scripted {
    pub(crate) fn answer(&self) -> Answer {
        let body = match (&self.body_base64, &self.body) {
            (Some(Base64(bytes)), _) => bytes.clone(),
            (None, Value::String(text)) => text.clone().into_bytes(),
            (None, Value::Null) => Vec::new(),
            (None, json) => json.to_string().into_bytes(),
        };
        let mut answer = Answer::json(self.status, body);
        for (name, value) in &self.headers {
            answer = answer.with(name, value);
        }
        match &self.content_type {
            Some(content_type) => answer.with("Content-Type", content_type),
            None => answer,
        }
    }
}

/// A fault as it is written: `"hang"`, `"status:503"` or `{"name": "status", "status": 503, "times": 2}`.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
pub(crate) struct Repeated(Fault, usize);

impl IntoIterator for Repeated {
    type Item = Fault;
    type IntoIter = RepeatN<Fault>;

    fn into_iter(self) -> RepeatN<Fault> {
        repeat_n(self.0, self.1)
    }
}

impl TryFrom<Value> for Repeated {
    type Error = String;

    fn try_from(fault: Value) -> Result<Self, String> {
        let mut fields = match fault {
            Value::String(name) => Map::from_iter([("name".to_owned(), Value::String(name))]),
            Value::Object(fields) => fields,
            other => return Err(format!("{other} is not a fault: give its name, or an object with its `name`")),
        };
        let status = fields.get("name").and_then(Value::as_str).and_then(|name| name.strip_prefix("status:"));
        if let Some(status) = status {
            let status: u16 = status.parse().map_err(|_| format!("{status:?} is not a status"))?;
            fields.insert("name".to_owned(), "status".into());
            fields.insert("status".to_owned(), status.into());
        }
        let times = match fields.remove("times") {
            None => 1,
            Some(times) => serde_json::from_value(times.clone())
                .ok()
                .filter(|times| (1..=MAX_TIMES).contains(times))
                .ok_or_else(|| format!("`times` is {times}: give a number from 1 to {MAX_TIMES}"))?,
        };
        let fault = serde_json::from_value(Value::Object(fields)).map_err(|error| in_words(&error))?;
        Ok(Self(fault, times))
    }
}
