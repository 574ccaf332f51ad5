//! Connections: reads requests, meets them with what the portal has in store.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::contract;
use crate::fault::{Fault, Part};
use crate::http::{Answer, Buffer, Request};
use crate::portal::{Failures, Options, Portal, Recorded};

pub(crate) struct Server {
    portal: Mutex<Portal>,
    answers: AtomicU64,
}

/// How a connection goes on after an answer.
enum Then {
    Keep,
    Close,
    Reset,
}

/// A stream that can be reset, not only closed.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    fn reset_on_close(&self) {}
}

impl Stream for TcpStream {
    fn reset_on_close(&self) {
        let _ = self.set_zero_linger();
    }
}

impl Stream for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset_on_close(&self) {
        let _ = self.get_ref().0.set_zero_linger();
    }
}

impl Server {
    /// A server and the port that it wants.
    pub(crate) fn new(options_json: &str) -> Result<(Self, u16), String> {
        let options: Options = serde_json::from_str(options_json).map_err(|error| error.to_string())?;
        let port = options.port;
        Ok((Self { portal: Mutex::new(Portal::new(options)?), answers: AtomicU64::new(0) }, port))
    }

    pub(crate) fn portal(&self) -> MutexGuard<'_, Portal> {
        self.portal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn accept(self: Arc<Self>, listener: std::net::TcpListener) {
        let Ok(listener) = TcpListener::from_std(listener) else { return };
        while let Ok((socket, _)) = listener.accept().await {
            let _ = socket.set_nodelay(true);
            tokio::spawn(self.clone().serve(socket));
        }
    }

    pub(crate) async fn serve(self: Arc<Self>, mut socket: impl Stream) {
        {
            let mut portal = self.portal();
            portal.accepted += 1;
            portal.open += 1;
        }
        let mut buffer = Buffer::default();
        while let Ok(Some(mut request)) = buffer.head(&mut socket).await {
            match self.exchange(&mut socket, &mut buffer, &mut request).await {
                Ok(Then::Keep) => {}
                Ok(Then::Reset) => {
                    socket.reset_on_close();
                    break;
                }
                Ok(Then::Close) | Err(_) => break,
            }
        }
        self.portal().open -= 1;
    }

    async fn exchange(
        &self,
        socket: &mut (impl Stream + ?Sized),
        buffer: &mut Buffer,
        request: &mut Request,
    ) -> io::Result<Then>
where {
        let number = self.record(request);
        let fault = if request.method == "POST" { self.portal().faults.pop_front() } else { None };
        let mut socket = socket;
        match fault {
            Some(Fault::CloseAfterHead) => return Ok(Then::Close),
            Some(Fault::Hang { after: Part::Head }) => return hang(socket).await,
            _ => {}
        }
        buffer.body(&mut socket, request).await?;
        self.complete(number, request);
        let delay = self.portal().options.delay_ms;
        if delay > 0 {
            sleep(Duration::from_millis(delay)).await;
        }
        match fault {
            None => {
                let answer = self.answer(request);
                self.send(socket, answer).await?;
                Ok(Then::Keep)
            }
            Some(fault) => self.meet(socket, request, fault).await,
        }
    }

    fn record(&self, request: &Request) -> usize {
        let mut portal = self.portal();
        let authorized = contract::authorized(&portal, request);
        let mut headers = request.headers.clone();
        if let Some(authorization) = headers.get_mut("authorization") {
            *authorization = format!("{} ***", authorization.split(' ').next().unwrap_or_default());
        }
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        portal.requests.push(Recorded {
            method: request.method.clone(),
            path: request.path.clone(),
            headers,
            body: Value::Null,
            received_at: since_1970.as_secs_f64(),
            authorized,
            complete: false,
        });
        portal.requests.len() - 1
    }

