//! The client, and calls under way.

pub(crate) mod background;
pub(crate) mod blocking;
pub(crate) mod call;
