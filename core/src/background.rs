//! One thread per process that drives the calls of event loops (asyncio, Node).

use std::future::{Future, pending};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::task::AbortHandle;

use crate::error::Error;
use crate::process::PerProcess;

static HANDLE: PerProcess<Mutex<Option<Handle>>> = PerProcess::new();

/// Runs a future on the background thread, which is started on first use.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) where the system has no room for a thread.
pub fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Result<AbortHandle, Error> {
    Ok(handle()?.spawn(future).abort_handle())
}

fn handle() -> Result<Handle, Error> {
    let mut slot = HANDLE.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*slot {
        return Ok(handle.clone());
    }
    let failed = |error| Error::config(format!("The background thread cannot be started: {error}."));
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("addepar-portal".to_owned())
        .spawn(move || runtime.block_on(pending::<()>()))
        .map_err(failed)?;
    Ok(slot.insert(handle).clone())
}
