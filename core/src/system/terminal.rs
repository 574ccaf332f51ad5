//! The terminal that a program was started from, wherever its standard streams lead.

/// What answers are read from.
#[cfg(unix)]
pub(crate) const INPUT: &str = "/dev/tty";
#[cfg(windows)]
pub(crate) const INPUT: &str = "CONIN$";

/// What questions are written to.
#[cfg(unix)]
pub(crate) const OUTPUT: &str = "/dev/tty";
#[cfg(windows)]
pub(crate) const OUTPUT: &str = "CONOUT$";
