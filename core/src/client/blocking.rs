//! Calls that block the calling thread, which drives them itself.
//!
//! A current-thread runtime on the caller's own thread is quicker than a hand-over to another one,
//! lets the caller look at signals between slices, and survives `fork`. It lives as long as the turn,
//! so that no socket outlives its call.

use std::mem;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time;

use crate::client::call::{PublishCall, Turn};
use crate::error::Error;
use crate::runtime::event_loop;

/// How long the caller may be blind to its signals.
const SLICE: Duration = Duration::from_millis(50);

impl PublishCall {
    /// Runs the call on this thread until it is over or needs a token.
    ///
    /// `attend` is called about every 50 ms and may break off: then the connection is closed, `None`
    /// comes back, and [`abandon`](Self::abandon) tells what may have happened. Where it forks, the child's call is over.
    pub fn run_blocking(&self, attend: impl FnMut() -> ControlFlow<()>) -> Option<Turn> {
        let runtime = match event_loop::new() {
            Ok(runtime) => runtime,
            Err(error) => {
                self.end(Error::config(format!("The event loop cannot be set up: {error}.")));
                return Some(Turn::Done);
            }
        };
        let turn = self.in_slices(&runtime, attend);
        if self.is_inherited() {
            mem::forget(runtime);
        } else {
            // The sockets close at once; a name look-up that hangs is not waited for.
            runtime.shutdown_background();
        }
        turn
    }

    fn in_slices(&self, runtime: &Runtime, mut attend: impl FnMut() -> ControlFlow<()>) -> Option<Turn> {
        let mut turn = Box::pin(self.run());
        loop {
            if let Ok(done) = runtime.block_on(async { time::timeout(SLICE, turn.as_mut()).await }) {
                return Some(done);
            }
            let attended = attend();
            if self.is_inherited() {
                // The sockets and their event queue are the parent's as well: what is closed here is closed there.
                mem::forget(turn);
                return Some(Turn::Done);
            }
            if attended.is_break() {
                return None;
            }
        }
    }
}
