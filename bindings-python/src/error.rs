//! Core errors as the package's exceptions, which are Python classes.

use addepar_portal::Error;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::report::{ApiError, PublishReport};

/// The exception object of an error.
pub(crate) fn to_exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let report = error.shared_report().map(PublishReport::new);
    let errors = PyTuple::new(py, error.errors().iter().cloned().map(ApiError).collect::<Vec<_>>())?;
    py.import("addepar_portal._errors")?.getattr("from_core")?.call1((error.to_json(), errors, report))
}

pub(crate) fn to_py_err(py: Python<'_>, error: &Error) -> PyErr {
    match to_exception(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(broken) => broken,
    }
}
