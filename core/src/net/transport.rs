//! HTTP: sends what it is told to and says what happened. It decides nothing.
//!
//! HTTP/1.1 only, no redirects, no retries, no compression.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::{fs, io};

use bytes::Bytes;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Body, Client, Method, Response, redirect, retry};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::Verifier;
use url::Url;

use crate::config::secret::Secret;
use crate::config::settings::{Config, ExtraRoots};
use crate::error::Error;
use crate::model::attempt::Fault;
use crate::net::body::LatchedBody;
use crate::net::mask::Mask;
use crate::protocol::exchange::{Answer, Exchange, MAX_BODY};
use crate::protocol::latch::Latch;
use crate::protocol::rate_limit;
use crate::runtime::clock;
use crate::runtime::per_process::PerProcess;

/// How much of an answer that is too large is kept for the reader.
const KEPT_OF_TOO_LARGE: usize = 64 << 10;
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.api+json");

/// Who asks, as one request says it.
#[derive(Clone)]
pub(crate) enum Authorization {
    Basic { id: String, secret: Secret },
    Bearer(Secret),
}

impl Authorization {
    fn mask(&self) -> Mask {
        match self {
            Self::Basic { id, secret } => Mask::of_key(id, secret),
            Self::Bearer(token) => Mask::of_token(token),
        }
    }
}

/// The way to one server.
///
/// Every request goes out on a connection of its own. A connection that is used again can hand a request the answer
/// of the one before, or lose it to a close that is on its way, and nobody could tell that from "processed". What is
/// shared between calls is the client's configuration and its TLS sessions, which are resumed.
pub(crate) struct Transport {
    config: Arc<Config>,
    /// It keeps no connection, so that it may serve any runtime; a forked child makes its own, whose locks are free.
    client: PerProcess<OnceLock<Client>>,
}

impl Transport {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self { config, client: PerProcess::new() }
    }

    /// One POST. Every byte of its body goes through `latch`.
    pub(crate) async fn post(
        &self,
        body: Bytes,
        authorization: Authorization,
        latch: &Latch,
    ) -> Result<Exchange, Error> {
        let url = self.config.route.clone();
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
        let mask = authorization.mask().and_proxy(self.config.proxy.as_ref().map(|proxy| &proxy.url));
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
        let mut answer = None;
        let ended = clock::timeout(self.config.timeout, async {
            let response = request.send().await?;
            read_body(response, latch, &mut answer).await
        })
        .await;
        Ok(mask.applied(match (answer, ended) {
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
        }))
    }

    fn client(&self) -> Result<Client, Error> {
        let slot = self.client.get(OnceLock::new);
        if let Some(client) = slot.get() {
            return Ok(client.clone());
        }
        let client = self.connect()?;
        Ok(slot.get_or_init(|| client).clone())
    }

    fn connect(&self) -> Result<Client, Error> {
        let mut builder = Client::builder()
            .http1_only()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .connect_timeout(self.config.connect_timeout)
            .pool_max_idle_per_host(0)
            .no_proxy()
            .tls_backend_preconfigured(tls(&self.config)?);
        if let Some(proxy) = &self.config.proxy {
            // reqwest's own message would show the URL and the password in it.
            let way = reqwest::Proxy::all(proxy.url.expose())
                .map_err(|_| Error::config("`proxy` is no proxy URL.".to_owned()))?
                .no_proxy(proxy.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string));
            builder = builder.proxy(way);
        }
        builder.build().map_err(|error| Error::config(format!("The HTTP client cannot be set up: {}.", cause(&error))))
    }
}

/// What every client has that trusts the system's roots alone: they take milliseconds to load, and a client that is
/// made for one call resumes the TLS session of the one before. Clients with roots of their own share neither.
static SYSTEM_TLS: PerProcess<OnceLock<ClientConfig>> = PerProcess::new();

fn tls(config: &Config) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = match &config.extra_roots {
        // No certificate is looked at, so none is loaded.
        None if config.base_url.scheme() == "http" => {
            return Ok(tls_builder(provider)?.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
        }
        Some(extra) => Verifier::new_with_extra_roots(read_roots(extra)?, provider.clone()),
        None => {
            let slot = SYSTEM_TLS.get(OnceLock::new);
            if let Some(tls) = slot.get() {
                return Ok(tls.clone());
            }
            let verifier = Verifier::new(provider.clone()).map_err(no_tls)?;
            let tls = verified_by(verifier, provider)?;
            return Ok(slot.get_or_init(|| tls).clone());
        }
    };
    verified_by(verifier.map_err(no_tls)?, provider)
}

fn verified_by(verifier: Verifier, provider: Arc<CryptoProvider>) -> Result<ClientConfig, Error> {
    let builder = tls_builder(provider)?.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(builder.with_no_client_auth())
}

fn tls_builder(provider: Arc<CryptoProvider>) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(no_tls)
}

#[allow(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn no_tls(error: rustls::Error) -> Error {
    Error::config(format!("TLS cannot be set up: {error}."))
}

fn read_roots(extra: &ExtraRoots) -> Result<Vec<CertificateDer<'static>>, Error> {
    let ExtraRoots { setting, path } = extra;
    let unread = |error: io::Error| Error::config(format!("{setting} {path:?} cannot be read: {error}."));
    let mut roots = Vec::new();
    for file in pem_files(Path::new(path)).map_err(unread)? {
        let pem = fs::read(file).map_err(unread)?;
        for root in CertificateDer::pem_slice_iter(&pem) {
            roots.push(root.map_err(|error| Error::config(format!("{setting} {path:?} is not a PEM file: {error}.")))?);
        }
    }
    if roots.is_empty() {
        return Err(Error::config(format!("{setting} {path:?} has no certificate in PEM.")));
    }
    Ok(roots)
}

/// The file itself, or the files of a folder.
fn pem_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    Ok(files.into_iter().filter(|file| file.is_file()).collect())
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
    let now = clock::now();
    let header = |name: &str| response.headers().get(name)?.to_str().ok();
    Answer {
        status: response.status().as_u16(),
        at: now,
        after: latch.sent_at().map(|sent_at| now.since(sent_at)).unwrap_or_default(),
        request_id: header("x-request-id").map(|id| id.chars().take(200).collect()),
        retry_after: rate_limit::delay(header(rate_limit::ADDEPAR_HEADER), header(RETRY_AFTER.as_str()), now.wall),
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
