//! How long this machine has been running, where the system says so without more ado.

use std::fs;
use std::time::{Duration, Instant};

use crate::model::moment::Boot;

/// The boot of this machine; `None` on systems that do not tell it in a file.
pub(crate) fn boot() -> Option<Boot> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let uptime = Duration::try_from_secs_f64(seconds).ok()?;
    Some(Boot { id: id.trim().to_owned(), uptime, at: Instant::now() })
}
