//! HTTP: sends what it is told to and says what happened. It decides nothing.
//!
//! HTTP/1.1 only, no redirects, no retries, no compression. A `reqwest::Client` is bound to the
//! runtime it was first used on, so there is one for each runtime.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io};

use bytes::Bytes;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Body, Client, Method, Response, Url, redirect, retry};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::runtime::{Handle, Id};
use tokio::task;

use crate::clock::{self, Moment};
use crate::error::Error;
use crate::exchange::{Answer, Exchange, MAX_BODY};
use crate::latch::{Latch, LatchedBody};
use crate::outcome::Fault;
use crate::process::PerProcess;
use crate::rate_limit;
use crate::settings::{Config, Secret};

/// How long a kept-alive connection counts as fresh.
pub(crate) const FRESH: Duration = Duration::from_secs(1);
/// How much of an answer that is too large is kept for the reader.
const KEPT_OF_TOO_LARGE: usize = 64 << 10;
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.api+json");

/// Who asks, as one request says it.
#[derive(Clone)]
pub(crate) enum Authorization {
    Basic { id: String, secret: Secret },
    Bearer(Secret),
}

/// The way to one server.
pub(crate) struct Transport {
    config: Arc<Config>,
    tls: PerProcess<OnceLock<ClientConfig>>,
    clients: PerProcess<Mutex<Vec<Bound>>>,
}

/// A client and the runtime that drives its connections.
struct Bound {
    runtime: Id,
    client: Client,
    used: Instant,
}

impl Transport {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self { config, tls: PerProcess::new(), clients: PerProcess::new() }
    }

    /// One POST. Every byte of its body goes through `latch`.
    pub(crate) async fn post(
        &self,
        body: Bytes,
        authorization: Authorization,
        latch: &Latch,
    ) -> Result<Exchange, Error> {
        let url = self.config.route();
        let body = Body::wrap(LatchedBody::new(latch.clone(), body));
        self.exchange(Method::POST, url, Some(body), authorization, latch).await
    }

    /// One GET of a further page of results.
    pub(crate) async fn get(&self, url: Url, authorization: Authorization) -> Result<Exchange, Error> {
        self.exchange(Method::GET, url, None, authorization, &Latch::default()).await
    }

    async fn exchange(
        &self,
        method: Method,
        url: Url,
        body: Option<Body>,
        authorization: Authorization,
        latch: &Latch,
    ) -> Result<Exchange, Error> {
        let client = self.client()?;
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(ACCEPT, MEDIA_TYPE);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert("addepar-firm", self.config.firm_id.clone());
        let mut request = client.request(method, url).headers(headers);
        request = match authorization {
            Authorization::Basic { id, secret } => request.basic_auth(id, Some(secret.expose())),
            Authorization::Bearer(token) => request.bearer_auth(token.expose()),
        };
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, MEDIA_TYPE).body(body);
        }
        // Lets the event loop see first whether an idle connection was closed or has stray bytes.
        task::yield_now().await;
        task::yield_now().await;
        let mut answer = None;
        let ended = clock::timeout(self.config.timeout, async {
            let response = request.send().await?;
            read_body(response, latch, &mut answer).await
        })
        .await;
        Ok(match (answer, ended) {
            (Some(answer), Ok(Ok(()))) => Exchange::Answered(answer),
            (Some(mut answer), ended) => {
                answer.broken = Some(match ended {
                    Ok(ended) => ended.err().as_ref().map(cause).unwrap_or_default(),
                    Err(clock::Elapsed) => format!("it was not whole after {:?}", self.config.timeout),
                });
                Exchange::Answered(answer)
            }
            (None, Ok(ended)) => {
                let (fault, cause) = ended.err().as_ref().map_or((Fault::Connection, String::new()), diagnose);
                Exchange::Lost { fault, cause }
            }
            (None, Err(clock::Elapsed)) => {
                Exchange::Lost { fault: Fault::Timeout, cause: format!("no answer after {:?}", self.config.timeout) }
            }
        })
    }

    /// The client of the current runtime; those that have no fresh connection are let go.
    fn client(&self) -> Result<Client, Error> {
        let runtime = Handle::current().id();
        let clients = self.clients.get(Mutex::default);
        let now = Instant::now();
        {
            let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
            clients.retain(|bound| now.duration_since(bound.used) < FRESH);
            if let Some(bound) = clients.iter_mut().find(|bound| bound.runtime == runtime) {
                bound.used = now;
                return Ok(bound.client.clone());
            }
        }
        let client = self.connect()?;
        let bound = Bound { runtime, client: client.clone(), used: now };
        clients.lock().unwrap_or_else(PoisonError::into_inner).push(bound);
        Ok(client)
    }

    /// Closes every idle connection.
    pub(crate) fn close(&self) {
        self.clients.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn connect(&self) -> Result<Client, Error> {
        let mut builder = Client::builder()
            .http1_only()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .connect_timeout(self.config.connect_timeout)
            .pool_idle_timeout(FRESH)
            .no_proxy()
            .tls_backend_preconfigured(self.tls()?);
        if let Some(proxy) = &self.config.proxy {
            // reqwest's own message would show the URL and the password in it.
            let way = reqwest::Proxy::all(proxy.url.expose())
                .map_err(|_| Error::config("`proxy` is no proxy URL.".to_owned()))?
                .no_proxy(proxy.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string));
            builder = builder.proxy(way);
        }
        builder.build().map_err(|error| Error::config(format!("The HTTP client cannot be set up: {}.", cause(&error))))
    }

    fn tls(&self) -> Result<ClientConfig, Error> {
        let slot = self.tls.get(OnceLock::new);
        if let Some(tls) = slot.get() {
            return Ok(tls.clone());
        }
        let tls = tls(&self.config)?;
        Ok(slot.get_or_init(|| tls).clone())
    }
}

