//! What a lock on a file means to others: `std::fs::File` takes it, `flock` on Unix, `LockFileEx` on Windows.

use std::io;

/// Whether a journal itself can be locked: on Unix a lock is in nobody's way but another lock's.
#[cfg(unix)]
pub(crate) const JOURNALS_CAN_BE_LOCKED: bool = true;

/// Nobody else could read it: only the file beside it is locked.
#[cfg(windows)]
pub(crate) const JOURNALS_CAN_BE_LOCKED: bool = false;

/// Whether a file could not be read because somebody holds its lock.
#[cfg(unix)]
pub(crate) fn hides_contents(_: &io::Error) -> bool {
    false
}

#[cfg(windows)]
pub(crate) fn hides_contents(error: &io::Error) -> bool {
    const ERROR_LOCK_VIOLATION: i32 = 33;
    error.raw_os_error() == Some(ERROR_LOCK_VIOLATION)
}
