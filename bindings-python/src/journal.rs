use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use addepar_portal::{self as core, Error};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::convert::ids::raw_ids;
use crate::convert::{Refusal, arguments, json};
use crate::error::hand_over;
use crate::job::Job;
use crate::report::{FileResult, PublishReport};

/// The files whose earlier decision was replaced, each with what became of it, and what the caller is warned of.
struct Decided {
    replaced: Vec<core::JournalledFile>,
    warning: Option<String>,
}

impl<'py> IntoPyObject<'py> for Decided {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let files = PyList::empty(py);
        for file in self.replaced {
            let row = json::read(py, &serde_json::to_string(&file).unwrap_or_default())?;
            files.append((row, FileResult::alone(py, file.result)?))?;
        }
        (files, self.warning).into_pyobject(py)
    }
}

/// Sets a folder up for journals, once; its id.
#[pyfunction]
pub(crate) fn init_journal_dir(folder: &Bound<'_, PyAny>) -> Job {
    let folder = arguments::text("folder", folder, Error::input);
    Job::new(|| -> Result<_, Refusal> { Ok(core::init_journal_dir(folder?)?) })
}

/// Records that a journal is gone for good; the files that it named.
#[pyfunction]
pub(crate) fn forget_journal(path: &Bound<'_, PyAny>) -> Job {
    let path = arguments::text("path", path, Error::input);
    Job::new(|| -> Result<_, Refusal> { Ok(core::forget_journal(path?)?) })
}

#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Journal(Arc<Mutex<core::Journal>>);

impl Journal {
    fn core(&self) -> MutexGuard<'_, core::Journal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Journal {
    /// Opens it.
    #[staticmethod]
    fn open(path: &Bound<'_, PyAny>) -> Job {
        let path = arguments::text("path", path, Error::input);
        Job::new(|| -> Result<_, Refusal> { Ok(Self(Arc::new(Mutex::new(core::Journal::open(path?)?)))) })
    }

    /// Where it is, wherever the program goes.
    fn path(&self) -> String {
        self.core().path().to_string_lossy().into_owned()
    }

    fn undecided(&self) -> Vec<u64> {
        self.core().undecided()
    }

    fn in_flight(&self) -> Vec<u64> {
        self.core().in_flight()
    }

    fn report(&self) -> PublishReport {
        PublishReport::new(Arc::new(self.core().report()))
    }

    fn decide<'py>(
        &self,
        py: Python<'py>,
        file_ids: &Bound<'_, PyList>,
        decision: &Bound<'_, PyString>,
        by: &Bound<'_, PyAny>,
        evidence: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let texts = || -> Result<_, Refusal> {
            let by = arguments::text("by", by, Error::decision)?;
            let evidence =
                evidence.map(|evidence| arguments::text("evidence", evidence, Error::decision)).transpose()?;
            Ok((by, evidence))
        };
        let file_ids = raw_ids(file_ids)?;
        let decision = arguments::word(decision);
        let job = texts().map(|(by, evidence)| {
            let journal = self.0.clone();
            Job::new(move || {
                let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
                let decision = decision.parse().map_err(|word| journal.not_recorded(Error::from(word)))?;
                let replaced = journal.decide(file_ids, decision, &by, evidence.as_deref())?;
                Ok::<_, Error>(Decided { replaced, warning: journal.take_warning() })
            })
        });
        hand_over(py, job)
    }

    /// This journal with what `settle` has recorded about these files.
    fn settled(&self, file_ids: Vec<u64>) -> Job {
        let journal = self.core().clone();
        Job::new(move || -> Result<_, Refusal> { Ok(Self(Arc::new(Mutex::new(journal.settled(&file_ids)?)))) })
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::read(py, &self.core().to_json())
    }

    fn to_json(&self) -> String {
        self.core().to_json()
    }
}
