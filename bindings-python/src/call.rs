//! One publish under way, driven by the main thread itself or by the background thread.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use addepar_portal::host::{Ending, Language, Level, PublishCall, Task, Turn};
use addepar_portal::{self as core, Error};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::bell::Bell;
use crate::convert::json;
use crate::error::{Failure, hand_over};
use crate::progress::Progress;
use crate::report::PublishReport;

/// No exception is held here: what a call was stopped for, Python's frames know, and its garbage collector sees.
#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Call {
    publish: Arc<PublishCall>,
    /// How to stop the background task, and where it left off.
    task: Mutex<Task>,
    turn: Arc<Mutex<Option<Turn>>>,
    log_records: Mutex<VecDeque<core::host::LogRecord>>,
    /// Whether somebody took how the call ended.
    settled: AtomicBool,
}

/// One line for the log.
#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct LogRecord(core::host::LogRecord);

#[pymethods]
impl LogRecord {
    #[getter]
    fn level(&self) -> &'static str {
        self.0.level.as_str()
    }

    #[getter]
    fn message(&self) -> String {
        self.0.message_in(Language::Python)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Call {
    pub(crate) fn new(call: PublishCall) -> Self {
        Self {
            publish: Arc::new(call),
            task: Mutex::default(),
            turn: Arc::default(),
            log_records: Mutex::default(),
            settled: AtomicBool::new(false),
        }
    }

    fn end(&self) {
        self.settled.store(true, Ordering::Relaxed);
        self.publish.abandon();
        locked(&self.task).abort();
    }
}

#[pymethods]
impl Call {
    /// Runs on the main thread until its turn ends: `done`, `token_wanted` or `news`.
    ///
    /// Signals are looked at every 50 ms. What a handler raises goes to `signalled`, and what this raises drops the
    /// request in flight. On any other thread this would unwind when the interpreter ends: see `spawn`.
    #[allow(clippy::redundant_closure_for_method_calls, reason = "the method alone is not general enough")]
    fn run(&self, py: Python<'_>, signalled: &Bound<'_, PyAny>) -> PyResult<&'static str> {
        let signalled = signalled.clone().unbind();
        let mut interrupt = None;
        let turn = py.detach(|| {
            self.publish.run_blocking(|| {
                let attended = Python::try_attach(|py| {
                    py.check_signals().or_else(|raised| signalled.call1(py, (raised.into_value(py),)).map(drop))
                });
                match attended {
                    // `None` if a finalizer calls at the end of the interpreter, which takes no signals any more.
                    None | Some(Ok(())) => ControlFlow::Continue(()),
                    Some(Err(raised)) => {
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
    fn spawn(&self, bell: Option<&Bell>) {
        let (turn, ringer) = (self.turn.clone(), bell.map(Bell::ringer));
        let task = self.publish.spawn(move |paused| {
            *locked(&turn) = Some(paused);
            if let Some(ringer) = ringer {
                ringer.ring();
            }
        });
        *locked(&self.task) = task;
    }

    /// How the turn ended, once; `None` while it continues. However many bells were missed.
    fn turn(&self) -> Option<&'static str> {
        locked(&self.turn).take().map(Turn::as_str)
    }

    /// Ends the call for a reason of Python's own. True: what is in flight is awaited, and the call goes on until it is
    /// over; False: it is over.
    fn interrupt(&self) -> bool {
        self.publish.interrupt()
    }

    /// From now on `progress` has how far a batch has come.
    fn follow_progress(&self) {
        self.publish.follow_progress();
    }

    /// How far a batch has come, if that is news.
    fn progress(&self) -> Option<Progress> {
        self.publish.progress().map(Progress::from)
    }

    /// What is to be warned of before the call runs, and then before it sends: the core logs what nobody took.
    fn take_warning(&self) -> Option<String> {
        self.publish.take_warning()
    }

    /// From now on `log_record` has what is to be logged: all of it, or warnings alone.
    fn watch(&self, everything: bool) {
        self.publish.watch(if everything { Level::Debug } else { Level::Warn });
    }

    /// The next line that is to be logged by now.
    fn log_record(&self) -> Option<LogRecord> {
        let mut records = locked(&self.log_records);
        if records.is_empty() {
            records.extend(self.publish.log_records());
        }
        records.pop_front().map(LogRecord)
    }

    /// The core refuses what is not text, without showing it.
    fn provide_token(&self, token: &Bound<'_, PyString>) {
        self.publish.provide_token(token.to_string_lossy().into_owned().into());
    }

    /// No token can be had, which is an error of the call's own.
    fn refuse_token(&self, reason: &str) {
        self.publish.refuse_token(reason);
    }

    /// No token can be had, since Python's own code failed: its exception is raised.
    fn fail_token(&self, reason: &str) {
        self.publish.fail_token(reason);
    }

    /// The report, what was read or settled as plain values, or how the call failed. `None` if Python ended it, and raises
    /// its own reason.
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.settled.store(true, Ordering::Relaxed);
        match self.publish.ending() {
            Ending::Reported(report) => hand_over(py, Ok::<_, Error>(PublishReport::new(report))),
            Ending::Read(reports) => json::read(py, &serde_json::to_string(&reports).unwrap_or_default()),
            Ending::Settled(settlement) => json::read(py, &serde_json::to_string(&*settlement).unwrap_or_default()),
            Ending::Failed(error) => hand_over::<PublishReport>(py, Err(error)),
            Ending::Interrupted(_) => Ok(py.None().into_bound(py)),
        }
    }

    /// Ends the call at once. What may have happened, or None if nothing had gone out; the same however often it is asked.
    fn abandon(&self) -> Option<Failure> {
        self.end();
        match self.publish.ending() {
            Ending::Interrupted(lost) => lost.map(Failure::new),
            Ending::Reported(_) | Ending::Read(_) | Ending::Settled(_) | Ending::Failed(_) => None,
        }
    }
}

impl Drop for Call {
    /// What there is to be told about a request in flight, Python's side told before it let go.
    fn drop(&mut self) {
        if !self.settled.load(Ordering::Relaxed) {
            self.end();
        }
    }
}
