//! Requests and reports are made here: this can fail, and the classes themselves know no errors.

use std::sync::Arc;

use addepar_portal as core;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::convert::Refusal;
use crate::convert::arguments::word;
use crate::convert::ids::raw_ids;
use crate::error::{Failure, hand_over};
use crate::report::PublishReport;
use crate::request::PublishRequest;

/// A request, or the `Failure` that says what cannot be sent. `for_batch`: of any number of files.
#[pyfunction]
pub(crate) fn make_request<'py>(
    py: Python<'py>,
    file_ids: &Bound<'_, PyList>,
    portal_publishing: &Bound<'_, PyString>,
    contact_notification: &Bound<'_, PyString>,
    publish_override_contact_ids: &Bound<'_, PyList>,
    for_batch: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let make = || -> Result<PublishRequest, Refusal> {
        let (file_ids, contacts) = (raw_ids(file_ids)?, raw_ids(publish_override_contact_ids)?);
        let (publishing, notification) = (word(portal_publishing).parse()?, word(contact_notification).parse()?);
        let make = if for_batch { core::PublishRequest::for_batch } else { core::PublishRequest::new };
        Ok(PublishRequest(make(file_ids, publishing, notification)?.with_override_contacts(contacts)?))
    };
    hand_over(py, make())
}

/// A report of an answer's body.
#[pyfunction]
pub(crate) fn read_response<'py>(
    py: Python<'py>,
    request: &PublishRequest,
    body: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    let read = core::PublishReport::from_response(&request.0, body);
    hand_over(py, read.map(|report| PublishReport::new(Arc::new(report))))
}

/// A report of its own JSON.
#[pyfunction]
pub(crate) fn read_report<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    hand_over(py, core::PublishReport::from_json(json).map(|report| PublishReport::new(Arc::new(report))))
}

/// What `raise_for_failures` raises; `None` if every file is ok.
#[pyfunction]
pub(crate) fn failures(report: &PublishReport) -> Option<Failure> {
    core::PublishReport::clone(report.core()).raise_for_failures().err().map(Failure::new)
}
