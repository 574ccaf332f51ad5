//! The lines of a journal. No I/O.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use crate::journal::fingerprint::sha256;
use crate::model::attempt::Attempt;
use crate::model::attempt::Outcome;
use crate::model::batch::Repeat;
use crate::model::file_result::{FileResult, Verdict};
use crate::model::moment::Uptime;
use crate::model::report::Beside;
use crate::model::request::{ContactNotification, PortalPublishing};
use crate::model::server::{self, is_loopback};
use crate::model::times::rfc3339;

/// The version of the format that is written, and the newest that is read.
pub(crate) const FORMAT: u32 = 2;

/// How every journal begins.
pub(crate) const START: &[u8] = b"{\"type\":\"header\"";

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
        /// The files that go out. Format 1 did not name them: all of the chunk.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file_ids: Option<Vec<u64>>,
        /// How long the machine had been running, where it says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uptime: Option<Uptime>,
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
        #[serde(flatten)]
        beside: Beside,
        raw: String,
    },
    /// A person's answer about a file whose outcome is unknown, or that is yet to be sent and was published in some
    /// other way.
    Decision {
        file_id: u64,
        decision: Verdict,
        by: String,
        evidence: Option<String>,
    },
    /// What a generated report showed about files of this run.
    Look {
        job_id: String,
        published: Vec<u64>,
        not_published: Vec<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uptime: Option<Uptime>,
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
    /// Whether files could be sent that another journal shows as sent. Format 1 did not say.
    #[serde(default)]
    pub(crate) repeat: Repeat,
    /// The jobs whose generated reports the files came out of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reports: Vec<String>,
    /// Whether the files were named beside the reports.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) are_files_named: bool,
    /// The files of these reports that were left out, since they were shown as published already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) skipped: Vec<u64>,
    /// File → the name of its portfolio, as far as that is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "by_file")]
    pub(crate) portfolio_names: BTreeMap<u64, String>,
    pub(crate) fingerprint: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(said: &bool) -> bool {
    !*said
}

/// Inside a tagged record serde has keys as texts only.
fn by_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u64, String>, D::Error> {
    let names = BTreeMap::<String, String>::deserialize(deserializer)?;
    let by_file = names.into_iter().map(|(file_id, name)| Ok((file_id.parse().map_err(D::Error::custom)?, name)));
    by_file.collect()
}

impl Header {
    /// Whether it is of this server and firm: another one's file of the same id is another file.
    pub(crate) fn is_of(&self, base_url: &Url, firm_id: &str) -> bool {
        server::firm(&self.firm_id) == server::firm(firm_id) && self.server() == server::server(base_url)
    }

    /// Whether another run is of the same server and firm.
    pub(crate) fn is_of_the_firm_of(&self, other: &Self) -> bool {
        server::firm(&self.firm_id) == server::firm(&other.firm_id) && self.server() == other.server()
    }

    /// The server that it is about; see [`server::server`].
    pub(crate) fn server(&self) -> String {
        Url::parse(&self.base_url).map_or_else(|_| self.base_url.clone(), |url| server::server(&url))
    }

    /// Whether the server was on this machine.
    pub(crate) fn is_local(&self) -> bool {
        Url::parse(&self.base_url).is_ok_and(|url| is_loopback(&url))
    }
}

/// Files that go out in one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    pub(crate) chunk: u32,
    pub(crate) file_ids: Vec<u64>,
}

impl Record {
    /// Whether it tells what has happened already, rather than what is about to.
    pub(crate) const fn is_past(&self) -> bool {
        matches!(self, Self::NotProcessed { .. } | Self::Outcome { .. } | Self::Look { .. })
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

#[cfg(test)]
impl Header {
    /// A run at a portal on this machine.
    pub(crate) fn example() -> Self {
        Self {
            format: FORMAT,
            library: "0".to_owned(),
            run: "1".to_owned(),
            base_url: "http://127.0.0.1:9/api".to_owned(),
            firm_id: "1".to_owned(),
            portal_publishing: PortalPublishing::Publish,
            contact_notification: ContactNotification::Notify,
            publish_override_contact_ids: Vec::new(),
            operator: None,
            host: None,
            simulated: true,
            repeat: Repeat::Refuse,
            reports: Vec::new(),
            are_files_named: false,
            skipped: Vec::new(),
            portfolio_names: BTreeMap::new(),
            fingerprint: String::new(),
        }
    }
}
