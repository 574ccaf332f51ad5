//! Event loops, where the system may have no descriptors for them: that is an error.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// A runtime for one thread.
pub(crate) fn new() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
