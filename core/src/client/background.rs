//! One thread per process that drives the calls of event loops (asyncio, Node).

use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::client::call::{PublishCall, Turn};
use crate::error::Error;
use crate::runtime::event_loop;
use crate::runtime::per_process::PerProcess;

static HANDLE: PerProcess<Mutex<Option<Handle>>> = PerProcess::new();

impl PublishCall {
    /// Runs the call on the background thread, which is started on first use, until it is over or
    /// needs a token; then calls `paused` there.
    ///
    /// Aborting by the handle closes the connection; [`abandon`](Self::abandon) the call as well.
    pub fn spawn(self: &Arc<Self>, paused: impl FnOnce(Turn) + Send + 'static) -> Option<AbortHandle> {
        match handle() {
            Ok(handle) => {
                let call = self.clone();
                Some(handle.spawn(async move { paused(call.run().await) }).abort_handle())
            }
            Err(error) => {
                self.end(Error::config(format!("The background thread cannot be started: {error}.")));
                paused(Turn::Done);
                None
            }
        }
    }
}

fn handle() -> io::Result<Handle> {
    let mut slot = HANDLE.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*slot {
        return Ok(handle.clone());
    }
    let runtime = event_loop::new()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().name("addepar-portal".to_owned()).spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(slot.insert(handle).clone())
}
