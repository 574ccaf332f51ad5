//! HTTP: sends what it is told to and says what happened. It decides nothing.
//!
//! HTTP/1.1 only, no redirects, no retries, no compression.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use rustls::ClientConfig;
use url::{Position, Url};

use crate::config::proxy::bare;
use crate::config::secret::Secret;
use crate::config::settings::Config;
use crate::error::Error;
use crate::model::attempt::Fault;
use crate::net::dial::{Place, Unreached, dial};
use crate::net::head::Head;
use crate::net::tls;
use crate::net::wire::{Broken, Stream, Wire};
use crate::protocol::exchange::{Answer, Exchange};
use crate::protocol::latch::Latch;
use crate::protocol::rate_limit;
use crate::runtime::clock;
use crate::runtime::per_process::PerProcess;

const MEDIA_TYPE: &str = "application/vnd.api+json";

/// Who asks, as one request says it.
#[derive(Clone)]
pub(crate) enum Authorization {
    Basic { id: String, secret: Secret },
    Bearer(Secret),
}

/// The way to one server.
///
/// Every request goes out on a connection of its own. A connection that is used again can hand a request the answer
/// of the one before, or lose it to a close that is on its way, and nobody could tell that from "processed". What is
/// shared between calls is the client's configuration and its TLS sessions, which are resumed.
pub(crate) struct Transport {
    config: Arc<Config>,
    /// How TLS is spoken. A forked child makes its own, whose locks are free.
    tls: PerProcess<OnceLock<Arc<ClientConfig>>>,
}

impl Transport {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self { config, tls: PerProcess::new() }
    }

    /// One POST. Not a byte of it goes out unless `latch` lets it.
    pub(crate) async fn post(
        &self,
        body: Bytes,
        authorization: Authorization,
        latch: &Latch,
    ) -> Result<Exchange, Error> {
        self.exchange(&self.config.route, Some(&body), &authorization, latch).await
    }

    /// One GET of a further page of results.
    pub(crate) async fn get(&self, url: Url, authorization: Authorization) -> Result<Exchange, Error> {
        self.exchange(&url, None, &authorization, &Latch::default()).await
    }

    async fn exchange(
        &self,
        url: &Url,
        body: Option<&Bytes>,
        authorization: &Authorization,
        latch: &Latch,
    ) -> Result<Exchange, Error> {
        let tls = self.tls(url)?;
        let request = self.request(url, body, authorization);
        let server =
            Place { host: bare(url.host()).unwrap_or_default(), port: url.port_or_known_default().unwrap_or_default() };
        let mut answer = None;
        let ended = clock::timeout(self.config.timeout, async {
            let stream = self.connect(&server, tls.as_ref()).await?;
            converse(stream, request, url, latch, &mut answer).await
        })
        .await;
        Ok(match (answer, ended) {
            (Some(answer), Ok(Ok(()))) => Exchange::Answered(answer),
            (Some(mut answer), ended) => {
                answer.broken = Some(match ended {
                    Ok(ended) => ended.err().map(|unreached| unreached.cause).unwrap_or_default(),
                    Err(clock::Elapsed) => format!("it was not whole after {:?}", self.config.timeout),
                });
                Exchange::Answered(answer)
            }
            (None, Ok(Err(Unreached { fault, cause }))) => Exchange::Lost { fault, cause },
            (None, Ok(Ok(()))) => Exchange::Lost { fault: Fault::Connection, cause: "nothing came of it".to_owned() },
            (None, Err(clock::Elapsed)) => Exchange::Lost {
                fault: Fault::Timeout,
                cause: format!("no answer from {}{} after {:?}", server.shown(), self.through(), self.config.timeout),
            },
        })
    }

    async fn connect(&self, server: &Place, tls: Option<&Arc<ClientConfig>>) -> Result<Box<dyn Stream>, Unreached> {
        let Config { proxy, user_agent, connect_timeout, .. } = &*self.config;
        // A handshake of TLS holds much, and nobody should carry it around for longer.
        let dialled = Box::pin(dial(server, proxy.as_ref(), tls, user_agent, *connect_timeout));
        clock::timeout(*connect_timeout, dialled).await.unwrap_or_else(|clock::Elapsed| {
            let cause = format!("no connection to {}{} within {connect_timeout:?}", server.shown(), self.through());
            Err(Unreached { fault: Fault::ConnectTimeout, cause })
        })
    }

    fn through(&self) -> String {
        self.config.proxy.as_ref().map(|proxy| format!(" through the proxy {}", proxy.shown())).unwrap_or_default()
    }

    /// The whole request, as it goes out.
    fn request(&self, url: &Url, body: Option<&Bytes>, authorization: &Authorization) -> Vec<u8> {
        let authorization = match authorization {
            Authorization::Basic { id, secret } => {
                format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{}", secret.expose())))
            }
            Authorization::Bearer(token) => format!("Bearer {}", token.expose()),
        };
        let Config { firm_id, user_agent, .. } = &*self.config;
        let method = if body.is_some() { "POST" } else { "GET" };
        let (host, path) =
            (&url[Position::BeforeHost..Position::AfterPort], &url[Position::BeforePath..Position::AfterQuery]);
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\nAccept: {MEDIA_TYPE}\r\n\
             Accept-Encoding: identity\r\nAddepar-Firm: {firm_id}\r\nAuthorization: {authorization}\r\n",
        );
        if let Some(body) = body {
            let _ = write!(request, "Content-Type: {MEDIA_TYPE}\r\nContent-Length: {}\r\n", body.len());
        }
        request += "\r\n";
        let mut request = request.into_bytes();
        request.extend_from_slice(body.map(AsRef::as_ref).unwrap_or_default());
        request
    }

    fn tls(&self, url: &Url) -> Result<Option<Arc<ClientConfig>>, Error> {
        // No certificate is looked at, so none is loaded.
        if url.scheme() == "http" {
            return Ok(None);
        }
        let slot = self.tls.get(OnceLock::new);
        if let Some(config) = slot.get() {
            return Ok(Some(config.clone()));
        }
        let config = tls::config(self.config.extra_roots.as_ref())?;
        Ok(Some(slot.get_or_init(|| config).clone()))
    }
}

