//! Whether this is a test run, which must not e-mail real clients.

use std::ffi::OsString;

use url::Url;

use crate::config::environment::{self, Environment, Variable};
use crate::error::Error;
use crate::model::server::is_loopback;

/// pytest sets the first for each test, the second for its whole run, collection included.
const TEST_RUNNERS: [Variable; 5] = [
    environment::PYTEST_CURRENT_TEST,
    environment::PYTEST_VERSION,
    environment::VITEST,
    environment::JEST_WORKER_ID,
    environment::NODE_TEST_CONTEXT,
];

/// A test must not e-mail real clients, and no mock of Python or JavaScript can see a native
/// socket. Asked again before each call: a test runner may have started meanwhile.
pub(crate) fn refuse_in_tests(base_url: &Url, variable: impl Fn(&str) -> Option<OsString>) -> Result<(), Error> {
    if is_loopback(base_url) {
        return Ok(());
    }
    let environment = Environment(variable);
    let reason = match environment.get(environment::LIVE)?.as_deref() {
        Some("1") => return Ok(()),
        Some("0") => "ADDEPAR_PORTAL_LIVE=0 is set".to_owned(),
        Some(other) => {
            return Err(Error::config(format!("ADDEPAR_PORTAL_LIVE is {other:?}: allowed are 0 and 1.")));
        }
        None => match TEST_RUNNERS.into_iter().find(|runner| environment.has(*runner)) {
            Some(runner) => format!("this is a test run ({} is set)", runner.name()),
            None => return Ok(()),
        },
    };
    Err(Error::config(format!(
        "{} is not this machine, and {reason}: a test must not e-mail real clients. Use the simulated portal, or \
             set ADDEPAR_PORTAL_LIVE=1 if you mean it.",
        base_url.host_str().unwrap_or_default(),
    )))
}
