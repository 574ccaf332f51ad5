#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod contract;
mod endpoint;
mod fault;
mod generated_reports;
mod http;
mod portal;
mod refusal;
mod script;
mod server;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::mem::ManuallyDrop;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, io, process};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::fault::Repeated;
use crate::portal::Options;
use crate::server::Server;

/// How long [`SimulatedPortal::stop`] waits for the thread; it never needs that long.
const PATIENCE: Duration = Duration::from_secs(5);

/// A simulated portal on 127.0.0.1, served by a thread of its own until it is stopped or dropped.
///
/// After a `fork` it belongs to the parent: in the child it answers no command, and stopping or
/// dropping it there does nothing.
pub struct SimulatedPortal {
    server: Arc<Server>,
    base_url: String,
    port: u16,
    handle: Handle,
    endpoints: Mutex<BTreeMap<endpoint::Name, String>>,
    // Dropped by `stop` alone: to drop a sender in a forked child would wake the parent's thread.
    thread: ManuallyDrop<Mutex<Option<Thread>>>,
    pid: u32,
}

struct Thread {
    stop: oneshot::Sender<()>,
    /// Disconnected when the thread is at its end.
    end: mpsc::Receiver<Infallible>,
    join: JoinHandle<()>,
}

/// What [`SimulatedPortal::control`] takes.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Command {
    FailPublish {
        file: u64,
        contacts: Vec<u64>,
    },
    FailNotify {
        file: u64,
        contacts: Vec<u64>,
    },
    Fault {
        fault: Repeated,
    },
    Faults {
        faults: Vec<Repeated>,
    },
    /// What GETs of generated reports meet.
    ReportFaults {
        faults: Vec<Repeated>,
    },
    /// What generated reports show about a file, whatever the truth is; nothing if null.
    ShowPublished {
        file: u64,
        shown: Option<bool>,
    },
    Requests {},
    Posts {},
    Outbox {},
    Published {
        file: u64,
    },
    Connections {},
    Endpoint {
        name: endpoint::Name,
    },
    Proxied {},
    AcceptToken {
        token: String,
    },
    RevokeToken {
        token: String,
    },
    Set {
        delay_ms: u64,
    },
    /// From now on requests are worked on and not answered.
    Hold {},
    /// Answers them.
    Release {},
    Reset {},
}

impl SimulatedPortal {
    /// Starts a portal. With `"{}"` it listens on any port and has every file, each for the contact 1.
    ///
    /// # Errors
    /// A sentence that names the value and what is allowed.
    pub fn start(options_json: &str) -> Result<Self, String> {
        let options: Options = serde_json::from_str(options_json).map_err(|error| refusal::in_words(&error))?;
        let (listener, address) = endpoint::listen(options.port)?;
        let server = Arc::new(Server::new(options));
        let runtime = runtime().map_err(|error| error.to_string())?;
        let handle = runtime.handle().clone();
        let serving = server.clone();
        endpoint::each(&handle, listener, move |socket| serving.clone().serve(socket))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (ending, end) = mpsc::channel();
        let join = thread::Builder::new()
            .name("simulated-portal".to_owned())
            .spawn(move || {
                let _ending = ending;
                let _ = runtime.block_on(stopped);
                runtime.shutdown_background();
            })
            .map_err(|error| error.to_string())?;
        Ok(Self {
            server,
            base_url: format!("http://{address}/api"),
            port: address.port(),
            handle,
            endpoints: Mutex::default(),
            thread: ManuallyDrop::new(Mutex::new(Some(Thread { stop, end, join }))),
            pid: process::id(),
        })
    }

    /// Where the API is, such as `http://127.0.0.1:49152/api`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// One command in JSON, its answer in JSON: `{"do": "fail_publish", "file": 37, "contacts": [4]}`.
    ///
    /// What was received, published and e-mailed can be asked for after a stop as well.
    ///
    /// # Errors
    /// A sentence that names the value and what is allowed.
    pub fn control(&self, command_json: &str) -> Result<String, String> {
        if self.is_inherited() {
            return Err(format!("this portal belongs to the process {}: start one in this process", self.pid));
        }
        let command = serde_json::from_str(command_json).map_err(|error| refusal::in_words(&error))?;
        self.obey(command).map(|answer| answer.to_string())
    }

    fn obey(&self, command: Command) -> Result<Value, String> {
        if let Command::Endpoint { name } = command {
            return Ok(json!({ "url": self.endpoint(name)? }));
        }
        let mut portal = self.server.portal();
        match command {
            Command::Requests {} => return Ok(json!(portal.requests)),
            Command::Posts {} => {
                return Ok(json!(portal.requests.iter().filter(|request| request.method == "POST").count()));
            }
            Command::Outbox {} => return Ok(json!(portal.outbox)),
            Command::Published { file } => return Ok(json!(portal.published(file))),
            Command::Connections {} => return Ok(json!({ "accepted": portal.accepted, "open": portal.open })),
            Command::Proxied {} => return Ok(json!(portal.proxied)),
            Command::FailPublish { file, contacts } => {
                portal.options.fail_publish.insert(file, contacts);
            }
            Command::FailNotify { file, contacts } => {
                portal.options.fail_notify.insert(file, contacts);
            }
            Command::Fault { fault } => portal.faults.extend(fault),
            Command::Faults { faults } => portal.faults.extend(faults.into_iter().flatten()),
            Command::ReportFaults { faults } => portal.report_faults.extend(faults.into_iter().flatten()),
            Command::ShowPublished { file, shown } => {
                portal.options.show_published.insert(file, shown);
            }
            Command::AcceptToken { token } => portal.options.access_tokens.push(token),
            Command::RevokeToken { token } => portal.options.access_tokens.retain(|accepted| *accepted != token),
            Command::Set { delay_ms } => portal.options.delay_ms = delay_ms,
            Command::Hold {} => portal.holds = true,
            Command::Release {} => portal.holds = false,
            Command::Reset {} => portal.reset(),
            Command::Endpoint { .. } => {}
        }
        Ok(Value::Null)
    }

    fn endpoint(&self, name: endpoint::Name) -> Result<String, String> {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(url) = endpoints.get(&name) {
            return Ok(url.clone());
        }
        if self.thread.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return Err("the portal is stopped".to_owned());
        }
        let url = endpoint::open(name, &self.server, &self.handle)?;
        endpoints.insert(name, url.clone());
        Ok(url)
    }

    /// Stops the server and closes its connections, within a bounded time. A second call does nothing.
    pub fn stop(&self) {
        if self.is_inherited() {
            return;
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Thread { stop, end, join }) = thread {
            let _ = stop.send(());
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Disconnected) {
                let _ = join.join();
            }
        }
    }

    fn is_inherited(&self) -> bool {
        self.pid != process::id()
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

impl Drop for SimulatedPortal {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for SimulatedPortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedPortal").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}
