//! A client for one firm.

use std::collections::HashMap;
use std::ffi::OsString;

use addepar_portal::host::{AccessToken, PublishCall, Settings, VARIABLES};
use addepar_portal::{BatchOptions, Error, PortalClient, Repeat};
use napi::bindgen_prelude::Either;
use napi_derive::napi;

use crate::call::Call;
use crate::failure::Failure;
use crate::request::Request;

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
}

impl TryFrom<BatchSettings> for BatchOptions {
    type Error = Error;

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what is no whole number is refused before"
    )]
    fn try_from(given: BatchSettings) -> Result<Self, Error> {
        let default = Self::new(given.journal);
        let chunk_size = match given.chunk_size {
            Some(size) if size.fract() != 0.0 || size < 0.0 => {
                return Err(Error::input(format!("chunk_size is {size}: it is a whole number.")));
            }
            size => size.map_or(default.chunk_size, |size| size as usize),
        };
        Ok(Self {
            chunk_size,
            max_wait: given.max_wait_ms.map_or(default.max_wait, |milliseconds| milliseconds / 1000.0),
            pace: given.pace.unwrap_or(default.pace),
            repeat: given.repeat.map_or(Ok(default.repeat), |repeat| repeat.parse())?,
            stop_timeout: given.stop_timeout_ms.map(|milliseconds| milliseconds / 1000.0),
            ..default
        })
    }
}

impl From<ClientSettings> for Settings {
    fn from(given: ClientSettings) -> Self {
        let seconds = |milliseconds: Option<f64>| milliseconds.map(|milliseconds| milliseconds / 1000.0);
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
        }
    }
}

/// The variables of the environment that the core reads. A worker thread has its own copy of them.
#[napi]
pub fn variables() -> Vec<&'static str> {
    VARIABLES.to_vec()
}

/// A client of the core.
#[napi]
pub struct Client(PortalClient);

#[napi]
impl Client {
    /// A client from settings and the caller's environment.
    #[napi]
    pub fn create(settings: ClientSettings, environment: HashMap<String, String>) -> Either<Client, Failure> {
        match PortalClient::new(settings.into(), |name| environment.get(name).map(OsString::from)) {
            Ok(client) => Either::A(Self(client)),
            Err(error) => Either::B(error.into()),
        }
    }

    /// The base URL, without `/v1`.
    #[napi]
    pub fn base_url(&self) -> &str {
        self.0.base_url()
    }

    /// The firm's id.
    #[napi]
    pub fn firm_id(&self) -> &str {
        self.0.firm_id()
    }

    /// What the caller should know about the settings although it is no error.
    #[napi]
    pub fn warning(&self) -> Option<String> {
        self.0.warning()
    }

    /// Prepares a call. Nothing is sent yet; the environment says whether this is a test run.
    #[napi]
    pub fn start(
        &self,
        request: &Request,
        repeat: Option<String>,
        environment: HashMap<String, String>,
    ) -> Either<Call, Failure> {
        let repeat = repeat.map_or(Ok(Repeat::Refuse), |repeat| repeat.parse());
        let start =
            |repeat| self.0.start(request.inner().clone(), repeat, |name| environment.get(name).map(OsString::from));
        or_failure(repeat.map(start).map_err(Error::from))
    }

    /// Prepares a batch. Nothing is sent yet.
    #[napi]
    pub fn start_batch(
        &self,
        request: &Request,
        options: BatchSettings,
        environment: HashMap<String, String>,
    ) -> Either<Call, Failure> {
        let start =
            |options| self.0.start_batch(request.inner(), &options, |name| environment.get(name).map(OsString::from));
        or_failure(BatchOptions::try_from(options).map(start))
    }

    /// Prepares to go on with a batch.
    #[napi]
    pub fn start_resume(&self, options: BatchSettings, environment: HashMap<String, String>) -> Either<Call, Failure> {
        let start = |options| self.0.start_resume(&options, |name| environment.get(name).map(OsString::from));
        or_failure(BatchOptions::try_from(options).map(start))
    }

    /// Whether the client reaches this machine only, so that `start` needs no environment.
    #[napi]
    pub fn is_local(&self) -> bool {
        self.0.is_local()
    }
}

fn or_failure(call: Result<PublishCall, Error>) -> Either<Call, Failure> {
    match call {
        Ok(call) => Either::A(call.into()),
        Err(error) => Either::B(error.into()),
    }
}
