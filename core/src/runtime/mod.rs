//! Clocks, event loops and threads, and state that belongs to one process.

pub(crate) mod aside;
pub(crate) mod clock;
pub(crate) mod event_loop;
pub(crate) mod per_process;
