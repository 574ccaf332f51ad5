//! HTTP.

pub(crate) mod body;
pub(crate) mod transport;
