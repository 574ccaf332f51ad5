//! What a client brings along for each of its calls.

use std::sync::Arc;

use crate::client::tokens::Tokens;
use crate::config::settings::{AccessToken, Config, Credentials};
use crate::net::transport::Transport;
use crate::runtime::per_process::PerProcess;

/// The settings, the way to the server, and the tokens that calls share.
pub(crate) struct Connection {
    pub(crate) config: Arc<Config>,
    pub(crate) transport: Transport,
    tokens: PerProcess<Tokens>,
}

impl Connection {
    pub(crate) fn new(config: Config) -> Self {
        let config = Arc::new(config);
        Self { transport: Transport::new(config.clone()), config, tokens: PerProcess::new() }
    }

    /// This process's tokens.
    pub(crate) fn tokens(&self) -> &Tokens {
        self.tokens.get(Tokens::new)
    }

    /// Whether the host is asked for tokens.
    pub(crate) fn asks_for_tokens(&self) -> bool {
        matches!(self.config.credentials, Credentials::Token(AccessToken::Asked))
    }
}
