//! Unofficial client for one call of the Addepar API: `POST /v1/portal/publish_files`.
//!
//! The call publishes up to 500 files to clients' portals and can e-mail those clients. It has no
//! idempotency key, so this library makes two promises:
//!
//! 1. **Never twice.** Nothing that the server may have begun to process is sent again within a call, nor by a later one where
//!    a journal or a folder of journals shows it.
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
mod system;

pub use client::portal_client::{PortalClient, PortalClientBuilder};
pub use client::reports::ReportFilter;
pub use config::secret::Secret;
pub use error::{Error, ErrorKind, JournalReason, Phase};
pub use journal::folder::{forget_journal, init_journal_dir};
pub use journal::view::{Journal, JournalledChunk, JournalledFile};
pub use model::api_error::ApiError;
pub use model::attempt::{Attempt, Outcome};
pub use model::batch::{BatchOptions, Progress, Repeat};
pub use model::file_result::{FileError, FileResult, FileState, Status, Step, UnexpectedResult, Verdict};
pub use model::generated_report::{FailedPortfolio, GeneratedPortfolio, GeneratedReport};
pub use model::id::{MAX_FILES, MAX_ID, RawId};
pub use model::invalid_input::InvalidInput;
pub use model::report::{FailedContacts, PublishReport, UnreadPage};
pub use model::request::{ContactNotification, PortalPublishing, PublishRequest};
pub use model::settlement::{SettledFile, Settlement};

/// What the bindings need beside the surface for Rust, without a promise of stability.
pub mod host {
    pub use crate::client::background::Task;
    pub use crate::client::call::{PublishCall, Turn};
    pub use crate::client::unjournalled::forget_sent_to;
    pub use crate::config::environment::VARIABLES;
    pub use crate::config::guard::{Program, TEST_FUNCTIONS};
    pub use crate::config::settings::{AccessToken, Settings};
    pub use crate::config::user_agent::Host;
    pub use crate::model::display::{Row, contacts, errors_in_words, is_dangerous};
    pub use crate::model::id::{NoId, not_a_collection};
    pub use crate::model::json::read as read_json;
    pub use crate::model::message::{Language, Message};
    pub use crate::model::request::Asks;
    pub use crate::protocol::log_record::{Level, LogFields, LogRecord};
    pub use crate::protocol::machine::Ending;
}

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
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../.docs/pages/guide/batches.md")]
struct Batches;

#[cfg(doctest)]
#[doc = include_str!("../../.docs/pages/guide/rust.md")]
struct Rust;
