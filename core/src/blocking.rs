//! Calls that block the calling thread, which drives them itself.
//!
//! A current-thread runtime on the caller's own thread is quicker than a hand-over to another one,
//! lets the caller look at signals between slices, and survives `fork`. Each such runtime with its
//! connection is a lane; a call takes one, and gives it back only if its answer was whole.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::time;

use crate::client::{PublishCall, Turn};
use crate::connections::FRESH;
use crate::error::Error;
use crate::process::PerProcess;

/// How long the caller may be blind to its signals.
const SLICE: Duration = Duration::from_millis(50);

/// Runtimes that wait for the next call.
pub(crate) struct Lanes(PerProcess<Mutex<Vec<Lane>>>);

struct Lane {
    runtime: Option<Runtime>,
    parked: Instant,
    pid: u32,
}

impl Lane {
    fn open() -> Result<Self, Error> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::config(format!("The event loop cannot be set up: {error}.")))?;
        Ok(Self { runtime: Some(runtime), parked: Instant::now(), pid: process::id() })
    }
}

impl Drop for Lane {
    /// Closes the sockets at once; waits for no name look-up, and touches nothing of a parent process.
    fn drop(&mut self) {
        match self.runtime.take() {
            Some(runtime) if self.pid == process::id() => runtime.shutdown_background(),
            runtime => std::mem::forget(runtime),
        }
    }
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self(PerProcess::new())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.0.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Lane, Error> {
        let now = Instant::now();
        let mut idle = self.idle();
        let stale = idle.extract_if(.., |lane| now.duration_since(lane.parked) >= FRESH).collect::<Vec<_>>();
        let lane = idle.pop();
        drop(idle);
        drop(stale);
        lane.map_or_else(Lane::open, Ok)
    }

    fn park(&self, mut lane: Lane) {
        lane.parked = Instant::now();
        self.idle().push(lane);
    }

    pub(crate) fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }
}

impl PublishCall {
    /// Runs the call on this thread until it is over or needs a token.
    ///
    /// `attend` is called about every 50 ms and may break off: then the connection is closed, `None`
    /// comes back, and [`abandon`](Self::abandon) tells what may have happened.
    pub fn run_blocking(&self, attend: impl FnMut() -> ControlFlow<()>) -> Option<Turn> {
        let lanes = self.client().lanes();
        let lane = match lanes.take() {
            Ok(lane) => lane,
            Err(error) => {
                self.end(error);
                return Some(Turn::Done);
            }
        };
        let runtime = lane.runtime.as_ref()?;
        let turn = in_slices(runtime, self.run(), attend);
        if turn.is_some() && self.is_clean() {
            lanes.park(lane);
        }
        turn
    }
}

fn in_slices<T>(
    runtime: &Runtime,
    future: impl Future<Output = T>,
    mut attend: impl FnMut() -> ControlFlow<()>,
) -> Option<T> {
    let mut future = pin!(future);
    loop {
        if let Ok(done) = runtime.block_on(async { time::timeout(SLICE, future.as_mut()).await }) {
            return Some(done);
        }
        if attend().is_break() {
            return None;
        }
    }
}
