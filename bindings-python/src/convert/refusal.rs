use addepar_portal::{Error, InvalidInput};
use pyo3::PyErr;

/// Why something cannot be done: an error of the core, or one of Python's own, which are made without Python code.
pub(crate) enum Refusal {
    Core(Error),
    Python(PyErr),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<InvalidInput> for Refusal {
    fn from(invalid: InvalidInput) -> Self {
        Self::Core(invalid.into())
    }
}

impl From<PyErr> for Refusal {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}
