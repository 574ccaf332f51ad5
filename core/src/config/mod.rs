//! Settings: what the caller gave, what the environment adds, and whether it makes sense.

pub(crate) mod environment;
pub(crate) mod guard;
pub(crate) mod proxy;
pub(crate) mod secret;
pub(crate) mod settings;
pub(crate) mod user_agent;
