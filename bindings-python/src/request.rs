use addepar_portal as core;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::convert::json;
use crate::convert::pickle::{Reduced, reduce, restore};

/// One call of the API, validated. No network.
///
/// Raises `InputError`, which names the values that cannot be sent.
#[pyclass(frozen, eq, hash, module = "addepar_portal")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct PublishRequest(pub(crate) core::PublishRequest);

#[pymethods]
impl PublishRequest {
    /// The distinct files, in the order asked: from 1 to 500, of a batch any number.
    #[getter]
    fn file_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.file_ids())
    }

    /// Whose portals the files are published to.
    #[getter]
    fn portal_publishing(&self) -> &'static str {
        self.0.portal_publishing().as_str()
    }

    /// Who is e-mailed.
    #[getter]
    fn contact_notification(&self) -> &'static str {
        self.0.contact_notification().as_str()
    }

    /// The contacts who receive every file.
    #[getter]
    fn publish_override_contact_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.publish_override_contact_ids())
    }

    /// File -> the name of its portfolio, as far as that is known: a generated report says it. It is not sent.
    #[getter]
    fn portfolio_names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let names = PyDict::new(py);
        for (file_id, name) in self.0.portfolio_names() {
            names.set_item(file_id, name)?;
        }
        Ok(names)
    }

    /// The body of the POST as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::read(py, &self.0.to_json())
    }

    /// The body of the POST, exactly as it is sent.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    #[staticmethod]
    fn _from_json(json: &str) -> PyResult<Self> {
        restore(json).map(Self)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduce(slf.as_any(), &slf.get().0)
    }

    fn __repr__(&self) -> String {
        let shown: Vec<String> = self.0.file_ids().iter().take(5).map(ToString::to_string).collect();
        let more = if self.0.file_ids().len() > 5 { ", …" } else { "" };
        let contacts = match self.0.publish_override_contact_ids() {
            [] => String::new(),
            contacts => format!(", publish_override_contact_ids={contacts:?}"),
        };
        format!(
            "PublishRequest([{}{more}], portal_publishing='{}', contact_notification='{}'{contacts})",
            shown.join(", "),
            self.portal_publishing(),
            self.contact_notification(),
        )
    }
}