    fn complete(&self, number: usize, request: &Request) {
        if let Some(recorded) = self.portal().requests.get_mut(number) {
            recorded.complete = true;
            recorded.body = serde_json::from_slice(&request.body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&request.body).into_owned()));
        }
    }

    /// The answer without any fault; the work is done.
    fn answer(&self, request: &Request) -> Answer {
        let mut portal = self.portal();
        if request.method == "GET" {
            let path = request.path.strip_prefix("/api").unwrap_or(&request.path);
            if let Some(page) = portal.options.pages.get(path) {
                return page.clone().answer();
            }
        }
        contract::publish(&mut portal, request)
    }

    async fn send(&self, socket: &mut (impl Stream + ?Sized), answer: Answer) -> io::Result<()> {
        socket.write_all(&self.signed(answer).bytes()).await
    }

    fn signed(&self, answer: Answer) -> Answer {
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        answer.with("X-Request-Id", format!("simulated-{number}"))
    }

    /// The normal answer, its results altered.
    fn altered(&self, request: &Request, alter: impl FnOnce(&mut Vec<Value>)) -> Answer {
        let mut answer = self.answer(request);
        if let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) {
            if let Some(results) = body.get_mut("data").and_then(Value::as_array_mut) {
                alter(results);
            }
            answer.body = body.to_string().into_bytes();
        }
        answer
    }

    async fn meet(&self, socket: &mut (impl Stream + ?Sized), request: &Request, fault: Fault) -> io::Result<Then> {
        let answer = match fault {
            Fault::Answer { answer, processed } => {
                if processed {
                    self.answer(request);
                }
                answer.answer()
            }
            Fault::Status { status } => contract::refusal(status, &format!("Simulated {status}.")),
            Fault::RateLimited { retry_after, x_retry_after } => {
                let mut answer = contract::refusal(429, "Too many requests.");
                answer.headers.extend(retry_after.map(|delay| ("Retry-After".to_owned(), delay)));
                answer.headers.extend(x_retry_after.map(|delay| ("X-RateLimit-Retry-After".to_owned(), delay)));
                answer
            }
            Fault::Html { status } => {
                Answer::json(status, format!("<html><body><h1>{status} by a proxy</h1></body></html>"))
                    .with("Content-Type", "text/html")
            }
            Fault::Slow400 { after_ms } => {
                self.answer(request);
                sleep(Duration::from_millis(after_ms)).await;
                contract::refusal(400, "The request took too long.")
            }
            Fault::NotJson => self.instead(request, "that is not JSON"),
            Fault::Empty => self.instead(request, ""),
            Fault::NoData => self.instead(request, "{\"meta\":{}}"),
            Fault::Nested { depth } => {
                let body = format!("{{\"data\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
                self.instead(request, &body)
            }
            Fault::InvalidUtf8 => {
                let mut answer = self.answer(request);
                answer.body.splice(10..10, *b"\"\xff\xfe\",");
                answer
            }
            Fault::Accepted => Answer { status: 202, ..self.answer(request) },
            Fault::NoContent => Answer { status: 204, ..self.instead(request, "") },
            Fault::Redirect { status, location } => {
                let location = location.unwrap_or_else(|| "/api/v1/portal/publish_files/elsewhere".to_owned());
                self.instead(request, "").with("Location", location).status(status)
            }
            Fault::MissingResult { file } => self.altered(request, |results| {
                results.retain(|result| file_id(result) != Some(file));
            }),
            Fault::ExtraResult { file } => {
                let extra = contract::results(&[Failures { file, publish: Vec::new(), notify: Vec::new() }], None);
                let extra: Value = serde_json::from_str(&extra).unwrap_or_default();
                self.altered(request, |results| results.extend(extra.pointer("/data/0").cloned()))
            }
            Fault::Contradiction { file } => self.altered(request, |results| {
                let other = results.iter().find(|result| file_id(result) == Some(file)).cloned();
                results.extend(other.map(|mut other| {
                    if let Some(status) = other.pointer_mut("/attributes/publish_status") {
                        *status = Value::from(if *status == "fail" { "success" } else { "fail" });
                    }
                    other
                }));
            }),
            Fault::NextLink { link } => {
                let mut answer = self.answer(request);
                if let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) {
                    if let Some(next) = body.pointer_mut("/links/next") {
                        *next = Value::from(link);
                    }
                    answer.body = body.to_string().into_bytes();
                }
                answer
            }
            raw => return self.meet_raw(socket, request, raw).await,
        };
        self.send(socket, answer).await?;
        Ok(Then::Keep)
    }

    /// A 200 with another body; the work is done.
    fn instead(&self, request: &Request, body: &str) -> Answer {
        self.answer(request);
        Answer::json(200, body.to_owned())
    }

    /// The faults of the connection itself; the work is done.
    async fn meet_raw(&self, socket: &mut (impl Stream + ?Sized), request: &Request, fault: Fault) -> io::Result<Then> {
        let answer = self.signed(self.answer(request));
        let bytes = answer.bytes();
        let half = bytes.get(..bytes.len() - answer.body.len() / 2).unwrap_or_default();
        match fault {
            Fault::Hang { .. } => return hang(socket).await,
            Fault::CloseBeforeAnswer => {}
            Fault::ResetBeforeAnswer => return Ok(Then::Reset),
            Fault::CloseInHeaders => socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Le").await?,
            Fault::GarbageStatus => socket.write_all(b"\x00\x01 not HTTP at all\r\n\r\n").await?,
            Fault::CloseInBody => socket.write_all(half).await?,
            Fault::ResetInBody => {
                socket.write_all(half).await?;
                // The client must see the half before the reset overtakes it.
                sleep(Duration::from_millis(50)).await;
                return Ok(Then::Reset);
            }
            Fault::ChunkedCut => {
                let chunk = answer.body.get(..answer.body.len() / 2).unwrap_or_default();
                let mut bytes =
                    Answer { body: Vec::new(), ..answer.cloned() }.with("Transfer-Encoding", "chunked").head();
                bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
                socket.write_all(&bytes).await?;
            }
            Fault::Drip { every_ms, bytes: size } => {
                // The head at once: the drip is about the body.
                let (head, body) = bytes.split_at(bytes.len() - answer.body.len());
                socket.write_all(head).await?;
                for piece in body.chunks(size.max(1)) {
                    socket.write_all(piece).await?;
                    sleep(Duration::from_millis(every_ms)).await;
                }
                return Ok(Then::Keep);
            }
            Fault::Huge { bytes, content_length } => return huge(socket, bytes, content_length).await,
            Fault::StrayBytes => {
                socket.write_all(&bytes).await?;
                sleep(Duration::from_millis(20)).await;
                let stray = contract::results(&[Failures { file: 999, publish: Vec::new(), notify: Vec::new() }], None);
                socket.write_all(&Answer::json(200, stray).bytes()).await?;
                return Ok(Then::Keep);
            }
            Fault::CloseIdle { after_ms } => {
                socket.write_all(&bytes).await?;
                if after_ms > 0 {
                    sleep(Duration::from_millis(after_ms)).await;
                }
            }
            _ => socket.write_all(&bytes).await?,
        }
        Ok(Then::Close)
    }
}

