//! The client of one firm, and how it is built.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::future::{Future, pending};
use std::path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::client::call::{PublishCall, Turn, beside};
use crate::client::connection::Connection;
use crate::client::session::{self, Opening};
use crate::client::unjournalled::Unjournalled;
use crate::config::secret::Secret;
use crate::config::settings::{AccessToken, Config, Settings};
use crate::error::Error;
use crate::journal::folder;
#[cfg(feature = "cli")]
use crate::journal::history::History;
use crate::journal::lock::Caller;
use crate::model::batch::{BatchOptions, Progress, Repeat};
use crate::model::message::Language;
use crate::model::report::PublishReport;
use crate::model::request::PublishRequest;
use crate::model::server;
use crate::protocol::machine::{Ending, Policy};
use crate::protocol::reading::{Looked, Reading};

/// A client for one firm. Cheap to clone; one serves many threads and runtimes at once.
///
/// ```no_run
/// use addepar_portal::{ContactNotification, PortalClient, PortalPublishing, PublishRequest};
///
/// # async fn run() -> Result<(), addepar_portal::Error> {
/// let client = PortalClient::builder().firm_name("examplefirm").firm_id("1234").build()?;
/// let request = PublishRequest::new([37, 38], PortalPublishing::Publish, ContactNotification::DoNotNotify)?;
/// let report = client.publish_files(&request).await?;
/// for file in report.files() {
///     println!("{} {}", file.file_id, file.state.as_str());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PortalClient(Arc<Inner>);

struct Inner {
    connection: Arc<Connection>,
    provider: Option<Provider>,
}

type Provider = Box<dyn Fn() -> Asked + Send + Sync>;

/// A token that somebody was asked for.
type Asked = Pin<Box<dyn Future<Output = Result<Secret, String>> + Send>>;

impl PortalClient {
    /// Settings one by one; what is not given comes from the environment.
    #[must_use]
    pub fn builder() -> PortalClientBuilder {
        PortalClientBuilder { settings: Settings::default(), provider: None }
    }

    /// A client from settings and an environment. The bindings hand over their host's.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the setting.
    pub fn new(settings: Settings, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        Self::build(settings, variable, None)
    }

    fn build(
        settings: Settings,
        variable: impl Fn(&str) -> Option<OsString>,
        provider: Option<Provider>,
    ) -> Result<Self, Error> {
        let connection = Arc::new(Connection::new(Config::new(settings, variable)?));
        Ok(Self(Arc::new(Inner { connection, provider })))
    }

    pub(crate) fn config(&self) -> &Arc<Config> {
        &self.0.connection.config
    }

