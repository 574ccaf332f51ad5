//! The server of the benchmark, the same for every contender and as cheap as it can be: TLS 1.3, blocking
//! sockets, one thread for each connection, answers that are made once and sent in one piece.
//!
//! ```text
//! addepar-portal-bench-server CERTIFICATE KEY
//! ```
//!
//! `POST /{form}/v1/portal/publish_files` is answered with one result for each file of the request, whose ids must
//! be consecutive; see [`answer::Form`]. Below `/slow` the form is `compact`, and the answer takes 200 ms.
//! `GET /last` shows the last request, and `GET /connections` how many were opened since it was asked before, and
//! how many of them resumed a TLS session.
//!
//! A connection is closed after its answer where the client asks for that, and kept otherwise, without any promise.
//!
//! It prints its port and runs until its standard input is closed.

mod answer;
mod request;

use std::collections::HashMap;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{mem, process, thread};

use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::TLS13;
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

use crate::answer::Form;
use crate::request::Request;

const SLOW: Duration = Duration::from_millis(200);

/// By form, the first file, how many there are, and whether the connection is closed afterwards.
type Answers = HashMap<(Form, u64, u64, bool), Arc<[u8]>>;

/// What all connections share.
struct Server {
    tls: Arc<ServerConfig>,
    answers: Mutex<Answers>,
    last: Mutex<Vec<u8>>,
    connections: Mutex<Connections>,
}

/// How many were opened, and how many of them resumed a session.
#[derive(Default)]
struct Connections {
    opened: u64,
    resumed: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let [certificate, key] = files.as_slice() else { return Err("CERTIFICATE KEY".into()) };
    let listener = TcpListener::bind(("localhost", 0))?;
    println!("{}", listener.local_addr()?.port());
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0);
    });
    let server = Arc::new(Server {
        tls: Arc::new(tls(certificate, key)?),
        answers: Mutex::default(),
        last: Mutex::default(),
        connections: Mutex::default(),
    });
    for connection in listener.incoming() {
        let (connection, server) = (connection?, server.clone());
        // A connection that breaks is the client's affair.
        thread::spawn(move || server.serve(connection));
    }
    Ok(())
}

/// TLS 1.3, and tickets that the server need not remember, as most servers have it.
fn tls(certificate: &str, key: &str) -> Result<ServerConfig, Box<dyn Error>> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let mut config = builder
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.ticketer = Ticketer::new()?;
    Ok(config)
}

impl Server {
    fn serve(&self, socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let connection = ServerConnection::new(self.tls.clone()).map_err(io::Error::other)?;
        let mut connection = StreamOwned::new(connection, socket);
        let (mut received, mut chunk, mut is_counted) = (Vec::new(), [0; 16 << 10], false);
        loop {
            match connection.read(&mut chunk)? {
                0 => return Ok(()),
                count => received.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            }
            if !mem::replace(&mut is_counted, true) {
                self.count(connection.conn.handshake_kind());
            }
            while let Some(request) = Request::read(&received)? {
                connection.write_all(&self.answer(&request))?;
                if request.is_last {
                    connection.conn.send_close_notify();
                    return connection.flush();
                }
                let length = request.length();
                received.drain(..length);
            }
        }
    }

    fn count(&self, handshake: Option<HandshakeKind>) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.opened += 1;
        connections.resumed += u64::from(handshake == Some(HandshakeKind::Resumed));
    }

    fn answer(&self, request: &Request<'_>) -> Arc<[u8]> {
        let first = request.path.split('/').nth(1).unwrap_or_default();
        let form = match first {
            "last" => return with_head(false, &self.last.lock().unwrap_or_else(PoisonError::into_inner)),
            "connections" => {
                let Connections { opened, resumed } =
                    mem::take(&mut *self.connections.lock().unwrap_or_else(PoisonError::into_inner));
                return with_head(false, format!("[{opened}, {resumed}]").as_bytes());
            }
            "slow" => {
                thread::sleep(SLOW);
                Form::Compact
            }
            name => Form::named(name).unwrap_or(Form::Compact),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = request.whole.to_vec();
        let (first, count) = request.file_ids();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers
            .entry((form, first, count, request.is_last))
            .or_insert_with(|| with_head(request.is_last, answer::body(form, first, count).as_bytes()));
        answer.clone()
    }
}

fn with_head(is_last: bool, body: &[u8]) -> Arc<[u8]> {
    let (close, length) = (if is_last { "Connection: close\r\n" } else { "" }, body.len());
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.api+json\r\n{close}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat().into()
}
