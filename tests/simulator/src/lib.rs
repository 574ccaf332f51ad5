//! A stand-in server that speaks the documented contract of `POST /v1/portal/publish_files`.
//!
//! It keeps contacts, portals and an outbox of e-mails, records requests, and meets requests with
//! every fault that a client has to survive. It shares no type with the client: a mistake there must
//! not cancel itself out here.

#![forbid(unsafe_code)]

mod contract;
mod endpoint;
mod fault;
mod http;
mod portal;
mod server;

use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::fault::Fault;
use crate::server::Server;

/// A simulated portal on 127.0.0.1, served by a thread of its own.
pub struct SimulatedPortal {
    server: Arc<Server>,
    base_url: String,
    handle: Handle,
    thread: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
    pid: u32,
}

/// What [`SimulatedPortal::control`] takes: `{"do": "fail_publish", "file": 37, "contacts": [4]}`.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    FailPublish { file: u64, contacts: Vec<u64> },
    FailNotify { file: u64, contacts: Vec<u64> },
    Fault { fault: Value },
    Faults { faults: Vec<Value> },
    Requests,
    Posts,
    Outbox,
    Published { file: u64 },
    Connections,
    Endpoint { name: endpoint::Name },
    Proxied,
    AcceptToken { token: String },
    RevokeToken { token: String },
    Set { delay_ms: u64 },
    Reset,
}

impl SimulatedPortal {
    /// Starts a portal; `"{}"` has every file, each for the contact 1.
    ///
    /// # Errors
    /// A sentence that names the option and what is allowed.
    pub fn start(options_json: &str) -> Result<Self, String> {
        let (server, port) = Server::new(options_json)?;
        let server = Arc::new(server);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let listener = endpoint::listen(port)?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let serving = server.clone();
        let thread = thread::Builder::new()
            .name("simulated-portal".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::spawn(serving.accept(listener));
                    let _ = stopped.await;
                });
                runtime.shutdown_background();
            })
            .map_err(|error| error.to_string())?;
        Ok(Self {
            server,
            base_url: format!("http://{address}/api"),
            handle,
            thread: Mutex::new(Some((stop, thread))),
            pid: process::id(),
        })
    }

    /// Where the API is, such as `http://127.0.0.1:49152/api`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// One command in JSON, its answer in JSON.
    ///
    /// # Errors
    /// A sentence that says what is allowed.
    pub fn control(&self, command_json: &str) -> Result<String, String> {
        let command = serde_json::from_str(command_json).map_err(|error| error.to_string())?;
        self.answer(command).map(|answer| answer.to_string())
    }

    fn answer(&self, command: Command) -> Result<Value, String> {
        let mut portal = self.server.portal();
        Ok(match command {
            Command::FailPublish { file, contacts } => {
                portal.options.fail_publish.insert(file, contacts);
                Value::Null
            }
            Command::FailNotify { file, contacts } => {
                portal.options.fail_notify.insert(file, contacts);
                Value::Null
            }
            Command::Fault { fault } => {
                portal.faults.extend(Fault::read(&fault)?);
                Value::Null
            }
            Command::Faults { faults } => {
                for fault in &faults {
                    portal.faults.extend(Fault::read(fault)?);
                }
                Value::Null
            }
            Command::Requests => json!(portal.requests),
            Command::Posts => json!(portal.requests.iter().filter(|request| request.method == "POST").count()),
            Command::Outbox => json!(portal.outbox),
            Command::Published { file } => json!(portal.published(file)),
            Command::Connections => json!({ "accepted": portal.accepted, "open": portal.open }),
            Command::Proxied => json!(portal.proxied),
            Command::AcceptToken { token } => {
                portal.options.access_tokens.push(token);
                Value::Null
            }
            Command::RevokeToken { token } => {
                portal.options.access_tokens.retain(|accepted| *accepted != token);
                Value::Null
            }
            Command::Set { delay_ms } => {
                portal.options.delay_ms = delay_ms;
                Value::Null
            }
            Command::Reset => {
                portal.reset();
                Value::Null
            }
            Command::Endpoint { name } => {
                drop(portal);
                json!({ "url": endpoint::open(name, &self.server, &self.handle)? })
            }
        })
    }

    /// Stops the server and closes its connections. A second call does nothing.
    pub fn stop(&self) {
        if self.pid != process::id() {
            return;
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = thread {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

impl Drop for SimulatedPortal {
    fn drop(&mut self) {
        self.stop();
    }
}
