//! A whole answer, sent by a server on loopback through the real transport.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use addepar_portal::host::Settings;
use addepar_portal::{Error, FileState, Outcome, PortalClient, PublishReport, PublishRequest};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::{self, LocalSet};

use crate::promises;

/// Stands between the answers to the POST and to the GETs of further pages.
const NEXT_ANSWER: &[u8] = b"\n=====\n";
/// The end of the first line where the call stands between two others on the same client, which get a
/// plain answer. The first lets connections be used again; nothing may be left over for the last.
const AGAIN: &[u8] = b" again";

const SECRET: &str = "correct horse battery staple";

const PLAIN_FILE: &str = "9007199254740991";
const PLAIN_BODY: &str =
    r#"{"data":[{"id":"9007199254740991","attributes":{"publish_status":"success","notify_status":"success"}}]}"#;

/// The statuses with which the server says that it did not begin to process the request.
const REFUSALS: [u16; 10] = [400, 401, 403, 404, 405, 409, 410, 413, 415, 422];

/// So often the client may go on after an answer before its connection is closed.
const TURNS: usize = 64;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// False: the input names no files.
pub fn check(input: &[u8]) -> bool {
    let line = input.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let again = line.ends_with(AGAIN);
    let input = [line.strip_suffix(AGAIN).unwrap_or(line), input.get(line.len()..).unwrap_or_default()].concat();
    let Some((request, answers)) = promises::split(&input) else { return false };
    if request.to_json().contains(PLAIN_FILE) {
        return false;
    }
    let mut runtime = Builder::new_current_thread();
    // Nothing here takes time, so no timer has to be waited for.
    #[cfg(fuzzing)]
    runtime.start_paused(true);
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(LocalSet::new().run_until(calls(&request, answers, again)));
    true
}

async fn calls(request: &PublishRequest, answers: &[u8], again: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let settings = Settings {
        base_url: Some(format!("http://{}", listener.local_addr().expect("an address"))),
        firm_id: Some("1".to_owned()),
        key_id: Some("key".to_owned()),
        key_secret: Some(SECRET.into()),
        timeout: Some(10.0),
        max_rate_limit_wait: Some(0.0),
        ..Settings::default()
    };
    let client = PortalClient::new(settings, |_| None).expect("a client");
    let server = Rc::new(Server::new(answers));
    task::spawn_local(server.clone().accept(listener));

    if again {
        plain(&client).await;
    }
    server.ends.set(true);
    let result = client.publish_files(request).await;
    server.ends.set(false);
    promises::keep(request, &result);
    assert_eq!(server.posts.get(), 1, "sent once, whatever the answer is");
    // A fuzzer that watches this comparison learns the secret.
    assert!(cfg!(fuzzing) || !told(&result).contains(SECRET), "the secret is told: {result:?}");
    match &result {
        Ok(report) => {
            let success = |status| (200..300).contains(&status) && ![202, 204].contains(&status);
            assert!(server.answered(success), "nobody said so: {report}");
            if let Some(ok) = promises::plainly_ok(request, report.raw()) {
                let mut files = report.in_state(FileState::Ok);
                assert!(files.all(|file| ok.contains(&file.file_id)), "success was made up: {report}");
            }
        }
        Err(error) if error.outcome() == Outcome::NotProcessed => {
            let refusal = |status| REFUSALS.contains(&status) || status == 429;
            assert!(error.http_status().is_some_and(refusal), "{error}");
            assert!(server.answered(refusal), "nobody refused: {error}");
        }
        Err(_) => {}
    }
    if again {
        plain(&client).await;
        assert_eq!(server.posts.get(), 1);
    }
}

async fn plain(client: &PortalClient) {
    let request = promises::request(PLAIN_FILE).expect("a request");
    let report = client.publish_files(&request).await.expect("a plain answer");
    assert_eq!(report.raw(), PLAIN_BODY, "an answer was taken for another call's");
    assert!(report.ok());
}

