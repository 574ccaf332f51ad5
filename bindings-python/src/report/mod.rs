//! The report and its rows. They stay in Rust and become Python objects when they are touched.
//!
//! What is read once in a while (attempts, results nobody asked for) is handed over as plain values, of which the
//! package makes classes of its own: see `_rows.py`.

use std::sync::Arc;

use addepar_portal::host::{contacts, errors_in_words, is_dangerous};
use addepar_portal::{self as core, FileState};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyIterator, PyList, PyTuple};

use self::file_result::{RowByRow, Rows};
use crate::convert::ids::raw_id;
use crate::convert::json;
use crate::convert::pickle::Reduced;
use crate::request::PublishRequest;

/// The characters that could command a terminal, or make a text read as another one.
#[pyfunction]
pub(crate) fn dangerous_characters() -> String {
    ('\0'..='\u{ffff}').filter(|c| is_dangerous(*c)).collect()
}

/// Compares and hashes by what the core has: the rest is how it is shown.
macro_rules! compared_by_core {
    ($class:ident) => {
        impl PartialEq for $class {
            fn eq(&self, other: &Self) -> bool {
                self.core() == other.core()
            }
        }

        impl std::hash::Hash for $class {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                std::hash::Hash::hash(&self.core(), state);
            }
        }
    };
}

mod columns;
mod file_error;
mod file_result;
mod members;
mod plain;

pub(crate) use self::file_error::FileError;
pub(crate) use self::file_result::FileResult;

/// What became of every file of one call. Iterating yields the files in the order asked.
///
/// `bool(report)` raises `TypeError`: say `report.ok`.
#[pyclass(frozen, eq, hash, module = "addepar_portal")]
pub(crate) struct PublishReport {
    core: Arc<core::PublishReport>,
    files: PyOnceLock<Py<PyTuple>>,
}
compared_by_core!(PublishReport);

impl PublishReport {
    pub(crate) fn new(core: Arc<core::PublishReport>) -> Self {
        Self { core, files: PyOnceLock::new() }
    }

    pub(crate) fn core(&self) -> &core::PublishReport {
        &self.core
    }

    fn select<'py>(
        &self,
        py: Python<'py>,
        wanted: impl Fn(&core::FileResult) -> bool,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let rows = Rows::new(py, &self.core)?;
        let wanted = self.core.files().iter().enumerate().filter(|(_, file)| wanted(file));
        PyTuple::new(py, wanted.map(|(index, file)| rows.row(py, index, file)).collect::<PyResult<Vec<_>>>()?)
    }

    fn in_state<'py>(&self, py: Python<'py>, state: FileState) -> PyResult<Bound<'py, PyTuple>> {
        self.select(py, |file| file.state == state)
    }
}

#[pymethods]
impl PublishReport {
    /// Whether the API reported no failure for every file: each is `ok`.
    #[getter]
    fn ok(&self) -> bool {
        self.core.ok()
    }

    /// Whether nothing is left to be sent, awaited or decided about.
    #[getter]
    fn settled(&self) -> bool {
        self.core.settled()
    }

