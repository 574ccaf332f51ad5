//! The access token that calls share, and the right to ask for the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::secret::Secret;
use crate::runtime::clock;

/// The token that callers were asked for, and the right to ask for the next.
#[derive(Debug)]
pub(crate) struct Tokens {
    current: Mutex<Token>,
    asking: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Token {
    /// Counts the tokens so far: a call whose token was refused needs a later one.
    generation: u64,
    secret: Option<Secret>,
    /// How often a caller was asked in vain.
    given_up: u64,
}

/// What a call that looks for a token finds.
pub(crate) enum Found {
    /// A token, and its generation.
    Token(u64, Secret),
    /// None, and the right to ask for one.
    Ask(OwnedSemaphorePermit),
    /// Another call has been asking for too long.
    Taken,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        Self { current: Mutex::default(), asking: Arc::new(Semaphore::new(1)) }
    }

    fn current(&self) -> MutexGuard<'_, Token> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token later than the one that was refused. One call asks, others wait, but not for ever: a callable may hang, or
    /// wait for this very call.
    pub(crate) async fn find(&self, refused: Option<u64>, patience: Duration) -> Found {
        let usable = || {
            let current = self.current();
            let secret = current.secret.clone()?;
            refused.is_none_or(|refused| refused < current.generation).then_some((current.generation, secret))
        };
        if let Some((generation, secret)) = usable() {
            return Found::Token(generation, secret);
        }
        let given_up = self.current().given_up;
        let Ok(Ok(permit)) = clock::timeout(patience, self.asking.clone().acquire_owned()).await else {
            return Found::Taken;
        };
        match usable() {
            Some((generation, secret)) => Found::Token(generation, secret),
            // Who waited for a callable that hangs does not ask it once more: it may hang in this very call.
            None if self.current().given_up > given_up => Found::Taken,
            None => Found::Ask(permit),
        }
    }

    /// Says that a caller was asked in vain.
    pub(crate) fn give_up(&self) {
        self.current().given_up += 1;
    }

    /// Takes a token that a caller was asked for.
    pub(crate) fn provide(&self, token: Secret) {
        let mut current = self.current();
        current.generation += 1;
        current.secret = Some(token);
    }
}
