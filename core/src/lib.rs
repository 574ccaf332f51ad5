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

#[cfg(feature = "cli")]
pub mod cli;
mod client;
mod config;
mod error;
mod journal;
mod model;
mod net;
mod protocol;
mod response;
mod runtime;

pub use client::call::{PortalClient, PortalClientBuilder, PublishCall, Turn};
pub use config::settings::{AccessToken, Secret, Settings, VARIABLES};
pub use error::{Error, ErrorKind, Phase};
pub use journal::{Journal, JournalledChunk, JournalledFile, Verdict, init_journal_dir};
pub use model::display::{Row, word};
pub use model::id::{MAX_FILES, MAX_ID, NoId, RawId, not_a_collection};
pub use model::report::{
    Attempt, FailedContacts, FileError, FileResult, FileState, PublishReport, Status, Step, UnexpectedResult,
};
pub use model::request::{ContactNotification, PortalPublishing, PublishRequest};
pub use protocol::batch::{BatchOptions, Progress, Repeat};
pub use protocol::log_record::{Level, Note};
pub use protocol::outcome::Outcome;
pub use response::rows::ApiError;

/// What the fuzz targets need beside the public surface.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    /// Asserts that the core reads a JSON text as `serde_json` does.
    pub fn json(text: &str) {
        crate::response::json::comparison::same(text);
    }
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
