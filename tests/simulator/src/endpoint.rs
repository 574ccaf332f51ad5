//! Addresses at which something goes wrong before any request: each with a port of its own.

use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::server::Server;

/// Test material: a certificate that nobody trusts, for 127.0.0.1 and localhost.
const CERTIFICATE: &[u8] = include_bytes!("self_signed.pem");
const KEY: &[u8] = include_bytes!("self_signed.key.pem");

#[derive(Deserialize, Clone, Copy)]
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

pub(crate) fn listen(port: u16) -> Result<StdListener, String> {
    let listener = StdListener::bind(("127.0.0.1", port)).map_err(|error| format!("port {port}: {error}"))?;
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    Ok(listener)
}

/// Opens the endpoint and tells its URL.
pub(crate) fn open(name: Name, server: &Arc<Server>, handle: &Handle) -> Result<String, String> {
    if let Name::Blackhole = name {
        return blackhole(handle);
    }
    let listener = listen(0)?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    match name {
        Name::Refused => drop(listener),
        Name::SelfSigned => {
            let acceptor = acceptor()?;
            let server = server.clone();
            each(handle, listener, move |socket| {
                let (acceptor, server) = (acceptor.clone(), server.clone());
                async move {
                    if let Ok(socket) = acceptor.accept(socket).await {
                        server.serve(socket).await;
                    }
                }
            });
        }
        Name::HandshakeCut => each(handle, listener, |mut socket| async move {
            let _ = socket.read(&mut [0; 16]).await;
        }),
        Name::HandshakeHang => each(handle, listener, |socket| async move {
            sleep(Duration::from_secs(600)).await;
            drop(socket);
        }),
        Name::Proxy407 | Name::Proxy502 | Name::Proxy | Name::Blackhole => {
            let server = server.clone();
            each(handle, listener, move |socket| proxy(socket, name, server.clone()));
        }
    }
    Ok(match name {
        Name::Refused => format!("http://{address}/api"),
        Name::HandshakeCut | Name::HandshakeHang | Name::SelfSigned => format!("https://{address}/api"),
        Name::Proxy407 | Name::Proxy502 | Name::Proxy | Name::Blackhole => format!("http://{address}"),
    })
}

fn each<F>(handle: &Handle, listener: StdListener, serve: impl Fn(TcpStream) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    handle.spawn(async move {
        let Ok(listener) = TcpListener::from_std(listener) else { return };
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket));
        }
    });
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
fn blackhole(handle: &Handle) -> Result<String, String> {
    let _context = handle.enter();
    let socket = TcpSocket::new_v4().map_err(|error| error.to_string())?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).map_err(|error| error.to_string())?;
    let listener = socket.listen(0).map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let mut held = Vec::new();
    while let Ok(socket) = StdStream::connect_timeout(&address, Duration::from_millis(100)) {
        held.push(socket);
        if held.len() > 64 {
            return Err("this system does not drop connections to a full queue".to_owned());
        }
    }
    handle.spawn(async move {
        sleep(Duration::from_secs(600)).await;
        drop((listener, held));
    });
    Ok(format!("http://{address}/api"))
}

async fn proxy(mut client: TcpStream, name: Name, server: Arc<Server>) {
    let mut buffer = crate::http::Buffer::default();
    let Ok(Some(request)) = buffer.head(&mut client).await else { return };
    server.portal().proxied.push(request.path.clone());
    let status = match name {
        Name::Proxy407 => "407 Proxy Authentication Required",
        Name::Proxy => match request.path.parse::<SocketAddr>() {
            Ok(target) if target.ip().is_loopback() => match TcpStream::connect(target).await {
                Ok(mut target) => {
                    if client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.is_ok() {
                        let _ = io::copy_bidirectional(&mut client, &mut target).await;
                    }
                    return;
                }
                Err(_) => "502 Bad Gateway",
            },
            _ => "403 Forbidden",
        },
        _ => "502 Bad Gateway",
    };
    let _ = client.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
}
