use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use addepar_portal as core;
use pyo3::prelude::*;

use crate::error::to_py_err;
use crate::report::PublishReport;

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
        file_ids: Vec<u64>,
        decision: &str,
        by: &str,
        evidence: Option<&str>,
    ) -> PyResult<()> {
        let decided = py.detach(|| self.core().decide(file_ids, decision.parse()?, by, evidence));
        decided.map_err(|error| to_py_err(py, &error))
    }

    fn to_json(&self) -> String {
        self.core().to_json()
    }
}
