//! One publish under way, and how it wakes the event loop that waits for it.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use addepar_portal::Error;
use addepar_portal::host::{PublishCall, Turn};
use napi::bindgen_prelude::Either;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use tokio::task::AbortHandle;

use crate::failure::Failure;
use crate::report::Report;

/// Weak: it does not keep the process alive unless it is held.
type Wake = ThreadsafeFunction<u32, (), u32, Status, false, true>;

/// The one door of an environment (a thread of JavaScript) through which calls report that they
/// have paused, each by its number.
#[napi]
pub struct Wakeups(Arc<Mutex<Wake>>);

#[napi]
impl Wakeups {
    /// A door that ends in this function.
    #[napi(constructor)]
    pub fn new(wake: Wake) -> Self {
        Self(Arc::new(Mutex::new(wake)))
    }

    /// Keeps the process alive, or no longer.
    #[napi]
    #[allow(deprecated, reason = "its replacement, dropping the function, cannot be undone")]
    pub fn hold(&self, env: Env, held: bool) -> napi::Result<()> {
        let mut wake = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held { wake.refer(&env) } else { wake.unref(&env) }
    }
}

/// One publish, driven by the background thread and, between its turns, by JavaScript.
#[napi]
pub struct Call {
    publish: Arc<PublishCall>,
    task: Option<AbortHandle>,
    wants_token: Arc<AtomicBool>,
    settled: bool,
}

#[napi]
impl Call {
    /// Whether this is a batch, which `stop` ends.
    #[napi]
    pub fn is_batch(&self) -> bool {
        self.publish.is_batch()
    }

    /// Ends a batch after the request that is in flight.
    #[napi]
    pub fn stop(&self) {
        self.publish.stop();
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

    /// From now on `notes` has what is to be logged.
    #[napi]
    pub fn watch(&self) {
        self.publish.watch();
    }

    /// What is to be logged by now: levels and lines.
    #[napi]
    pub fn notes(&self) -> Vec<Vec<String>> {
        self.publish.notes().into_iter().map(|note| vec![note.level.as_str().to_owned(), note.message]).collect()
    }

    /// Runs until the turn ends, then reports the call's number.
    #[napi]
    pub fn run(&mut self, wakeups: &Wakeups, number: u32) {
        let wakeups = wakeups.0.clone();
        let wants_token = self.wants_token.clone();
        self.task = self.publish.spawn(move |turn| {
            wants_token.store(turn == Turn::TokenWanted, Ordering::Release);
            let wake = wakeups.lock().unwrap_or_else(PoisonError::into_inner);
            // Whether anybody listens: an environment may be torn down at any time.
            wake.call(number, ThreadsafeFunctionCallMode::NonBlocking);
        });
    }

    /// Whether the turn ended because the call wants a token.
    #[napi]
    pub fn wants_token(&self) -> bool {
        self.wants_token.load(Ordering::Acquire)
    }

    /// The result; nothing before the call is over.
    #[napi]
    pub fn result(&self) -> Option<Either<Report, Failure>> {
        self.publish.result().map(Report::or_failure)
    }

    /// Hands over the token that the call wants.
    #[napi]
    pub fn provide_token(&self, token: String) {
        self.publish.provide_token(token.into());
    }

    /// Says that no token can be had.
    #[napi]
    pub fn refuse_token(&self, reason: String) {
        self.publish.refuse_token(&reason);
    }

    /// Ends the call wherever it is; the failure says what may have gone out.
    #[napi]
    pub fn abandon(&mut self) -> Option<Failure> {
        self.end().map(Failure::from)
    }

    /// Says that the caller has received the result.
    #[napi]
    pub fn settle(&mut self) {
        self.settled = true;
    }

    /// Ends a call that nobody waits for any more. What may have gone out, standard error tells.
    #[napi]
    pub fn forsake(&mut self) {
        if let Some(lost) = self.end() {
            // Standard error may be closed already.
            let _ = writeln!(io::stderr(), "addepar-portal: {lost}");
        }
    }
}

impl Call {
    fn end(&mut self) -> Option<Error> {
        let lost = self.publish.abandon();
        if let Some(task) = self.task.take() {
            task.abort();
        }
        lost
    }
}

impl From<PublishCall> for Call {
    fn from(call: PublishCall) -> Self {
        Self { publish: Arc::new(call), task: None, wants_token: Arc::default(), settled: false }
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
