//! How the native classes are pickled: as `(class._from_json, (json,))`.

use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;

pub(crate) type Reduced<'py> = (Bound<'py, PyAny>, (String,));

pub(crate) fn reduce<'py>(object: &Bound<'py, PyAny>, core: &impl serde::Serialize) -> PyResult<Reduced<'py>> {
    let json = serde_json::to_string(core).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((object.getattr(intern!(object.py(), "_from_json"))?, (json,)))
}

pub(crate) fn restore<T: serde::de::DeserializeOwned>(json: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(|error| PyValueError::new_err(error.to_string()))
}
