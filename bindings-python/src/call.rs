//! One publish under way, driven by the calling thread or, for asyncio, by the background thread.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use addepar_portal::{ErrorKind, PublishCall, Turn};
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;

use crate::bell::Bell;
use crate::error::{to_exception, to_py_err};
use crate::progress::Progress;
use crate::report::PublishReport;

#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Call {
    publish: Arc<PublishCall>,
    /// How to stop the background task, and where it left off.
    task: Mutex<Option<tokio::task::AbortHandle>>,
    turn: Arc<Mutex<Option<Turn>>>,
    /// What a batch was stopped for.
    interrupt: Mutex<Option<PyErr>>,
}

impl Call {
    pub(crate) fn new(call: PublishCall) -> Self {
        Self { publish: Arc::new(call), task: Mutex::default(), turn: Arc::default(), interrupt: Mutex::default() }
    }
}

#[pymethods]
impl Call {
    /// Runs on this thread until its turn ends: `done`, `token_wanted` or `noted`.
    ///
    /// On the main thread signals are looked at every 50 ms; what a handler raises comes through, of a
    /// batch at its end, and `abandon` then says what may have happened. Other threads have no signals, and must not attach
    /// to an interpreter that may be on its way out.
    #[allow(clippy::redundant_closure_for_method_calls, reason = "the method alone is not general enough")]
    fn run(&self, py: Python<'_>) -> PyResult<&'static str> {
        let has_signals = is_main_thread(py)?;
        let mut interrupt = None;
        let turn = py.detach(|| {
            self.publish.run_blocking(|| {
                if !has_signals {
                    return ControlFlow::Continue(());
                }
                match Python::attach(|py| py.check_signals()).or_else(|raised| self.stop_for(raised)) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(raised) => {
                        interrupt = Some(raised);
                        ControlFlow::Break(())
                    }
                }
            })
        });
        match turn {
            Some(turn) => Ok(turn.as_str()),
            None => Err(interrupt.unwrap_or_else(|| PyRuntimeError::new_err("the call was interrupted"))),
        }
    }

    /// Runs on the background thread, which rings the bell when the turn ends.
    fn spawn(&self, bell: &Bell) {
        let (turn, ringer) = (self.turn.clone(), bell.ringer());
        let task = self.publish.spawn(move |paused| {
            *turn.lock().unwrap_or_else(PoisonError::into_inner) = Some(paused);
            ringer.ring();
        });
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = task;
    }

    /// How the turn ended, after the bell rang.
    fn turn(&self) -> &'static str {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner).take();
        turn.unwrap_or(Turn::Done).as_str()
    }

    /// Stops a batch for an exception, which `result` raises in the end. False: it is no batch, or it is
    /// being stopped already.
    fn stop(&self, interrupt: Bound<'_, PyAny>) -> bool {
        self.stop_for(PyErr::from_value(interrupt)).is_ok()
    }

    /// Whether it is being stopped.
    fn is_stopping(&self) -> bool {
        self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Whether the turn is over, however many bells were missed.
    fn is_paused(&self) -> bool {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// From now on `progress` has how far a batch has come.
    fn follow_progress(&self) {
        self.publish.follow_progress();
    }

    /// How far a batch has come, if that is news.
    fn progress(&self) -> Option<Progress> {
        self.publish.progress().map(Progress::from)
    }

    /// From now on `notes` has what is to be logged.
    fn watch(&self) {
        self.publish.watch();
    }

    /// What is to be logged by now: levels and lines.
    fn notes(&self) -> Vec<(&'static str, String)> {
        self.publish.notes().into_iter().map(|note| (note.level.as_str(), note.message)).collect()
    }

    fn provide_token(&self, token: String) {
        self.publish.provide_token(token.into());
    }

    fn refuse_token(&self, reason: &str) {
        self.publish.refuse_token(reason);
    }

    /// The report; raises the error of the call, or what a batch was stopped for.
    fn result(&self, py: Python<'_>) -> PyResult<PublishReport> {
        if let Some(interrupt) = self.interrupt.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(interrupt);
        }
        match self.publish.result() {
            Some(Ok(report)) => Ok(PublishReport::new(report)),
            Some(Err(error)) => Err(to_py_err(py, &error)),
            None => Err(PyRuntimeError::new_err("the call has no result")),
        }
    }

    /// Stops the call at once. Returns the exception that says what may have happened, or None if
    /// nothing had gone out; logs it too, since the caller's exception may be swallowed.
    fn abandon<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let error = self.publish.abandon();
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
        let Some(error) = error else { return Ok(None) };
        let exception = to_exception(py, &error)?;
        if error.kind() == ErrorKind::Stopped {
            return Ok(Some(exception));
        }
        py.import("addepar_portal._log")?.getattr("warn_dropped")?.call1((&exception,))?;
        Ok(Some(exception))
    }
}

impl Call {
    fn stop_for(&self, interrupt: PyErr) -> PyResult<()> {
        let mut slot = self.interrupt.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.publish.is_batch() || slot.is_some() {
            return Err(interrupt);
        }
        *slot = Some(interrupt);
        self.publish.stop();
        Ok(())
    }
}

/// Python delivers signals to its main thread alone.
fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    let modules = py.import(intern!(py, "sys"))?.getattr(intern!(py, "modules"))?;
    // Where nobody has imported it, there is one thread.
    let Ok(threading) = modules.get_item(intern!(py, "threading")) else { return Ok(true) };
    let main = threading.call_method0(intern!(py, "main_thread"))?.getattr(intern!(py, "ident"))?;
    threading.call_method0(intern!(py, "get_ident"))?.eq(main)
}
