//! The contenders.

use std::io::{Read, Write};
use std::net::TcpStream;

use addepar_portal::{ContactNotification, PortalClient, PortalPublishing, PublishReport, PublishRequest};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use reqwest::redirect::Policy;
use reqwest::{Client, Url, retry};

use crate::plain::{self, Answer, HEADERS};
use crate::{Result, Totals};

pub(crate) enum Contender {
    /// The floor: writes bytes that are ready and reads the answer to its end.
    RawSocket(RawSocket),
    Hyper(Hyper),
    Reqwest(Reqwest),
    AddeparPortal(Box<PortalClient>),
}

impl Contender {
    pub(crate) async fn open(name: &str, url: &str, file_ids: &[u64]) -> Result<Self> {
        Ok(match name {
            "raw socket" => Self::RawSocket(RawSocket::open(&route(url).parse()?, file_ids)?),
            "hyper + serde_json" => Self::Hyper(Hyper::open(route(url).parse()?).await?),
            "reqwest + serde_json" => Self::Reqwest(Reqwest::open(route(url).parse()?)?),
            "addepar-portal" => {
                let builder = PortalClient::builder().base_url(url).firm_id("1");
                Self::AddeparPortal(Box::new(builder.key("key", "secret").build()?))
            }
            _ => return Err(format!("no contender {name}").into()),
        })
    }

    pub(crate) async fn publish(&mut self, file_ids: &[u64]) -> Result<Totals> {
        match self {
            Self::RawSocket(socket) => socket.publish(),
            Self::Hyper(hyper) => hyper.publish(file_ids).await,
            Self::Reqwest(reqwest) => reqwest.publish(file_ids).await,
            Self::AddeparPortal(client) => {
                let (publish, notify) = (PortalPublishing::Publish, ContactNotification::Notify);
                let request = PublishRequest::new(file_ids.iter().copied(), publish, notify)?;
                Ok(every_row(&client.publish_files(&request).await?))
            }
        }
    }
}

fn route(url: &str) -> String {
    format!("{url}/v1/portal/publish_files")
}

fn every_row(report: &PublishReport) -> Totals {
    let mut totals = [0; 3];
    let [failed, ids, words] = &mut totals;
    for file in report.files() {
        *ids += file.file_id;
        *failed += u64::from(file.published != Some(true) || file.notified != Some(true));
        let said = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        *words += file.errors.iter().map(|error| said(&error.code) + said(&error.detail)).sum::<usize>() as u64;
    }
    totals
}

fn authority(url: &Uri) -> Result<&str> {
    Ok(url.authority().ok_or("a URL without a host")?.as_str())
}

/// A connection, and its request, ready to be sent.
pub(crate) struct RawSocket {
    connection: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
    /// The length of the answer.
    length: Option<usize>,
}

impl RawSocket {
    fn open(url: &Uri, file_ids: &[u64]) -> Result<Self> {
        let connection = TcpStream::connect(authority(url)?)?;
        connection.set_nodelay(true)?;
        let body = plain::body(file_ids)?;
        let mut head = format!("POST {} HTTP/1.1\r\nhost: {}\r\n", url.path(), authority(url)?);
        for (name, value) in HEADERS {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n"]);
        Ok(Self { connection, request: [head.as_bytes(), &body].concat(), buffer: vec![0; 1 << 20], length: None })
    }

    fn publish(&mut self) -> Result<Totals> {
        self.connection.write_all(&self.request)?;
        let mut read = 0;
        while self.length.is_none_or(|length| read < length) {
            let count = self.connection.read(&mut self.buffer)?;
            if self.length.is_none() {
                self.length = Some(answer_length(self.buffer.get(..count).unwrap_or_default())?);
            }
            read += count;
        }
        Ok([0; 3])
    }
}

/// The length of an answer, by its head.
fn answer_length(start: &[u8]) -> Result<usize> {
    let head = str::from_utf8(start)?.split("\r\n\r\n").next().unwrap_or_default();
    let length = head.split("Content-Length: ").nth(1).and_then(|rest| rest.lines().next());
    Ok(head.len() + 4 + length.ok_or("an answer without a length")?.parse::<usize>()?)
}

/// hyper by itself: one connection, no pool.
pub(crate) struct Hyper {
    url: Uri,
    sender: SendRequest<Full<Bytes>>,
}

impl Hyper {
    async fn open(url: Uri) -> Result<Self> {
        let connection = tokio::net::TcpStream::connect(authority(&url)?).await?;
        connection.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(connection)).await?;
        tokio::spawn(connection);
        Ok(Self { url, sender })
    }

    async fn publish(&mut self, file_ids: &[u64]) -> Result<Totals> {
        let body = Full::new(Bytes::from(plain::body(file_ids)?));
        let mut request = Request::post(self.url.path()).header("host", authority(&self.url)?);
        for (name, value) in HEADERS {
            request = request.header(name, value);
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(body)?).await?;
        if response.status() != 200 {
            return Err(format!("answered {}", response.status()).into());
        }
        let answer = response.into_body().collect().await?.to_bytes();
        Ok(serde_json::from_slice::<Answer>(&answer)?.every_row())
    }
}

/// reqwest by itself, set up as in the library.
pub(crate) struct Reqwest {
    url: Url,
    client: Client,
}

impl Reqwest {
    fn open(url: Url) -> Result<Self> {
        // There may be one already; here it is never used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().http1_only().redirect(Policy::none()).retry(retry::never()).referer(false);
        Ok(Self { url, client: client.no_proxy().build()? })
    }

    async fn publish(&mut self, file_ids: &[u64]) -> Result<Totals> {
        let mut request = self.client.post(self.url.clone()).body(plain::body(file_ids)?);
        for (name, value) in HEADERS {
            request = request.header(name, value);
        }
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice::<Answer>(&answer)?.every_row())
    }
}