    /// The base URL, without `/v1`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.config().base_url.as_str().trim_end_matches('/')
    }

    /// The firm's id.
    #[must_use]
    pub fn firm_id(&self) -> &str {
        self.config().firm()
    }

    /// What the caller should know about the settings although it is not an error.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.warning_in(Language::Rust)
    }

    /// The same, with names and units as a language writes them. For bindings.
    #[must_use]
    #[doc(hidden)]
    pub fn warning_in(&self, language: Language) -> Option<String> {
        Some(self.config().warning()?.in_language(language))
    }

    /// Publishes from 1 to 500 files with exactly one POST that the server may process.
    ///
    /// A partial failure is a result, not an error.
    ///
    /// # Errors
    /// Every one carries a report with the state of each file.
    /// [`ErrorKind::OutcomeUnknown`](crate::ErrorKind::OutcomeUnknown): the files may have been published and
    /// e-mailed; look before you send again.
    pub async fn publish_files(&self, request: &PublishRequest) -> Result<PublishReport, Error> {
        self.publish(self.start(request.clone(), Repeat::Refuse, environment), |_| {}).await
    }

    /// Publishes any number of files, chunk after chunk, one request at a time. `request` comes from
    /// [`PublishRequest::for_batch`]; all that is sent and answered is in the journal before it is relied on.
    ///
    /// With the journal of the same batch it continues where that one ended. `progressed` is called at the
    /// beginning, after each chunk and at each wait.
    ///
    /// # Errors
    /// Every one carries a report with the state of each file. The batch stops at the first chunk that is
    /// refused or whose outcome is unknown. [`ErrorKind::Journal`](crate::ErrorKind::Journal): the journal
    /// cannot be used, or a person has to decide first, be it about files that the last chunk's answer left
    /// unknown.
    pub async fn publish_batch(
        &self,
        request: &PublishRequest,
        options: &BatchOptions,
        progressed: impl FnMut(Progress),
    ) -> Result<PublishReport, Error> {
        self.publish(self.start_batch(request, options, environment), progressed).await
    }

    /// Resumes the batch of a journal.
    ///
    /// # Errors
    /// As [`publish_batch`](Self::publish_batch).
    pub async fn resume(
        &self,
        options: &BatchOptions,
        progressed: impl FnMut(Progress),
    ) -> Result<PublishReport, Error> {
        self.publish(self.start_resume(options, environment), progressed).await
    }

    async fn publish(&self, call: PublishCall, progressed: impl FnMut(Progress)) -> Result<PublishReport, Error> {
        Box::pin(self.drive(call, progressed)).await.into_result().map(Arc::unwrap_or_clone)
    }

    pub(crate) async fn drive(&self, call: PublishCall, mut progressed: impl FnMut(Progress)) -> Ending {
        call.follow_progress();
        let mut asked = None;
        loop {
            let turn = beside(Box::pin(call.run()), answer(&call, &mut asked)).await;
            call.progress().into_iter().for_each(&mut progressed);
            match turn {
                Turn::Done => break,
                Turn::News => {}
                Turn::TokenWanted => match &self.0.provider {
                    Some(provider) => asked = Some(provider()),
                    None => call.refuse_token("there is no callable for it"),
                },
            }
        }
        let ending = call.ending();
        drop(call);
        ending
    }

    /// Prepares a call for a host that drives it itself. Nothing is sent yet.
    ///
    /// The environment is looked at again: inside a test run only this machine may be reached.
    #[must_use]
    pub fn start(
        &self,
        request: PublishRequest,
        repeat: Repeat,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> PublishCall {
        let config = self.config();
        let allowed =
            request.misfit().map_or(Ok(()), |misfit| Err(misfit.into())).and_then(|()| config.guard(variable));
        let policy = Policy::single(config.max_rate_limit_wait, self.asks_for_tokens());
        let Some(folder) = config.journal_dir.clone() else {
            let unjournalled = Unjournalled::of(config, &request, repeat).filter(|_| allowed.is_ok());
            let call = self.call(policy, request, None, allowed);
            call.leaves_no_journal(unjournalled);
            return call;
        };
        // What is wrong is said with what other journals show: the same files may have been sent before.
        let (config, asked) = (config.clone(), request.clone());
        let open = Box::new(move |caller: &Caller, _| {
            let opened = allowed.and_then(|()| session::single(&config, &asked, repeat, &folder, caller));
            opened.map_err(|error| session::with_earlier_calls(error, &config, (&asked, repeat), &folder))
        });
        self.call(policy, request, Some(Opening { path: None, open }), Ok(()))
    }

    /// Prepares a batch for a host that drives it itself. Nothing is sent yet.
    #[must_use]
    pub fn start_batch(
        &self,
        request: &PublishRequest,
        options: &BatchOptions,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> PublishCall {
        self.start_run(Some(request.clone()), options, variable)
    }

    /// Prepares to resume a batch for a host that drives it itself. Nothing is sent yet.
    #[must_use]
    pub fn start_resume(&self, options: &BatchOptions, variable: impl Fn(&str) -> Option<OsString>) -> PublishCall {
        self.start_run(None, options, variable)
    }

    fn start_run(
        &self,
        request: Option<PublishRequest>,
        options: &BatchOptions,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> PublishCall {
        let (config, options) = (self.config().clone(), wherever_the_program_goes(options));
        let allowed = config.guard(variable);
        let checked = options.checked_for(request.as_ref());
        let limits = checked.and_then(|max_wait| Ok((max_wait, options.stop_limit()?)));
        let (max_wait, stop_limit) = limits.clone().unwrap_or_default();
        let policy = Policy::batch(max_wait, stop_limit, self.asks_for_tokens());
        let asked = request.clone();
        // What is wrong is said with what the journal shows: some of its files may have been sent before.
        let path = options.journal.clone();
        let reading = (allowed.is_ok() && limits.is_ok() && !options.reports.is_empty())
            .then(|| Reading::of_jobs(&options.reports, max_wait, self.asks_for_tokens()));
        let open = Box::new(move |caller: &Caller, looked: Result<Vec<Looked>, Error>| {
            let options = BatchOptions { journal: folder::by_its_own_name(&options.journal), ..options };
            let opened = allowed
                .and_then(|()| Ok(limits.map(drop)?))
                .and(looked)
                .and_then(|looked| session::run(&config, request.as_ref(), &options, &looked, caller));
            opened.map_err(|error| session::with_states(error, &config, &options, request.as_ref()))
        });
        let opening = Opening { path: Some(path), open };
        let call = self.call(policy, asked.unwrap_or_else(PublishRequest::of_nothing), Some(opening), Ok(()));
        if let Some(reading) = reading {
            call.read_first(reading);
        }
        call
    }

    /// Refuses what a call, or with options a batch, would be refused for by its journal and its folder of journals. `asked`: what
    /// is asked for, before the files of its reports were read. Nothing is sent, and no journal is made.
    #[cfg(feature = "cli")]
    pub(crate) fn rehearse(
        &self,
        request: &PublishRequest,
        asked: &PublishRequest,
        options: Option<&BatchOptions>,
    ) -> Result<(), Error> {
        let options = options.map(wherever_the_program_goes);
        session::rehearse(self.config(), request, asked, options.as_ref())
    }

    /// Whether a batch continues a journal, rather than being refused as another run.
    #[cfg(feature = "cli")]
    pub(crate) fn continues(&self, history: &History, request: &PublishRequest, options: &BatchOptions) -> bool {
        session::continues(self.config(), history, request, options)
    }

    pub(crate) fn call(
        &self,
        policy: Policy,
        request: PublishRequest,
        opening: Option<Opening>,
        allowed: Result<(), Error>,
    ) -> PublishCall {
        let call = PublishCall::new(self.0.connection.clone(), policy, request, opening);
        if let Err(error) = allowed {
            call.end(error);
        }
        call
    }

    pub(crate) fn asks_for_tokens(&self) -> bool {
        self.0.connection.asks_for_tokens()
    }

    /// Whether the client reaches this machine only, so that [`start`](Self::start) needs no environment.
    #[must_use]
    pub fn is_local(&self) -> bool {
        server::is_loopback(&self.config().base_url)
    }
}

/// Hands over the token that somebody was asked for, while the call waits for it.
async fn answer(call: &PublishCall, asked: &mut Option<Asked>) -> Infallible {
    if let Some(token) = asked {
        match token.await {
            Ok(token) => call.provide_token(token),
            Err(reason) => call.refuse_token(&reason),
        }
        *asked = None;
    }
    pending().await
}

impl fmt::Debug for PortalClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortalClient")
            .field("base_url", &self.base_url())
            .field("firm_id", &self.firm_id())
            .finish_non_exhaustive()
    }
}

