//! Clocks, and state that belongs to one process.

pub(crate) mod boot;
pub(crate) mod clock;
pub(crate) mod per_process;