fn file_id(result: &Value) -> Option<u64> {
    result.pointer("/attributes/file_id")?.as_u64()
}

impl Answer {
    fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn cloned(&self) -> Self {
        Self { status: self.status, headers: self.headers.clone(), body: self.body.clone() }
    }
}

/// Until the client goes away.
async fn hang(socket: &mut (impl Stream + ?Sized)) -> io::Result<Then> {
    while socket.read(&mut [0; 1024]).await? > 0 {}
    Ok(Then::Close)
}

/// Valid JSON that does not end, in pieces.
async fn huge(socket: &mut (impl Stream + ?Sized), bytes: u64, content_length: bool) -> io::Result<Then> {
    const PIECE: usize = 64 << 10;
    let head = Answer::json(200, String::new());
    let head = if content_length {
        head.with("Content-Length", bytes.to_string())
    } else {
        head.with("Transfer-Encoding", "chunked")
    };
    socket.write_all(&head.head()).await?;
    let filler = vec![b' '; PIECE];
    let mut left = bytes;
    while left > 0 {
        let size = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let piece = filler.get(..size).unwrap_or(&filler);
        if !content_length {
            socket.write_all(format!("{size:x}\r\n").as_bytes()).await?;
        }
        socket.write_all(piece).await?;
        if !content_length {
            socket.write_all(b"\r\n").await?;
        }
        left -= size as u64;
    }
    Ok(Then::Close)
}
