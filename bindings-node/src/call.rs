//! One publish under way, and how it wakes the event loop that waits for it.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use addepar_portal::host::{Ending, Language, Level, LogRecord, PublishCall, Task, Turn};
use napi::bindgen_prelude::Either3;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;

use crate::failure::Failure;
use crate::report::Report;

/// Weak: it does not keep the process alive unless it is held.
type Wake = ThreadsafeFunction<u32, (), u32, Status, false, true>;

/// The one door of an environment (a thread of JavaScript) through which calls report that they
/// have paused, each by its number.
#[napi]
pub struct Wakeups {
    wake: Arc<Wake>,
    /// Of one that is called from other threads, holding it would wait for them.
    held: Wake,
}

#[napi]
impl Wakeups {
    /// A door that ends in this function; another one, which is never called, keeps the process alive.
    #[napi(constructor)]
    pub fn new(wake: Wake, held: Wake) -> Self {
        Self { wake: Arc::new(wake), held }
    }

    /// Keeps the process alive, or no longer.
    #[napi]
    #[allow(deprecated, reason = "its replacement, dropping the function, cannot be undone")]
    pub fn hold(&mut self, env: Env, held: bool) -> napi::Result<()> {
        if held { self.held.refer(&env) } else { self.held.unref(&env) }
    }
}

/// One publish, driven by the background thread and, between its turns, by JavaScript.
#[napi]
pub struct Call {
    publish: Arc<PublishCall>,
    task: Task,
    wants_token: Arc<AtomicBool>,
    settled: bool,
}

#[napi]
impl Call {
    /// Ends the call for a reason of the host. `true`: what is in flight is awaited, and the call goes on until it is over.
    #[napi]
    pub fn interrupt(&mut self) -> bool {
        let goes_on = self.publish.interrupt();
        if !goes_on {
            self.task.abort();
        }
        goes_on
    }

    /// From now on `progress` has how far a batch has come.
    #[napi]
    pub fn follow_progress(&self) {
        self.publish.follow_progress();
    }

    /// How far a batch has come, if that is news, as JSON.
    #[napi]
    pub fn progress(&self) -> Option<String> {
        self.publish.progress().and_then(|progress| serde_json::to_string(&progress).ok())
    }

    /// From now on `logRecords` has what is to be logged: all of it, or warnings alone.
    #[napi]
    pub fn watch(&self, everything: bool) {
        self.publish.watch(if everything { Level::Debug } else { Level::Warn });
    }

    /// What is to be logged by now: levels, lines, and what each is about as JSON.
    #[napi]
    pub fn log_records(&self) -> Vec<Vec<String>> {
        let fields = |record: &LogRecord| serde_json::to_string(&record.fields).unwrap_or_default();
        let line = |record: LogRecord| {
            vec![record.level.as_str().to_owned(), record.message_in(Language::Node), fields(&record)]
        };
        self.publish.log_records().into_iter().map(line).collect()
    }

    /// Runs until the turn ends, then reports the call's number.
    #[napi]
    pub fn run(&mut self, wakeups: &Wakeups, number: u32) {
        let wake = wakeups.wake.clone();
        let wants_token = self.wants_token.clone();
        self.task = self.publish.spawn(move |turn| {
            wants_token.store(turn == Turn::TokenWanted, Ordering::Release);
            // Whether anybody listens: an environment may be torn down at any time.
            wake.call(number, ThreadsafeFunctionCallMode::NonBlocking);
        });
    }

    /// Whether the turn ended because the call wants a token.
    #[napi]
    pub fn wants_token(&self) -> bool {
        self.wants_token.load(Ordering::Acquire)
    }

    /// Whether the call is over.
    #[napi]
    pub fn is_over(&self) -> bool {
        self.publish.is_over()
    }

    /// Whether the host ended the call, and has to throw: with what may have happened, or its own reason.
    #[napi]
    pub fn is_interrupted(&self) -> bool {
        matches!(self.publish.ending(), Ending::Interrupted(_))
    }

    /// The report, or what was read or settled as JSON, or how the call failed, or what may have happened before the host
    /// ended it.
    #[napi]
    pub fn ending(&self) -> Option<Either3<Report, Failure, String>> {
        match self.publish.ending() {
            Ending::Reported(report) => Some(Either3::A(report.into())),
            Ending::Read(reports) => Some(Either3::C(serde_json::to_string(&reports).unwrap_or_default())),
            Ending::Settled(settlement) => Some(Either3::C(serde_json::to_string(&*settlement).unwrap_or_default())),
            Ending::Failed(error) | Ending::Interrupted(Some(error)) => Some(Either3::B(error.into())),
            Ending::Interrupted(None) => None,
        }
    }

    /// Hands over the token that the call wants.
    #[napi]
    pub fn provide_token(&self, token: String) {
        self.publish.provide_token(token.into());
    }

    /// Says that the host failed to give a token, and throws for that.
    #[napi]
    pub fn fail_token(&self, reason: String) {
        self.publish.fail_token(&reason);
    }

    /// Says that the caller has received the result.
    #[napi]
    pub fn settle(&mut self) {
        self.settled = true;
    }

    /// Ends a call that nobody waits for any more. What may have gone out, standard error tells.
    #[napi]
    pub fn forsake(&mut self) {
        self.publish.abandon();
        self.task.abort();
        if let Ending::Interrupted(Some(lost)) = self.publish.ending()
            && lost.is_loss()
        {
            // Standard error may be closed already.
            let _ = writeln!(io::stderr(), "addepar-portal: {}", lost.message_in(Language::Node));
        }
    }
}

impl From<PublishCall> for Call {
    fn from(call: PublishCall) -> Self {
        Self { publish: Arc::new(call), task: Task::default(), wants_token: Arc::default(), settled: false }
    }
}

/// A worker that is terminated runs no JavaScript any more: it drops its calls.
impl Drop for Call {
    fn drop(&mut self) {
        if !self.settled {
            self.forsake();
        }
    }
}
