use addepar_portal as core;
use addepar_portal::host::errors_in_words;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

/// Those that are members of the rows.
const MEMBERS: [&str; 11] = [
    "file_id",
    "state",
    "published",
    "notified",
    "publish_status",
    "notify_status",
    "contacts_not_published",
    "contacts_not_notified",
    "decision",
    "reason",
    "portfolio_name",
];

/// One list for each column of a report, whose rows are `files`.
pub(super) fn of<'py>(report: &core::PublishReport, files: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyDict>> {
    let py = files.py();
    let columns = PyDict::new(py);
    for name in MEMBERS {
        let name = PyString::intern(py, name);
        let column = files.iter().map(|row| row.getattr(&name)).collect::<PyResult<Vec<_>>>()?;
        columns.set_item(&name, PyList::new(py, column)?)?;
    }
    let errors = report.files().iter().map(errors_in_words);
    columns.set_item(intern!(py, "errors"), PyList::new(py, errors.collect::<Vec<_>>())?)?;
    Ok(columns)
}
