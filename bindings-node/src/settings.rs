//! Settings and options as JavaScript gives them. What is given, the facade has checked; what it means, the core knows.

use std::collections::HashMap;
use std::ffi::OsString;

use addepar_portal::host::{self, AccessToken, Settings, TEST_FUNCTIONS, VARIABLES};
use addepar_portal::{BatchOptions, Error, InvalidInput, Repeat};
use napi_derive::napi;

use crate::id::{self, Ids};

/// Settings as the caller gave them. What they mean, the facade documents.
#[napi(object)]
#[expect(missing_docs, reason = "documented at the facade's options")]
pub struct ClientSettings {
    pub firm_name: Option<String>,
    pub environment: Option<String>,
    pub firm_id: Option<String>,
    pub key_id: Option<String>,
    pub key_secret: Option<String>,
    pub access_token: Option<String>,
    pub asks_for_token: bool,
    pub base_url: Option<String>,
    pub timeout_ms: Option<f64>,
    pub connect_timeout_ms: Option<f64>,
    pub max_rate_limit_wait_ms: Option<f64>,
    pub proxy: Option<String>,
    pub ca_file: Option<String>,
    pub journal_dir: Option<String>,
}

/// How a batch goes. What it means, the facade documents.
#[napi(object)]
#[expect(missing_docs, reason = "documented at the facade's options")]
pub struct BatchSettings {
    pub journal: String,
    pub chunk_size: Option<f64>,
    pub max_wait_ms: Option<f64>,
    pub pace: Option<bool>,
    pub repeat: Option<String>,
    pub stop_timeout_ms: Option<f64>,
    pub reports: Option<Vec<String>>,
    pub skip_published: Option<bool>,
}

impl TryFrom<BatchSettings> for BatchOptions {
    type Error = Error;

    fn try_from(given: BatchSettings) -> Result<Self, Error> {
        let default = Self::new(given.journal);
        let chunk_size = given.chunk_size.map(|size| Self::chunk_size_from(&size.to_string())).transpose()?;
        Ok(Self {
            chunk_size: chunk_size.unwrap_or(default.chunk_size),
            max_wait: seconds(given.max_wait_ms).unwrap_or(default.max_wait),
            pace: given.pace.unwrap_or(default.pace),
            repeat: repeat_or(default.repeat, given.repeat)?,
            stop_timeout: seconds(given.stop_timeout_ms),
            reports: given.reports.unwrap_or_default(),
            skip_published: given.skip_published.unwrap_or(default.skip_published),
            journal: default.journal,
        })
    }
}

/// Which generated reports are wanted; times in milliseconds since 1970. What it means, the facade documents.
#[napi(object)]
#[expect(missing_docs, reason = "documented at the facade's options")]
pub struct ReportFilter {
    pub completed_after: Option<f64>,
    pub completed_before: Option<f64>,
    pub status: Option<Vec<String>>,
    pub entity_id: Option<Ids>,
    pub group_id: Option<Ids>,
}

impl TryFrom<ReportFilter> for addepar_portal::ReportFilter {
    type Error = Error;

    fn try_from(given: ReportFilter) -> Result<Self, Error> {
        let time = |name, milliseconds| seconds(milliseconds).map(|seconds| Self::time_from(name, seconds)).transpose();
        let id = |name, given: Option<Ids>| -> Result<Option<u64>, Error> {
            let given = given.map(id::raw).transpose()?.and_then(|ids| ids.into_iter().next());
            Ok(given.map(|id| Self::id_from(name, &id)).transpose()?)
        };
        Ok(Self {
            completed_after: time("completed_after", given.completed_after)?,
            completed_before: time("completed_before", given.completed_before)?,
            status: given.status.unwrap_or_default(),
            entity_id: id("entity_id", given.entity_id)?,
            group_id: id("group_id", given.group_id)?,
        })
    }
}

/// How the program was started that calls this.
#[napi(object)]
pub struct Program {
    /// Its file.
    pub started: Option<String>,
    /// Those of `testFunctions` that are global functions.
    pub test_functions: Vec<String>,
}

/// The functions of test runners that the core wants to know of.
#[napi]
pub fn test_functions() -> Vec<&'static str> {
    TEST_FUNCTIONS.to_vec()
}

impl ClientSettings {
    pub(crate) fn of(self, program: Program) -> Settings {
        let Program { started, test_functions } = program;
        Settings { program: host::Program { started, test_functions }, ..self.into() }
    }
}

impl From<ClientSettings> for Settings {
    fn from(given: ClientSettings) -> Self {
        Self {
            firm_name: given.firm_name,
            environment: given.environment,
            firm_id: given.firm_id,
            key_id: given.key_id,
            key_secret: given.key_secret.map(Into::into),
            access_token: match given.access_token {
                Some(token) => Some(AccessToken::Fixed(token.into())),
                None => given.asks_for_token.then_some(AccessToken::Asked),
            },
            base_url: given.base_url,
            timeout: seconds(given.timeout_ms),
            connect_timeout: seconds(given.connect_timeout_ms),
            max_rate_limit_wait: seconds(given.max_rate_limit_wait_ms),
            proxy: given.proxy.map(Into::into),
            ca_file: given.ca_file,
            journal_dir: given.journal_dir,
            ..Self::default()
        }
    }
}

fn seconds(milliseconds: Option<f64>) -> Option<f64> {
    milliseconds.map(|milliseconds| milliseconds / 1000.0)
}

/// Whether files may be sent again, as the caller says or by default.
pub(crate) fn repeat_or(default: Repeat, given: Option<String>) -> Result<Repeat, InvalidInput> {
    given.map_or(Ok(default), |repeat| repeat.parse())
}

/// The environment as the caller's thread has it: a worker thread has its own copy.
pub type Environment = HashMap<String, String>;

/// One variable of it.
pub(crate) fn variable(environment: &Environment, name: &str) -> Option<OsString> {
    environment.get(name).map(OsString::from)
}

/// The variables that the core reads.
#[napi]
pub fn variables() -> Vec<&'static str> {
    VARIABLES.to_vec()
}
