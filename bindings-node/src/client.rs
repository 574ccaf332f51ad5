//! A client for one firm, and what it does.

use addepar_portal::host::{Host, Language, Settings};
use addepar_portal::{BatchOptions, PortalClient, Repeat};
use napi::Env;
use napi::bindgen_prelude::Either;
use napi_derive::napi;

use crate::call::Call;
use crate::failure::{Failure, or_failure};
use crate::journal::Journal;
use crate::request::Request;
use crate::settings::{BatchSettings, ClientSettings, Environment, Program, ReportFilter, repeat_or, variable};

/// What this addon runs in.
pub(crate) fn host(env: Env) -> Host {
    env.get_node_version().map_or_else(|_| Host::Node(0, 0), |node| Host::Node(node.major, node.minor))
}

/// A client of the core.
#[napi]
pub struct Client(PortalClient);

#[napi]
impl Client {
    /// A client from settings, the caller's environment and program.
    #[napi]
    pub fn create(
        env: Env,
        settings: ClientSettings,
        environment: Environment,
        program: Program,
    ) -> Either<Client, Failure> {
        let settings = Settings { host: host(env), ..settings.of(program) };
        or_failure(PortalClient::new(settings, |name| variable(&environment, name)).map(Self))
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

    /// What the caller should know about the settings although it is not an error.
    #[napi]
    pub fn warning(&self) -> Option<String> {
        self.0.warning_in(Language::Node)
    }

    /// Prepares a call. Nothing is sent yet; the environment says whether this is a test run.
    #[napi]
    pub fn start(&self, request: &Request, repeat: Option<String>, environment: Environment) -> Either<Call, Failure> {
        let start = |repeat| self.0.start(request.inner().clone(), repeat, |name| variable(&environment, name));
        or_failure(repeat_or(Repeat::Refuse, repeat).map(start))
    }

    /// Prepares a batch. Nothing is sent yet.
    #[napi]
    pub fn start_batch(
        &self,
        request: &Request,
        options: BatchSettings,
        environment: Environment,
    ) -> Either<Call, Failure> {
        let start = |options| self.0.start_batch(request.inner(), &options, |name| variable(&environment, name));
        or_failure(BatchOptions::try_from(options).map(start))
    }

    /// Prepares to resume a batch.
    #[napi]
    pub fn start_resume(&self, options: BatchSettings, environment: Environment) -> Either<Call, Failure> {
        let start = |options| self.0.start_resume(&options, |name| variable(&environment, name));
        or_failure(BatchOptions::try_from(options).map(start))
    }

    /// Prepares to read what one job generated.
    #[napi]
    pub fn start_report(&self, job_id: String, environment: Environment) -> Call {
        self.0.start_report(&job_id, |name| variable(&environment, name)).into()
    }

    /// Prepares to read the list of generated reports.
    #[napi]
    pub fn start_reports(&self, filter: ReportFilter, environment: Environment) -> Either<Call, Failure> {
        let start = |filter| self.0.start_reports(&filter, |name| variable(&environment, name));
        or_failure(filter.try_into().map(start))
    }

    /// Prepares to settle a journal.
    #[napi]
    pub fn start_settle(&self, journal: &Journal, job_ids: Vec<String>, apply: bool, environment: Environment) -> Call {
        let path = journal.inner().path();
        self.0.start_settle(path, &job_ids, apply, |name| variable(&environment, name)).into()
    }

    /// Whether the client reaches this machine only, so that `start` needs no environment.
    #[napi]
    pub fn is_local(&self) -> bool {
        self.0.is_local()
    }
}
