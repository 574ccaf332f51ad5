//! The server of the benchmark, the same for every contender and as cheap as it can be: blocking
//! sockets, one thread for each connection, answers that are made once and sent in one piece.
//!
//! `POST /{form}/v1/portal/publish_files` is answered with one result for each file of the request,
//! whose ids must be consecutive. `form` is `compact` or `indented`. Files whose ids end like those
//! of the API page's example fail as they do there, 37 to notify and 38 both, so one in ten fails.
//! Below `/kept` the request is kept as well, and `GET /last` shows it.
//!
//! It prints its port and runs until its standard input is closed.

mod answer;
mod request;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::{process, thread};

use crate::request::Request;

type Answers = HashMap<(bool, u64, u64), Arc<[u8]>>;

/// What all connections share.
#[derive(Default)]
struct Server {
    answers: Mutex<Answers>,
    last: Mutex<Vec<u8>>,
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?.port());
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0);
    });
    let server = Arc::new(Server::default());
    for connection in listener.incoming() {
        let (connection, server) = (connection?, server.clone());
        // A connection that breaks is the client's affair.
        thread::spawn(move || server.serve(connection));
    }
    Ok(())
}

impl Server {
    fn serve(&self, mut connection: TcpStream) -> io::Result<()> {
        connection.set_nodelay(true)?;
        let mut received = Vec::new();
        let mut chunk = [0; 16 << 10];
        loop {
            while let Some(request) = Request::read(&received)? {
                connection.write_all(&self.answer(&request))?;
                let length = request.length();
                received.drain(..length);
            }
            match connection.read(&mut chunk)? {
                0 => return Ok(()),
                count => received.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            }
        }
    }

    fn answer(&self, request: &Request<'_>) -> Arc<[u8]> {
        if request.path == "/last" {
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            return with_head("text/plain", &last).into();
        }
        if request.path.starts_with("/kept") {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = request.whole.to_vec();
        }
        let indented = request.path.contains("/indented/");
        let (first, count) = request.file_ids();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers
            .entry((indented, first, count))
            .or_insert_with(|| {
                with_head("application/vnd.api+json", answer::body(indented, first, count).as_bytes()).into()
            })
            .clone()
    }
}

/// With the promise without which some clients open a connection for each call.
fn with_head(content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nKeep-Alive: timeout=75\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
