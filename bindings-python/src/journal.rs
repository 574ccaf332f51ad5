use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use addepar_portal::{self as core, Error};
use pyo3::prelude::*;

use crate::arguments;
use crate::error::to_py_err;
use crate::ids::raw_ids;
use crate::report::PublishReport;

/// Sets a folder up for journals, once; its id.
#[pyfunction]
pub(crate) fn init_journal_dir(py: Python<'_>, folder: &Bound<'_, PyAny>) -> PyResult<String> {
    let folder = arguments::text("folder", folder, Error::input)?;
    py.detach(|| core::init_journal_dir(folder)).map_err(|error| to_py_err(py, &error))
}

#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Journal(Mutex<core::Journal>);

impl Journal {
    fn core(&self) -> MutexGuard<'_, core::Journal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Journal {
    #[new]
    fn new(py: Python<'_>, path: &str) -> PyResult<Self> {
        let journal = py.detach(|| core::Journal::open(path)).map_err(|error| to_py_err(py, &error))?;
        Ok(Self(Mutex::new(journal)))
    }

    fn undecided(&self) -> Vec<u64> {
        self.core().undecided()
    }

    fn report(&self) -> PublishReport {
        PublishReport::new(Arc::new(self.core().report()))
    }

    fn decide(
        &self,
        py: Python<'_>,
        file_ids: &Bound<'_, PyAny>,
        decision: &Bound<'_, PyAny>,
        by: &Bound<'_, PyAny>,
        evidence: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let file_ids = raw_ids("file_ids", file_ids)?;
        let decision = arguments::word(decision)?;
        let by = arguments::text("by", by, Error::input)?;
        let evidence = evidence.map(|evidence| arguments::text("evidence", evidence, Error::input)).transpose()?;
        let decided = py.detach(|| self.core().decide(file_ids, decision.parse()?, &by, evidence.as_deref()));
        decided.map_err(|error| to_py_err(py, &error))
    }

    fn to_json(&self) -> String {
        self.core().to_json()
    }
}
