//! Connections: reads requests, and does what the script for each says.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::contract;
use crate::fault::{Fault, Part};
use crate::http::{Buffer, Request};
use crate::portal::{Failures, Options, Portal};
use crate::script::{Script, Step, Then};

pub(crate) struct Server(Mutex<Portal>);

/// A stream that can be reset, not only closed.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    fn reset_on_close(&self);
}

impl Stream for TcpStream {
    fn reset_on_close(&self) {
        let _ = self.set_zero_linger();
    }
}

impl Stream for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset_on_close(&self) {
        self.get_ref().0.reset_on_close();
    }
}

/// Counts a connection as open for as long as it is.
struct Open<'a>(&'a Server);

impl<'a> Open<'a> {
    fn new(server: &'a Server) -> Self {
        let mut portal = server.portal();
        portal.accepted += 1;
        portal.open += 1;
        Self(server)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.portal().open -= 1;
    }
}

impl Server {
    pub(crate) fn new(options: Options) -> Self {
        Self(Mutex::new(Portal::new(options)))
    }

    pub(crate) fn portal(&self) -> MutexGuard<'_, Portal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn serve(self: Arc<Self>, mut socket: impl Stream) {
        let _open = Open::new(&self);
        let mut buffer = Buffer::default();
        match self.converse(&mut socket, &mut buffer).await {
            Ok(Then::Reset) => socket.reset_on_close(),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                let refusal = contract::refusal(400, &error.to_string());
                let _ = send(&mut socket, &refusal.with("Connection", "close").bytes()).await;
            }
            Ok(Then::Keep | Then::Close) | Err(_) => {}
        }
        // Requests that arrived while the connection was about to end count as received.
        while let Ok(Some(request)) = buffer.next_head() {
            self.record(&request);
        }
        drop(socket);
    }

    async fn converse(&self, socket: &mut impl Stream, buffer: &mut Buffer) -> io::Result<Then> {
        loop {
            let request = buffer.head(socket).await?;
            match self.exchange(socket, buffer, request).await? {
                Then::Keep => {}
                end => return Ok(end),
            }
        }
    }

    async fn exchange(&self, socket: &mut impl Stream, buffer: &mut Buffer, mut request: Request) -> io::Result<Then> {
        let number = self.record(&request);
        let fault = match request.method.as_str() {
            "POST" => self.portal().faults.pop_front(),
            "GET" if contract::is_of_reports(&request.path) => self.portal().report_faults.pop_front(),
            _ => None,
        };
        match fault {
            Some(Fault::CloseAfterHead {}) => return Ok(Then::Close),
            Some(Fault::Hang { after: Some(Part::Head), .. }) => return Err(buffer.closed(socket).await),
            _ => {}
        }
        buffer.body(socket, &mut request).await?;
        let (script, delay) = {
            let mut portal = self.portal();
            portal.complete(number, &request.body);
            (Script::new(&mut portal, &request, fault), portal.options.delay_ms)
        };
        buffer.pause(socket, delay).await?;
        while self.portal().holds {
            buffer.pause(socket, 2).await?;
        }
        for step in script.steps {
            match step {
                Step::Send(bytes) => send(socket, &bytes).await?,
                Step::Pause(millis) => buffer.pause(socket, millis).await?,
                Step::Drip { bytes, size, every_ms } => {
                    for piece in bytes.chunks(size.max(1)) {
                        send(socket, piece).await?;
                        buffer.pause(socket, every_ms).await?;
                    }
                }
                Step::Fill { bytes, chunked } => fill(socket, bytes, chunked).await?,
                Step::Hang => return Err(buffer.closed(socket).await),
            }
        }
        Ok(match script.then {
            Then::Keep if request.last => Then::Close,
            then => then,
        })
    }

    fn record(&self, request: &Request) -> u64 {
        let mut portal = self.portal();
        let authorized = contract::authorized(&portal, request);
        portal.record(request, authorized)
    }
}

async fn send(socket: &mut impl Stream, bytes: &[u8]) -> io::Result<()> {
    socket.write_all(bytes).await?;
    socket.flush().await
}

/// Sends results for ever the same file until so many bytes went out; the list never ends.
async fn fill(socket: &mut impl Stream, bytes: u64, chunked: bool) -> io::Result<()> {
    let mut piece = String::from("{\"data\":[");
    let begin = piece.len();
    while piece.len() < 64 << 10 {
        contract::result(&mut piece, &Failures::none(1));
        piece.push(',');
    }
    let mut rest = piece.as_bytes();
    let mut left = bytes;
    while left > 0 {
        let part = rest.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(rest);
        if chunked {
            send(socket, &[format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat()).await?;
        } else {
            send(socket, part).await?;
        }
        left -= part.len() as u64;
        rest = piece.as_bytes().get(begin..).unwrap_or_default();
    }
    if chunked { send(socket, b"0\r\n\r\n").await } else { Ok(()) }
}
