//! One publish under way, and how it wakes the event loop that waits for it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use addepar_portal::{Error, PublishCall};
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
    settled: bool,
}

#[napi]
impl Call {
    /// Runs until the call is over or wants a token, then reports its number.
    #[napi]
    pub fn run(&mut self, wakeups: &Wakeups, number: u32) {
        let wakeups = wakeups.0.clone();
        self.task = self.publish.spawn(move |_| {
            let wake = wakeups.lock().unwrap_or_else(PoisonError::into_inner);
            // Whether anybody listens: an environment may be torn down at any time.
            wake.call(number, ThreadsafeFunctionCallMode::NonBlocking);
        });
    }

    /// The result; nothing while the call wants a token.
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

    /// Says that whoever waits for the call has heard how it ended.
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
        Self { publish: Arc::new(call), task: None, settled: false }
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
