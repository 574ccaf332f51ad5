//! The signals that interrupt a program.

use std::io;

/// What somebody wants the program to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// To stop: Ctrl-C, SIGTERM. Once more is more urgent.
    Stop,
    /// To stop because the terminal is gone: SIGHUP. It may come several times for one end of a terminal, from the
    /// shell and from the system, or right behind a SIGTERM.
    HangUp,
}

/// The signals of this process that interrupt.
#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// `None` under `nohup`.
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up = if hang_up_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hang_up })
    }

    pub(crate) async fn next(&mut self) -> Interrupt {
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
}
