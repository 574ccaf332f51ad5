//! What is sent when, and what an answer means. No I/O.

pub(crate) mod batch;
pub(crate) mod call;
pub(crate) mod exchange;
pub(crate) mod latch;
pub(crate) mod log_record;
pub(crate) mod outcome;
pub(crate) mod pace;
pub(crate) mod rate_limit;
pub(crate) mod sync;
