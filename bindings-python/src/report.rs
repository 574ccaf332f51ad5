//! The report and its rows. They stay in Rust and become Python objects when they are touched.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::SystemTime;

use addepar_portal::{self as core, FileState, Status};
use pyo3::exceptions::{PyKeyError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyInt, PyIterator, PyList, PyString, PyTuple};

use crate::error::{Failure, hand_over};
use crate::request::PublishRequest;

fn state_name(py: Python<'_>, state: FileState) -> &Bound<'_, PyString> {
    match state {
        FileState::Ok => intern!(py, "ok"),
        FileState::Failed => intern!(py, "failed"),
        FileState::Unknown => intern!(py, "unknown"),
        FileState::NotProcessed => intern!(py, "not_processed"),
    }
}

fn status_name<'py>(py: Python<'py>, status: Option<&Status>) -> Option<Bound<'py, PyString>> {
    Some(match status? {
        Status::Success => intern!(py, "success").clone(),
        Status::Fail => intern!(py, "fail").clone(),
        Status::Other(text) => PyString::new(py, text),
    })
}

fn ids_or_none(py: Python<'_>, ids: Option<Vec<u64>>) -> PyResult<Option<Bound<'_, PyTuple>>> {
    ids.map(|ids| PyTuple::new(py, ids)).transpose()
}

/// An optional value as Python writes it.
fn literal(value: Option<bool>) -> &'static str {
    match value {
        None => "None",
        Some(true) => "True",
        Some(false) => "False",
    }
}

/// An optional text as Python writes it.
fn text(text: Option<&String>) -> String {
    text.map_or_else(|| "None".to_owned(), |text| format!("{text:?}"))
}

/// How rows are pickled: as `(class._from_json, (json,))`.
pub(crate) type Reduced<'py> = (Bound<'py, PyAny>, (String,));

pub(crate) fn reduce<'py>(row: &Bound<'py, PyAny>, core: &impl serde::Serialize) -> PyResult<Reduced<'py>> {
    let json = serde_json::to_string(core).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((row.getattr(intern!(row.py(), "_from_json"))?, (json,)))
}

pub(crate) fn restore<T: serde::de::DeserializeOwned>(json: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Compares and hashes by what the core has: the rest is how it is shown.
macro_rules! compared_by_core {
    ($($class:ident)*) => {$(
        impl PartialEq for $class {
            fn eq(&self, other: &Self) -> bool {
                self.core() == other.core()
            }
        }

        impl Hash for $class {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.core().hash(state);
            }
        }
    )*};
}
compared_by_core!(FileError FileResult PublishReport);

/// One error object of the API about one file; any member may have been missing.
#[pyclass(frozen, eq, hash, module = "addepar_portal")]
pub(crate) struct FileError(ErrorRow);

/// An error of a report, by the positions of its file and of itself, or one that stands by itself.
enum ErrorRow {
    Of(Arc<core::PublishReport>, usize, usize),
    Alone(Box<core::FileError>),
}

impl FileError {
    fn alone(error: core::FileError) -> Self {
        Self(ErrorRow::Alone(Box::new(error)))
    }

    #[allow(clippy::indexing_slicing, reason = "the positions were counted along the same report's files")]
    fn core(&self) -> &core::FileError {
        match &self.0 {
            ErrorRow::Of(report, file, error) => &report.files()[*file].errors[*error],
            ErrorRow::Alone(error) => error,
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

    /// The contacts that `detail` names; None where they cannot be read, never an empty tuple.
    #[getter]
    fn contact_ids<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        ids_or_none(py, self.core().contact_ids())
    }

    fn __repr__(&self) -> String {
        format!("FileError(code={}, detail={})", text(self.core().code.as_ref()), text(self.core().detail.as_ref()))
    }
}

/// One error object of the API about the whole request; any member may have been missing.
#[pyclass(frozen, eq, hash, module = "addepar_portal")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct ApiError(pub(crate) core::ApiError);

#[pymethods]
impl ApiError {
    #[staticmethod]
    fn _from_json(json: &str) -> PyResult<Self> {
        restore(json).map(Self)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduce(slf.as_any(), &slf.get().0)
    }

    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str, &'static str, &'static str) {
        ("status", "code", "title", "detail", "source")
    }

