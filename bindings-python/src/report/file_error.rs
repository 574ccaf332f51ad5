use std::sync::Arc;

use addepar_portal as core;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::members::ids_or_none;
use crate::convert::pickle::{Reduced, reduce, restore};

/// One error object of the API about one file; any member may have been missing.
#[pyclass(frozen, eq, hash, module = "addepar_portal")]
pub(crate) struct FileError(Row);
compared_by_core!(FileError);

enum Row {
    /// An error of a report, by the positions of its file and of itself.
    Of(Arc<core::PublishReport>, usize, usize),
    /// One that stands by itself.
    Alone(Box<core::FileError>),
}

impl FileError {
    pub(super) fn of(report: Arc<core::PublishReport>, file: usize, error: usize) -> Self {
        Self(Row::Of(report, file, error))
    }

    pub(super) fn alone(error: core::FileError) -> Self {
        Self(Row::Alone(Box::new(error)))
    }

    #[allow(clippy::indexing_slicing, reason = "the positions were counted along the same report's files")]
    fn core(&self) -> &core::FileError {
        match &self.0 {
            Row::Of(report, file, error) => &report.files()[*file].errors[*error],
            Row::Alone(error) => error,
        }
    }
}

#[pymethods]
impl FileError {
    #[staticmethod]
    fn _from_json(json: &str) -> PyResult<Self> {
        restore(json).map(Self::alone)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduce(slf.as_any(), slf.get().core())
    }

    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str, &'static str) {
        ("code", "title", "detail", "contact_ids")
    }

    /// The error's name, such as `publish_failed`.
    #[getter]
    fn code(&self) -> Option<&str> {
        self.core().code.as_deref()
    }

    /// What went wrong, in words.
    #[getter]
    fn title(&self) -> Option<&str> {
        self.core().title.as_deref()
    }

    /// Details in prose; the only place where the API names contacts.
    #[getter]
    fn detail(&self) -> Option<&str> {
        self.core().detail.as_deref()
    }

    /// The contacts that `detail` names; `None` where they cannot be read, never an empty tuple.
    #[getter]
    fn contact_ids<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        ids_or_none(py, self.core().contact_ids())
    }

    fn __repr__(&self) -> String {
        let [code, detail] = [&self.core().code, &self.core().detail]
            .map(|text| text.as_ref().map_or_else(|| "None".to_owned(), |text| format!("{text:?}")));
        format!("FileError(code={code}, detail={detail})")
    }
}
