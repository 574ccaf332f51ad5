//! Unofficial client for one call of the Addepar API: `POST /v1/portal/publish_files`.
//!
//! The call publishes up to 500 files to clients' portals and can e-mail those clients. It has no
//! idempotency key, so this library makes two promises:
//!
//! 1. **Never twice.** Nothing that the server may have begun to process is sent again.
//! 2. **Never silent.** Every file comes back `ok`, `failed`, `unknown` or `not_processed`.
//!
//! [`PublishRequest`] and [`PublishReport`] are pure; [`PortalClient`] does the I/O.

#![forbid(unsafe_code)]

mod background;
mod batch;
mod blocking;
mod call;
#[cfg(feature = "cli")]
pub mod cli;
mod client;
mod clock;
mod error;
mod exchange;
mod id;
mod journal;
mod json;
mod latch;
mod note;
mod outcome;
mod pace;
mod pattern;
mod plan;
mod process;
mod rate_limit;
mod report;
mod request;
mod response;
mod settings;
mod sync;
mod table;
mod transport;

pub use batch::{BatchOptions, Progress, Repeat};
pub use client::{PortalClient, PortalClientBuilder, PublishCall, Turn};
pub use error::{Error, ErrorKind, Phase};
pub use id::{MAX_FILES, MAX_ID, NoId, RawId, not_a_collection};
pub use journal::{Journal, JournalledChunk, JournalledFile, Verdict, init_journal_dir};
pub use note::{Level, Note};
pub use outcome::Outcome;
pub use report::{
    Attempt, FailedContacts, FileError, FileResult, FileState, PublishReport, Status, Step, UnexpectedResult,
};
pub use request::{ContactNotification, PortalPublishing, PublishRequest};
pub use response::ApiError;
pub use settings::{AccessToken, Secret, Settings, VARIABLES};
pub use table::{Row, word};

/// What the fuzz targets need beside the public surface.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    /// Asserts that the core reads a JSON text as `serde_json` does.
    pub fn json(text: &str) {
        crate::json::comparison::same(text);
    }
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
