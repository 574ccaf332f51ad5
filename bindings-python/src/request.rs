use addepar_portal::{self as core, ContactNotification, PortalPublishing, RawId};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::word;
use crate::error::to_py_err;
use crate::ids::raw_ids;
use crate::report::{Reduced, reduce, restore};

/// One call of the API, validated. No network.
///
/// Raises `InputError`, which names the values that cannot be sent.
#[pyclass(frozen, eq, hash, module = "addepar_portal")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct PublishRequest(pub(crate) core::PublishRequest);

#[pymethods]
impl PublishRequest {
    #[new]
    #[pyo3(signature = (file_ids, *, portal_publishing, contact_notification, publish_override_contact_ids = None))]
    fn new(
        py: Python<'_>,
        file_ids: &Bound<'_, PyAny>,
        portal_publishing: &Bound<'_, PyAny>,
        contact_notification: &Bound<'_, PyAny>,
        publish_override_contact_ids: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Self::make(
            py,
            core::PublishRequest::new,
            file_ids,
            portal_publishing,
            contact_notification,
            publish_override_contact_ids,
        )
    }

    /// Any number of files, for a batch.
    #[staticmethod]
    fn _for_batch(
        py: Python<'_>,
        file_ids: &Bound<'_, PyAny>,
        portal_publishing: &Bound<'_, PyAny>,
        contact_notification: &Bound<'_, PyAny>,
        publish_override_contact_ids: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Self::make(
            py,
            core::PublishRequest::for_batch,
            file_ids,
            portal_publishing,
            contact_notification,
            publish_override_contact_ids,
        )
    }

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

    /// The body of the POST, exactly as it is sent.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// The body of the POST as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        crate::report::parse_json(py, &self.0.to_json())
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

type Make = fn(Vec<RawId>, PortalPublishing, ContactNotification) -> Result<core::PublishRequest, core::Error>;

impl PublishRequest {
    fn make(
        py: Python<'_>,
        make: Make,
        file_ids: &Bound<'_, PyAny>,
        portal_publishing: &Bound<'_, PyAny>,
        contact_notification: &Bound<'_, PyAny>,
        publish_override_contact_ids: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let file_ids = raw_ids("file_ids", file_ids)?;
        let contacts = match publish_override_contact_ids {
            Some(contacts) => raw_ids("publish_override_contact_ids", contacts)?,
            None => Vec::new(),
        };
        let (publishing, notification) = (word(portal_publishing)?, word(contact_notification)?);
        publishing
            .parse()
            .and_then(|publishing| make(file_ids, publishing, notification.parse()?))
            .and_then(|request| request.with_override_contacts(contacts))
            .map(Self)
            .map_err(|error| to_py_err(py, &error))
    }
}
