//! The contenders. Unless its name says that it is kept, each call has a connection of its own.

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use addepar_portal::{ContactNotification, PortalClient, PortalPublishing, PublishReport, PublishRequest};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use reqwest::redirect::Policy;
use reqwest::{Client, Url, retry};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio_rustls::TlsConnector;

use crate::plain::{self, Answer, HEADERS};
use crate::{Result, Totals};

pub(crate) enum Contender {
    /// The floor: writes bytes that are ready and reads the answer to its end.
    RawTls(RawTls),
    Hyper(Hyper),
    Reqwest(Reqwest),
    AddeparPortal(Box<PortalClient>),
}

impl Contender {
    pub(crate) fn open(name: &str, url: &str, file_ids: &[u64]) -> Result<Self> {
        let route = format!("{url}/v1/portal/publish_files");
        Ok(match name {
            "raw TLS that resumes" => Self::RawTls(RawTls::new(&route.parse()?, file_ids)?),
            "hyper + serde_json" => Self::Hyper(Hyper::new(route.parse()?, false)?),
            "hyper + serde_json, kept" => Self::Hyper(Hyper::new(route.parse()?, true)?),
            "reqwest + serde_json" => Self::Reqwest(Reqwest::new(route.parse()?)?),
            "addepar-portal" => {
                let builder = PortalClient::builder().base_url(url).firm_id("1").ca_file(ca_file()?);
                Self::AddeparPortal(Box::new(builder.key("key", "secret").build()?))
            }
            _ => return Err(format!("no contender {name}").into()),
        })
    }

    /// `None` of the floor.
    pub(crate) async fn publish(&mut self, file_ids: &[u64]) -> Result<Option<Totals>> {
        Ok(match self {
            Self::RawTls(raw) => {
                raw.publish()?;
                None
            }
            Self::Hyper(hyper) => Some(hyper.publish(file_ids).await?),
            Self::Reqwest(reqwest) => Some(reqwest.publish(file_ids).await?),
            Self::AddeparPortal(client) => {
                let (publish, notify) = (PortalPublishing::Publish, ContactNotification::DoNotNotify);
                let request = PublishRequest::new(file_ids.iter().copied(), publish, notify)?;
                Some(every_row(&client.publish_files(&request).await?))
            }
        })
    }
}

fn every_row(report: &PublishReport) -> Totals {
    let mut totals = [0; 3];
    let [failed, ids, words] = &mut totals;
    for file in report.files() {
        *ids += file.file_id;
        *failed += u64::from(file.published == Some(false) || file.notified == Some(false));
        let said = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        *words += file.errors.iter().map(|error| said(&error.code) + said(&error.detail)).sum::<usize>() as u64;
    }
    totals
}

fn ca_file() -> Result<String> {
    Ok(env::var("BENCH_CA_FILE")?)
}

/// How the others speak TLS; rustls resumes sessions unless it is told not to.
fn tls() -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca_file()?)?)?;
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    Ok(Arc::new(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth()))
}

fn authority(url: &Uri) -> Result<&str> {
    Ok(url.authority().ok_or("a URL without a host")?.as_str())
}

fn server_name(url: &Uri) -> Result<ServerName<'static>> {
    Ok(ServerName::try_from(url.host().ok_or("a URL without a host")?.to_owned())?)
}

/// A request that is ready to be sent.
pub(crate) struct RawTls {
    tls: Arc<ClientConfig>,
    authority: String,
    server: ServerName<'static>,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl RawTls {
    fn new(url: &Uri, file_ids: &[u64]) -> Result<Self> {
        let (authority, body) = (authority(url)?.to_owned(), plain::body(file_ids)?);
        let mut head = format!("POST {} HTTP/1.1\r\nhost: {authority}\r\n", url.path());
        for (name, value) in HEADERS {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n"]);
        let request = [head.as_bytes(), &body].concat();
        Ok(Self { tls: tls()?, authority, server: server_name(url)?, request, buffer: vec![0; 1 << 20] })
    }

    fn publish(&mut self) -> Result<()> {
        let connection = TcpStream::connect(&self.authority)?;
        connection.set_nodelay(true)?;
        let session = ClientConnection::new(self.tls.clone(), self.server.clone())?;
        let mut connection = StreamOwned::new(session, connection);
        connection.write_all(&self.request)?;
        let mut read = connection.read(&mut self.buffer)?;
        let length = answer_length(self.buffer.get(..read).unwrap_or_default())?;
        while read < length {
            read += connection.read(&mut self.buffer)?;
        }
        connection.conn.send_close_notify();
        Ok(connection.flush()?)
    }
}

/// The length of an answer, by its head.
fn answer_length(start: &[u8]) -> Result<usize> {
    let head = str::from_utf8(start)?.split("\r\n\r\n").next().unwrap_or_default();
    let length = head.split("Content-Length: ").nth(1).and_then(|rest| rest.lines().next());
    Ok(head.len() + 4 + length.ok_or("an answer without a length")?.parse::<usize>()?)
}

/// hyper by itself, with tokio-rustls.
pub(crate) struct Hyper {
    url: Uri,
    tls: TlsConnector,
    server: ServerName<'static>,
    is_kept: bool,
    kept: Option<SendRequest<Full<Bytes>>>,
}

impl Hyper {
    fn new(url: Uri, is_kept: bool) -> Result<Self> {
        let (tls, server) = (TlsConnector::from(tls()?), server_name(&url)?);
        Ok(Self { url, tls, server, is_kept, kept: None })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let connection = tokio::net::TcpStream::connect(authority(&self.url)?).await?;
        connection.set_nodelay(true)?;
        let connection = self.tls.connect(self.server.clone(), connection).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(connection)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn publish(&mut self, file_ids: &[u64]) -> Result<Totals> {
        let body = Full::new(Bytes::from(plain::body(file_ids)?));
        let mut request = Request::post(self.url.path()).header("host", authority(&self.url)?);
        for (name, value) in HEADERS {
            request = request.header(name, value);
        }
        let mut sender = match self.kept.take() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        sender.ready().await?;
        let response = sender.send_request(request.body(body)?).await?;
        if response.status() != 200 {
            return Err(format!("answered {}", response.status()).into());
        }
        let answer = response.into_body().collect().await?.to_bytes();
        self.kept = self.is_kept.then_some(sender);
        Ok(serde_json::from_slice::<Answer>(&answer)?.every_row())
    }
}

/// reqwest by itself, set up as in the library.
pub(crate) struct Reqwest {
    url: Url,
    client: Client,
}

impl Reqwest {
    fn new(url: Url) -> Result<Self> {
        let client = Client::builder().http1_only().redirect(Policy::none()).retry(retry::never()).referer(false);
        let client = client.no_proxy().pool_max_idle_per_host(0).tls_backend_preconfigured((*tls()?).clone());
        Ok(Self { url, client: client.build()? })
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
