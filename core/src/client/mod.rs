//! The client, and calls under way.

pub(crate) mod background;
pub(crate) mod blocking;
pub(crate) mod call;
pub(crate) mod connection;
#[cfg(test)]
mod panics;
pub(crate) mod portal_client;
pub(crate) mod reports;
pub(crate) mod session;
#[cfg(test)]
mod slow_disk;
pub(crate) mod tokens;
pub(crate) mod unjournalled;
