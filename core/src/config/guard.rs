//! Whether this is a test run, which must not e-mail real clients.

use std::ffi::OsString;
use std::path::Path;

use url::Url;

use crate::config::environment::{self, Environment, Variable};
use crate::error::Error;
use crate::model::server::is_loopback;

/// pytest sets the first for each test, the second for its whole run, collection included.
const TEST_RUNNERS: [Variable; 6] = [
    environment::PYTEST_CURRENT_TEST,
    environment::PYTEST_VERSION,
    environment::VITEST,
    environment::JEST_WORKER_ID,
    environment::NODE_TEST_CONTEXT,
    environment::AVA_PATH,
];

/// What a file of tests is written with where its runner provides it: a host reports which of them it has.
pub const TEST_FUNCTIONS: &[&str] = &["describe", "it", "suite", "test"];

/// What a host knows of the program that it runs, and the environment's variables do not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// What was started: `sys.argv[0]` of Python, `process.argv[1]` of Node.
    pub started: Option<String>,
    /// Those of [`TEST_FUNCTIONS`] that are global functions.
    pub test_functions: Vec<String>,
}

impl Program {
    /// The test runner that this program is, in words.
    fn test_runner(&self) -> Option<String> {
        let started = self.started.as_deref().unwrap_or_default();
        // Python names its own runner like that, in the place of a path.
        if started.ends_with(" -m unittest") {
            return Some(format!("it was started as {started:?}"));
        }
        // mocha sets no variable. Its processes run one of its own files, or the link to it.
        let path = Path::new(started);
        let is_mocha = path.file_stem().is_some_and(|name| name == "mocha" || name == "_mocha")
            || path.components().zip(path.components().skip(1)).any(|(folder, inner)| {
                folder.as_os_str() == "mocha" && (inner.as_os_str() == "lib" || inner.as_os_str() == "bin")
            });
        if is_mocha {
            return Some("it was started as mocha".to_owned());
        }
        let has = |name: &str| self.test_functions.iter().any(|function| function == name);
        [("describe", "it"), ("suite", "test")]
            .into_iter()
            .find(|(group, test)| has(group) && has(test))
            .map(|(group, test)| format!("`{group}` and `{test}` are global functions"))
    }
}

/// A test must not e-mail real clients, and no mock of Python or JavaScript can see a native
/// socket. Asked again before each call: a test runner may have started meanwhile.
pub(crate) fn refuse_in_tests(
    base_url: &Url,
    program: &Program,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<(), Error> {
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
        None => match test_run(&environment, program) {
            Some(sign) => format!("this is a test run ({sign})"),
            None => return Ok(()),
        },
    };
    Err(Error::config(format!(
        "{} is not this machine, and {reason}: a test must not e-mail real clients. Use the simulated portal, or \
             set ADDEPAR_PORTAL_LIVE=1 if you mean it.",
        base_url.host_str().unwrap_or_default(),
    )))
}

/// What shows that this is a test run.
fn test_run(environment: &Environment<impl Fn(&str) -> Option<OsString>>, program: &Program) -> Option<String> {
    if let Some(runner) = TEST_RUNNERS.into_iter().find(|runner| environment.has(*runner)) {
        return Some(format!("{} is set", runner.name()));
    }
    if environment.is(environment::NODE_ENV, "test") {
        return Some("NODE_ENV is test".to_owned());
    }
    program.test_runner()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]

    use super::*;

    fn verdict(program: &Program, variables: &[(&str, &str)]) -> Result<(), String> {
        let url = Url::parse("https://examplefirm.addepar.com/api").expect("a URL");
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        refuse_in_tests(&url, program, variable).map_err(|error| error.message())
    }

    fn started(path: &str) -> Program {
        Program { started: Some(path.to_owned()), test_functions: Vec::new() }
    }

    #[test]
    fn a_program_that_is_a_test_runner_is_told_by_how_it_was_started() {
        for path in [
            "python -m unittest",
            "python3.12 -m unittest",
            "/srv/app/node_modules/mocha/bin/mocha.js",
            "/srv/app/node_modules/mocha/bin/_mocha",
            "/srv/app/node_modules/.bin/mocha",
            "/srv/app/node_modules/mocha/lib/cli/cli.js",
            "/srv/app/node_modules/mocha/lib/nodejs/worker.js",
        ] {
            let refused = verdict(&started(path), &[]).expect_err(path);
            assert!(refused.contains("this is a test run (it was started as"), "{refused}");
            assert_eq!(verdict(&started(path), &[("ADDEPAR_PORTAL_LIVE", "1")]), Ok(()));
        }
        for path in ["", "/srv/app/mocha/app.js", "/srv/app/report_on_unittest.py", "-c", "/srv/app/mochaccino.js"] {
            assert_eq!(verdict(&started(path), &[]), Ok(()), "{path}");
        }
    }

    #[test]
    fn a_runner_is_told_by_the_functions_that_it_provides() {
        let with = |functions: &[&str]| Program {
            started: Some("/srv/app/run-tests.js".to_owned()),
            test_functions: functions.iter().map(ToString::to_string).collect(),
        };
        for functions in [["describe", "it"], ["suite", "test"]] {
            assert!(verdict(&with(&functions), &[]).expect_err("a test run").contains("are global functions"));
        }
        for functions in [&[] as &[&str], &["it"], &["test", "it"], &["describe", "suite"]] {
            assert_eq!(verdict(&with(functions), &[]), Ok(()), "{functions:?}");
        }
    }

    #[test]
    fn a_runner_is_told_by_its_variables() {
        for (name, value) in [("AVA_PATH", "/srv/app/node_modules/ava"), ("NODE_ENV", "test"), ("VITEST", "true")] {
            assert!(verdict(&Program::default(), &[(name, value)]).expect_err(name).contains(name));
        }
        for value in ["production", "testing", "development"] {
            assert_eq!(verdict(&Program::default(), &[("NODE_ENV", value)]), Ok(()));
        }
    }
}
