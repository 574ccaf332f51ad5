//! Python values as the core takes them, where the usual conversion would say too much or too little.

use addepar_portal::{Error, MAX_FILES};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::error::to_py_err;

/// A text, or the error that `refuse` makes of one with half of a surrogate pair. Python's own error for that
/// shows the whole text, and this may be a secret.
pub(crate) fn text(name: &str, given: &Bound<'_, PyAny>, refuse: fn(String) -> Error) -> PyResult<String> {
    let Ok(text) = given.cast::<PyString>() else { return Err(other_type(name, given, "str")) };
    text.to_str().map(str::to_owned).map_err(|_| {
        to_py_err(given.py(), &refuse(format!("{name} has a character that it cannot have: half of a surrogate pair.")))
    })
}

/// A setting that is a text, where it is given.
pub(crate) fn setting(name: &str, given: Option<&Bound<'_, PyAny>>) -> PyResult<Option<String>> {
    given.map(|given| text(name, given, Error::config)).transpose()
}

/// A word that the core knows or refuses: it is shown anything.
pub(crate) fn word(given: &Bound<'_, PyAny>) -> PyResult<String> {
    given.str().map(|word| word.to_string_lossy().into_owned())
}

/// Seconds. An integer beyond every float is more than the core allows as well.
pub(crate) fn seconds(name: &str, given: &Bound<'_, PyAny>) -> PyResult<f64> {
    let py = given.py();
    given.extract().or_else(|error: PyErr| match error {
        _ if error.is_instance_of::<PyOverflowError>(py) => Ok(f64::INFINITY),
        _ if error.is_instance_of::<PyTypeError>(py) => Err(other_type(name, given, "number")),
        _ => Err(error),
    })
}

/// How many files go into one request.
pub(crate) fn chunk_size(given: &Bound<'_, PyAny>) -> PyResult<usize> {
    let py = given.py();
    given.extract().map_err(|error: PyErr| match error {
        _ if error.is_instance_of::<PyOverflowError>(py) => {
            let message = format!("chunk_size is out of range: allowed are 1 to {MAX_FILES}.");
            to_py_err(py, &Error::input(message))
        }
        _ if error.is_instance_of::<PyTypeError>(py) => other_type("chunk_size", given, "int"),
        _ => error,
    })
}

fn other_type(name: &str, given: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    let type_name = given.get_type().name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    PyTypeError::new_err(format!("{name} is of type {type_name}: it is a {expected}"))
}
