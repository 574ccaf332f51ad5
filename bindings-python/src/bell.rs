//! How a call wakes the asyncio loop or the thread that waits for it: by one byte through a socket.
//!
//! No thread of ours ever attaches to the interpreter, which old interpreters do not survive when it happens at exit,
//! and no thread of Python's waits below Rust frames, through which it must not unwind when the interpreter stops it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;

#[cfg(unix)]
type Stream = std::os::unix::net::UnixStream;
#[cfg(windows)]
type Stream = std::net::TcpStream;

/// One end rings, the other belongs to the waiting side.
#[pyclass(frozen, module = "addepar_portal._native")]
pub(crate) struct Bell {
    ringer: Ringer,
    theirs: Mutex<Option<Stream>>,
}

#[derive(Clone)]
pub(crate) struct Ringer(Arc<Stream>);

impl Ringer {
    pub(crate) fn ring(&self) {
        // The other end may be gone, and then nobody waits; the byte always fits an empty buffer.
        let _ = (&*self.0).write(&[1]);
    }
}

impl Bell {
    pub(crate) fn ringer(&self) -> Ringer {
        self.ringer.clone()
    }
}

#[pymethods]
impl Bell {
    #[new]
    fn new() -> PyResult<Self> {
        let (ours, theirs) = pair()?;
        ours.set_nonblocking(true)?;
        Ok(Self { ringer: Ringer(Arc::new(ours)), theirs: Mutex::new(Some(theirs)) })
    }

    /// The file descriptor (on Windows: the handle) that the bell makes readable, which the caller owns from now on.
    /// Not as a pair with the bell: making a tuple can start the garbage collection, which runs Python code.
    fn take_descriptor(&self) -> Option<u64> {
        self.theirs.lock().unwrap_or_else(PoisonError::into_inner).take().map(into_descriptor)
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
