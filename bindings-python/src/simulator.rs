use std::sync::Arc;

use addepar_portal::host::forget_sent_to;
use addepar_portal_simulator::SimulatedPortal;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::convert::Refusal;
use crate::job::{Job, NOTHING};

#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Simulator(Arc<SimulatedPortal>);

#[pymethods]
impl Simulator {
    #[new]
    fn new(options: &str) -> PyResult<Self> {
        let portal = SimulatedPortal::start(options).map_err(PyValueError::new_err)?;
        forget_sent_to(portal.base_url());
        Ok(Self(Arc::new(portal)))
    }

    #[getter]
    fn base_url(&self) -> &str {
        self.0.base_url()
    }

    /// One command in JSON, its answer in JSON.
    fn control(&self, command: String) -> Job {
        let portal = self.0.clone();
        Job::new(move || portal.control(&command).map_err(PyValueError::new_err))
    }

    fn stop(&self) -> Job {
        let portal = self.0.clone();
        Job::new(move || {
            portal.stop();
            Ok::<_, Refusal>(NOTHING)
        })
    }
}
