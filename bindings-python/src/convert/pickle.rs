//! How the native classes are pickled: as `(class._from_json, (json,))`.

use addepar_portal::host::read_json;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;

pub(crate) type Reduced<'py> = (Bound<'py, PyAny>, (String,));

pub(crate) fn reduce<'py>(object: &Bound<'py, PyAny>, core: &impl serde::Serialize) -> PyResult<Reduced<'py>> {
    let json = serde_json::to_string(core).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((object.getattr(intern!(object.py(), "_from_json"))?, (json,)))
}

pub(crate) fn restore<T: serde::de::DeserializeOwned>(json: &str) -> PyResult<T> {
    read_json(json.as_bytes())
        .map_err(|reason| PyValueError::new_err(format!("This was not pickled as it is now: {reason}.")))
}
