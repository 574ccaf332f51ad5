//! The variables of the environment that settings are read from, in one table: what is not in it cannot be read.

use std::ffi::OsString;

use crate::error::Error;

/// A variable of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Variable(&'static str);

impl Variable {
    pub(crate) const fn name(self) -> &'static str {
        self.0
    }
}

macro_rules! variables {
    ($($variable:ident = $name:literal;)*) => {
        $(pub(crate) const $variable: Variable = Variable($name);)*

        /// Every variable of the environment that is read. A host that cannot let them be looked up hands over these.
        pub const VARIABLES: &[&str] = &[$($name),*];
    };
}

variables! {
    FIRM_NAME = "ADDEPAR_FIRM_NAME";
    ENVIRONMENT = "ADDEPAR_ENVIRONMENT";
    FIRM_ID = "ADDEPAR_FIRM_ID";
    KEY_ID = "ADDEPAR_KEY_ID";
    KEY_SECRET = "ADDEPAR_KEY_SECRET";
    ACCESS_TOKEN = "ADDEPAR_ACCESS_TOKEN";
    BASE_URL = "ADDEPAR_BASE_URL";
    JOURNAL_DIR = "ADDEPAR_JOURNAL_DIR";
    LIVE = "ADDEPAR_PORTAL_LIVE";
    PYTEST_CURRENT_TEST = "PYTEST_CURRENT_TEST";
    PYTEST_VERSION = "PYTEST_VERSION";
    VITEST = "VITEST";
    JEST_WORKER_ID = "JEST_WORKER_ID";
    NODE_TEST_CONTEXT = "NODE_TEST_CONTEXT";
    NODE_ENV = "NODE_ENV";
    AVA_PATH = "AVA_PATH";
    HTTPS_PROXY = "HTTPS_PROXY";
    HTTPS_PROXY_LOWER = "https_proxy";
    ALL_PROXY = "ALL_PROXY";
    ALL_PROXY_LOWER = "all_proxy";
    NO_PROXY = "NO_PROXY";
    NO_PROXY_LOWER = "no_proxy";
    REQUESTS_CA_BUNDLE = "REQUESTS_CA_BUNDLE";
    NODE_EXTRA_CA_CERTS = "NODE_EXTRA_CA_CERTS";
}

/// The variables of the environment, each a text where it is asked for. One that cannot be read must never count as
/// one that is not set: a folder of journals that is passed over lets everything be sent once more.
#[derive(Clone, Copy)]
pub(crate) struct Environment<F>(pub(crate) F);

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    /// A variable that is set, and not to an empty text.
    pub(crate) fn get(&self, variable: Variable) -> Result<Option<String>, Error> {
        let Some(value) = (self.0)(variable.name()).filter(|value| !value.is_empty()) else { return Ok(None) };
        // Where a host has decoded it already, what was not text is U+FFFD by now.
        let text = value.into_string().ok().filter(|text| !text.contains(char::REPLACEMENT_CHARACTER));
        let name = variable.name();
        let text = text.ok_or_else(|| Error::config(format!("{name} must be text in UTF-8, and is not.")))?;
        // It may be a secret, so it is not shown.
        match text.chars().next_back() {
            Some(last) if last.is_whitespace() || last.is_control() => Err(Error::config(format!(
                "{name} must not end in a blank or a control character, and ends in {last:?}."
            ))),
            _ => Ok(Some(text)),
        }
    }

    /// Whether a variable is set, whatever it holds.
    pub(crate) fn has(&self, variable: Variable) -> bool {
        (self.0)(variable.name()).is_some_and(|value| !value.is_empty())
    }

    /// Whether a variable is set to this very text.
    pub(crate) fn is(&self, variable: Variable, text: &str) -> bool {
        (self.0)(variable.name()).is_some_and(|value| value == text)
    }

    /// The first of several variables that is set, with its name.
    pub(crate) fn first(&self, variables: &[Variable]) -> Result<Option<(&'static str, String)>, Error> {
        for variable in variables {
            if let Some(value) = self.get(*variable)? {
                return Ok(Some((variable.name(), value)));
            }
        }
        Ok(None)
    }

    /// What the caller gave, or the variable.
    pub(crate) fn or(&self, given: Option<&String>, variable: Variable) -> Result<Option<String>, Error> {
        given.cloned().map_or_else(|| self.get(variable), |given| Ok(Some(given)))
    }
}
