//! That the names in a folder survive a crash.

use std::io;
use std::path::Path;

/// Makes sure that a folder's new names are there after a crash. Some file systems cannot, and need not.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    match std::fs::File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Windows has no such call: NTFS writes names to its own journal, in the order in which they were made.
#[cfg(windows)]
#[allow(clippy::unnecessary_wraps, reason = "as on other systems")]
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
