//! Requests and reports are made here: this can fail, and the classes themselves know no errors.

use std::sync::Arc;

use addepar_portal::{self as core, Error, RawId};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::convert::Refusal;
use crate::convert::arguments::{texts_by_id, word};
use crate::convert::ids::raw_ids;
use crate::error::{Failure, hand_over};
use crate::report::PublishReport;
use crate::request::PublishRequest;

/// A request, or the `Failure` that says what cannot be sent. `for_batch`: of any number of files, and without
/// `file_ids` of those that generated reports have.
#[pyfunction]
pub(crate) fn make_request<'py>(
    py: Python<'py>,
    file_ids: Option<&Bound<'_, PyList>>,
    portal_publishing: &Bound<'_, PyString>,
    contact_notification: &Bound<'_, PyString>,
    publish_override_contact_ids: &Bound<'_, PyList>,
    for_batch: bool,
    portfolio_names: &Bound<'_, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let make = || -> Result<PublishRequest, Refusal> {
        let contacts = raw_ids(publish_override_contact_ids)?;
        let (publishing, notification) = (word(portal_publishing).parse()?, word(contact_notification).parse()?);
        let request = match file_ids {
            None => core::PublishRequest::for_reports(publishing, notification),
            Some(ids) if for_batch => core::PublishRequest::for_batch(raw_ids(ids)?, publishing, notification)?,
            Some(ids) => core::PublishRequest::new(raw_ids(ids)?, publishing, notification)?,
        };
        let request = request.with_override_contacts(contacts)?;
        Ok(PublishRequest(request.with_portfolio_names(texts_by_id(portfolio_names)?)))
    };
    hand_over(py, make())
}

/// The ids of a column of the caller's, by which files or other things are looked up; or the `Failure` that names what is not an id.
#[pyfunction]
pub(crate) fn ids_in_column<'py>(
    py: Python<'py>,
    column: &Bound<'_, PyString>,
    things: &Bound<'_, PyString>,
    ids: &Bound<'_, PyList>,
) -> PyResult<Bound<'py, PyAny>> {
    let raw = raw_ids(ids)?;
    let ids: Vec<u64> = raw.iter().filter_map(RawId::value).collect();
    if ids.len() == raw.len() {
        return Ok(PyList::new(py, ids)?.into_any());
    }
    let refused: Vec<RawId> = raw.into_iter().filter(|id| id.value().is_none()).collect();
    hand_over::<PublishReport>(py, Err(Error::no_ids_in_column(&word(column), &word(things), &refused)))
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
