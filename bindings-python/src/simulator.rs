use addepar_portal_simulator::SimulatedPortal;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Simulator(SimulatedPortal);

#[pymethods]
impl Simulator {
    #[new]
    fn new(options: &str) -> PyResult<Self> {
        SimulatedPortal::start(options).map(Self).map_err(PyValueError::new_err)
    }

    #[getter]
    fn base_url(&self) -> &str {
        self.0.base_url()
    }

    /// One command in JSON, its answer in JSON.
    fn control(&self, py: Python<'_>, command: &str) -> PyResult<String> {
        py.detach(|| self.0.control(command)).map_err(PyValueError::new_err)
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.0.stop());
    }
}
