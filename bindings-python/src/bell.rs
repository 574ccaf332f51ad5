//! How a call wakes an asyncio loop: by one byte through a socket that the loop awaits.
//!
//! No thread of ours ever attaches to the interpreter, which old interpreters do not survive when it
//! happens at exit.

use std::io::{self, Write};
use std::sync::Arc;

use pyo3::prelude::*;

#[cfg(unix)]
type Stream = std::os::unix::net::UnixStream;
#[cfg(windows)]
type Stream = std::net::TcpStream;

/// One end rings, the other belongs to the loop.
#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Bell(Ringer);

#[derive(Clone)]
pub(crate) struct Ringer(Arc<Stream>);

impl Ringer {
    pub(crate) fn ring(&self) {
        // The loop's end may be gone, and then nobody waits; the byte always fits an empty buffer.
        let _ = (&*self.0).write(&[1]);
    }
}

impl Bell {
    pub(crate) fn ringer(&self) -> Ringer {
        self.0.clone()
    }
}

#[pymethods]
impl Bell {
    /// The bell, and the file descriptor (on Windows: the handle) that it makes readable. The caller
    /// owns the descriptor.
    #[staticmethod]
    fn pair() -> PyResult<(Self, u64)> {
        let (ours, theirs) = pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        Ok((Self(Ringer(Arc::new(ours))), into_descriptor(theirs)))
    }
}

#[cfg(unix)]
fn pair() -> io::Result<(Stream, Stream)> {
    Stream::pair()
}

#[cfg(unix)]
fn into_descriptor(stream: Stream) -> u64 {
    use std::os::fd::IntoRawFd;
    u64::from(stream.into_raw_fd().unsigned_abs())
}

/// Not run by this project's tests, which have no Windows.
#[cfg(windows)]
fn pair() -> io::Result<(Stream, Stream)> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let ours = Stream::connect(listener.local_addr()?)?;
    loop {
        let (theirs, peer) = listener.accept()?;
        if peer == ours.local_addr()? {
            return Ok((ours, theirs));
        }
    }
}

#[cfg(windows)]
fn into_descriptor(stream: Stream) -> u64 {
    use std::os::windows::io::IntoRawSocket;
    stream.into_raw_socket()
}