/// All that a caller can see.
fn told(result: &Result<PublishReport, Error>) -> String {
    match result {
        Ok(report) => report.to_json(),
        Err(error) => format!("{error:?} {} {:?}", error.to_json(), error.report()),
    }
}

struct Server {
    answers: RefCell<VecDeque<Vec<u8>>>,
    /// All that was sent.
    sent: RefCell<Vec<u8>>,
    /// How many POSTs came, plain ones apart.
    posts: Cell<usize>,
    /// Whether a connection is closed once the client had its turns.
    ends: Cell<bool>,
}

impl Server {
    fn new(answers: &[u8]) -> Self {
        let mut parts = VecDeque::new();
        let mut rest = answers;
        while let Some(end) = rest.windows(NEXT_ANSWER.len()).position(|bytes| bytes == NEXT_ANSWER) {
            parts.push_back(rest[..end].to_vec());
            rest = &rest[end + NEXT_ANSWER.len()..];
        }
        parts.push_back(rest.to_vec());
        Self { answers: RefCell::new(parts), sent: RefCell::default(), posts: Cell::new(0), ends: Cell::new(false) }
    }

    async fn accept(self: Rc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            task::spawn_local(self.clone().serve(stream));
        }
    }

    /// Answers requests until the client ends, or has had its turns and still waits: for more bytes, of
    /// which there are none.
    async fn serve(self: Rc<Self>, stream: TcpStream) -> io::Result<()> {
        let mut unread = Vec::new();
        loop {
            let request = read_request(&stream, &mut unread).await?;
            let answer = self.answer(&request);
            write(&stream, &answer).await?;
            for _ in 0..TURNS {
                task::yield_now().await;
                if !self.ends.get() || read(&stream, &mut unread)? {
                    break;
                }
            }
            if unread.is_empty() && self.ends.get() {
                return Ok(());
            }
        }
    }

    fn answer(&self, request: &[u8]) -> Vec<u8> {
        let whole = |status: &str, body: &str| {
            let head = format!("HTTP/1.1 {status}\r\nKeep-Alive: timeout=5\r\nContent-Length: {}\r\n\r\n", body.len());
            (head + body).into_bytes()
        };
        if contains(request, format!("[{PLAIN_FILE}]").as_bytes()) {
            return whole("200 OK", PLAIN_BODY);
        }
        self.posts.set(self.posts.get() + usize::from(request.starts_with(b"POST ")));
        let answer = self.answers.borrow_mut().pop_front().unwrap_or_else(|| whole("404 Not Found", ""));
        self.sent.borrow_mut().extend_from_slice(&answer);
        answer
    }

    /// Whether something that looks like a head with such a status was sent.
    fn answered(&self, wanted: impl Fn(u16) -> bool) -> bool {
        let status = |head: &[u8]| str::from_utf8(head.strip_prefix(b"HTTP/1.")?.get(2..5)?).ok()?.parse().ok();
        self.sent.borrow().windows(12).filter_map(status).any(wanted)
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// One whole request.
async fn read_request(stream: &TcpStream, unread: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    loop {
        if let Some(end) = length(unread).filter(|end| *end <= unread.len()) {
            return Ok(unread.drain(..end).collect());
        }
        stream.readable().await?;
        read(stream, unread)?;
    }
}

/// How long the request is that begins here, as soon as its head is whole.
fn length(request: &[u8]) -> Option<usize> {
    let end = request.windows(HEAD_END.len()).position(|bytes| bytes == HEAD_END)?;
    let head = str::from_utf8(&request[..end]).ok()?.to_ascii_lowercase();
    let body = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    Some(end + HEAD_END.len() + body.unwrap_or(0))
}

/// Whether bytes had arrived.
fn read(stream: &TcpStream, unread: &mut Vec<u8>) -> io::Result<bool> {
    let mut bytes = [0; 4096];
    match stream.try_read(&mut bytes) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => {
            unread.extend_from_slice(&bytes[..count]);
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

async fn write(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
