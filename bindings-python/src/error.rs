//! Core errors on their way to Python, where the exceptions are made.
//!
//! No Python code runs below this crate's frames, save for the main thread's signal handlers: an interpreter that ends
//! stops every other thread wherever it next runs Python code, and a thread that is stopped must not unwind through Rust.
//! So an error is handed over as data, and Python's own frames make the exception of it.

use addepar_portal::host::Language;
use addepar_portal::{Error, ErrorKind};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use serde_json::{Map, Value};

use crate::convert::Refusal;
use crate::report::PublishReport;

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

    /// A member, an element of one that is a list, or a member of such an element: a text, a number or None.
    #[pyo3(signature = (member, index = None, of_element = None))]
    fn value<'py>(
        &self,
        py: Python<'py>,
        member: &str,
        index: Option<usize>,
        of_element: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut value = self.members.get(member);
        if let Some(index) = index {
            value = value.and_then(|list| list.get(index));
        }
        if let Some(name) = of_element {
            value = value.and_then(|element| element.get(name));
        }
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

    /// Whether a log has to have it, however the call ended: a request that went out may be lost.
    fn is_loss(&self) -> bool {
        self.error.is_loss()
    }
}

/// The code and the class of each kind of error, with which the tests compare the classes.
#[pyfunction]
pub(crate) fn error_kinds() -> Vec<(&'static str, &'static str)> {
    ErrorKind::ALL.iter().map(|kind| (kind.code(), kind.class_name())).collect()
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
