//! Clocks, and state that belongs to one process.

pub(crate) mod clock;
pub(crate) mod per_process;
