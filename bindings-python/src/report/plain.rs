//! Rows as plain values, in the order of the members of the classes in `_rows.py`.

use std::time::{SystemTime, UNIX_EPOCH};

use addepar_portal::{self as core, Outcome};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::file_error::FileError;
use super::members;

type Attempt<'a> = (Option<i128>, Option<i128>, Option<u16>, Option<&'a str>, f64, &'static str, Option<f64>);

pub(super) fn attempt(attempt: &core::Attempt) -> Attempt<'_> {
    let core::Attempt { sent_at, answered_at, http_status, request_id, elapsed, outcome, retry_after } = attempt;
    (
        sent_at.map(microseconds),
        answered_at.map(microseconds),
        *http_status,
        request_id.as_deref(),
        elapsed.as_secs_f64(),
        Outcome::as_str(*outcome),
        retry_after.map(|delay| delay.as_secs_f64()),
    )
}

/// Since 1970, in UTC. A clock may be set to a time before.
fn microseconds(time: SystemTime) -> i128 {
    let whole = |micros| i128::try_from(micros).unwrap_or(i128::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since.as_micros()),
        Err(before) => -whole(before.duration().as_micros()),
    }
}

type Unexpected<'py> = (Option<u64>, Option<Bound<'py, PyString>>, Option<Bound<'py, PyString>>, Bound<'py, PyTuple>);

pub(super) fn unexpected<'py>(py: Python<'py>, result: &core::UnexpectedResult) -> PyResult<Unexpected<'py>> {
    let core::UnexpectedResult { file_id, publish_status, notify_status, errors } = result;
    Ok((
        *file_id,
        members::status(py, publish_status.as_ref()),
        members::status(py, notify_status.as_ref()),
        PyTuple::new(py, errors.iter().cloned().map(FileError::alone))?,
    ))
}

pub(super) fn api_error(error: &core::ApiError) -> [Option<&str>; 5] {
    let core::ApiError { status, code, title, detail, source } = error;
    [status, code, title, detail, source].map(Option::as_deref)
}

pub(super) fn unread_page(page: &core::UnreadPage) -> (&str, Option<u16>, &str, &str) {
    let core::UnreadPage { link, http_status, reason, raw } = page;
    (link, *http_status, reason, raw)
}

pub(super) type FailedContacts<'py> = (Bound<'py, PyDict>, Bound<'py, PyTuple>);

pub(super) fn failed_contacts<'py>(py: Python<'py>, failed: &core::FailedContacts) -> PyResult<FailedContacts<'py>> {
    let core::FailedContacts { contacts, unreadable } = failed;
    let steps = PyDict::new(py);
    for (contact, failures) in contacts {
        let failures = failures.iter().map(|(file, step)| (*file, step.as_str()));
        steps.set_item(contact, PyTuple::new(py, failures.collect::<Vec<_>>())?)?;
    }
    Ok((steps, PyTuple::new(py, unreadable)?))
}
