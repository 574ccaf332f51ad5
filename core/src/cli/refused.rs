//! What every command needs: a reason not to do it, a runtime, ids as they were written.

use std::future::Future;

use crate::error::Error;
use crate::model::id;
use crate::model::invalid_input::InvalidInput;
use crate::model::message::Language;
use crate::runtime::event_loop;

/// Why nothing was done: bad input or settings.
#[derive(Debug)]
pub(super) struct Refused(pub(super) String);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error.message_in(Language::CommandLine))
    }
}

impl From<InvalidInput> for Refused {
    fn from(invalid: InvalidInput) -> Self {
        Error::from(invalid).into()
    }
}

/// Runs a future on a runtime of its own, and waits for nothing that it left behind.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T, Refused>>) -> Result<T, Refused> {
    let runtime = event_loop::new()
        .map_err(|error| Refused(format!("The event loop cannot be set up: {error}. Nothing was sent.")))?;
    let done = runtime.block_on(future);
    runtime.shutdown_background();
    done
}

/// Ids that were written as the value of an argument.
pub(super) fn ids(argument: &'static str, written: &[String]) -> Result<Vec<u64>, Refused> {
    Ok(id::validate(argument, written.iter().map(|id| id.trim()))?)
}
