//! Whether descriptors are left.

use std::io;

/// Whether as many are left as a first runtime needs, which panics otherwise: two pairs of them, and one for its events.
#[cfg(unix)]
pub(crate) fn spare() -> io::Result<()> {
    use std::os::unix::net::UnixStream;
    let _spare = (UnixStream::pair()?, UnixStream::pair()?, UnixStream::pair()?);
    Ok(())
}

/// Windows sets no such limit to a process.
#[cfg(windows)]
#[allow(clippy::unnecessary_wraps, reason = "as on other systems")]
pub(crate) fn spare() -> io::Result<()> {
    Ok(())
}
