//! What became of a request that got no answer, in words that name the way it went. Kinds choose the words, never the
//! outcome.

use std::error::Error as StdError;
use std::{io, iter};

use rustls::CertificateError;
use url::Url;

use crate::config::proxy::bare;
use crate::config::settings::Config;
use crate::model::attempt::Fault;
use crate::model::message::{Message, message, seconds};
use crate::net::names::Unresolved;

/// A host and its port; an IPv6 address without brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Place {
    /// As it stands in a URL.
    pub(crate) fn shown(&self) -> String {
        let Self { host, port } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// The way to a server.
pub(crate) struct Way<'a> {
    server: Place,
    config: &'a Config,
}

impl<'a> Way<'a> {
    pub(crate) fn new(url: &Url, config: &'a Config) -> Self {
        let (host, port) = (bare(url.host()).unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        Self { server: Place { host, port }, config }
    }

    /// The server, and the proxy if there is one.
    pub(crate) fn shown(&self) -> String {
        let through = self.config.proxy.as_ref().map(|proxy| format!(" through the proxy {}", proxy.shown()));
        self.server.shown() + &through.unwrap_or_default()
    }

    /// The kind of a failure and its words, which are a sentence's end.
    pub(crate) fn lost(&self, error: &reqwest::Error) -> (Fault, Message) {
        if error.is_connect() && error.is_timeout() {
            let limit = seconds(self.config.connect_timeout.as_secs_f64());
            return (Fault::ConnectTimeout, message![format!("no connection to {} within ", self.shown()), limit]);
        }
        let (fault, cause) = self.failed(error);
        (fault, cause.into())
    }

    fn failed(&self, error: &reqwest::Error) -> (Fault, String) {
        let cause = words(error);
        if let Some(tls) = layers(error).find_map(as_tls) {
            return (fault_of(tls), format!("TLS with {} failed: {tls}", self.shown()));
        }
        // The connection was closed before TLS could say why.
        if cause.contains("tls handshake eof") {
            return (Fault::Connection, format!("TLS with {} failed: the connection was closed", self.shown()));
        }
        if let Some(unresolved) = layers(error).find_map(|layer| layer.downcast_ref::<Unresolved>()) {
            return (Fault::Connection, unresolved.to_string());
        }
        let is_tunnel = layers(error).any(|layer| layer.to_string().starts_with("tunnel error"));
        match &self.config.proxy {
            Some(proxy) if is_tunnel => {
                let (proxy, server) = (proxy.shown(), self.server.shown());
                (Fault::Proxy, format!("the proxy {proxy} did not open a tunnel to {server}: {cause}"))
            }
            Some(proxy) if error.is_connect() => {
                let proxy = proxy.shown();
                (Fault::Connection, format!("the proxy is not there: a connection to {proxy} cannot be made: {cause}"))
            }
            None if error.is_connect() => {
                (Fault::Connection, format!("a connection to {} cannot be made: {cause}", self.server.shown()))
            }
            _ => (Fault::Connection, cause),
        }
    }
}

fn layers<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error as &'a (dyn StdError + 'static)), |layer| (*layer).source())
}

/// What a failure of TLS is: a certificate that is refused is not refused less a second time.
fn fault_of(error: &rustls::Error) -> Fault {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(other))
            if other.to_string().contains("CaUsedAsEndEntity") =>
        {
            Fault::AuthorityAsServer
        }
        rustls::Error::InvalidCertificate(_) => Fault::Certificate,
        _ => Fault::Connection,
    }
}

/// rustls hides its errors inside `io::Error`s, whose `source` skips the error that they wrap.
fn as_tls<'a>(layer: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    match layer.downcast_ref::<io::Error>() {
        Some(wrapper) => as_tls(wrapper.get_ref()?),
        None => layer.downcast_ref(),
    }
}

/// The words of the innermost layers, without the URL.
pub(crate) fn words(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    for layer in layers(error).skip(1) {
        let said = layer.to_string();
        if words.last() != Some(&said) && !said.starts_with("client error") {
            words.push(said);
        }
    }
    let innermost = words.len().saturating_sub(2);
    match words.get(innermost..) {
        Some([]) | None => "the connection failed".to_owned(),
        Some(words) => words.join(": "),
    }
}
