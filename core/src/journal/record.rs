//! The lines of a journal. No I/O.

use std::str::FromStr;
use std::time::SystemTime;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::outcome::Outcome;
use crate::plan::sha256;
use crate::report::{Attempt, FileResult, UnexpectedResult, rfc3339};
use crate::request::{ContactNotification, PortalPublishing};

/// The version of the format that is written, and the newest that is read.
pub(crate) const FORMAT: u32 = 1;

/// One line: a record, when it was written, and the hash of the line before.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    #[serde(flatten)]
    pub(crate) record: Record,
    #[serde(with = "rfc3339::always")]
    pub(crate) at: SystemTime,
    /// The SHA-256 of the line before, without its line feed; none on the first line.
    pub(crate) prev: Option<String>,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Record {
    Header(Header),
    /// Chunks to send. A later plan has the files that a person found not to be published.
    Plan {
        chunks: Vec<Chunk>,
    },
    /// A request is about to be sent: written before it is.
    Intent {
        chunk: u32,
        attempt: u32,
    },
    /// The server did not begin to process the request: proven, or its own word.
    NotProcessed {
        chunk: u32,
        attempt: u32,
        /// The try as a report tells it; none if it was given up before the server was contacted.
        result: Option<Attempt>,
        reason: String,
    },
    /// The server processed the request, or may have.
    Outcome {
        chunk: u32,
        attempt: u32,
        outcome: Outcome,
        result: Attempt,
        files: Vec<FileResult>,
        unexpected: Vec<UnexpectedResult>,
        raw: String,
    },
    /// A person's answer about a file whose outcome is unknown.
    Decision {
        file_id: u64,
        decision: Verdict,
        by: String,
        evidence: Option<String>,
    },
}

/// What a run is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) format: u32,
    pub(crate) library: String,
    pub(crate) run: String,
    pub(crate) base_url: String,
    pub(crate) firm_id: String,
    pub(crate) portal_publishing: PortalPublishing,
    pub(crate) contact_notification: ContactNotification,
    pub(crate) publish_override_contact_ids: Vec<u64>,
    pub(crate) operator: Option<String>,
    pub(crate) host: Option<String>,
    /// Whether the server was on this machine: a simulated portal.
    pub(crate) simulated: bool,
    pub(crate) fingerprint: String,
}

impl Header {
    /// Whether it is of this server and firm: another one's file of the same id is another file.
    pub(crate) fn is_of(&self, base_url: &Url, firm_id: &str) -> bool {
        self.firm_id == firm_id && Url::parse(&self.base_url).is_ok_and(|there| there.origin() == base_url.origin())
    }
}

/// Files that go out in one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    pub(crate) chunk: u32,
    pub(crate) file_ids: Vec<u64>,
}

/// What a person found out about a file whose outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is published: it is not sent again.
    Published,
    /// It is not published: the next resume sends it.
    NotPublished,
    /// Nobody knows, or it does not matter: it is not sent again.
    Leave,
}

impl Verdict {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Published, Self::NotPublished, Self::Leave];

    /// The verdict as it is written in journals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::NotPublished => "not_published",
            Self::Leave => "leave",
        }
    }
}

impl FromStr for Verdict {
    type Err = Error;

    fn from_str(verdict: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|known| known.as_str() == verdict).ok_or_else(|| {
            let allowed = Self::ALL.map(Self::as_str).join(", ");
            Error::input(format!("decision is {verdict:?}: allowed are {allowed}."))
        })
    }
}

impl Line {
    /// The line as it is written, with its line feed, and its hash.
    pub(crate) fn encode(&self) -> (Vec<u8>, String) {
        // Strings, whole numbers and finite seconds: there is nothing here that cannot be written.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        let hash = sha256(&line);
        line.push(b'\n');
        (line, hash)
    }
}
