//! One publish under way, driven by the calling thread or, for asyncio, by the background thread.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use addepar_portal::{Error, ErrorKind, PublishCall, Turn};
use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

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
    /// Whether whoever waits for the call has heard how it ended.
    settled: AtomicBool,
}

impl Call {
    pub(crate) fn new(call: PublishCall) -> Self {
        Self {
            publish: Arc::new(call),
            task: Mutex::default(),
            turn: Arc::default(),
            interrupt: Mutex::default(),
            settled: AtomicBool::new(false),
        }
    }
}

#[pymethods]
impl Call {
    /// Runs on this thread until its turn ends: `done`, `token_wanted` or `noted`.
    ///
    /// On the main thread signals are looked at every 50 ms. What a handler raises ends the call at once (a
    /// batch at its end) and has what may have happened as its cause. Other threads have no signals, and must
    /// not attach to an interpreter that may be on its way out.
    #[allow(clippy::redundant_closure_for_method_calls, reason = "the method alone is not general enough")]
    fn run(&self, py: Python<'_>) -> PyResult<&'static str> {
        let has_signals = is_main_thread(py);
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
        if let Some(turn) = turn {
            return Ok(turn.as_str());
        }
        let interrupt = interrupt.unwrap_or_else(|| PyRuntimeError::new_err("the call was interrupted"));
        if let Some(cause) = self.abandon(py)? {
            interrupt.set_cause(py, Some(PyErr::from_value(cause)));
        }
        Err(interrupt)
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

    /// What is no text the core refuses, without showing it.
    fn provide_token(&self, token: &Bound<'_, PyString>) {
        self.publish.provide_token(token.to_string_lossy().into_owned().into());
    }

    fn refuse_token(&self, reason: &str) {
        self.publish.refuse_token(reason);
    }

    /// The report; raises the error of the call, or what a batch was stopped for.
    fn result(&self, py: Python<'_>) -> PyResult<PublishReport> {
        self.settled.store(true, Ordering::Relaxed);
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
        let Some(error) = self.end() else { return Ok(None) };
        let exception = stubborn(py, || to_exception(py, &error))?;
        if error.kind() != ErrorKind::Stopped {
            // Where it cannot be logged, the exception is all there is.
            let _ = stubborn(py, || warn(py, &exception));
        }
        Ok(Some(exception))
    }
}

/// A call that nobody waits for any more: an interrupt came just before it could be asked for its end.
impl Drop for Call {
    fn drop(&mut self) {
        if self.settled.load(Ordering::Relaxed) {
            return;
        }
        if let Some(error) = self.end().filter(|error| error.kind() != ErrorKind::Stopped) {
            Python::attach(|py| {
                let warned = to_exception(py, &error).and_then(|exception| warn(py, &exception));
                warned.unwrap_or_else(|broken| broken.write_unraisable(py, None));
            });
        }
    }
}

fn warn(py: Python<'_>, exception: &Bound<'_, PyAny>) -> PyResult<()> {
    py.import("addepar_portal._log")?.getattr("warn_dropped")?.call1((exception,)).map(drop)
}

/// Runs Python code that a further signal may interrupt: then once more, since somebody has to hear of it.
fn stubborn<T>(py: Python<'_>, run: impl Fn() -> PyResult<T>) -> PyResult<T> {
    run().or_else(|broken| if broken.is_instance_of::<PyException>(py) { Err(broken) } else { run() })
}

impl Call {
    /// Stops the call at once; the error says what may have happened.
    fn end(&self) -> Option<Error> {
        self.settled.store(true, Ordering::Relaxed);
        let error = self.publish.abandon();
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
        error
    }

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

thread_local! {
    /// Whether this thread is the main one, as it was found out in a process.
    static IS_MAIN: Cell<Option<(u32, bool)>> = const { Cell::new(None) };
}

/// Python delivers signals to its main thread alone. After a fork the thread that forked is the main one.
fn is_main_thread(py: Python<'_>) -> bool {
    let pid = process::id();
    if let Some((known, is_main)) = IS_MAIN.get()
        && known == pid
    {
        return is_main;
    }
    // At the very end of the interpreter nobody can tell, and no signal is waited for.
    let is_main = find_main_thread(py).unwrap_or(false);
    IS_MAIN.set(Some((pid, is_main)));
    is_main
}

fn find_main_thread(py: Python<'_>) -> PyResult<bool> {
    let modules = py.import(intern!(py, "sys"))?.getattr(intern!(py, "modules"))?;
    // Where nobody has imported it, there is one thread.
    let Ok(threading) = modules.get_item(intern!(py, "threading")) else { return Ok(true) };
    let main = threading.call_method0(intern!(py, "main_thread"))?.getattr(intern!(py, "ident"))?;
    threading.call_method0(intern!(py, "get_ident"))?.eq(main)
}
