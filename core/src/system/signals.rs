//! The signals that interrupt a program.

use std::io;

#[cfg(unix)]
use {
    signal_hook::SigId,
    signal_hook::consts::{SIGHUP, SIGINT, SIGTERM},
    signal_hook::flag,
    signal_hook::low_level::{self, pipe},
    std::os::unix::net::UnixStream as StdUnixStream,
    std::sync::Arc,
    std::sync::atomic::{AtomicBool, Ordering},
    tokio::net::UnixStream,
};

/// What somebody wants the program to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// To stop: Ctrl-C, SIGTERM. Once more is more urgent.
    Stop,
    /// To stop because the terminal is gone: SIGHUP. It may come several times for one end of a terminal, from the
    /// shell and from the system, or right behind a SIGTERM.
    HangUp,
}

/// The signals of this process that interrupt. As long as it listens they come here, and from then on none of them ends
/// the process by itself.
#[cfg(unix)]
pub(crate) struct Signals {
    /// Which ones have come. One that comes twice before anybody looks has come once.
    interrupt: Arc<AtomicBool>,
    terminate: Arc<AtomicBool>,
    hang_up: Arc<AtomicBool>,
    /// Becomes readable with each of them.
    woken: UnixStream,
    actions: Vec<SigId>,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        let (woken, wakes) = StdUnixStream::pair()?;
        woken.set_nonblocking(true)?;
        let mut signals = Self {
            interrupt: Arc::default(),
            terminate: Arc::default(),
            hang_up: Arc::default(),
            woken: UnixStream::from_std(woken)?,
            actions: Vec::new(),
        };
        signals.take(SIGINT, &signals.interrupt.clone(), &wakes)?;
        signals.take(SIGTERM, &signals.terminate.clone(), &wakes)?;
        if !hang_up_is_ignored() {
            signals.take(SIGHUP, &signals.hang_up.clone(), &wakes)?;
        }
        Ok(signals)
    }

    /// The flag comes before the byte: a reader that is woken finds it.
    fn take(&mut self, signal: i32, has_come: &Arc<AtomicBool>, wakes: &StdUnixStream) -> io::Result<()> {
        self.actions.push(flag::register(signal, has_come.clone())?);
        self.actions.push(pipe::register(signal, wakes.try_clone()?)?);
        Ok(())
    }

    pub(crate) async fn next(&mut self) -> Interrupt {
        loop {
            for (has_come, interrupt) in [
                (&self.interrupt, Interrupt::Stop),
                (&self.terminate, Interrupt::Stop),
                (&self.hang_up, Interrupt::HangUp),
            ] {
                if has_come.swap(false, Ordering::SeqCst) {
                    return interrupt;
                }
            }
            if self.woken.readable().await.is_err() {
                // The event loop ends, and nobody waits any more.
                std::future::pending::<()>().await;
            }
            while self.woken.try_read(&mut [0; 64]).is_ok_and(|bytes| bytes > 0) {}
        }
    }
}

#[cfg(unix)]
impl Drop for Signals {
    fn drop(&mut self) {
        for action in self.actions.drain(..) {
            low_level::unregister(action);
        }
    }
}

/// The signals of this process that interrupt: Ctrl-C, Ctrl-Break, the window that is closed.
#[cfg(windows)]
pub(crate) struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    terminate: tokio::signal::windows::CtrlBreak,
    hang_up: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
        Ok(Self { interrupt: ctrl_c()?, terminate: ctrl_break()?, hang_up: ctrl_close()? })
    }

    pub(crate) async fn next(&mut self) -> Interrupt {
        tokio::select! {
            _ = self.interrupt.recv() => Interrupt::Stop,
            _ = self.terminate.recv() => Interrupt::Stop,
            _ = self.hang_up.recv() => Interrupt::HangUp,
        }
    }
}

/// Whether this process was started so that it survives the end of its terminal, as `nohup` does: such a
/// program goes on. Elsewhere than on Linux nobody can tell.
#[must_use]
pub fn hang_up_is_ignored() -> bool {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    ignores_hang_up(&read("/proc/self/status"))
        // Node ends the ignoring as it starts. What is left of GNU's `nohup` then is what it has put in the place
        // of a terminal: a standard input that can only be written to.
        || (std::fs::read_link("/proc/self/fd/0").is_ok_and(|path| path == std::path::Path::new("/dev/null"))
            && is_write_only(&read("/proc/self/fdinfo/0")))
}

/// The number in a line such as `SigIgn:\t0000000000000001`.
fn field(text: &str, name: &str, radix: u32) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    u64::from_str_radix(line.trim(), radix).ok()
}

fn ignores_hang_up(status: &str) -> bool {
    const SIGHUP: u64 = 1;
    field(status, "SigIgn:", 16).is_some_and(|ignored| ignored & (1 << (SIGHUP - 1)) != 0)
}

fn is_write_only(fdinfo: &str) -> bool {
    const O_ACCMODE: u64 = 0o3;
    const O_WRONLY: u64 = 0o1;
    field(fdinfo, "flags:", 8).is_some_and(|flags| flags & O_ACCMODE == O_WRONLY)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[cfg(unix)]
    #[test]
    fn each_signal_is_heard_once_however_often_it_comes_before_somebody_listens() {
        use std::time::Duration;

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut signals = Signals::listen().unwrap();
            for signal in [SIGHUP, SIGINT, SIGTERM, SIGINT] {
                if signal != SIGHUP || !hang_up_is_ignored() {
                    low_level::raise(signal).unwrap();
                }
            }
            assert_eq!((signals.next().await, signals.next().await), (Interrupt::Stop, Interrupt::Stop));
            if !hang_up_is_ignored() {
                assert_eq!(signals.next().await, Interrupt::HangUp);
            }
            let another = tokio::time::timeout(Duration::from_millis(20), signals.next());
            assert!(another.await.is_err(), "a signal was heard twice");
            // While it is waited for, and after a wait that was given up.
            let raised = async {
                tokio::task::yield_now().await;
                low_level::raise(SIGTERM).unwrap();
            };
            assert_eq!(tokio::join!(signals.next(), raised).0, Interrupt::Stop);
            drop(signals);
            // It would end this process.
            low_level::raise(SIGTERM).unwrap();
        });
    }

    #[test]
    fn a_signal_that_is_ignored_is_found_among_others() {
        let status = |ignored| format!("Name:\tnode\nSigBlk:\t0000000000000001\nSigIgn:\t{ignored}\nSigCgt:\t0\n");
        assert!(ignores_hang_up(&status("0000000001001001")));
        assert!(!ignores_hang_up(&status("0000000001001000")));
        assert!(!ignores_hang_up(""));
        assert!(is_write_only("pos:\t0\nflags:\t02100001\n"));
        assert!(!is_write_only("pos:\t0\nflags:\t02100002\n"));
        assert!(!is_write_only(""));
    }
}
