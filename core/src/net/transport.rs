//! HTTP: sends what it is told to and says what happened. It decides nothing.
//!
//! HTTP/1.1 only, no redirects, no retries, no compression.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Body, Client, Method, Response, redirect, retry};
use url::Url;

use crate::config::secret::Secret;
use crate::config::settings::Config;
use crate::error::Error;
use crate::model::attempt::Fault;
use crate::model::message::{message, seconds};
use crate::model::server::is_loopback;
use crate::net::body::LatchedBody;
use crate::net::diagnose::{Place, Way, words};
use crate::net::mask::Mask;
use crate::net::names::Names;
use crate::net::tls;
use crate::protocol::exchange::{Answer, Exchange, MAX_BODY};
use crate::protocol::latch::Latch;
use crate::protocol::rate_limit;
use crate::runtime::clock;
use crate::runtime::per_process::PerProcess;

/// How much of an answer that is too large is kept for the reader.
const KEPT_OF_TOO_LARGE: usize = 64 << 10;
/// With it a simulated portal says how many seconds pass there in one of ours.
const SIMULATED_CLOCK: &str = "x-simulated-clock";
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.api+json");
/// More headers than anybody sends: still more cost the status of an answer. Room for each is made with every head.
const MAX_HEADERS: usize = 256;
/// How long the body of an answer is read that is not a success: its status stands without it.
const PATIENCE: Duration = Duration::from_secs(3);

const NOT_WHOLE: &str = "it was not whole when its time was up";

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
    client: PerProcess<OnceLock<(Client, Names)>>,
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
        // On the heap, since the futures of callers hold it.
        Box::pin(self.exchange(Method::POST, url, Some(body), authorization, latch)).await
    }

    /// One GET.
    pub(crate) async fn get(&self, url: Url, authorization: Authorization) -> Result<Exchange, Error> {
        Box::pin(self.exchange(Method::GET, url, None, authorization, &Latch::default())).await
    }

    async fn exchange(
        &self,
        method: Method,
        url: Url,
        body: Option<Body>,
        authorization: Authorization,
        latch: &Latch,
    ) -> Result<Exchange, Error> {
        let (client, names) = self.client()?;
        let mask =
            authorization.mask().and_proxy(self.config.proxy.as_ref().and_then(|proxy| proxy.authorization.as_ref()));
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(ACCEPT, MEDIA_TYPE);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert("addepar-firm", header(&self.config.firm_id)?);
        let way = Way::new(&url, &self.config);
        let mut request = client.request(method, url).headers(headers);
        request = match authorization {
            Authorization::Basic { id, secret } => request.basic_auth(id, Some(secret.expose())),
            Authorization::Bearer(token) => request.bearer_auth(token.expose()),
        };
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, MEDIA_TYPE).body(body);
        }
        let mut answer = None;
        let mut attempt = names.attempt();
        let ended = clock::timeout(self.config.timeout, async {
            let response = request.send().await?;
            read_body(response, latch, is_loopback(&self.config.base_url), &mut answer).await
        })
        .await;
        attempt.is_answered = answer.is_some();
        Ok(mask.applied(match (answer, ended) {
            (Some(answer), Ok(Ok(()))) => Exchange::Answered(answer),
            (Some(mut answer), ended) => {
                answer.broken = Some(match ended {
                    Ok(ended) => ended.err().as_ref().map(words).unwrap_or_default(),
                    Err(clock::Elapsed) => NOT_WHOLE.to_owned(),
                });
                Exchange::Answered(answer)
            }
            (None, Ok(Err(error))) => {
                let (fault, cause) = way.lost(&error);
                Exchange::Lost { fault, cause }
            }
            (None, Ok(Ok(()))) => Exchange::Lost { fault: Fault::Connection, cause: "nothing came of it".into() },
            (None, Err(clock::Elapsed)) => Exchange::Lost {
                fault: Fault::Timeout,
                cause: message![
                    format!("no answer from {} after ", way.shown()),
                    seconds(self.config.timeout.as_secs_f64())
                ],
            },
        }))
    }

    fn client(&self) -> Result<&(Client, Names), Error> {
        let slot = self.client.get(OnceLock::new);
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let names = Names::default();
        let client = self.build(names.clone())?;
        Ok(slot.get_or_init(|| (client, names)))
    }

    fn build(&self, names: Names) -> Result<Client, Error> {
        let config = &self.config;
        // No certificate is looked at over http, so none is loaded.
        let tls = if config.base_url.scheme() == "http" {
            tls::trusting_nobody()?
        } else {
            tls::config(config.extra_roots.as_ref())?
        };
        let mut builder = Client::builder()
            .http1_only()
            // An odd header costs that header at most, and never the status beside it.
            .http1_max_headers(MAX_HEADERS)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_ignore_invalid_headers_in_responses(true)
            .user_agent(&config.user_agent)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .connect_timeout(config.connect_timeout)
            .pool_max_idle_per_host(0)
            .dns_resolver(names)
            .no_proxy()
            .tls_backend_preconfigured((*tls).clone());
        if let Some(proxy) = &config.proxy {
            let place = Place { host: proxy.host.clone(), port: proxy.port };
            let scheme = if proxy.is_secure { "https" } else { "http" };
            // reqwest's own message would show the URL and the password in it.
            let unusable = || Error::config("`proxy` must be the URL of an HTTP proxy.");
            let mut way = reqwest::Proxy::all(format!("{scheme}://{}", place.shown())).map_err(|_| unusable())?;
            if let Some(authorization) = &proxy.authorization {
                way = way.custom_http_auth(header(&format!("Basic {}", authorization.expose()))?);
            }
            builder = builder.proxy(way);
        }
        builder.build().map_err(|error| Error::config(format!("The HTTP client cannot be set up: {}.", words(&error))))
    }
}