/// The same options, with the journal where it is now: the working directory may change while the batch runs. A path that is
/// refused is shown as it was given.
fn wherever_the_program_goes(options: &BatchOptions) -> BatchOptions {
    if options.journal.starts_with("~") {
        return options.clone();
    }
    let journal = path::absolute(&options.journal).unwrap_or_else(|_| options.journal.clone());
    BatchOptions { journal, ..options.clone() }
}

/// This process's own environment.
pub(crate) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Builds a [`PortalClient`].
pub struct PortalClientBuilder {
    settings: Settings,
    provider: Option<Provider>,
}

macro_rules! setters {
    ($($(#[$docs:meta])* $name:ident,)*) => {$(
        $(#[$docs])*
        #[must_use]
        pub fn $name(mut self, $name: impl Into<String>) -> Self {
            self.settings.$name = Some($name.into());
            self
        }
    )*};
}

impl PortalClientBuilder {
    setters! {
        /// The firm's subdomain (`ADDEPAR_FIRM_NAME`).
        firm_name,
        /// `production`, `development` or `sandbox` (`ADDEPAR_ENVIRONMENT`).
        environment,
        /// The firm's id (`ADDEPAR_FIRM_ID`).
        firm_id,
        /// The base URL (`ADDEPAR_BASE_URL`), instead of firm name and environment.
        base_url,
        /// A PEM file, or a folder of them, with certificates that are trusted beside the system's.
        ca_file,
        /// A folder in which every call leaves a journal (`ADDEPAR_JOURNAL_DIR`).
        journal_dir,
    }

    /// The URL of an HTTP proxy, such as `http://USER:PASSWORD@HOST:PORT` (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`).
    #[must_use]
    pub fn proxy(mut self, url: impl Into<Secret>) -> Self {
        self.settings.proxy = Some(url.into());
        self
    }

    /// API key and secret (`ADDEPAR_KEY_ID`, `ADDEPAR_KEY_SECRET`).
    #[must_use]
    pub fn key(mut self, id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        self.settings.key_id = Some(id.into());
        self.settings.key_secret = Some(secret.into());
        self
    }

    /// An OAuth 2.0 access token (`ADDEPAR_ACCESS_TOKEN`), instead of key and secret.
    #[must_use]
    pub fn access_token(mut self, token: impl Into<Secret>) -> Self {
        self.settings.access_token = Some(AccessToken::Fixed(token.into()));
        self
    }

    /// A function that is asked for an access token, and once more after a 401. It is waited for as long as an attempt may
    /// take.
    #[must_use]
    pub fn access_token_from<F, T>(mut self, provider: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Result<Secret, String>> + Send + 'static,
    {
        self.settings.access_token = Some(AccessToken::Asked);
        self.provider = Some(Box::new(move || Box::pin(provider())));
        self
    }

    /// Time for one attempt, waits excluded; default 90 s, above the server's own 60 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout.as_secs_f64());
        self
    }

    /// Time for connecting; default 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = Some(timeout.as_secs_f64());
        self
    }

    /// Time that all waits for the rate limit may take together; default 60 s.
    #[must_use]
    pub fn max_rate_limit_wait(mut self, wait: Duration) -> Self {
        self.settings.max_rate_limit_wait = Some(wait.as_secs_f64());
        self
    }

    /// The client.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), naming the setting.
    pub fn build(self) -> Result<PortalClient, Error> {
        PortalClient::build(self.settings, environment, self.provider)
    }
}

impl fmt::Debug for PortalClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortalClientBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
