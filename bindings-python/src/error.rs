//! Core errors on their way to Python, where the exceptions are made.
//!
//! No Python code runs below this crate's frames, save for the main thread's signal handlers: an interpreter that ends
//! stops every other thread wherever it next runs Python code, and a thread that is stopped must not unwind through Rust.
//! So an error is handed over as data, and Python's own frames make the exception of it.

use addepar_portal::{Error, ErrorKind};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::report::{ApiError, PublishReport};

/// An error of the core.
#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Failure(pub(crate) Error);

#[pymethods]
impl Failure {
    /// Everything but the report and the API's error objects.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    fn report(&self) -> Option<PublishReport> {
        self.0.shared_report().map(PublishReport::new)
    }

    /// One of the API's error objects. They come one by one: making a tuple can start the garbage collection, which
    /// runs Python code.
    fn api_error(&self, index: usize) -> Option<ApiError> {
        self.0.errors().get(index).cloned().map(ApiError)
    }

    /// Whether a log has to have it, however the call ended: a request that went out may be lost.
    fn is_loss(&self) -> bool {
        self.0.kind() != ErrorKind::Stopped
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
        Err(Refusal::Core(error)) => Failure(error).into_bound_py_any(py),
        Err(Refusal::Python(error)) => Err(error),
    }
}
