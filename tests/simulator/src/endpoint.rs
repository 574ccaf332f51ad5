//! Addresses at which something goes wrong before any request: each with a port of its own.

use std::future::{Future, pending};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::http::{Buffer, Request};
use crate::server::Server;

/// Test material: a certificate that nobody trusts, for 127.0.0.1 and localhost.
const CERTIFICATE: &[u8] = include_bytes!("self_signed.pem");
const KEY: &[u8] = include_bytes!("self_signed.key.pem");

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Name {
    /// Nothing listens.
    Refused,
    /// Connecting never ends.
    Blackhole,
    /// Closes after the first bytes.
    HandshakeCut,
    /// Accepts and says nothing.
    HandshakeHang,
    /// This portal behind a certificate that nobody trusts.
    SelfSigned,
    /// A proxy that wants other credentials.
    #[serde(rename = "proxy_407")]
    Proxy407,
    /// A proxy that cannot reach anything.
    #[serde(rename = "proxy_502")]
    Proxy502,
    /// A proxy that tunnels, to this machine only.
    Proxy,
}

pub(crate) fn listen(port: u16) -> Result<(StdListener, SocketAddr), String> {
    let open = || {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    open().map_err(|error: std::io::Error| format!("port {port}: {error}"))
}

/// Serves every connection in a task of its own.
pub(crate) fn each<F>(
    handle: &Handle,
    listener: StdListener,
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> Result<(), String>
where
    F: Future<Output = ()> + Send + 'static,
{
    let _context = handle.enter();
    let listener = TcpListener::from_std(listener).map_err(|error| error.to_string())?;
    handle.spawn(async move {
        loop {
            match listener.accept().await {
                Ok((socket, _)) => {
                    let _ = socket.set_nodelay(true);
                    tokio::spawn(serve(socket));
                }
                // Out of file descriptors, for example: some may be free again soon.
                Err(_) => sleep(Duration::from_millis(10)).await,
            }
        }
    });
    Ok(())
}

/// Opens the endpoint and tells its URL.
pub(crate) fn open(name: Name, server: &Arc<Server>, handle: &Handle) -> Result<String, String> {
    if name == Name::Blackhole {
        return blackhole(handle).map(|address| format!("http://{address}/api"));
    }
    let (listener, address) = listen(0)?;
    let server = server.clone();
    match name {
        Name::Refused | Name::Blackhole => drop(listener),
        Name::HandshakeCut => each(handle, listener, |mut socket| async move {
            let _ = socket.read(&mut [0; 4096]).await;
        })?,
        Name::HandshakeHang => each(handle, listener, |mut socket| async move {
            let _ = copy(&mut socket, &mut sink()).await;
        })?,
        Name::SelfSigned => {
            let acceptor = acceptor()?;
            each(handle, listener, move |socket| {
                let (accepting, server) = (acceptor.accept(socket), server.clone());
                async move {
                    if let Ok(socket) = accepting.await {
                        server.serve(socket).await;
                    }
                }
            })?;
        }
        Name::Proxy407 | Name::Proxy502 | Name::Proxy => {
            each(handle, listener, move |socket| proxy(socket, name, server.clone()))?;
        }
    }
    Ok(match name {
        Name::Refused | Name::Blackhole => format!("http://{address}/api"),
        Name::HandshakeCut | Name::HandshakeHang | Name::SelfSigned => format!("https://{address}/api"),
        Name::Proxy407 | Name::Proxy502 | Name::Proxy => format!("http://{address}"),
    })
}

fn acceptor() -> Result<TlsAcceptor, String> {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::from_pem_slice(KEY).map_err(|error| error.to_string())?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
        .map_err(|error| error.to_string())?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A listener whose queue is full: the system drops what asks for a connection.
fn blackhole(handle: &Handle) -> Result<SocketAddr, String> {
    const QUEUE: usize = 64;
    let listen = || {
        let _context = handle.enter();
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let listener = socket.listen(0)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    let (listener, address) = listen().map_err(|error: std::io::Error| error.to_string())?;
    let mut held = Vec::new();
    while held.len() < QUEUE {
        match StdStream::connect_timeout(&address, Duration::from_millis(100)) {
            Ok(socket) => held.push(socket),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                handle.spawn(async move {
                    let _held = (listener, held);
                    pending::<()>().await;
                });
                return Ok(address);
            }
            Err(error) => return Err(format!("this system has no blackhole: {error}")),
        }
    }
    Err("this system has no blackhole: its queue does not fill".to_owned())
}

async fn proxy(mut client: TcpStream, name: Name, server: Arc<Server>) {
    let mut buffer = Buffer::default();
    let Ok(request) = buffer.head(&mut client).await else { return };
    let answer = match target(&request, name, &server).await {
        Ok(mut target) => {
            let begun = async {
                target.write_all(&buffer.into_bytes()).await?;
                client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
                copy_bidirectional(&mut client, &mut target).await
            };
            let _ = begun.await;
            return;
        }
        Err(refusal) => refusal,
    };
    let _ = client.write_all(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
}

/// Where the tunnel leads, or the status line and headers that refuse it.
async fn target(request: &Request, name: Name, server: &Server) -> Result<TcpStream, &'static str> {
    if request.method != "CONNECT" {
        return Err("405 Method Not Allowed");
    }
    server.portal().proxied.push(request.path.clone());
    match name {
        Name::Proxy407 => Err("407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"simulated\""),
        Name::Proxy => match request.path.parse::<SocketAddr>() {
            Ok(target) if target.ip() == Ipv4Addr::LOCALHOST => {
                TcpStream::connect(target).await.map_err(|_| "502 Bad Gateway")
            }
            _ => Err("403 Forbidden"),
        },
        _ => Err("502 Bad Gateway"),
    }
}
