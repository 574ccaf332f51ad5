//! HTTP.

pub(crate) mod dial;
pub(crate) mod head;
pub(crate) mod pem;
pub(crate) mod tls;
pub(crate) mod transport;
pub(crate) mod wire;