    /// The status code, as text.
    #[getter]
    fn status(&self) -> Option<&str> {
        self.0.status.as_deref()
    }

    /// The error's name.
    #[getter]
    fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What went wrong, in words.
    #[getter]
    fn title(&self) -> Option<&str> {
        self.0.title.as_deref()
    }

    /// Details in prose.
    #[getter]
    fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The part of the request at fault, as JSON.
    #[getter]
    fn source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    fn __repr__(&self) -> String {
        format!(
            "ApiError(status={}, code={}, detail={})",
            text(self.0.status.as_ref()),
            text(self.0.code.as_ref()),
            text(self.0.detail.as_ref())
        )
    }
}

/// What became of one file.
///
/// The members that are mostly read are Python objects already: the interpreter then loads them
/// without a call.
#[pyclass(frozen, eq, hash, module = "addepar_portal")]
pub(crate) struct FileResult {
    row: Row,
    /// The file.
    #[pyo3(get)]
    file_id: Py<PyInt>,
    /// `ok`, `failed`, `unknown` or `not_processed`.
    #[pyo3(get)]
    state: Py<PyString>,
    /// Whether the API reported that publishing succeeded for all contacts; None: it did not say.
    #[pyo3(get)]
    published: Py<PyAny>,
    /// Likewise for e-mails. The API answers success as well when nobody was to be notified.
    #[pyo3(get)]
    notified: Py<PyAny>,
    /// The API's error objects.
    #[pyo3(get)]
    errors: Py<PyTuple>,
}

/// What a row shows beside its Python objects.
enum Row {
    /// Most rows, which need no report.
    Succeeded(u64),
    /// By its position.
    Of(Arc<core::PublishReport>, usize),
    /// One that was unpickled by itself.
    Alone(Box<core::FileResult>),
}

impl Row {
    #[allow(clippy::indexing_slicing, reason = "the index was counted along the same report's files")]
    fn core(&self) -> Cow<'_, core::FileResult> {
        match self {
            Self::Succeeded(file_id) => Cow::Owned(core::FileResult::succeeded(*file_id)),
            Self::Of(report, index) => Cow::Borrowed(&report.files()[*index]),
            Self::Alone(file) => Cow::Borrowed(file),
        }
    }

    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match self {
            Self::Succeeded(_) => Ok(PyTuple::empty(py)),
            Self::Of(report, file) => {
                let errors = 0..self.core().errors.len();
                PyTuple::new(py, errors.map(|error| FileError(ErrorRow::Of(report.clone(), *file, error))))
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
            state: state_name(py, file.state).clone().unbind(),
            published: answer(py, file.published),
            notified: answer(py, file.notified),
            errors: row.errors(py)?.unbind(),
            row,
        })
    }

    fn core(&self) -> Cow<'_, core::FileResult> {
        self.row.core()
    }
}

/// Makes the rows of a report.
struct Rows<'a, 'py> {
    py: Python<'py>,
    report: &'a Arc<core::PublishReport>,
    /// Most rows have all but their file in common with this one.
    succeeded: FileResult,
}

impl<'a, 'py> Rows<'a, 'py> {
    fn new(py: Python<'py>, report: &'a Arc<core::PublishReport>) -> PyResult<Self> {
        Ok(Self { py, report, succeeded: FileResult::new(py, Row::Succeeded(0))? })
    }

