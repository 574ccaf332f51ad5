//! Settings: what the caller gave, what the environment adds, and whether it makes sense.

pub(crate) mod environment;
pub(crate) mod guard;
pub(crate) mod secret;
pub(crate) mod settings;
