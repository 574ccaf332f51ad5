//! Runtimes and threads, where the system may have no more of them: that is an error, and never a panic.

use std::io;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::system::descriptors;

/// A runtime for one thread.
pub(crate) fn new() -> io::Result<Runtime> {
    // The first one in a process makes what all have in common, and tokio panics where that lacks descriptors.
    static IS_FIRST: AtomicBool = AtomicBool::new(true);
    if IS_FIRST.load(Ordering::Relaxed) {
        descriptors::spare()?;
    }
    let built = catch_unwind(|| Builder::new_current_thread().enable_all().build());
    let runtime = built.unwrap_or_else(|_| Err(io::Error::other("the system has no descriptors left")))?;
    IS_FIRST.store(false, Ordering::Relaxed);
    Ok(runtime)
}

/// Does work that may take as long as it likes on a thread of its own, for which nobody has to wait. tokio's own threads
/// for it panic where the system has none left. A receiver that receives nothing: the work panicked.
pub(crate) fn aside<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (done, result) = oneshot::channel();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Where nobody waits any more, nobody needs it.
        let _ = done.send(work());
    })?;
    Ok(result)
}
