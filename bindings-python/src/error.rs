//! Core errors as the package's exceptions, which are Python classes.

use std::sync::Arc;

use addepar_portal::Error;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::report::PublishReport;

/// The exception object of an error.
pub(crate) fn to_exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let report = error.report().map(|report| PublishReport::new(Arc::new(report.clone())));
    py.import("addepar_portal._errors")?.getattr("from_core")?.call1((PyString::new(py, &error.to_json()), report))
}

pub(crate) fn to_py_err(py: Python<'_>, error: &Error) -> PyErr {
    match to_exception(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(broken) => broken,
    }
}