    fn row(&self, index: usize, file: &core::FileResult) -> PyResult<Bound<'py, FileResult>> {
        let Self { py, report, succeeded } = self;
        let py = *py;
        let row = if file.goes_without_saying() {
            FileResult {
                row: Row::Succeeded(file.file_id),
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

fn answer(py: Python<'_>, answer: Option<bool>) -> Py<PyAny> {
    match answer {
        Some(answer) => PyBool::new(py, answer).to_owned().into_any().unbind(),
        None => py.None(),
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
        status_name(py, self.core().publish_status.as_ref())
    }

    /// The API's word on notifying.
    #[getter]
    fn notify_status<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        status_name(py, self.core().notify_status.as_ref())
    }

    /// The contacts to whom publishing failed; None where they cannot be told.
    #[getter]
    fn contacts_not_published<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        ids_or_none(py, self.core().contacts_not_published())
    }

    /// The contacts who could not be e-mailed; None where they cannot be told.
    ///
    /// Who could not see the file presumably got no e-mail either: the API lists the two apart.
    #[getter]
    fn contacts_not_notified<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        ids_or_none(py, self.core().contacts_not_notified())
    }

    /// What a person decided about it, in the journal: `published`, `not_published` or `leave`; None if nobody has.
    /// The state stays what the server said.
    #[getter]
    fn decision(&self) -> Option<&'static str> {
        self.core().decision.map(core::Verdict::as_str)
    }

    fn __repr__(&self) -> String {
        let file = self.core();
        let errors: Vec<&str> =
            file.errors.iter().filter_map(|error| error.detail.as_deref().or(error.code.as_deref())).collect();
        let errors = if errors.is_empty() { String::new() } else { format!(", errors={errors:?}") };
        let decision = file.decision.map(|decision| format!(", decision='{}'", decision.as_str())).unwrap_or_default();
        format!(
            "FileResult(file_id={}, state='{}', published={}, notified={}{errors}{decision})",
            file.file_id,
            file.state.as_str(),
            literal(file.published),
            literal(file.notified),
        )
    }
}

/// A result that belongs to no requested file alone: an id nobody asked for, an id that cannot be
/// read, or one of several answers that contradict each other.
#[pyclass(frozen, eq, hash, module = "addepar_portal")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct UnexpectedResult(core::UnexpectedResult);

#[pymethods]
impl UnexpectedResult {
    #[staticmethod]
    fn _from_json(json: &str) -> PyResult<Self> {
        restore(json).map(Self)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduce(slf.as_any(), &slf.get().0)
    }

    /// The id it named, if it can be read.
    #[getter]
    fn file_id(&self) -> Option<u64> {
        self.0.file_id
    }

    /// The API's word on publishing.
    #[getter]
    fn publish_status<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        status_name(py, self.0.publish_status.as_ref())
    }

    /// The API's word on notifying.
    #[getter]
    fn notify_status<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        status_name(py, self.0.notify_status.as_ref())
    }

    /// The API's error objects.
    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.errors.iter().cloned().map(FileError::alone))
    }

    fn __repr__(&self) -> String {
        let shown = |status: &Option<Status>| {
            status.as_ref().map_or_else(|| "None".to_owned(), |status| format!("{:?}", status.as_str()))
        };
        format!(
            "UnexpectedResult(file_id={}, publish_status={}, notify_status={})",
            self.0.file_id.map_or_else(|| "None".to_owned(), |id| id.to_string()),
            shown(&self.0.publish_status),
            shown(&self.0.notify_status),
        )
    }
}

/// One POST, or one try at it.
#[pyclass(frozen, eq, hash, module = "addepar_portal")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Attempt(core::Attempt);

#[pymethods]
impl Attempt {
    #[staticmethod]
    fn _from_json(json: &str) -> PyResult<Self> {
        restore(json).map(Self)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduce(slf.as_any(), &slf.get().0)
    }

    /// When the request's body began to go out, in UTC; None: it never did.
    #[getter]
    fn sent_at(&self) -> Option<SystemTime> {
        self.0.sent_at
    }

    /// When the answer's head arrived, in UTC; None: it never did.
    #[getter]
    fn answered_at(&self) -> Option<SystemTime> {
        self.0.answered_at
    }

    /// The status code of the answer.
    #[getter]
    fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The server's `X-Request-Id`.
    #[getter]
    fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Seconds from the start of the attempt to its end.
    #[getter]
    fn elapsed(&self) -> f64 {
        self.0.elapsed.as_secs_f64()
    }

