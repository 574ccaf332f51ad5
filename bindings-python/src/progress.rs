use addepar_portal as core;
use pyo3::prelude::*;

use crate::convert::pickle::{Reduced, reduce, restore};

/// How far a batch has come.
#[pyclass(frozen, eq, module = "addepar_portal")]
#[derive(PartialEq)]
pub(crate) struct Progress(core::Progress);

impl From<core::Progress> for Progress {
    fn from(progress: core::Progress) -> Self {
        Self(progress)
    }
}

#[pymethods]
impl Progress {
    #[staticmethod]
    fn _from_json(json: &str) -> PyResult<Self> {
        restore(json).map(Self)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        reduce(slf.as_any(), &slf.get().0)
    }

    #[classattr]
    #[allow(non_upper_case_globals, reason = "Python's name")]
    const __match_args__: (&'static str, &'static str, &'static str, &'static str, &'static str) =
        ("total", "succeeded", "failed", "unknown", "not_processed");

    /// How many files there are.
    #[getter]
    fn total(&self) -> usize {
        self.0.total
    }

    /// How many files are `ok`.
    #[getter]
    fn succeeded(&self) -> usize {
        self.0.succeeded
    }

    /// How many files are `failed`: for some or all contacts.
    #[getter]
    fn failed(&self) -> usize {
        self.0.failed
    }

    /// How many files are `unknown`.
    #[getter]
    fn unknown(&self) -> usize {
        self.0.unknown
    }

    /// How many files are yet to be processed.
    #[getter]
    fn not_processed(&self) -> usize {
        self.0.not_processed
    }

    /// The chunk that was sent last, or is next; from 1.
    #[getter]
    fn chunk(&self) -> u32 {
        self.0.chunk
    }

    /// How many chunks there are.
    #[getter]
    fn chunks(&self) -> usize {
        self.0.chunks
    }

    /// Seconds that the batch now waits for the rate limit; `None` if it does not wait.
    #[getter]
    fn waiting(&self) -> Option<f64> {
        self.0.waiting
    }

    fn __repr__(&self) -> String {
        let core::Progress { total, succeeded, failed, unknown, not_processed, chunk, chunks, waiting } = self.0;
        let waiting = waiting.map_or_else(|| "None".to_owned(), |seconds| format!("{seconds:?}"));
        format!(
            "Progress(total={total}, succeeded={succeeded}, failed={failed}, unknown={unknown}, \
             not_processed={not_processed}, chunk={chunk}, chunks={chunks}, waiting={waiting})"
        )
    }
}
