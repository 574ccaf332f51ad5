//! An error on its way to JavaScript.

use addepar_portal::{Error, ErrorKind};
use napi_derive::napi;

use crate::report::Report;

/// An error of the core, returned in the place of a result.
#[napi]
pub struct Failure(Error);

#[napi]
impl Failure {
    /// A setting that JavaScript lets through and Rust's types do not.
    #[napi]
    pub fn config(message: String) -> Self {
        Self(Error::config(message))
    }

    /// An argument that JavaScript lets through and Rust's types do not.
    #[napi]
    pub fn input(message: String) -> Self {
        Self(Error::input(message))
    }

    /// A string, bytes or mapping in the place of a list of ids.
    #[napi]
    pub fn not_a_collection(name: String, type_name: String) -> Self {
        Self(addepar_portal::not_a_collection(&name, &type_name))
    }

    /// The name of its class in JavaScript.
    #[napi(getter)]
    pub fn class_name(&self) -> &'static str {
        match self.0.kind() {
            ErrorKind::Config => "ConfigError",
            ErrorKind::Input => "InputError",
            ErrorKind::Connect => "ConnectError",
            ErrorKind::Rejected => "RejectedError",
            ErrorKind::Authentication => "AuthenticationError",
            ErrorKind::PermissionDenied => "PermissionDeniedError",
            ErrorKind::RateLimited => "RateLimitedError",
            ErrorKind::OutcomeUnknown => "OutcomeUnknownError",
            ErrorKind::PublishFailures => "PublishFailuresError",
            ErrorKind::AlreadySent => "AlreadySentError",
            ErrorKind::Journal => "JournalError",
            ErrorKind::Stopped => "StoppedError",
        }
    }

    /// Everything but the report, as JSON.
    #[napi]
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// The state of every file, on every error of a publish.
    #[napi]
    pub fn report(&self) -> Option<Report> {
        self.0.shared_report().map(Report::from)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}
