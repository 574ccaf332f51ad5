//! The answer: bytes to report. No I/O.

pub(crate) mod json;
pub(crate) mod pattern;
pub(crate) mod rows;
