//! Python values as raw ids. The verdict is the core's.

use addepar_portal::{MAX_FILES, NoId, RawId, not_a_collection};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::error::to_py_err;

const FLOAT_HINT: &str = "A column with missing values holds floats: drop them, then convert it with astype('int64').";

pub(crate) fn raw_ids(name: &str, ids: &Bound<'_, PyAny>) -> PyResult<Vec<RawId>> {
    let is_text = ids.is_instance_of::<PyString>() || ids.is_instance_of::<PyBytes>();
    let is_list = ids.is_instance_of::<PyList>() || ids.is_instance_of::<PyTuple>();
    let is_bytes = || ids.is_instance_of::<PyByteArray>() || is_buffer_of_bytes(ids);
    let is_no_list = !is_list && (is_text || is_bytes() || is_mapping(ids)?);
    let iterator = if is_no_list { None } else { ids.try_iter().ok() };
    let Some(iterator) = iterator else {
        let type_name = ids.get_type().name()?;
        return Err(to_py_err(ids.py(), &not_a_collection(name, &type_name.to_string_lossy())));
    };
    // What an object says about its length need not be true, or fit into the memory.
    let mut raw = Vec::with_capacity(ids.len().unwrap_or_default().min(MAX_FILES));
    for id in iterator {
        raw.push(raw_id(&id?)?);
    }
    Ok(raw)
}

/// The check that comes with `PyO3` panics where nothing can be imported any more, at the end of the interpreter.
fn is_mapping(ids: &Bound<'_, PyAny>) -> PyResult<bool> {
    let mapping = ids.py().import(intern!(ids.py(), "collections.abc"))?.getattr(intern!(ids.py(), "Mapping"))?;
    ids.is_instance(&mapping)
}

/// A memoryview or an array of single bytes: bytes by another name.
fn is_buffer_of_bytes(ids: &Bound<'_, PyAny>) -> bool {
    ids.getattr("itemsize").and_then(|size| size.extract::<usize>()).is_ok_and(|size| size == 1)
}

fn raw_id(id: &Bound<'_, PyAny>) -> PyResult<RawId> {
    if id.is_exact_instance_of::<PyInt>() {
        return integer(id);
    }
    if let Ok(text) = id.cast::<PyString>() {
        return Ok(RawId::Text(text.to_string_lossy().into_owned()));
    }
    let is_float = id.is_instance_of::<PyFloat>() || type_name(id)?.starts_with("float");
    if is_float {
        return other(id, Some(FLOAT_HINT));
    }
    if id.is_instance_of::<PyBool>() || type_name(id)?.starts_with("bool") {
        return other(id, None);
    }
    // Other integers: numpy's, an IntEnum's.
    match id.call_method0("__index__") {
        Ok(index) => integer(&index),
        Err(_) => other(id, None),
    }
}

/// Most ids fit the quick way; the largest ones are the core's to refuse.
fn integer(id: &Bound<'_, PyAny>) -> PyResult<RawId> {
    match id.extract::<i64>().map(i128::from).or_else(|_| id.extract::<i128>()) {
        Ok(integer) => Ok(RawId::Integer(integer)),
        Err(_) => other(id, None),
    }
}

fn type_name(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value.get_type().name()?.to_string_lossy().into_owned())
}

fn other(id: &Bound<'_, PyAny>, hint: Option<&'static str>) -> PyResult<RawId> {
    let shown = id.str().map_or_else(|_| "?".to_owned(), |shown| shown.to_string_lossy().into_owned());
    Ok(NoId { type_name: type_name(id)?, shown, hint }.into())
}
