//! Members of rows as Python objects.

use addepar_portal::{FileState, Status};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString, PyTuple};

pub(super) fn state(py: Python<'_>, state: FileState) -> &Bound<'_, PyString> {
    match state {
        FileState::Ok => intern!(py, "ok"),
        FileState::Failed => intern!(py, "failed"),
        FileState::Unknown => intern!(py, "unknown"),
        FileState::NotProcessed => intern!(py, "not_processed"),
    }
}

pub(super) fn status<'py>(py: Python<'py>, status: Option<&Status>) -> Option<Bound<'py, PyString>> {
    Some(match status? {
        Status::Success => intern!(py, "success").clone(),
        Status::Fail => intern!(py, "fail").clone(),
        Status::Other(text) => PyString::new(py, text),
    })
}

pub(super) fn answer(py: Python<'_>, answer: Option<bool>) -> Py<PyAny> {
    match answer {
        Some(answer) => PyBool::new(py, answer).to_owned().into_any().unbind(),
        None => py.None(),
    }
}

pub(super) fn ids_or_none(py: Python<'_>, ids: Option<Vec<u64>>) -> PyResult<Option<Bound<'_, PyTuple>>> {
    ids.map(|ids| PyTuple::new(py, ids)).transpose()
}
