use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use addepar_portal as core;
use addepar_portal::host::Asks;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString, PyTuple};

use super::file_error::FileError;
use super::members;
use crate::convert::pickle::{Reduced, reduce, restore};

// The members that are mostly read are Python objects already: the interpreter then loads them without a call.
/// What became of one file.
#[pyclass(frozen, eq, hash, module = "addepar_portal")]
pub(crate) struct FileResult {
    row: Row,
    /// The file.
    #[pyo3(get)]
    file_id: Py<PyInt>,
    /// `ok`, `failed`, `unknown` or `not_processed`.
    #[pyo3(get)]
    state: Py<PyString>,
    /// Whether the API reported that publishing succeeded for all contacts: `False` if it failed for some of them or
    /// for all; `None` if the API did not say, or if the file was to be published to nobody.
    #[pyo3(get)]
    published: Py<PyAny>,
    /// Likewise for e-mails: `None` if nobody was to be notified, about which the API answers success as well.
    #[pyo3(get)]
    notified: Py<PyAny>,
    /// The API's error objects.
    #[pyo3(get)]
    errors: Py<PyTuple>,
}
compared_by_core!(FileResult);

/// What a row shows beside its Python objects.
enum Row {
    /// Most rows, which need no report.
    Succeeded(u64, Asks),
    /// By its position.
    Of(Arc<core::PublishReport>, usize),
    /// One that was unpickled by itself.
    Alone(Box<core::FileResult>),
}

impl Row {
    #[allow(clippy::indexing_slicing, reason = "the index was counted along the same report's files")]
    fn core(&self) -> Cow<'_, core::FileResult> {
        match self {
            Self::Succeeded(file_id, asks) => Cow::Owned(core::FileResult::succeeded(*file_id, *asks)),
            Self::Of(report, index) => Cow::Borrowed(&report.files()[*index]),
            Self::Alone(file) => Cow::Borrowed(file),
        }
    }

    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match self {
            Self::Succeeded(..) => Ok(PyTuple::empty(py)),
            Self::Of(report, file) => {
                let errors = 0..self.core().errors.len();
                PyTuple::new(py, errors.map(|error| FileError::of(report.clone(), *file, error)))
            }
            Self::Alone(file) => PyTuple::new(py, file.errors.iter().cloned().map(FileError::alone)),
        }
    }
}

impl FileResult {
    fn new(py: Python<'_>, row: Row) -> PyResult<Self> {
        let file = row.core();
        Ok(Self {
            file_id: PyInt::new(py, file.file_id).unbind(),
            state: members::state(py, file.state).clone().unbind(),
            published: members::answer(py, file.published),
            notified: members::answer(py, file.notified),
            errors: row.errors(py)?.unbind(),
            row,
        })
    }

    /// One that is not of a report.
    pub(crate) fn alone(py: Python<'_>, file: core::FileResult) -> PyResult<Self> {
        Self::new(py, Row::Alone(Box::new(file)))
    }

    fn core(&self) -> Cow<'_, core::FileResult> {
        self.row.core()
    }
}

/// Makes the rows of a report.
pub(super) struct Rows {
    report: Arc<core::PublishReport>,
    asks: Asks,
    /// Most rows have all but their file in common with this one.
    succeeded: FileResult,
}

impl Rows {
    pub(super) fn new(py: Python<'_>, report: &Arc<core::PublishReport>) -> PyResult<Self> {
        let asks = report.request().asks();
        Ok(Self { report: Arc::clone(report), asks, succeeded: FileResult::new(py, Row::Succeeded(0, asks))? })
    }

