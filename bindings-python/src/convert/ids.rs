//! Plain Python values as raw ids. The verdict is the core's; what is neither a plain integer nor a text was looked at in Python.

use addepar_portal as core;
use addepar_portal::RawId;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyString};

const MISSING: &str = "`.dropna()` of a column leaves missing values out (polars: `.drop_nulls()`, pyarrow: \
    `.drop_null()`).";
const WHOLE_NUMBERS: &str = "A column with missing values holds floats. In pandas `.dropna().astype('Int64')` of it has \
    the ids, and raises where one is not a whole number.";
const ROUNDED: &str = "A float of 4 bytes or fewer has rounded larger ids to others: read the ids again, as integers.";

/// A value that is not an id, as it is shown in the error.
#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct NoId(core::host::NoId);

#[pymethods]
impl NoId {
    #[new]
    fn new(type_name: &Bound<'_, PyString>, shown: &Bound<'_, PyString>, hint: Option<&str>) -> Self {
        let hint = match hint {
            Some("missing") => Some(MISSING),
            Some("whole_numbers") => Some(WHOLE_NUMBERS),
            Some("rounded") => Some(ROUNDED),
            _ => None,
        };
        let [type_name, shown] = [type_name, shown].map(|text| text.to_string_lossy().into_owned());
        Self(core::host::NoId { type_name, shown, hint })
    }
}

/// The ids of a list of integers, texts and `NoId`, each of exactly that type: reading them runs no Python code.
pub(crate) fn raw_ids(ids: &Bound<'_, PyList>) -> PyResult<Vec<RawId>> {
    let mut raw = Vec::with_capacity(ids.len());
    for id in ids {
        raw.push(raw_id(&id)?);
    }
    Ok(raw)
}

/// One id, of such a type.
pub(crate) fn raw_id(id: &Bound<'_, PyAny>) -> PyResult<RawId> {
    if id.is_exact_instance_of::<PyInt>() {
        return Ok(integer(id));
    }
    if let Ok(text) = id.cast_exact::<PyString>() {
        return Ok(RawId::Text(text.to_string_lossy().into_owned()));
    }
    Ok(id.cast::<NoId>()?.get().0.clone().into())
}

/// Most ids fit the quick way; the largest ones are the core's to refuse.
fn integer(id: &Bound<'_, PyAny>) -> RawId {
    if let Ok(integer) = id.extract::<i64>().map(i128::from).or_else(|_| id.extract::<i128>()) {
        return RawId::Integer(integer);
    }
    let shown = id.str().map_or_else(|_| "?".to_owned(), |shown| shown.to_string_lossy().into_owned());
    core::host::NoId { type_name: "int".to_owned(), shown, hint: None }.into()
}
