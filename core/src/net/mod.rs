//! HTTP.

pub(crate) mod body;
pub(crate) mod diagnose;
mod mask;
pub(crate) mod names;
pub(crate) mod pem;
pub(crate) mod tls;
pub(crate) mod transport;
mod trust;
