//! Where interrupts come from: the signals of this process, or a host that takes the signals itself.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::cli::refused::Refused;
use crate::system::signals::Signals;
pub use crate::system::signals::{Interrupt, hang_up_is_ignored};

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

#[cfg(test)]
mod tests {
    use super::*;

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
