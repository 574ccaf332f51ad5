//! Names of servers, looked up where the system may have no thread left: that is an error, and never a panic.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::model::moment::Moment;
use crate::runtime::aside::aside;
use crate::runtime::clock;

/// How long addresses are used again: servers that move keep the old ones for a minute.
const FRESH: Duration = Duration::from_secs(30);

/// The system's names. Each call has a connection of its own, and most of them go to one server: what was looked up last is
/// used again for a while.
#[derive(Clone, Default)]
pub(crate) struct Names {
    last: Arc<Mutex<Option<LookUp>>>,
}

/// An attempt to reach a server, however it ends.
pub(crate) struct Attempt<'a> {
    names: &'a Names,
    pub(crate) is_answered: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.names.remember(None);
        }
    }
}

#[derive(Clone)]
struct LookUp {
    name: String,
    addresses: Vec<SocketAddr>,
    at: Moment,
}

/// A name that has no address; the words are a sentence's end.
#[derive(Debug)]
pub(crate) struct Unresolved(String);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unresolved {}

impl Names {
    /// For an attempt to reach the server: unless it is answered, what was looked up is forgotten. No server may be there any
    /// more.
    pub(crate) fn attempt(&self) -> Attempt<'_> {
        Attempt { names: self, is_answered: false }
    }

    fn remember(&self, last: Option<LookUp>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
    }

    pub(crate) fn known(&self, name: &str) -> Option<Vec<SocketAddr>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = last.as_ref().filter(|last| last.name == name && clock::now().since(&last.at) < FRESH)?;
        Some(fresh.addresses.clone())
    }

    async fn addresses(self, name: String) -> Result<Addrs, Unresolved> {
        if let Some(known) = self.known(&name) {
            return Ok(Box::new(known.into_iter()));
        }
        let at = clock::now();
        let addresses = look_up(&name).await;
        let addresses =
            addresses.map_err(|error| Unresolved(format!("the name {name} cannot be resolved: {error}")))?;
        self.remember(Some(LookUp { name, addresses: addresses.clone(), at }));
        Ok(Box::new(addresses.into_iter()))
    }
}

impl Resolve for Names {
    /// The system looks a name up on another thread: it may take as long as it likes.
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.clone().addresses(name.as_str().to_owned());
        Box::pin(async move { Ok(addresses.await?) })
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn looked_up() -> Names {
        let names = Names::default();
        let found: Vec<SocketAddr> = names.clone().addresses("localhost".to_owned()).await.unwrap().collect();
        assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
        assert_eq!(names.known("localhost"), Some(found));
        names
    }

    #[tokio::test]
    async fn what_was_looked_up_is_used_again_for_a_while() {
        let names = looked_up().await;
        assert_eq!(names.known("localhost.example"), None);
        // The later of the two clocks counts: one stands still in a machine that is suspended.
        let mut last = names.last.lock().unwrap().clone().unwrap();
        last.at.wall -= FRESH;
        names.remember(Some(last));
        assert_eq!(names.known("localhost"), None);
    }

    #[tokio::test]
    async fn what_led_nowhere_is_forgotten() {
        let names = looked_up().await;
        names.attempt().is_answered = true;
        assert!(names.known("localhost").is_some());
        drop(names.attempt());
        assert_eq!(names.known("localhost"), None);
    }

    #[tokio::test]
    async fn what_has_no_address_is_not_remembered() {
        let names = looked_up().await;
        let refused = names.clone().addresses("name.invalid".to_owned()).await.err().unwrap();
        assert!(refused.to_string().starts_with("the name name.invalid cannot be resolved: "), "{refused}");
        assert!(names.known("localhost").is_some() && names.known("name.invalid").is_none());
    }
}
