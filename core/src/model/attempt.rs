//! One POST, or one try at it, and what it ended in.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::model::times::{maybe_seconds, rfc3339, seconds};

/// What an attempt ended in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server did not begin to process the request: proven, or its own word.
    NotProcessed,
    /// The server may have begun to process the request.
    Unknown,
    /// The server processed the request and said what became of each file.
    Processed,
}

impl Outcome {
    /// The outcome as it is written in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotProcessed => "not_processed",
            Self::Unknown => "unknown",
            Self::Processed => "processed",
        }
    }
}

/// Why no answer came. It chooses words and, given the proof, whether a new try makes sense; it is
/// never the proof itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection could not be made or was lost.
    Connection,
    /// The time for connecting was up.
    ConnectTimeout,
    /// The server's certificate was refused.
    Certificate,
    /// The server's certificate is one of an authority, which no server may show as its own.
    AuthorityAsServer,
    /// The proxy refused the tunnel.
    Proxy,
    /// The time for the whole attempt was up.
    Timeout,
    /// A batch that was stopped did not wait any longer.
    Dropped,
}

/// One POST, or one try at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// When the body began to go out; `None` if it never did.
    #[serde(with = "rfc3339")]
    pub sent_at: Option<SystemTime>,
    /// When the answer's head arrived; `None` if it never did.
    #[serde(with = "rfc3339")]
    pub answered_at: Option<SystemTime>,
    /// The status code of the answer.
    pub http_status: Option<u16>,
    /// The server's `X-Request-Id`.
    pub request_id: Option<String>,
    /// Seconds from the start of the attempt to its end; in JSON and here alike.
    #[serde(with = "seconds")]
    pub elapsed: Duration,
    /// What the attempt ended in.
    pub outcome: Outcome,
    /// The delay that a 429 asked for, in seconds.
    #[serde(with = "maybe_seconds")]
    pub retry_after: Option<Duration>,
}
