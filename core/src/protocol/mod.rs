//! What is sent when, and what an answer means: it decides, and does no I/O.

pub(crate) mod chunk;
pub(crate) mod exchange;
pub(crate) mod latch;
pub(crate) mod log_record;
pub(crate) mod machine;
pub(crate) mod outcome;
pub(crate) mod pace;
pub(crate) mod rate_limit;
pub(crate) mod reading;
pub(crate) mod settling;
#[cfg(test)]
mod simulation;
pub(crate) mod sync;
#[cfg(test)]
mod tests;
