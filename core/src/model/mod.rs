//! What a call is about and what became of it: data, without I/O.

pub(crate) mod display;
pub(crate) mod id;
pub(crate) mod report;
pub(crate) mod request;
