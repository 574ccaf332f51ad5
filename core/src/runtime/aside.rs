//! Work that may take as long as it likes, on a thread for which nobody has to wait.
//!
//! A thread that is through waits a while for more work and then ends: to start one takes longer than most such work.
//! One thread waits at most, and any number may work: what takes long must not delay what comes after it.
//! tokio's own threads for this panic where the system has none left. Here that is an error.

use std::io;
use std::mem;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::runtime::per_process::PerProcess;

/// How long a thread waits for more work.
const PATIENCE: Duration = Duration::from_secs(1);

static IDLE: PerProcess<Idle> = PerProcess::new();

/// Does the work on a thread that waits, or on a new one. A receiver that receives nothing: the work panicked.
pub(crate) fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<oneshot::Receiver<T>> {
    let (done, result) = oneshot::channel();
    IDLE.get(|| Idle::new(PATIENCE)).hand_over(Box::new(move || {
        // Where nobody waits any more, nobody needs it.
        let _ = done.send(work());
    }))?;
    Ok(result)
}

type Work = Box<dyn FnOnce() + Send>;

/// The thread that has nothing to do, if there is one.
struct Idle {
    patience: Duration,
    thread: Mutex<Thread>,
    has_work: Condvar,
}

#[derive(Default)]
enum Thread {
    #[default]
    Absent,
    Waits,
    /// It has not woken up yet.
    Has(Work),
}

impl Idle {
    const fn new(patience: Duration) -> Self {
        Self { patience, thread: Mutex::new(Thread::Absent), has_work: Condvar::new() }
    }

    fn hand_over(&'static self, work: Work) -> io::Result<()> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*thread, Thread::Waits) {
            *thread = Thread::Has(work);
            // It would wake up only to wait for the lock.
            drop(thread);
            self.has_work.notify_one();
            return Ok(());
        }
        drop(thread);
        thread::Builder::new().name("addepar-portal-aside".to_owned()).spawn(move || self.works(work)).map(drop)
    }

    /// Does this work and all that follows in time.
    fn works(&self, mut work: Work) {
        loop {
            work();
            match self.waits() {
                Some(next) => work = next,
                None => return,
            }
        }
    }

    /// Waits for more work, unless another thread does.
    fn waits(&self) -> Option<Work> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*thread, Thread::Absent) {
            return None;
        }
        *thread = Thread::Waits;
        let waited = self.has_work.wait_timeout_while(thread, self.patience, |thread| matches!(thread, Thread::Waits));
        let (mut thread, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match mem::take(&mut *thread) {
            Thread::Has(work) => Some(work),
            Thread::Waits | Thread::Absent => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use std::sync::mpsc::{Receiver, channel};
    use std::sync::{Arc, Barrier};
    use std::thread::ThreadId;
    use std::time::Instant;

    use super::*;

    /// Far more than it takes.
    const LIMIT: Duration = Duration::from_secs(30);

    fn idle(patience: Duration) -> &'static Idle {
        Box::leak(Box::new(Idle::new(patience)))
    }

    fn comes_to(idle: &Idle, is_there: fn(&Thread) -> bool) -> bool {
        let since = Instant::now();
        while !is_there(&idle.thread.lock().unwrap()) && since.elapsed() < LIMIT {
            thread::sleep(Duration::from_millis(1));
        }
        is_there(&idle.thread.lock().unwrap())
    }

    /// Does work that says which thread it is on.
    fn worker(idle: &'static Idle) -> Receiver<ThreadId> {
        let (said, thread) = channel();
        idle.hand_over(Box::new(move || said.send(thread::current().id()).unwrap())).unwrap();
        thread
    }

    #[test]
    fn a_thread_that_waits_does_the_next_work() {
        let idle = idle(LIMIT);
        let first = worker(idle).recv_timeout(LIMIT).unwrap();
        for _ in 0..3 {
            assert!(comes_to(idle, |thread| matches!(thread, Thread::Waits)));
            assert_eq!(worker(idle).recv_timeout(LIMIT).unwrap(), first);
        }
    }

    #[test]
    fn work_waits_for_no_other_work_and_one_thread_stays() {
        const MANY: usize = 20;
        let idle = idle(LIMIT);
        let (all_at_work, all_done) = (Arc::new(Barrier::new(MANY)), Arc::new(Barrier::new(MANY + 1)));
        for _ in 0..MANY {
            let (at_work, done) = (all_at_work.clone(), all_done.clone());
            idle.hand_over(Box::new(move || {
                at_work.wait();
                done.wait();
            }))
            .unwrap();
        }
        all_done.wait();
        assert!(comes_to(idle, |thread| matches!(thread, Thread::Waits)));
        let _lasts = idle.hand_over(Box::new(|| thread::sleep(LIMIT)));
        assert!(worker(idle).recv_timeout(LIMIT / 2).is_ok(), "it waited for work that lasts");
    }

    /// The thread ends as soon as it may, so that most work comes while it does.
    #[test]
    fn no_work_is_lost_that_comes_while_the_thread_ends() {
        let idle = idle(Duration::from_micros(50));
        let workers = (0..1000).map(|pause| {
            thread::sleep(Duration::from_micros(pause % 100));
            worker(idle)
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.recv_timeout(LIMIT).unwrap();
        }
        assert!(comes_to(idle, |thread| matches!(thread, Thread::Absent)));
    }

    #[tokio::test]
    async fn work_that_panics_is_received_as_nothing_and_the_next_is_done() {
        let panicked = aside::<()>(|| panic!("work that panics, on purpose")).unwrap();
        assert!(panicked.await.is_err());
        assert_eq!(aside(|| 37).unwrap().await, Ok(37));
    }
}
