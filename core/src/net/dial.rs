//! The way to the server: its name, a connection, the proxy's tunnel, TLS. Nothing of a request goes out here.

use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time;
use tokio_rustls::TlsConnector;

use crate::config::proxy::Proxy;
use crate::model::attempt::Fault;
use crate::net::wire::{Broken, Stream, Wire};
use crate::runtime::event_loop;

/// How long the addresses of the other kind (IPv4, IPv6) wait for the first kind.
const HEAD_START: Duration = Duration::from_millis(300);
/// A server takes up to a minute for its answer, and what stands in between forgets a connection that is silent.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Why there is no connection; the words are a sentence's end.
#[derive(Debug)]
pub(crate) struct Unreached {
    pub(crate) fault: Fault,
    pub(crate) cause: String,
}

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

/// A connection to a server, through the proxy if there is one, with TLS if there is a configuration for it.
pub(crate) async fn dial(
    server: &Place,
    proxy: Option<&Proxy>,
    tls: Option<&Arc<ClientConfig>>,
    user_agent: &str,
    limit: Duration,
) -> Result<Box<dyn Stream>, Unreached> {
    let stream = match proxy {
        None => connect(server, limit).await.map_err(|cause| Unreached { fault: Fault::Connection, cause })?,
        Some(proxy) => tunnel(server, proxy, tls, user_agent, limit).await?,
    };
    match tls {
        None => Ok(stream),
        Some(tls) => {
            let through = proxy.map(|proxy| format!(" through the proxy {}", proxy.shown())).unwrap_or_default();
            secure(stream, server, &through, tls).await
        }
    }
}

/// A connection to the proxy, which passes on all that follows.
async fn tunnel(
    server: &Place,
    proxy: &Proxy,
    tls: Option<&Arc<ClientConfig>>,
    user_agent: &str,
    limit: Duration,
) -> Result<Box<dyn Stream>, Unreached> {
    let refused = |cause: String| Unreached { fault: Fault::Proxy, cause };
    let place = Place { host: proxy.host.clone(), port: proxy.port };
    let stream = connect(&place, limit).await.map_err(|cause| refused(format!("the proxy is not there: {cause}")))?;
    let stream = match tls.filter(|_| proxy.is_secure) {
        Some(tls) => secure(stream, &place, " (the proxy)", tls).await?,
        None => stream,
    };
    let (target, shown) = (server.shown(), proxy.shown());
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {user_agent}\r\n");
    if let Some(authorization) = &proxy.authorization {
        request = format!("{request}Proxy-Authorization: Basic {}\r\n", authorization.expose());
    }
    let mut wire = Wire::new(stream, format!("{request}\r\n").into_bytes());
    let head = wire.head().await;
    let head = head.map_err(|broken| {
        let cause = cause_of(&broken);
        refused(format!("the proxy {shown} did not open a tunnel to {target}: {cause}"))
    })?;
    if !head.is_success() {
        return Err(refused(format!("the proxy {shown} answered CONNECT {target} with {}", head.status)));
    }
    wire.into_stream().ok_or_else(|| refused(format!("the proxy {shown} sent more than the head of its answer")))
}

/// A TCP connection; an error is a sentence's end.
async fn connect(place: &Place, limit: Duration) -> Result<Box<dyn Stream>, String> {
    let shown = place.shown();
    let addresses = match place.host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, place.port)],
        Err(_) => look_up(place).await?,
    };
    let (first, other): (Vec<_>, Vec<_>) = addresses
        .iter()
        .partition(|address| addresses.first().is_some_and(|first| first.is_ipv4() == address.is_ipv4()));
    let stream = happily(in_turn(first, limit), in_turn(other, limit)).await;
    let stream = stream.map_err(|error| format!("a connection to {shown} cannot be made: {error}"))?;
    // Neither is worth a request.
    let _ = stream.set_nodelay(true);
    let _ =
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE));
    Ok(Box::new(stream))
}

