//! Which connection the next request may use.
//!
//! A request that goes out in the moment in which the server closes a kept-alive connection has an
//! unknown outcome, and no look at the connection can tell: the end may be on its way. So a connection
//! is used again only while it is fresh and the server promised to keep it open for longer, and never
//! again once the server broke that promise.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper_util::client::legacy::connect::HttpInfo;
use reqwest::header::{CONNECTION, HeaderName};
use reqwest::{Client, Response, Version};
use tokio::runtime::{Handle, Id};
use tokio::{task, time};

use crate::error::Error;
use crate::process::PerProcess;

/// How long a kept-alive connection counts as fresh.
pub(crate) const FRESH: Duration = Duration::from_secs(1);
/// A server that breaks its promise does so right after its answer: the first time, one looks.
const FIRST_LOOK: Duration = Duration::from_millis(5);
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// The connections to one server.
pub(crate) struct Connections {
    clients: PerProcess<Mutex<Vec<Bound>>>,
    /// Whether the last answer promised that its connection stays open beyond being fresh.
    promised: AtomicBool,
    /// Whether the server closed a fresh connection nevertheless.
    broken: AtomicBool,
    looked: AtomicBool,
    /// How many clients were made: each has a number.
    made: AtomicU64,
}

/// A client and the runtime that drives its connections.
struct Bound {
    runtime: Id,
    number: u64,
    client: Client,
    /// When the last request on it ended.
    used: Instant,
    /// How many requests are under way.
    busy: usize,
    /// The connection that the last request left open, by this side's address.
    kept: Option<SocketAddr>,
}

impl Connections {
    pub(crate) fn new() -> Self {
        Self {
            clients: PerProcess::new(),
            promised: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            looked: AtomicBool::new(false),
            made: AtomicU64::new(0),
        }
    }

    fn clients(&self) -> MutexGuard<'_, Vec<Bound>> {
        self.clients.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client for one request on the current runtime, after the event loop could see whether an idle
    /// connection was closed or has stray bytes. `connect` makes one that keeps connections, or does not.
    pub(crate) async fn lease(&self, connect: impl Fn(bool) -> Result<Client, Error>) -> Result<Lease<'_>, Error> {
        let lease = self.take(connect)?;
        if lease.expected.is_some() && !self.looked.swap(true, Ordering::Relaxed) {
            time::sleep(FIRST_LOOK).await;
        }
        task::yield_now().await;
        task::yield_now().await;
        Ok(lease)
    }

    fn take(&self, connect: impl Fn(bool) -> Result<Client, Error>) -> Result<Lease<'_>, Error> {
        let runtime = Handle::current().id();
        let mut clients = self.clients();
        clients.retain(|bound| bound.busy > 0 || bound.used.elapsed() < FRESH);
        let mut bound = if let Some(position) = clients.iter().position(|bound| bound.runtime == runtime) {
            clients.swap_remove(position)
        } else {
            let client = connect(self.promised.load(Ordering::Relaxed))?;
            let number = self.made.fetch_add(1, Ordering::Relaxed);
            Bound { runtime, number, client, used: Instant::now(), busy: 0, kept: None }
        };
        let expected = bound.kept.take().filter(|_| bound.busy == 0);
        let (client, number) = (bound.client.clone(), bound.number);
        bound.busy += 1;
        clients.push(bound);
        Ok(Lease { connections: self, number, client, expected, current: None, kept: None })
    }

    /// Closes every idle connection.
    pub(crate) fn close(&self) {
        self.clients().clear();
    }
}

/// The use of a client for one request.
pub(crate) struct Lease<'a> {
    connections: &'a Connections,
    number: u64,
    pub(crate) client: Client,
    /// The connection that the request should have gone out on.
    expected: Option<SocketAddr>,
    /// The one that it did go out on, if it stays open.
    current: Option<SocketAddr>,
    kept: Option<SocketAddr>,
}

impl Lease<'_> {
    /// Looks at the connection on which an answer came.
    pub(crate) fn answered(&mut self, response: &Response) {
        let address = response.extensions().get::<HttpInfo>().map(HttpInfo::local_addr);
        let Connections { promised, broken, .. } = self.connections;
        if self.expected.is_some() && address.is_some() && self.expected != address {
            broken.store(true, Ordering::Relaxed);
        }
        let promises = !broken.load(Ordering::Relaxed) && promise(response).is_some_and(|open| open > FRESH);
        if promised.swap(promises, Ordering::Relaxed) != promises {
            self.connections.close();
        }
        self.current = address.filter(|_| promises && stays_open(response));
    }

    /// The answer is whole: its connection is idle now.
    pub(crate) fn whole(&mut self) {
        self.kept = self.current;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut clients = self.connections.clients();
        if let Some(bound) = clients.iter_mut().find(|bound| bound.number == self.number) {
            bound.busy = bound.busy.saturating_sub(1);
            bound.used = Instant::now();
            bound.kept = self.kept;
        }
    }
}

fn stays_open(response: &Response) -> bool {
    let closes = |value: &str| value.split(',').any(|token| token.trim().eq_ignore_ascii_case("close"));
    let connection = response.headers().get(CONNECTION).and_then(|value| value.to_str().ok());
    response.version() == Version::HTTP_11 && !connection.is_some_and(closes)
}

/// How long the server promises to keep an idle connection open.
fn promise(response: &Response) -> Option<Duration> {
    let value = response.headers().get(KEEP_ALIVE)?.to_str().ok()?;
    let seconds = value.split(',').find_map(|parameter| parameter.trim().strip_prefix("timeout="))?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}