    /// What the attempt ended in.
    #[getter]
    fn outcome(&self) -> &'static str {
        self.0.outcome.as_str()
    }

    /// Seconds that a 429 asked to wait.
    #[getter]
    fn retry_after(&self) -> Option<f64> {
        self.0.retry_after.map(|delay| delay.as_secs_f64())
    }

    fn __repr__(&self) -> String {
        format!(
            "Attempt(outcome='{}', http_status={}, elapsed={:.3})",
            self.0.outcome.as_str(),
            self.0.http_status.map_or_else(|| "None".to_owned(), |status| status.to_string()),
            self.0.elapsed.as_secs_f64(),
        )
    }
}

/// The contacts that some step failed for.
#[pyclass(frozen, eq, hash, module = "addepar_portal")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct FailedContacts(core::FailedContacts);

#[pymethods]
impl FailedContacts {
    #[staticmethod]
    fn _from_json(json: &str) -> PyResult<Self> {
        restore(json).map(Self)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduce(slf.as_any(), &slf.get().0)
    }

    /// Contact id -> the files, and which step of each failed.
    #[getter]
    fn contacts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let contacts = PyDict::new(py);
        for (contact, failures) in &self.0.contacts {
            let failures = failures.iter().map(|(file, step)| (*file, step.as_str())).collect::<Vec<_>>();
            contacts.set_item(contact, PyTuple::new(py, failures)?)?;
        }
        Ok(contacts)
    }

    /// The files with a failure whose contacts could not be read.
    #[getter]
    fn unreadable<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.unreadable)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = slf.get();
        Ok(format!(
            "FailedContacts(contacts={}, unreadable={})",
            this.contacts(slf.py())?.repr()?,
            this.unreadable(slf.py())?.repr()?,
        ))
    }
}

/// What became of every file of one call. Iterating yields the files in the order asked.
///
/// `bool(report)` raises `TypeError`: say `report.ok`.
#[pyclass(frozen, eq, hash, module = "addepar_portal")]
pub(crate) struct PublishReport {
    core: Arc<core::PublishReport>,
    files: PyOnceLock<Py<PyTuple>>,
}

impl PublishReport {
    pub(crate) fn new(core: Arc<core::PublishReport>) -> Self {
        Self { core, files: PyOnceLock::new() }
    }

    fn core(&self) -> &core::PublishReport {
        &self.core
    }

    fn select<'py>(
        &self,
        py: Python<'py>,
        wanted: impl Fn(&core::FileResult) -> bool,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let rows = Rows::new(py, &self.core)?;
        let wanted = self.core.files().iter().enumerate().filter(|(_, file)| wanted(file));
        PyTuple::new(py, wanted.map(|(index, file)| rows.row(index, file)).collect::<PyResult<Vec<_>>>()?)
    }

    fn in_state<'py>(&self, py: Python<'py>, state: FileState) -> PyResult<Bound<'py, PyTuple>> {
        self.select(py, |file| file.state == state)
    }
}

