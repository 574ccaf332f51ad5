//! Arguments, where the usual conversion would say too much or too little.

use std::collections::BTreeMap;

use addepar_portal::{BatchOptions, Error};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::Refusal;
use super::ids::raw_id;

/// A text, or the error that `refuse` makes of one with half of a surrogate pair. Python's own error for that
/// shows the whole text, and this may be a secret.
pub(crate) fn text(name: &str, given: &Bound<'_, PyAny>, refuse: fn(String) -> Error) -> Result<String, Refusal> {
    let Ok(text) = given.cast::<PyString>() else { return Err(other_type(name, given, "str").into()) };
    text.to_str()
        .map(str::to_owned)
        .map_err(|_| refuse(format!("`{name}` has a character that it cannot have: half of a surrogate pair.")).into())
}

/// A setting that is a text, where it is given.
pub(crate) fn setting(name: &str, given: Option<&Bound<'_, PyAny>>) -> Result<Option<String>, Refusal> {
    given.map(|given| text(name, given, Error::config)).transpose()
}

/// A word that the core knows or refuses.
pub(crate) fn word(given: &Bound<'_, PyString>) -> String {
    given.to_string_lossy().into_owned()
}

/// Several of them, each of exactly that type.
pub(crate) fn words(given: &Bound<'_, PyList>) -> PyResult<Vec<String>> {
    given.iter().map(|each| Ok(word(each.cast::<PyString>()?))).collect()
}

/// Texts by ids, which are integers, texts and `NoId`. What is not an id is refused where the ids themselves are.
pub(crate) fn texts_by_id(given: &Bound<'_, PyDict>) -> PyResult<BTreeMap<u64, String>> {
    let mut texts = BTreeMap::new();
    for (id, text) in given {
        if let Some(id) = raw_id(&id)?.value() {
            texts.insert(id, word(text.cast::<PyString>()?));
        }
    }
    Ok(texts)
}

/// How many files go into one request. The core refuses what is too large for it, too.
pub(crate) fn chunk_size(given: &Bound<'_, PyAny>) -> Result<usize, Refusal> {
    let given = given.extract::<i128>().map_or_else(|_| "a number of more than 128 bits".to_owned(), |n| n.to_string());
    Ok(BatchOptions::chunk_size_from(&given)?)
}

fn other_type(name: &str, given: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    let type_name = given.get_type().name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    PyTypeError::new_err(format!("`{name}` must be a {expected}, not of type {type_name}. Nothing was sent."))
}