fn header(value: &str) -> Result<HeaderValue, Error> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| Error::config("A setting cannot stand in a header of HTTP."))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn read_body(
    mut response: Response,
    latch: &Latch,
    is_local: bool,
    answer: &mut Option<Answer>,
) -> Result<(), reqwest::Error> {
    let answer = answer.insert(head(&response, latch, is_local));
    if response.status().is_success() {
        return receive(&mut response, answer).await;
    }
    let Ok(received) = clock::timeout(PATIENCE, receive(&mut response, answer)).await else {
        answer.broken = Some(NOT_WHOLE.to_owned());
        return Ok(());
    };
    received
}

async fn receive(response: &mut Response, answer: &mut Answer) -> Result<(), reqwest::Error> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    if announced > MAX_BODY {
        answer.broken = Some(too_large());
        return Ok(());
    }
    // The server chooses the size: memory for it may not be had.
    if answer.body.try_reserve_exact(announced).is_err() {
        answer.broken = Some(no_memory());
        return Ok(());
    }
    while let Some(chunk) = response.chunk().await? {
        if answer.body.len() + chunk.len() > MAX_BODY {
            answer.body.truncate(KEPT_OF_TOO_LARGE);
            answer.body.shrink_to_fit();
            answer.broken = Some(too_large());
            return Ok(());
        }
        if answer.body.try_reserve(chunk.len()).is_err() {
            answer.broken = Some(no_memory());
            return Ok(());
        }
        answer.body.extend_from_slice(&chunk);
    }
    Ok(())
}

fn too_large() -> String {
    format!("it is larger than {} MiB", MAX_BODY >> 20)
}

fn no_memory() -> String {
    "the system has no memory left for it".to_owned()
}

fn head(response: &Response, latch: &Latch, is_local: bool) -> Answer {
    let now = clock::now();
    let values = |name: &str| response.headers().get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let delays = values(rate_limit::ADDEPAR_HEADER).chain(values(RETRY_AFTER.as_str()));
    Answer {
        status: response.status().as_u16(),
        url: response.url().to_string(),
        at: now,
        after: latch.sent_at().map(|sent_at| now.since(sent_at)).unwrap_or_default(),
        request_id: values("x-request-id").next().map(|id| id.chars().take(200).collect()),
        retry_after: rate_limit::delay(delays, now.wall),
        body: Vec::new(),
        broken: None,
        // A portal on this machine is a simulated one: no other may hurry anybody.
        clock: values(SIMULATED_CLOCK).next().filter(|_| is_local).and_then(|clock| clock.parse().ok()),
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::config::settings::Settings;

    /// The first request is answered, and the server is gone for the second.
    #[tokio::test]
    async fn where_no_server_is_found_its_name_is_looked_up_anew() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://localhost:{}/api", listener.local_addr().unwrap().port());
        let server = thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 4096]).unwrap();
            connection.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
        });
        let settings = Settings {
            base_url: Some(base_url),
            firm_id: Some("1".to_owned()),
            key_id: Some("simulated-key".to_owned()),
            key_secret: Some("simulated-secret".into()),
            ..Settings::default()
        };
        let transport = Transport::new(Arc::new(Config::new(settings, |_| None).unwrap()));
        let get = async || {
            let authorization = Authorization::Bearer(Secret::from("token"));
            transport.get(transport.config.route.clone(), authorization).await.unwrap()
        };
        let is_known = || transport.client().unwrap().1.known("localhost").is_some();
        assert!(matches!(get().await, Exchange::Answered(_)));
        assert!(is_known());
        server.join().unwrap();
        assert!(matches!(get().await, Exchange::Lost { .. }));
        assert!(!is_known());
    }
}
