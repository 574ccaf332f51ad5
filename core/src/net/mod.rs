//! HTTP.

pub(crate) mod transport;
