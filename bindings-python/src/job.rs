//! Work that may take a while and is not a call: journals on a slow disk, the simulator's commands.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use pyo3::prelude::*;

use crate::bell::Bell;
use crate::convert::Refusal;
use crate::error::hand_over;

/// What came of it, as Python gets it.
type Done = Box<dyn for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>> + Send>;
type Work = Box<dyn FnOnce() -> Done + Send>;

/// What comes of work that has nothing to say but that it was done: None.
pub(crate) const NOTHING: Option<()> = None;

/// Runs once: on the main thread by itself, for any other thread on one of its own, since a thread that waits in Rust
/// must not be stopped there by an interpreter that ends.
#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Job {
    work: Mutex<Option<Work>>,
    done: Arc<Mutex<Option<Done>>>,
}

impl Job {
    pub(crate) fn new<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Self
    where
        T: for<'py> IntoPyObject<'py> + Send + 'static,
        E: Into<Refusal> + Send + 'static,
    {
        let work = || -> Done {
            let result = work();
            Box::new(|py| hand_over(py, result))
        };
        Self { work: Mutex::new(Some(Box::new(work))), done: Arc::default() }
    }

    fn take(&self) -> Option<Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[pymethods]
impl Job {
    /// Runs on this thread, which is the main one.
    fn run(&self, py: Python<'_>) {
        if let Some(work) = self.take() {
            let done = py.detach(work);
            *self.done.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        }
    }

    /// Runs on a thread of its own, which rings the bell. False: no thread can be had, and nothing was done.
    fn spawn(&self, bell: Option<&Bell>) -> bool {
        let Some(work) = self.take() else { return true };
        let work = Arc::new(Mutex::new(Some(work)));
        let (theirs, done, ringer) = (work.clone(), self.done.clone(), bell.map(Bell::ringer));
        let spawned = thread::Builder::new().name("addepar-portal-job".to_owned()).spawn(move || {
            let work = theirs.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(work) = work {
                let result = work();
                *done.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            }
            if let Some(ringer) = ringer {
                ringer.ring();
            }
        });
        if spawned.is_err() {
            *self.work.lock().unwrap_or_else(PoisonError::into_inner) =
                work.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        spawned.is_ok()
    }

    fn is_done(&self) -> bool {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// What it came to, once.
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        match done {
            Some(done) => done(py),
            None => Ok(py.None().into_bound(py)),
        }
    }
}
