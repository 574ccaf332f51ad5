//! An error on its way to JavaScript.

use addepar_portal::Error;
use addepar_portal::host::Language;
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
        Self(addepar_portal::host::not_a_collection(&name, &type_name).into())
    }

    /// The name of its class in JavaScript.
    #[napi(getter)]
    pub fn class_name(&self) -> &'static str {
        self.0.kind().class_name()
    }

    /// Everything but the report, as JSON.
    #[napi]
    pub fn to_json(&self) -> String {
        self.0.to_json_in(Language::Node)
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