/// Sends the request and reads its answer. Where that breaks off, `answer` has what came of it.
async fn converse(
    stream: Box<dyn Stream>,
    request: Vec<u8>,
    url: &Url,
    latch: &Latch,
    answer: &mut Option<Answer>,
) -> Result<(), Unreached> {
    let lost = |broken: &Broken| Unreached { fault: Fault::Connection, cause: broken.cause() };
    // From here on the server may have got all of it.
    if !latch.begin(clock::now()) {
        return Err(lost(&"the request was withdrawn before it was sent".into()));
    }
    let mut wire = Wire::new(stream, request);
    let head = wire.head().await.map_err(|broken| lost(&broken))?;
    let received = answer.insert(answer_of(&head, url, latch));
    let read = wire.body(&head, &mut received.body).await;
    if !head.is_success() && wire.has_another_answer() {
        *answer = None;
        return Err(lost(&"two answers came, and nobody can tell which one counts".into()));
    }
    wire.close();
    read.map_err(|broken| lost(&broken))
}

fn answer_of(head: &Head, url: &Url, latch: &Latch) -> Answer {
    let now = clock::now();
    let delays = [rate_limit::ADDEPAR_HEADER, "retry-after"].into_iter().flat_map(|name| head.values(name));
    Answer {
        status: head.status,
        url: url.to_string(),
        at: now,
        after: latch.sent_at().map(|sent_at| now.since(sent_at)).unwrap_or_default(),
        request_id: head.values("x-request-id").next().map(|id| id.chars().take(200).collect()),
        retry_after: rate_limit::delay(delays, now.wall),
        body: Vec::new(),
        broken: None,
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
