//! HTTP.

pub(crate) mod body;
mod mask;
pub(crate) mod transport;