/// The system's trust roots take milliseconds to load: once per process, on first use.
static SYSTEM_ROOTS: PerProcess<OnceLock<Arc<Verifier>>> = PerProcess::new();

fn tls(config: &Config) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let failed = |error: rustls::Error| Error::config(format!("TLS cannot be set up: {error}."));
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(failed)?;
    let verifier = match &config.ca_file {
        None if config.base_url.scheme() == "http" => {
            return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
        }
        Some(path) => Arc::new(Verifier::new_with_extra_roots(read_roots(path)?, provider).map_err(failed)?),
        None => system_roots(provider).map_err(failed)?,
    };
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn system_roots(provider: Arc<CryptoProvider>) -> Result<Arc<Verifier>, rustls::Error> {
    let slot = SYSTEM_ROOTS.get(OnceLock::new);
    if let Some(verifier) = slot.get() {
        return Ok(verifier.clone());
    }
    let verifier = Arc::new(Verifier::new(provider)?);
    Ok(slot.get_or_init(|| verifier).clone())
}

fn read_roots(path: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = fs::read(path).map_err(|error| Error::config(format!("ca_file {path:?} cannot be read: {error}.")))?;
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match roots {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        Ok(_) => Err(Error::config(format!("ca_file {path:?} has no certificate in PEM."))),
        Err(error) => Err(Error::config(format!("ca_file {path:?} is no PEM file: {error}."))),
    }
}

async fn read_body(mut response: Response, latch: &Latch, answer: &mut Option<Answer>) -> Result<(), reqwest::Error> {
    let answer = answer.insert(head(&response, latch));
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    if announced <= MAX_BODY {
        answer.body.reserve_exact(announced);
        while let Some(chunk) = response.chunk().await? {
            if answer.body.len() + chunk.len() > MAX_BODY {
                answer.body.truncate(KEPT_OF_TOO_LARGE);
                answer.body.shrink_to_fit();
                answer.broken = Some(too_large());
                break;
            }
            answer.body.extend_from_slice(&chunk);
        }
    } else {
        answer.broken = Some(too_large());
    }
    Ok(())
}

fn too_large() -> String {
    format!("it is larger than {} MiB", MAX_BODY >> 20)
}

fn head(response: &Response, latch: &Latch) -> Answer {
    let header = |name: &str| response.headers().get(name)?.to_str().ok();
    Answer {
        status: response.status().as_u16(),
        at: Moment::now(),
        after: latch.since_sent(),
        request_id: header("x-request-id").map(|id| id.chars().take(200).collect()),
        retry_after: rate_limit::delay(
            header(rate_limit::ADDEPAR_HEADER),
            header(RETRY_AFTER.as_str()),
            SystemTime::now(),
        ),
        body: Vec::new(),
        broken: None,
    }
}

/// The kind of a failure and its innermost words. Kinds choose the words, never the outcome.
fn diagnose(error: &reqwest::Error) -> (Fault, String) {
    let cause = cause(error);
    let mut fault = if error.is_timeout() { Fault::ConnectTimeout } else { Fault::Connection };
    let mut source: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(layer) = source {
        if let Some(tls) = as_tls(layer) {
            if matches!(tls, rustls::Error::InvalidCertificate(_)) {
                fault = Fault::Certificate;
            }
        } else if layer.to_string().starts_with("tunnel error") {
            fault = Fault::Proxy;
        }
        source = layer.source();
    }
    (fault, cause)
}

/// rustls hides its errors inside `io::Error`s, whose `source` skips the error that they wrap.
fn as_tls<'a>(layer: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    match layer.downcast_ref::<io::Error>() {
        Some(wrapper) => as_tls(wrapper.get_ref()?),
        None => layer.downcast_ref(),
    }
}

/// The words of the innermost layers, without the URL.
fn cause(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(layer) = source {
        let said = layer.to_string();
        if words.last() != Some(&said) && !said.starts_with("client error") {
            words.push(said);
        }
        source = layer.source();
    }
    let innermost = words.len().saturating_sub(2);
    match words.get(innermost..) {
        Some([]) | None => "the connection failed".to_owned(),
        Some(words) => words.join(": "),
    }
}

/// A link on one page to the next, if it leads to the same origin. A link that starts with `/v1/` is
/// below the base URL: plain resolution would lose the base's path.
pub(crate) fn page_url(config: &Config, page: &Url, link: &str) -> Option<Url> {
    let base = &config.base_url;
    let url = if link.starts_with("/v1/") {
        Url::parse(&format!("{}{link}", base.as_str().trim_end_matches('/'))).ok()?
    } else {
        page.join(link).ok()?
    };
    let same_user = url.username().is_empty() && url.password().is_none();
    (url.origin() == base.origin() && same_user).then_some(url)
}
