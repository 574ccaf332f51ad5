//! Where interrupts come from: the signals of this process, or a host that takes the signals itself.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::cli::refused::Refused;

/// What somebody wants the program to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// To stop: Ctrl-C, SIGTERM. Once more is more urgent.
    Stop,
    /// To stop because the terminal is gone: SIGHUP. It may come several times for one end of a terminal, from the
    /// shell and from the system, or right behind a SIGTERM.
    HangUp,
}

/// What a host interrupts the program with. Node must take the signals itself: its own handlers and those of
/// this library would call each other for ever.
#[derive(Debug, Clone)]
pub struct Interrupter {
    sender: UnboundedSender<Interrupt>,
    is_heard: Arc<AtomicBool>,
}

/// The program's side of an [`Interrupter`].
#[derive(Debug)]
pub struct HostInterrupts {
    receiver: UnboundedReceiver<Interrupt>,
    is_heard: Arc<AtomicBool>,
}

impl Interrupter {
    /// An interrupter and what it interrupts.
    #[must_use]
    pub fn new() -> (Self, HostInterrupts) {
        let (sender, receiver) = unbounded_channel();
        let is_heard = Arc::new(AtomicBool::new(false));
        (Self { sender, is_heard: is_heard.clone() }, HostInterrupts { receiver, is_heard })
    }

    /// Interrupts the program, as a signal would. `false` if it has not begun anything that has to be ended with
    /// care: then the host ends it as the signal would have.
    #[must_use]
    pub fn interrupt(&self, interrupt: Interrupt) -> bool {
        let is_heard = self.is_heard.load(Ordering::Acquire);
        if is_heard {
            // Nobody reads it once the program has ended what it did: then it only has its results to write.
            let _ = self.sender.send(interrupt);
        }
        is_heard
    }
}

/// Where the interrupts of a program come from.
pub(super) enum Source {
    /// This process: Ctrl-C, SIGTERM and SIGHUP.
    Signals,
    Host(HostInterrupts),
}

impl Source {
    /// From now on, interrupts no longer end the process by themselves.
    pub(super) fn listen(self) -> Result<Interrupts, Refused> {
        match self {
            Self::Signals => Signals::listen().map(Interrupts::Signals),
            Self::Host(HostInterrupts { receiver, is_heard }) => {
                is_heard.store(true, Ordering::Release);
                Ok(Interrupts::Host(receiver))
            }
        }
        .map_err(|error: io::Error| Refused(format!("Signals cannot be listened to: {error}. Nothing was sent.")))
    }
}

/// Interrupts, one after the other.
pub(super) enum Interrupts {
    Signals(Signals),
    Host(UnboundedReceiver<Interrupt>),
}

impl Interrupts {
    /// The next one.
    pub(super) async fn next(&mut self) -> Interrupt {
        match self {
            Self::Signals(signals) => signals.next().await,
            Self::Host(receiver) => match receiver.recv().await {
                Some(interrupt) => interrupt,
                // The host can interrupt no more.
                None => std::future::pending().await,
            },
        }
    }
}

/// The signals of this process that interrupt.
#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` under `nohup`.
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up = if hang_up_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hang_up })
    }

    async fn next(&mut self) -> Interrupt {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Interrupt::Stop,
            _ = self.terminate.recv() => Interrupt::Stop,
            _ = hang_up => Interrupt::HangUp,
        }
    }
}

/// The signals of this process that interrupt: Ctrl-C, Ctrl-Break, the window that is closed.
#[cfg(windows)]
pub(super) struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    terminate: tokio::signal::windows::CtrlBreak,
    hang_up: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
        Ok(Self { interrupt: ctrl_c()?, terminate: ctrl_break()?, hang_up: ctrl_close()? })
    }

    async fn next(&mut self) -> Interrupt {
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
    use super::*;

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

    #[test]
    fn an_interrupt_is_the_host_s_until_the_program_listens() {
        let (interrupter, interrupts) = Interrupter::new();
        assert!(!interrupter.interrupt(Interrupt::Stop));
        let listening = Source::Host(interrupts).listen();
        assert!(interrupter.interrupt(Interrupt::Stop));
        drop(listening);
        assert!(interrupter.interrupt(Interrupt::Stop), "while results are written, no signal ends the process");
    }
}
