//! Core errors on their way to Python, where the exceptions are made.
//!
//! No Python code runs below this crate's frames, save for the main thread's signal handlers: an interpreter that ends
//! stops every other thread wherever it next runs Python code, and a thread that is stopped must not unwind through Rust.
//! So an error is handed over as data, and Python's own frames make the exception of it.

use addepar_portal::host::Language;
use addepar_portal::{Error, ErrorKind, InvalidInput};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use serde_json::{Map, Value};

use crate::report::{ApiError, PublishReport};

/// An error of the core.
///
/// It is read piece by piece, without an import: at the end of the interpreter nothing can be imported any more. No tuple
/// is made here either, which can start the garbage collection, which runs Python code.
#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Failure {
    error: Error,
    /// Everything but the report, as the core writes it.
    members: Map<String, Value>,
}

impl Failure {
    pub(crate) fn new(error: Error) -> Self {
        let members = serde_json::from_str(&error.to_json_in(Language::Python)).unwrap_or_default();
        Self { error, members }
    }
}

#[pymethods]
impl Failure {
    fn message(&self) -> String {
        self.error.message_in(Language::Python)
    }

    /// The names of its members, one by one.
    fn member(&self, index: usize) -> Option<&str> {
        self.members.keys().nth(index).map(String::as_str)
    }

    /// How many elements a member has that is a list.
    fn length(&self, member: &str) -> Option<usize> {
        Some(self.members.get(member)?.as_array()?.len())
    }

    /// A member, or an element of one that is a list: a text, a number or None.
    #[pyo3(signature = (member, index = None))]
    fn value<'py>(&self, py: Python<'py>, member: &str, index: Option<usize>) -> PyResult<Bound<'py, PyAny>> {
        let member = self.members.get(member);
        let value = index.map_or(member, |index| member?.get(index));
        match value {
            Some(Value::String(text)) => text.into_bound_py_any(py),
            Some(Value::Bool(bool)) => bool.into_bound_py_any(py),
            Some(Value::Number(number)) => match number.as_u64() {
                Some(integer) => integer.into_bound_py_any(py),
                None => number.as_f64().into_bound_py_any(py),
            },
            _ => Ok(py.None().into_bound(py)),
        }
    }

    fn report(&self) -> Option<PublishReport> {
        self.error.shared_report().map(PublishReport::new)
    }

    /// One of the API's error objects.
    fn api_error(&self, index: usize) -> Option<ApiError> {
        self.error.errors().get(index).cloned().map(ApiError)
    }

    /// Whether a log has to have it, however the call ended: a request that went out may be lost.
    fn is_loss(&self) -> bool {
        self.error.kind() != ErrorKind::Stopped
    }
}

/// Why something cannot be done: an error of the core, or one of Python's own, which are made without Python code.
pub(crate) enum Refusal {
    Core(Error),
    Python(PyErr),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<InvalidInput> for Refusal {
    fn from(invalid: InvalidInput) -> Self {
        Self::Core(invalid.into())
    }
}

impl From<PyErr> for Refusal {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

/// The value, or the `Failure` in its place.
pub(crate) fn hand_over<'py, T: IntoPyObject<'py>>(
    py: Python<'py>,
    result: Result<T, impl Into<Refusal>>,
) -> PyResult<Bound<'py, PyAny>> {
    match result.map_err(Into::into) {
        Ok(value) => value.into_bound_py_any(py),
        Err(Refusal::Core(error)) => Failure::new(error).into_bound_py_any(py),
        Err(Refusal::Python(error)) => Err(error),
    }
}
