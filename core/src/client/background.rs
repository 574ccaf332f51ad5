//! One thread per process that drives the calls of event loops (asyncio, Node), as long as there are any.
//!
//! It ends when there has been no call for a while, and its event loop with it: a client that nobody uses holds neither a
//! thread nor a descriptor. The next call starts another one.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time;

use crate::client::call::{PublishCall, Turn};
use crate::error::Error;
use crate::runtime::event_loop;
use crate::runtime::per_process::PerProcess;

/// How long the thread waits for another call: once this, or up to twice.
const PATIENCE: Duration = Duration::from_secs(1);

static BACKGROUND: PerProcess<Background> = PerProcess::new();

/// A turn on the background thread.
///
/// tokio's handle keeps the event loop's descriptors open, so it goes when the turn ends, whatever the host still holds.
#[derive(Debug, Clone, Default)]
pub struct Task(Arc<Mutex<Option<AbortHandle>>>);

impl Task {
    /// Breaks the turn off, which closes the connection; [`PublishCall::abandon`] ends the call as well.
    pub fn abort(&self) {
        // Somebody who has the lock is about to end the turn, or was when this process was forked.
        let handle = self.0.try_lock().ok().and_then(|mut handle| handle.take());
        if let Some(handle) = handle {
            handle.abort();
        }
    }
}

impl PublishCall {
    /// Runs the call on the background thread, which is started unless there is one, until the call is over or
    /// needs a token; then calls `paused` there.
    pub fn spawn(self: &Arc<Self>, paused: impl FnOnce(Turn) + Send + 'static) -> Task {
        let task = Task::default();
        match BACKGROUND.get(|| Background::new(PATIENCE)).share() {
            Ok(share) => {
                let (call, its_task) = (self.clone(), task.clone());
                // The turn may be over before its handle is there: it waits for that.
                let mut handle = locked(&task.0);
                *handle = Some(share.spawn(async move {
                    let turn = call.run().await;
                    locked(&its_task.0).take();
                    paused(turn);
                }));
            }
            Err(error) => {
                self.end(Error::config(format!("The background thread cannot be started: {error}.")));
                paused(Turn::Done);
            }
        }
        task
    }
}

/// The thread, while there is one. That it ends, and that somebody gets a share of it, is decided under one lock: no turn
/// comes too late.
struct Background {
    patience: Duration,
    thread: Mutex<Option<Thread>>,
}

struct Thread {
    handle: Handle,
    /// Every turn under way has a share.
    shares: Arc<()>,
    /// Whether there was a turn since the thread looked last.
    was_busy: bool,
}

/// The right to run a turn: the thread does not end before it is over.
struct Share {
    handle: Handle,
    _of: Arc<()>,
}

impl Background {
    const fn new(patience: Duration) -> Self {
        Self { patience, thread: Mutex::new(None) }
    }

    fn share(&'static self) -> io::Result<Share> {
        let mut slot = locked(&self.thread);
        let thread = match &mut *slot {
            Some(thread) => thread,
            none => none.insert(self.start()?),
        };
        thread.was_busy = true;
        Ok(Share { handle: thread.handle.clone(), _of: thread.shares.clone() })
    }

    fn start(&'static self) -> io::Result<Thread> {
        let runtime = event_loop::new()?;
        let handle = runtime.handle().clone();
        thread::Builder::new()
            .name("addepar-portal".to_owned())
            .spawn(move || runtime.block_on(self.until_unused()))?;
        Ok(Thread { handle, shares: Arc::default(), was_busy: true })
    }

    async fn until_unused(&self) {
        loop {
            time::sleep(self.patience).await;
            let mut slot = locked(&self.thread);
            if slot.as_mut().is_none_or(Thread::is_unused) {
                *slot = None;
                return;
            }
        }
    }
}

impl Thread {
    /// Whether there was no turn since this was asked last.
    fn is_unused(&mut self) -> bool {
        let is_busy = Arc::strong_count(&self.shares) > 1;
        !mem::replace(&mut self.was_busy, is_busy) && !is_busy
    }
}

impl Share {
    fn spawn(self, turn: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let handle = self.handle.clone();
        let turn = async move {
            turn.await;
            drop(self);
        };
        handle.spawn(turn).abort_handle()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::future::pending;
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    /// Far more than it takes.
    const LIMIT: Duration = Duration::from_secs(30);

    fn background(patience: Duration) -> &'static Background {
        Box::leak(Box::new(Background::new(patience)))
    }

    fn ends(background: &Background) -> bool {
        let since = Instant::now();
        while locked(&background.thread).is_some() && since.elapsed() < LIMIT {
            thread::sleep(Duration::from_millis(1));
        }
        locked(&background.thread).is_none()
    }

    #[test]
    fn the_thread_stays_while_a_turn_is_under_way_and_ends_after_it() {
        let background = background(Duration::from_millis(1));
        let turn = background.share().unwrap().spawn(pending());
        thread::sleep(Duration::from_millis(50));
        assert!(locked(&background.thread).is_some(), "it ended during a turn");
        turn.abort();
        assert!(ends(background), "it did not end after a turn that was aborted");
        let _panics = background.share().unwrap().spawn(async { panic!("a turn that panics, on purpose") });
        assert!(ends(background), "it did not end after a turn that panicked");
    }

    /// The thread ends as soon as it may, so that most turns come while it does.
    #[test]
    fn no_turn_is_lost_that_comes_while_the_thread_ends() {
        let background = background(Duration::ZERO);
        let (done, turns) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for pause in 0..300 {
                        let done = done.clone();
                        background.share().unwrap().spawn(async move { done.send(()).unwrap() });
                        thread::sleep(Duration::from_micros(pause % 100));
                    }
                });
            }
        });
        for turn in 0..900 {
            assert!(turns.recv_timeout(LIMIT).is_ok(), "{turn} turns of 900");
        }
        assert!(ends(background));
    }
}