/// The addresses of a name, which the system looks up on a thread of its own: it may take as long as it likes.
async fn look_up(place: &Place) -> Result<Vec<SocketAddr>, String> {
    let Place { host, port } = place.clone();
    let unknown = |error: io::Error| format!("the name {} cannot be resolved: {error}", place.host);
    let finding = event_loop::aside("addepar-portal-name", move || {
        (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>)
    });
    let finding = finding.map_err(|error| unknown(io::Error::other(format!("no thread can be started ({error})"))))?;
    let addresses = finding.await.unwrap_or_else(|_| Err(io::Error::other("its thread broke off")));
    match addresses.map_err(unknown)? {
        addresses if addresses.is_empty() => Err(unknown(io::ErrorKind::NotFound.into())),
        addresses => Ok(addresses),
    }
}

/// The first of several addresses that answers. Each gets its share of the time, the last one what is left.
async fn in_turn(addresses: Vec<&SocketAddr>, limit: Duration) -> io::Result<TcpStream> {
    let share = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let Some((last, others)) = addresses.split_last() else { return Err(io::ErrorKind::NotFound.into()) };
    for address in others {
        if let Ok(Ok(stream)) = time::timeout(share, TcpStream::connect(address)).await {
            return Ok(stream);
        }
    }
    TcpStream::connect(last).await
}

/// Whichever kind of address answers first, the second with a delay. RFC 8305 calls it happy eyeballs.
async fn happily(
    first: impl Future<Output = io::Result<TcpStream>>,
    second: impl Future<Output = io::Result<TcpStream>>,
) -> io::Result<TcpStream> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let failed = match time::timeout(HEAD_START, first.as_mut()).await {
        Ok(Ok(stream)) => return Ok(stream),
        Ok(Err(error)) => Some(error),
        Err(_) => None,
    };
    if let Some(error) = failed {
        // What the first kind met says more than that there is no second.
        return second.await.map_err(|_| error);
    }
    let (mut first_error, mut second_failed) = (None, false);
    poll_fn(|context| {
        if first_error.is_none() {
            match first.as_mut().poll(context) {
                Poll::Ready(Err(error)) => first_error = Some(error),
                Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                Poll::Pending => {}
            }
        }
        if !second_failed {
            match second.as_mut().poll(context) {
                Poll::Ready(Err(_)) => second_failed = true,
                Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                Poll::Pending => {}
            }
        }
        match first_error.take() {
            Some(error) if second_failed => Poll::Ready(Err(error)),
            error => {
                first_error = error;
                Poll::Pending
            }
        }
    })
    .await
}

async fn secure(
    stream: Box<dyn Stream>,
    place: &Place,
    through: &str,
    tls: &Arc<ClientConfig>,
) -> Result<Box<dyn Stream>, Unreached> {
    let shown = place.shown();
    let name = ServerName::try_from(place.host.clone()).map_err(|_| Unreached {
        fault: Fault::Certificate,
        cause: format!("{} cannot be the name of a server with a certificate", place.host),
    })?;
    match TlsConnector::from(tls.clone()).connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => {
            let fault = fault_of(&error);
            Err(Unreached {
                fault,
                cause: format!("TLS with {shown}{through} failed: {}", cause_of(&Broken::Io(error))),
            })
        }
    }
}

/// What a failure of TLS is: a certificate that is refused is not refused less a second time.
fn fault_of(error: &io::Error) -> Fault {
    match as_tls(error) {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(other)))
            if other.to_string().contains("CaUsedAsEndEntity") =>
        {
            Fault::AuthorityAsServer
        }
        Some(rustls::Error::InvalidCertificate(_)) => Fault::Certificate,
        _ => Fault::Connection,
    }
}

fn cause_of(broken: &Broken) -> String {
    match broken {
        Broken::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        broken => broken.cause(),
    }
}

/// rustls hides its errors inside `io::Error`s, whose `source` skips the error that they wrap.
fn as_tls(error: &io::Error) -> Option<&rustls::Error> {
    let inner: &(dyn StdError + 'static) = error.get_ref()?;
    match inner.downcast_ref::<io::Error>() {
        Some(wrapped) => as_tls(wrapped),
        None => inner.downcast_ref(),
    }
}
