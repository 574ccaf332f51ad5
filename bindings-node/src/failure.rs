//! An error on its way to JavaScript.

use addepar_portal::host::Language;
use addepar_portal::{Error, ErrorKind};
use napi::bindgen_prelude::Either;
use napi_derive::napi;

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

    /// The same of a value that was to be recorded in a journal.
    #[napi]
    pub fn decision(message: String) -> Self {
        Self(Error::decision(message))
    }

    /// The name of its class in JavaScript.
    #[napi(getter)]
    pub fn class_name(&self) -> &'static str {
        self.0.kind().class_name()
    }

    /// Whether a warning has to be left, however the call ended: what went out may be lost.
    #[napi]
    pub fn is_loss(&self) -> bool {
        self.0.is_loss()
    }

    /// Everything but the report, as JSON.
    #[napi]
    pub fn to_json(&self) -> String {
        self.0.to_json_in(Language::Node)
    }
}

impl Failure {
    pub(crate) fn inner(&self) -> &Error {
        &self.0
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// A result for JavaScript: a handle, or the error in its place.
pub(crate) fn or_failure<T>(result: Result<impl Into<T>, impl Into<Error>>) -> Either<T, Failure> {
    match result {
        Ok(value) => Either::A(value.into()),
        Err(error) => Either::B(Failure(error.into())),
    }
}

/// A kind of error, and the class that it is in JavaScript.
#[napi(object, object_from_js = false)]
pub struct KindOfError {
    /// The code that every language shows.
    pub code: &'static str,
    /// The name of the class.
    pub class_name: &'static str,
}

/// Every kind of error that a [`Failure`] can be of.
#[napi]
pub fn error_kinds() -> Vec<KindOfError> {
    let described = |kind: &ErrorKind| KindOfError { code: kind.code(), class_name: kind.class_name() };
    ErrorKind::ALL.iter().map(described).collect()
}