#[pymethods]
impl PublishReport {
    /// Reads an answer's body without any network.
    #[staticmethod]
    fn _from_response<'py>(py: Python<'py>, request: &PublishRequest, body: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let read = core::PublishReport::from_response(&request.0, body);
        hand_over(py, read.map(|report| Self::new(Arc::new(report))))
    }

    #[staticmethod]
    fn _from_json<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
        hand_over(py, core::PublishReport::from_json(json).map(|report| Self::new(Arc::new(report))))
    }

    /// Whether the API reported no failure for every file: each is `ok`.
    #[getter]
    fn ok(&self) -> bool {
        self.core.ok()
    }

    /// Whether nothing is left to be sent or to be decided about.
    #[getter]
    fn settled(&self) -> bool {
        self.core.settled()
    }

    /// The files whose outcome is unknown and about which nobody has decided.
    #[getter]
    fn undecided<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.core.undecided())
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

    /// The files in state `not_processed`: the server did not begin to process them. Those of which a person decided
    /// that they need not be (`published`, `leave`) are not among them.
    #[getter]
    fn not_processed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.select(py, core::FileResult::is_left)
    }

    /// The files of which the API reported that publishing failed for some or all contacts.
    #[getter]
    fn not_published<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.select(py, |file| file.published == Some(false))
    }

    /// The files of which the API reported that notifying failed for some or all contacts.
    #[getter]
    fn not_notified<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.select(py, |file| file.notified == Some(false))
    }

    /// The result of one file; `KeyError` if it was not part of the request.
    fn file<'py>(&self, py: Python<'py>, file_id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, FileResult>> {
        let id = match file_id.extract::<u64>() {
            Ok(id) => id,
            Err(error) if error.is_instance_of::<PyOverflowError>(py) => {
                return Err(PyKeyError::new_err("no file has an id below zero or beyond 64 bits"));
            }
            Err(error) => return Err(error),
        };
        match self.core.files().iter().enumerate().find(|(_, file)| file.file_id == id) {
            Some((index, file)) => Rows::new(py, &self.core)?.row(index, file),
            None => Err(PyKeyError::new_err(format!("file {id} was not part of this request"))),
        }
    }

    /// What was asked.
    #[getter]
    fn request(&self) -> PublishRequest {
        PublishRequest(self.core.request().clone())
    }

    /// Every try, in order; empty where the report was read without a network.
    #[getter]
    fn attempts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.core.attempts().iter().cloned().map(Attempt).collect::<Vec<_>>())
    }

    /// Results that belong to no requested file alone, as they came.
    #[getter]
    fn unexpected<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.core.unexpected().iter().cloned().map(UnexpectedResult).collect::<Vec<_>>())
    }

    /// A link to further results that could not be followed.
    #[getter]
    fn next_link(&self) -> Option<&str> {
        self.core.next_link()
    }

    /// The answer's body as it came, its pages joined by line feeds; as much as was read of it.
    #[getter]
    fn raw(&self) -> &str {
        self.core.raw()
    }

    /// The contacts that some step failed for, and the files whose contacts could not be read.
    fn failed_contacts(&self) -> FailedContacts {
        FailedContacts(self.core.failed_contacts())
    }

    /// What `raise_for_failures` raises; None: every file is ok.
    fn _failures(&self) -> Option<Failure> {
        core::PublishReport::clone(&self.core).raise_for_failures().err().map(Failure::new)
    }

    /// The report as JSON, the same in every language.
    fn to_json(&self) -> String {
        self.core.to_json()
    }

    /// One list for each column, as a data frame wants it.
    fn to_columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        const NAMES: [&str; 9] = [
            "file_id",
            "state",
            "published",
            "notified",
            "publish_status",
            "notify_status",
            "contacts_not_published",
            "contacts_not_notified",
            "decision",
        ];
        let columns = PyDict::new(py);
        let files = self.files(py)?;
        for name in NAMES {
            let name = PyString::intern(py, name);
            let column = files.iter().map(|row| row.getattr(&name)).collect::<PyResult<Vec<_>>>()?;
            columns.set_item(&name, PyList::new(py, column)?)?;
        }
        let details = self.core.files().iter().map(|file| {
            let details = file.errors.iter().filter_map(|error| error.detail.as_deref().or(error.title.as_deref()));
            details.collect::<Vec<_>>().join(" ")
        });
        columns.set_item(intern!(py, "errors"), PyList::new(py, details.collect::<Vec<_>>())?)?;
        Ok(columns)
    }

    fn __len__(&self) -> usize {
        self.core.files().len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.files(py)?.try_iter()
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

    /// The first files of a table: what needs attention first; id, state, published, notified, errors.
    fn _rows(&self, most: usize) -> Vec<(u64, &'static str, &'static str, &'static str, String)> {
        let rows = self.core.rows().into_iter().take(most);
        rows.map(|row| (row.file.file_id, row.file.state.as_str(), row.published, row.notified, row.errors)).collect()
    }
}
