//! A thread for each journal that is open: it alone touches the journal's files, which may be slow.
//!
//! Nobody who stops or abandons a call waits for it. What is to be recorded then is handed over, and the thread lets go
//! of the journal when it has recorded it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::{mem, process};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

use crate::error::Error;
use crate::journal::folder;
use crate::journal::history::History;
use crate::journal::lock::{Caller, LettingGo};
use crate::journal::store::{Dated, Store, Unrecorded};
use crate::runtime::clock;

/// The way to a journal's thread.
#[derive(Debug)]
pub(crate) struct Writer {
    commands: Option<Sender<Command>>,
    /// Whose it is: a forked child has no such thread.
    pid: u32,
    /// The journal, once it is open.
    path: Option<PathBuf>,
}

enum Command {
    Record(Vec<Dated>, oneshot::Sender<Result<(), Unrecorded>>),
    Rescue(Vec<Dated>, oneshot::Sender<Result<(), Unrecorded>>),
    Close(oneshot::Sender<()>),
    /// Nobody waits for it.
    LetGo {
        rest: Option<(Vec<Dated>, Box<History>)>,
        letting_go: Option<LettingGo>,
    },
}

/// What opens a journal: its store, and what is known of it.
type Open<T> = Result<(Box<dyn Store>, T), Error>;

/// A journal that is being opened. When this is dropped, it is opened for nobody.
#[derive(Debug)]
pub(crate) struct Opening<T> {
    warnings: UnboundedReceiver<String>,
    opened: oneshot::Receiver<Result<T, Error>>,
}

/// What is said of a journal that is being opened.
pub(crate) enum Said<T> {
    /// What the call should know meanwhile.
    Warning(String),
    /// What came of it, at last.
    Opened(Result<T, Error>),
}

impl<T> Opening<T> {
    /// Waits for what is said next.
    pub(crate) async fn next(&mut self) -> Said<T> {
        if let Some(warning) = self.warnings.recv().await {
            return Said::Warning(warning);
        }
        Said::Opened((&mut self.opened).await.unwrap_or_else(|_| Err(Error::broken_off())))
    }
}

impl Writer {
    /// Starts the thread, which opens the journal first: the one of this path, if that is known already.
    pub(crate) fn start<T: Send + 'static>(
        path: Option<PathBuf>,
        open: impl FnOnce(&Caller) -> Open<T> + Send + 'static,
    ) -> Result<(Self, Opening<T>), Error> {
        let (commands, received) = channel();
        let (opened, opening) = oneshot::channel();
        let (warn, warnings) = unbounded_channel();
        let (earlier, known_path) = (LettingGo::until_now(), path.clone());
        thread::Builder::new()
            .name("addepar-portal-journal".to_owned())
            .spawn(move || {
                if let Some(path) = known_path {
                    earlier.wait(&path);
                    earlier.wait(&folder::by_its_own_name(&path));
                }
                // The last warning is said before what came of it.
                let result = open(&Caller::new(warn));
                match result {
                    Ok((store, known)) => {
                        // Where nobody waits any more, the next command is to let go.
                        let _ = opened.send(Ok(known));
                        serve(store, &received);
                    }
                    Err(error) => {
                        let _ = opened.send(Err(error));
                    }
                }
            })
            .map_err(|error| Error::config(format!("No thread can be started for the journal: {error}.")))?;
        let writer = Self { commands: Some(commands), pid: process::id(), path };
        Ok((writer, Opening { warnings, opened: opening }))
    }

    /// Says which journal it is.
    pub(crate) fn is_of(&mut self, path: &Path) {
        self.path = Some(path.to_owned());
    }

    /// Has records made safe.
    pub(crate) fn record(&self, records: Vec<Dated>) -> oneshot::Receiver<Result<(), Unrecorded>> {
        self.ask(|reply| Command::Record(records, reply))
    }

    /// Has a run saved anew.
    pub(crate) fn rescue(&self, records: Vec<Dated>) -> oneshot::Receiver<Result<(), Unrecorded>> {
        self.ask(|reply| Command::Rescue(records, reply))
    }

    /// Has the journal closed.
    pub(crate) fn close(&self) -> oneshot::Receiver<()> {
        self.ask(Command::Close)
    }

    /// Where the thread has ended, the reply never comes, and its receiver says so.
    fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> oneshot::Receiver<T> {
        let (reply, received) = oneshot::channel();
        if let Some(commands) = &self.commands {
            let _ = commands.send(command(reply));
        }
        received
    }

    /// Leaves the rest to the thread, which lets go of the journal then. Who opens that journal in this process waits.
    pub(crate) fn hand_over(mut self, records: Vec<Dated>, history: History) {
        self.let_go(Some((records, Box::new(history))));
    }

    fn let_go(&mut self, rest: Option<(Vec<Dated>, Box<History>)>) {
        if let Some(commands) = self.commands.take() {
            let letting_go = self.path.as_deref().map(LettingGo::of);
            let _ = commands.send(Command::LetGo { rest, letting_go });
        }
    }
}

impl Drop for Writer {
    /// A forked child leaves the channel alone: a thread that does not exist here may hold its lock.
    fn drop(&mut self) {
        if self.pid == process::id() {
            self.let_go(None);
        } else {
            mem::forget(self.commands.take());
        }
    }
}

fn serve(mut store: Box<dyn Store>, commands: &Receiver<Command>) {
    let mut is_lost = false;
    while let Ok(command) = commands.recv() {
        match command {
            Command::Record(records, reply) => {
                let recorded = store.record(records);
                is_lost |= matches!(recorded, Err(Unrecorded::Lost));
                let _ = reply.send(recorded);
            }
            Command::Rescue(records, reply) => {
                is_lost = false;
                let _ = reply.send(Err(store.rescue(records)));
            }
            Command::Close(reply) => {
                store.release();
                let _ = reply.send(());
            }
            Command::LetGo { rest, letting_go } => {
                if let Some((records, history)) = rest {
                    is_lost |= !records.is_empty() && matches!(store.record(records), Err(Unrecorded::Lost));
                    if is_lost {
                        store.rescue(history.rewritten(clock::now().utc()));
                    }
                }
                store.release();
                drop(letting_go);
                return;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_journal_that_is_let_go_of_is_waited_for_by_a_link_as_well() {
        let folder = std::env::temp_dir().join(format!("addepar-portal-writer-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        // Where the temporary folder is a link itself, the journal has another path.
        let folder = fs::canonicalize(&folder).unwrap();
        let (path, link) = (folder.join("run.jsonl"), folder.join("link.jsonl"));
        fs::write(&path, "").unwrap();
        symlink(&path, &link).unwrap();
        let is_opened = Arc::new(AtomicBool::new(false));
        let letting_go = LettingGo::of(&path);
        let open = {
            let is_opened = is_opened.clone();
            move |_: &Caller| -> Open<()> {
                is_opened.store(true, Ordering::SeqCst);
                Err(Error::broken_off())
            }
        };
        let (_writer, opening) = Writer::start(Some(link), open).unwrap();
        thread::sleep(Duration::from_millis(50));
        assert!(!is_opened.load(Ordering::SeqCst));
        drop(letting_go);
        assert!(opening.opened.blocking_recv().unwrap().is_err());
        assert!(is_opened.load(Ordering::SeqCst));
        fs::remove_dir_all(&folder).unwrap();
    }
}