    /// The files whose outcome is unknown and about which nobody has decided, save those in flight.
    #[getter]
    fn undecided<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.core.undecided())
    }

    /// The files that another call was sending, or about to, when the journal was read: they are to be awaited.
    #[getter]
    fn in_flight<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.core.in_flight())
    }

    /// Every file, in the order asked.
    #[getter]
    fn files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let files = self.files.get_or_try_init(py, || self.select(py, |_| true).map(Bound::unbind))?;
        Ok(files.bind(py).clone())
    }

    /// The files in state `ok`: the API reported no failure. It never lists who received what.
    #[getter]
    fn succeeded<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.in_state(py, FileState::Ok)
    }

    /// The files in state `failed`: for some or all contacts.
    ///
    /// Publishing these files again may e-mail those who already got one.
    #[getter]
    fn failed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.in_state(py, FileState::Failed)
    }

    /// The files in state `unknown`: look in Addepar before you send them again.
    #[getter]
    fn unknown<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.in_state(py, FileState::Unknown)
    }

    /// The files in state `not_processed`: the server did not begin to process them. Those that a person decided
    /// to leave as they are (`published`, `leave`) are not among them: where there are such files, this tuple and
    /// `succeeded`, `failed` and `unknown` are not all of `files`.
    #[getter]
    fn not_processed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.select(py, core::FileResult::is_left)
    }

    /// The files for which the API reported that publishing failed for some or all contacts.
    #[getter]
    fn not_published<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.select(py, |file| file.published == Some(false))
    }

    /// The files for which the API reported that notifying failed for some or all contacts.
    #[getter]
    fn not_notified<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.select(py, |file| file.notified == Some(false))
    }

    /// The result of one file, whose id is an integer, a text or a `NoId`; None if it is not of this request.
    fn _file<'py>(&self, py: Python<'py>, file_id: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, FileResult>>> {
        let id = raw_id(file_id)?.value();
        let found = self.core.files().iter().enumerate().find(|(_, file)| Some(file.file_id) == id);
        found.map(|(index, file)| Rows::new(py, &self.core)?.row(py, index, file)).transpose()
    }

    /// What was asked.
    #[getter]
    fn request(&self) -> PublishRequest {
        PublishRequest(self.core.request().clone())
    }

    fn _attempts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.core.attempts().iter().map(plain::attempt))
    }

    fn _unexpected<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let results = self.core.unexpected().iter().map(|result| plain::unexpected(py, result));
        PyTuple::new(py, results.collect::<PyResult<Vec<_>>>()?)
    }

    fn _errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.core.errors().iter().map(plain::api_error))
    }

    fn _unread_pages<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.core.unread_pages().iter().map(plain::unread_page))
    }

    fn _failed_contacts<'py>(&self, py: Python<'py>) -> PyResult<plain::FailedContacts<'py>> {
        plain::failed_contacts(py, &self.core.failed_contacts())
    }

    /// A link to further results that could not be followed: that of the first unread page.
    #[getter]
    fn next_link(&self) -> Option<&str> {
        self.core.next_link()
    }

    /// The path of the call's journal, in which a person decides about the unknown files; `None` where it has none.
    ///
    /// Reports are compared without it.
    #[getter]
    fn journal(&self) -> Option<String> {
        self.core.journal().map(|path| path.to_string_lossy().into_owned())
    }

    /// The body of the response as it came, its pages joined by line feeds; as much as was read of it.
    #[getter]
    fn raw(&self) -> &str {
        self.core.raw()
    }

    /// The report as JSON, the same in every language.
    fn to_json(&self) -> String {
        self.core.to_json()
    }

    fn _csv(&self) -> String {
        core::cli::csv(&self.core)
    }

    /// One dict for each file: `published` and `notified` are `False` where it failed for some contacts or all.
    fn to_dicts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::read(py, &serde_json::to_string(self.core.files()).unwrap_or_default())
    }

    /// One list for each column, as a data frame wants it.
    fn to_columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        columns::of(&self.core, &self.files(py)?)
    }

    fn __len__(&self) -> usize {
        self.core.files().len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        match self.files.get(py) {
            Some(files) => files.bind(py).try_iter(),
            None => Bound::new(py, RowByRow::new(Rows::new(py, &self.core)?))?.try_iter(),
        }
    }

    #[allow(clippy::unused_self, reason = "Python asks the object")]
    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err("a report is neither true nor false: say report.ok"))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        Ok((slf.getattr(intern!(slf.py(), "from_json"))?, (slf.get().to_json(),)))
    }

    fn __repr__(&self) -> String {
        format!("<PublishReport: {}>", self.core.summary())
    }

    fn __str__(&self) -> String {
        self.core.to_string()
    }

    /// What is to be said below a table of the files.
    fn _notes(&self) -> Vec<String> {
        self.core.notes()
    }

    /// How many files are in which state, in words: what needs attention first.
    fn _counts(&self) -> Vec<(String, usize)> {
        self.core.counts()
    }

    /// The rows of a table: every file that is not ok, what needs attention first, and as many others as are wanted. Id,
    /// name of the portfolio, state in words, published, notified, reason, errors, the contacts that either step failed for.
    fn _rows<'py>(&self, py: Python<'py>, others: usize) -> PyResult<Bound<'py, PyList>> {
        let mut rows = self.core.rows();
        // Those that are ok come last.
        let troubled = rows.partition_point(|row| row.file.state != FileState::Ok);
        rows.truncate(troubled.saturating_add(others));
        let cells = rows.into_iter().map(|row| {
            let file = row.file;
            (
                file.file_id,
                file.portfolio_name.as_deref(),
                row.state,
                row.published,
                row.notified,
                file.reason.as_deref(),
                errors_in_words(file),
                contacts(file.published, file.contacts_not_published()),
                contacts(file.notified, file.contacts_not_notified()),
            )
        });
        PyList::new(py, cells.collect::<Vec<_>>())
    }
}