    pub(super) fn row<'py>(
        &self,
        py: Python<'py>,
        index: usize,
        file: &core::FileResult,
    ) -> PyResult<Bound<'py, FileResult>> {
        let Self { report, asks, succeeded } = self;
        let row = if file.goes_without_saying(*asks) {
            FileResult {
                row: Row::Succeeded(file.file_id, *asks),
                file_id: PyInt::new(py, file.file_id).unbind(),
                state: succeeded.state.clone_ref(py),
                published: succeeded.published.clone_ref(py),
                notified: succeeded.notified.clone_ref(py),
                errors: succeeded.errors.clone_ref(py),
            }
        } else {
            FileResult::new(py, Row::Of(Arc::clone(report), index))?
        };
        Bound::new(py, row)
    }
}

/// Iterates over the rows of a report: each is made when its turn comes, and nothing keeps it.
#[pyclass(frozen, module = "addepar_portal")]
pub(super) struct RowByRow {
    rows: Rows,
    next: AtomicUsize,
}

impl RowByRow {
    pub(super) fn new(rows: Rows) -> Self {
        Self { rows, next: AtomicUsize::new(0) }
    }
}

#[pymethods]
impl RowByRow {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, FileResult>>> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let file = self.rows.report.files().get(index);
        file.map(|file| self.rows.row(py, index, file)).transpose()
    }
}

#[pymethods]
impl FileResult {
    #[staticmethod]
    fn _from_json(py: Python<'_>, json: &str) -> PyResult<Self> {
        Self::new(py, Row::Alone(Box::new(restore(json)?)))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduce(slf.as_any(), slf.get().core().as_ref())
    }

    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str, &'static str) {
        ("file_id", "state", "published", "notified")
    }

    /// The API's word on publishing: `success`, `fail`, or another as it came.
    #[getter]
    fn publish_status<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        members::status(py, self.core().publish_status.as_ref())
    }

    /// The API's word on notifying.
    #[getter]
    fn notify_status<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        members::status(py, self.core().notify_status.as_ref())
    }

    /// The contacts to whom publishing failed; `None` if not identified.
    #[getter]
    fn contacts_not_published<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        members::ids_or_none(py, self.core().contacts_not_published())
    }

    /// The contacts who could not be e-mailed; `None` if not identified.
    ///
    /// Who could not see the file presumably got no e-mail either: the API lists the two apart.
    #[getter]
    fn contacts_not_notified<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        members::ids_or_none(py, self.core().contacts_not_notified())
    }

    /// What a person decided about it, in the journal: `published`, `not_published` or `leave`; `None` if nobody
    /// has. The state stays what the server said.
    #[getter]
    fn decision(&self) -> Option<&'static str> {
        self.core().decision.map(core::Verdict::as_str)
    }

    /// Why nobody knows what became of it, in words; `None` if that is known. It may quote the server.
    #[getter]
    fn reason<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        self.core().reason.as_deref().map(|reason| PyString::new(py, reason))
    }

    /// The name of its portfolio, if it came out of a generated report.
    #[getter]
    fn portfolio_name<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        self.core().portfolio_name.as_deref().map(|name| PyString::new(py, name))
    }

    fn __repr__(&self) -> String {
        let literal = |value: Option<bool>| match value {
            None => "None",
            Some(true) => "True",
            Some(false) => "False",
        };
        let file = self.core();
        let errors: Vec<&str> =
            file.errors.iter().filter_map(|error| error.detail.as_deref().or(error.code.as_deref())).collect();
        let errors = if errors.is_empty() { String::new() } else { format!(", errors={errors:?}") };
        let decision = file.decision.map(|decision| format!(", decision='{}'", decision.as_str())).unwrap_or_default();
        let reason = file.reason.as_ref().map(|reason| format!(", reason={reason:?}")).unwrap_or_default();
        let name = file.portfolio_name.as_ref().map(|name| format!(", portfolio_name={name:?}")).unwrap_or_default();
        format!(
            "FileResult(file_id={}, state='{}', published={}, notified={}{errors}{decision}{reason}{name})",
            file.file_id,
            file.state.as_str(),
            literal(file.published),
            literal(file.notified),
        )
    }
}
