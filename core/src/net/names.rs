//! Names of servers, looked up where the system may have no thread left: that is an error, and never a panic.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::runtime::aside::aside;

/// The system's names.
pub(crate) struct Names;

/// A name that has no address; the words are a sentence's end.
#[derive(Debug)]
pub(crate) struct Unresolved(String);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unresolved {}

impl Resolve for Names {
    /// The system looks a name up on another thread: it may take as long as it likes.
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let addresses = look_up(&name).await;
            let addresses = addresses
                .map_err(|error| Unresolved(format!("the name {name} cannot be resolved: {error}")))?
                .into_iter();
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

async fn look_up(name: &str) -> io::Result<Vec<SocketAddr>> {
    let name = name.to_owned();
    // The port stands in the URL.
    let finding = aside(move || (name.as_str(), 0).to_socket_addrs().map(Iterator::collect::<Vec<_>>));
    let finding = finding.map_err(|error| io::Error::other(format!("no thread can be started ({error})")))?;
    match finding.await.unwrap_or_else(|_| Err(io::Error::other("its thread broke off")))? {
        addresses if addresses.is_empty() => Err(io::ErrorKind::NotFound.into()),
        addresses => Ok(addresses),
    }
}
