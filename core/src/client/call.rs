//! The client: runs a call over the transport, asks for tokens, waits. It decides nothing.

#[cfg(test)]
mod simulation;

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use std::{path, process};

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::{task, time};
use url::Url;

use crate::config::settings::{self, AccessToken, Config, Credentials, Secret, Settings};
use crate::error::{Error, ErrorKind};
use crate::model::attempt::Fault;
use crate::model::batch::{BatchOptions, Progress, Repeat};
use crate::model::report::PublishReport;
use crate::model::request::PublishRequest;
use crate::model::server;
use crate::net::transport::{self, Authorization, Transport};
use crate::protocol::batch::{self, Run, Step};
use crate::protocol::call::{Call, Next};
use crate::protocol::exchange::Exchange;
use crate::protocol::latch::Latch;
use crate::protocol::log_record::{self, Note};
use crate::runtime::clock;
use crate::runtime::per_process::PerProcess;

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
    config: Arc<Config>,
    transport: Transport,
    provider: Option<Provider>,
    tokens: PerProcess<Tokens>,
}

type Provider = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Secret, String>> + Send>> + Send + Sync>;

/// The token that callers were asked for, and the right to ask for the next.
struct Tokens {
    current: Mutex<Token>,
    asking: Arc<Semaphore>,
}

#[derive(Default)]
struct Token {
    /// Counts the tokens so far: a call whose token was refused needs a later one.
    generation: u64,
    secret: Option<Secret>,
}

impl Tokens {
    fn new() -> Self {
        Self { current: Mutex::default(), asking: Arc::new(Semaphore::new(1)) }
    }
}

impl PortalClient {
    /// Settings one by one; what is not given comes from the environment.
    #[must_use]
    pub fn builder() -> PortalClientBuilder {
        PortalClientBuilder { settings: Settings::default(), provider: None }
    }

    /// A client from settings and an environment. The bindings hand over their host's.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], naming the setting.
    pub fn new(settings: Settings, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        Self::build(settings, variable, None)
    }

    fn build(
        settings: Settings,
        variable: impl Fn(&str) -> Option<OsString>,
        provider: Option<Provider>,
    ) -> Result<Self, Error> {
        let config = Arc::new(Config::new(settings, variable)?);
        Ok(Self(Arc::new(Inner {
            transport: Transport::new(config.clone()),
            config,
            provider,
            tokens: PerProcess::new(),
        })))
    }

    /// The base URL, without `/v1`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.0.config.base_url.as_str().trim_end_matches('/')
    }

    /// The firm's id.
    #[must_use]
    pub fn firm_id(&self) -> &str {
        self.0.config.firm_id.to_str().unwrap_or_default()
    }

    /// What the caller should know about the settings although it is no error.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.0.config.warning()
    }

    /// Publishes from 1 to 500 files with exactly one POST that the server may process.
    ///
    /// A partial failure is a result, not an error.
    ///
    /// # Errors
    /// Every one carries a report with the state of each file. [`ErrorKind::OutcomeUnknown`]: the
    /// files may have been published and e-mailed; look before you send again.
    pub async fn publish_files(&self, request: &PublishRequest) -> Result<PublishReport, Error> {
        self.drive(self.start(request.clone(), Repeat::Refuse, environment), |_| {}).await
    }

    /// Publishes any number of files, chunk after chunk, one request at a time. `request` comes from
    /// [`PublishRequest::for_batch`]; all that is sent and answered is in the journal before it is relied on.
    ///
    /// With the journal of the same batch it goes on where that one ended. `progressed` is called at the
    /// beginning, after each chunk and at each wait.
    ///
    /// # Errors
    /// Every one carries a report with the state of each file. The batch stops at the first chunk that is
    /// refused or whose outcome is unknown; [`ErrorKind::Journal`]: the journal cannot be used, or a person
    /// has to decide first, be it about files that the last chunk's answer left unknown.
    pub async fn publish_batch(
        &self,
        request: &PublishRequest,
        options: &BatchOptions,
        progressed: impl FnMut(Progress),
    ) -> Result<PublishReport, Error> {
        self.drive(self.start_batch(request, options, environment), progressed).await
    }

    /// Goes on with the batch that a journal is of.
    ///
    /// # Errors
    /// As [`publish_batch`](Self::publish_batch).
    pub async fn resume(
        &self,
        options: &BatchOptions,
        progressed: impl FnMut(Progress),
    ) -> Result<PublishReport, Error> {
        self.drive(self.start_resume(options, environment), progressed).await
    }

    async fn drive(&self, call: PublishCall, mut progressed: impl FnMut(Progress)) -> Result<PublishReport, Error> {
        call.follow_progress();
        loop {
            let turn = call.run().await;
            call.progress().into_iter().for_each(&mut progressed);
            match turn {
                Turn::Done => break,
                Turn::Noted => {}
                Turn::TokenWanted => match &self.0.provider {
                    Some(provider) => match provider().await {
                        Ok(token) => call.provide_token(token),
                        Err(reason) => call.refuse_token(&reason),
                    },
                    None => call.refuse_token("there is no callable for it"),
                },
            }
        }
        let result = call.result();
        drop(call);
        match result {
            Some(result) => result.map(Arc::unwrap_or_clone),
            None => Err(Error::new(ErrorKind::Input, "The call is over.".to_owned())),
        }
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
        let config = self.0.config.clone();
        let allowed =
            request.too_large().map_or(Ok(()), |large| Err(large.into())).and_then(|()| config.guard(variable));
        let max_rate_limit_wait = config.max_rate_limit_wait;
        let opening: Option<Opening> = config.journal_dir.clone().map(|folder| {
            let request = request.clone();
            Arc::new(move || Run::single(&config, &request, repeat, &folder)) as Opening
        });
        self.call(request, max_rate_limit_wait, false, allowed.map(|()| opening))
    }

    /// Prepares a batch for a host that drives it itself. Nothing is sent yet.
    #[must_use]
    pub fn start_batch(
        &self,
        request: &PublishRequest,
        options: &BatchOptions,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> PublishCall {
        let (config, options) = (self.0.config.clone(), wherever_the_program_goes(options));
        let stop_limit = options.stop_limit().ok().flatten();
        let allowed = config.guard(variable);
        let asked = request.clone();
        let opening: Opening = Arc::new(move || {
            let run = allowed.clone().and_then(|()| Run::batch(&config, &asked, &options));
            run.map_err(|error| batch::with_states(error, &config, &options.journal, Some(&asked)))
        });
        self.call(request.clone(), Duration::ZERO, true, Ok(Some(opening))).stopped_within(stop_limit)
    }

    /// Prepares to go on with a batch for a host that drives it itself. Nothing is sent yet.
    #[must_use]
    pub fn start_resume(&self, options: &BatchOptions, variable: impl Fn(&str) -> Option<OsString>) -> PublishCall {
        let (config, options) = (self.0.config.clone(), wherever_the_program_goes(options));
        let stop_limit = options.stop_limit().ok().flatten();
        let allowed = config.guard(variable);
        let opening: Opening = Arc::new(move || {
            let run = allowed.clone().and_then(|()| Run::resumed(&config, &options));
            run.map_err(|error| batch::with_states(error, &config, &options.journal, None))
        });
        self.call(PublishRequest::of_nothing(), Duration::ZERO, true, Ok(Some(opening))).stopped_within(stop_limit)
    }

    fn call(
        &self,
        request: PublishRequest,
        max_rate_limit_wait: Duration,
        batch: bool,
        opening: Result<Option<Opening>, Error>,
    ) -> PublishCall {
        let gives_tokens = matches!(self.0.config.credentials, Credentials::Token(AccessToken::Asked));
        let mut call = Call::new(request, max_rate_limit_wait, gives_tokens);
        let (next, opening) = match opening {
            Ok(None) => (Next::Send { fresh_token: false }, None),
            Ok(opening) => (Next::Open, opening),
            Err(error) => (call.fail(error), None),
        };
        if log_record::is_traced() {
            call.listen();
        }
        let (page, permit, token) = (self.0.config.route.clone(), None, None);
        let state = State {
            call,
            next,
            page,
            token,
            permit,
            host: Host { gives_tokens, ..Host::default() },
            progress: None,
            stopping: false,
            stopped_at: None,
            agreed: None,
            run: None,
        };
        PublishCall {
            client: self.clone(),
            pid: process::id(),
            batch,
            opening,
            state: Mutex::new(state),
            stopped: Notify::new(),
            stop_limit: None,
        }
    }

    /// Whether the client reaches this machine only, so that [`start`](Self::start) needs no environment.
    #[must_use]
    pub fn is_local(&self) -> bool {
        server::is_loopback(&self.0.config.base_url)
    }
}

impl fmt::Debug for PortalClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortalClient")
            .field("base_url", &self.base_url())
            .field("firm_id", &self.firm_id())
            .finish_non_exhaustive()
    }
}

/// Why a call stopped running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It needs an access token: [`PublishCall::provide_token`] or [`PublishCall::refuse_token`], then run on.
    TokenWanted,
    /// It is watched and has something to tell: [`PublishCall::notes`], then run on.
    Noted,
    /// It is over: [`PublishCall::result`]. What a watched call has to tell at its end comes with it.
    Done,
}

impl Turn {
    /// The turn's name, for hosts that pass it on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenWanted => "token_wanted",
            Self::Noted => "noted",
            Self::Done => "done",
        }
    }
}

/// One publish under way, driven by its host: a thread that waits, an event loop, another runtime.
///
/// Dropping the future of [`run`](Self::run) stops the request; [`abandon`](Self::abandon) then tells
/// whether any of it had gone out.
pub struct PublishCall {
    client: PortalClient,
    /// Whose it is: a forked child leaves it alone, whose lock may be held by a thread that is not there.
    pid: u32,
    /// Whether it is a batch.
    batch: bool,
    /// How its journal is opened, if it has one: when it first runs, since that may take a while.
    opening: Option<Opening>,
    state: Mutex<State>,
    /// Ends a wait of a batch that is to stop.
    stopped: Notify,
    /// How long a batch that is to stop waits for the request in flight.
    stop_limit: Option<Duration>,
}

/// What the host takes part in.
#[derive(Default)]
struct Host {
    /// It is asked for tokens.
    gives_tokens: bool,
    /// It does the logging.
    logs: bool,
    /// It wants to hear how far a batch has come.
    follows_progress: bool,
}

/// Opens a journal. A caller that is interrupted meanwhile opens it once more.
type Opening = Arc<dyn Fn() -> Result<Run, Error> + Send + Sync>;

struct State {
    call: Call,
    next: Next,
    /// The page that was read last: links are relative to it.
    page: Url,
    /// The generation of the token in use.
    token: Option<u64>,
    /// The right to ask for a token, while this call does.
    permit: Option<OwnedSemaphorePermit>,
    host: Host,
    /// How far a batch has come, if the host has not heard of it yet.
    progress: Option<Progress>,
    /// Whether a batch is to send nothing more.
    stopping: bool,
    /// Since when.
    stopped_at: Option<time::Instant>,
    /// The files to which a person agreed, until the journal is open.
    agreed: Option<HashSet<u64>>,
    /// What accompanies the call with a journal, and goes on to the next one.
    run: Option<Run>,
}

impl State {
    /// What was asked, of a batch all chunks together.
    fn request(&self) -> PublishRequest {
        match &self.run {
            Some(run) => run.request().clone(),
            None => self.call.request().clone(),
        }
    }

    /// Tells Rust's own logging what is to be told; `true`: the host has to be told instead.
    fn tell(&mut self) -> bool {
        if !self.host.logs {
            self.call.take_notes().iter().for_each(Note::trace);
        }
        self.call.has_notes() || self.progress.is_some()
    }

    /// Writes down what the last step came to, and goes on with the next chunk when one is over.
    fn keep(&mut self, next: Next) -> Next {
        let Some(run) = self.run.as_mut().filter(|run| !run.is_over()) else { return next };
        let over = if next == Next::Done { self.call.result() } else { None };
        if let Err(failed) = run.ended(self.call.attempts(), over.as_ref()) {
            run.unrecorded(failed, over.as_ref());
            self.call.abandon();
            return Next::Done;
        }
        let Some(result) = over else {
            if let Next::Wait(delay) = next {
                self.progressed(Some(delay));
            }
            return next;
        };
        let goes_on = run.call_over(result, self.call.waited());
        self.progressed(None);
        if !goes_on {
            return Next::Done;
        }
        let stopping = self.stopping;
        let step = self.run.as_mut().and_then(|run| run.step(stopping));
        self.begin(step)
    }

    fn progressed(&mut self, waiting: Option<Duration>) {
        if let (true, Some(run)) = (self.host.follows_progress, &self.run) {
            self.progress = Some(run.progress(waiting));
        }
    }

    /// Begins the next call of a batch, if there is one.
    fn begin(&mut self, step: Option<Step>) -> Next {
        let Some(Step { request, delay, max_wait }) = step else {
            // The run has the result; what its last call came to was told already.
            return Next::Done;
        };
        let notes = self.call.take_notes();
        let mut call = Call::new(request, max_wait, self.host.gives_tokens);
        if self.host.logs || log_record::is_traced() {
            call.listen();
            call.keep_notes(notes);
        }
        self.call = call;
        if delay.is_zero() {
            return Next::Send { fresh_token: false };
        }
        self.call.note_pace(delay);
        self.progressed(Some(delay));
        Next::Wait(delay)
    }

    /// The error of a batch that is to send nothing more.
    fn stopped(&self) -> Option<Error> {
        self.run.as_ref().filter(|_| self.stopping).map(Run::stopped)
    }

    /// Takes in the journal, and begins with what it says is next.
    fn opened(&mut self, opened: Result<Run, Error>) -> Next {
        if !self.call.is_idle() {
            return Next::Done;
        }
        let mut run = match opened {
            Ok(run) => run,
            Err(error) => return self.call.fail(error),
        };
        if run.is_single() {
            self.run = Some(run);
            return Next::Send { fresh_token: false };
        }
        run.agree_to(self.agreed.take());
        let step = run.step(self.stopping);
        self.run = Some(run);
        self.progressed(None);
        self.begin(step)
    }
}

impl PublishCall {
    fn stopped_within(mut self, stop_limit: Option<Duration>) -> Self {
        self.stop_limit = stop_limit;
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the host do the logging: the call stops whenever it has something to tell.
    pub fn watch(&self) {
        let mut state = self.state();
        state.host.logs = true;
        state.call.listen();
    }

    /// Lets the host hear how far a batch has come: it stops whenever [`progress`](Self::progress) is there.
    pub fn follow_progress(&self) {
        self.state().host.follows_progress = true;
    }

    /// How far a batch has come, if that is news.
    pub fn progress(&self) -> Option<Progress> {
        self.state().progress.take()
    }

    /// Whether this is a batch, which [`stop`](Self::stop) ends.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.batch
    }

    /// Whether the journal of a batch could be opened, so that there is something to go on with.
    #[cfg(feature = "cli")]
    pub(crate) fn has_begun(&self) -> bool {
        self.state().run.is_some()
    }

    /// Whether a request went out whose end is not known yet.
    #[cfg(feature = "cli")]
    pub(crate) fn is_in_flight(&self) -> bool {
        self.state().call.is_in_flight()
    }

    /// Sends no other files than those to which a person agreed, whatever the journal says by the time it is opened.
    #[cfg(feature = "cli")]
    pub(crate) fn agree_to(&self, file_ids: impl IntoIterator<Item = u64>) {
        self.state().agreed = Some(file_ids.into_iter().collect());
    }

    /// Ends a batch: no new chunk, waits end at once; what is in flight is awaited and recorded. Run on.
    pub fn stop(&self) {
        // One call has no chunk to stop before: to cut its wait short would send it too early.
        if self.batch {
            let mut state = self.state();
            state.stopping = true;
            state.stopped_at.get_or_insert_with(time::Instant::now);
            drop(state);
            self.stopped.notify_one();
        }
    }

    /// What a watched call has to tell by now.
    pub fn notes(&self) -> Vec<Note> {
        self.state().call.take_notes()
    }

    /// Runs until the call is over, needs a token or, if it is watched, has something to tell.
    pub async fn run(&self) -> Turn {
        loop {
            if self.is_inherited() {
                return Turn::Done;
            }
            let next = {
                let mut state = self.state();
                let next = std::mem::replace(&mut state.next, Next::Done);
                match state.stopped() {
                    Some(stopped) if matches!(next, Next::Send { .. } | Next::Wait(_)) => state.call.fail(stopped),
                    _ => next,
                }
            };
            let next = match next {
                Next::Done => Next::Done,
                Next::Open => self.open().await,
                Next::Wait(delay) => {
                    self.state().next = Next::Wait(delay);
                    let _ = time::timeout(delay, self.stopped.notified()).await;
                    Next::Send { fresh_token: false }
                }
                Next::Follow(link) => {
                    let exchange = self.follow(&link).await;
                    self.state().call.page(exchange)
                }
                Next::Send { fresh_token } => match self.authorization(fresh_token).await {
                    Some(_) if self.announce() => return Turn::Noted,
                    Some(authorization) => self.send(authorization).await,
                    None if self.state().call.is_idle() => return Turn::TokenWanted,
                    None => Next::Done,
                },
            };
            let mut state = self.state();
            let next = state.keep(next);
            let (noted, over) = (state.tell(), next == Next::Done);
            state.next = next;
            if over {
                return Turn::Done;
            }
            if noted {
                return Turn::Noted;
            }
        }
    }

    /// Opens the journal, on a thread that may block.
    async fn open(&self) -> Next {
        let Some(opening) = self.opening.clone() else { return Next::Done };
        // A caller that drops this future and runs again must not send without the journal.
        self.state().next = Next::Open;
        let opened = task::spawn_blocking(move || opening()).await;
        let opened = opened.unwrap_or_else(|broken| Err(Error::config(format!("The journal: {broken}."))));
        self.state().opened(opened)
    }

    /// Tells that the request goes out; `true`: the host has to be told first.
    fn announce(&self) -> bool {
        let mut state = self.state();
        let noted = state.call.announce() && state.tell();
        if noted {
            state.next = Next::Send { fresh_token: false };
        }
        noted
    }

    async fn send(&self, authorization: Authorization) -> Next {
        let Some((body, latch)) = self.begin() else { return Next::Done };
        let exchange = self.unless_stopped(self.client.0.transport.post(body, authorization, &latch)).await;
        let mut state = self.state();
        match exchange {
            Ok(exchange) => state.call.ended(exchange, fastrand::f64()),
            Err(error) => state.call.fail(error),
        }
    }

    /// Awaits a request, but not for ever once the batch is to stop.
    async fn unless_stopped(&self, exchange: impl Future<Output = Result<Exchange, Error>>) -> Result<Exchange, Error> {
        let Some(limit) = self.stop_limit else { return exchange.await };
        let mut exchange = pin!(exchange);
        let mut given_up = pin!(async {
            let stopped_at = loop {
                let stopped_at = self.state().stopped_at;
                match stopped_at {
                    Some(stopped_at) => break stopped_at,
                    None => self.stopped.notified().await,
                }
            };
            match stopped_at.checked_add(limit) {
                Some(end) => time::sleep_until(end).await,
                // Longer than any clock can tell.
                None => pending().await,
            }
        });
        let cause = || format!("the batch was stopped, and {:.1} s later the request was dropped", limit.as_secs_f64());
        poll_fn(|context| match exchange.as_mut().poll(context) {
            Poll::Ready(exchange) => Poll::Ready(exchange),
            Poll::Pending => {
                let dropped = given_up.as_mut().poll(context);
                dropped.map(|()| Ok(Exchange::Lost { fault: Fault::Connection, cause: cause() }))
            }
        })
        .await
    }

    /// Opens an attempt, once the journal has it. `None`: nothing may be sent.
    fn begin(&self) -> Option<(Bytes, Latch)> {
        // A process that forked during a wait would send it as well.
        if self.is_inherited() {
            return None;
        }
        let mut state = self.state();
        let State { run, call, stopping, .. } = &mut *state;
        if let Some(run) = run.as_mut().filter(|_| call.is_idle()) {
            // It may have been told to stop while it waited for a token.
            let refusal = if *stopping { Some(run.stopped()) } else { run.intent().err() };
            if let Some(error) = refusal {
                call.fail(error);
            }
        }
        call.begin()
    }

    async fn follow(&self, link: &str) -> Option<Exchange> {
        let url = transport::page_url(&self.client.0.config, &self.state().page, link)?;
        self.state().page = url.clone();
        let authorization = self.authorization(false).await?;
        self.unless_stopped(self.client.0.transport.get(url, authorization)).await.ok()
    }

    /// Who asks; `None`: the host has to be asked for a token.
    async fn authorization(&self, fresh_token: bool) -> Option<Authorization> {
        match &self.client.0.config.credentials {
            Credentials::Key { id, secret } => Some(Authorization::Basic { id: id.clone(), secret: secret.clone() }),
            Credentials::Token(AccessToken::Fixed(token)) => Some(Authorization::Bearer(token.clone())),
            Credentials::Token(AccessToken::Asked) => self.asked_token(fresh_token).await.map(Authorization::Bearer),
        }
    }

    /// The token that some call was given, unless it was refused here. One call asks, others wait, but not
    /// for ever: a callable may hang, or wait for this very call.
    async fn asked_token(&self, fresh_token: bool) -> Option<Secret> {
        let tokens = self.client.0.tokens.get(Tokens::new);
        let refused = if fresh_token { self.state().token } else { None };
        let current = || {
            let current = tokens.current.lock().unwrap_or_else(PoisonError::into_inner);
            let secret =
                current.secret.clone().filter(|_| refused.is_none_or(|refused| refused < current.generation))?;
            Some((current.generation, secret))
        };
        let mut found = current();
        if found.is_none() {
            let wait = self.client.0.config.timeout;
            let Ok(permit) = clock::timeout(wait, tokens.asking.clone().acquire_owned()).await else {
                self.state().call.fail(Error::no_token(&format!(
                    "another call has been asking for it for {wait:?}; a callable that publishes with this client itself \
                     waits for its own end"
                )));
                return None;
            };
            let permit = permit.ok();
            found = current();
            if found.is_none() {
                let mut state = self.state();
                // A call that was ended meanwhile must not keep others from asking.
                if state.call.is_idle() {
                    state.permit = permit;
                    state.next = Next::Send { fresh_token };
                }
            }
        }
        let (generation, secret) = found?;
        self.state().token = Some(generation);
        Some(secret)
    }

    /// Hands over the token that [`Turn::TokenWanted`] asked for.
    pub fn provide_token(&self, token: Secret) {
        if !settings::is_token(&token) {
            return self.refuse_token("it is empty or has a character that it cannot have");
        }
        let tokens = self.client.0.tokens.get(Tokens::new);
        let mut current = tokens.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.generation += 1;
        current.secret = Some(token);
        drop(current);
        self.state().permit = None;
    }

    /// Says that no token can be had: the call ends, nothing is sent.
    pub fn refuse_token(&self, reason: &str) {
        self.end(Error::no_token(reason));
    }

    /// Ends the call for a reason of this side, provided that nothing of it is under way.
    pub(crate) fn end(&self, error: Error) {
        let mut state = self.state();
        state.permit = None;
        let next = state.call.fail(error);
        state.next = state.keep(next);
    }

    /// The result, after [`Turn::Done`].
    #[must_use]
    pub fn result(&self) -> Option<Result<Arc<PublishReport>, Error>> {
        if self.is_inherited() {
            // The lock may be held for ever, by a thread that was not forked.
            let request = self.state.try_lock().ok().map(|state| state.request());
            return Some(Err(Error::inherited(request.as_ref())));
        }
        let state = self.state();
        match &state.run {
            Some(run) => run.result(),
            None => state.call.result(),
        }
    }

    /// Ends the call wherever it is and makes sure that nothing of it goes out from now on. For a host
    /// that is interrupted, also between the result and its caller.
    ///
    /// `None`: nothing had gone out. Otherwise the error says what may have happened, and its report
    /// has the state of each file.
    pub fn abandon(&self) -> Option<Error> {
        if self.is_inherited() {
            return None;
        }
        let mut state = self.state();
        state.permit = None;
        state.next = Next::Done;
        let State { call, run, .. } = &mut *state;
        let lost = call.abandon();
        match run {
            Some(run) => run.abandon(lost, call.attempts()),
            None => lost,
        }
    }

    /// Whether this process was forked after the call began.
    pub(crate) fn is_inherited(&self) -> bool {
        self.pid != process::id()
    }
}

impl Drop for PublishCall {
    /// When a call is dropped, nothing of it may go out later, and what did go out is logged.
    fn drop(&mut self) {
        if self.is_inherited() {
            return;
        }
        let mut state = self.state();
        let State { call, run, .. } = &mut *state;
        let lost = call.drop_unfinished();
        lost.iter().for_each(log_record::trace_dropped);
        if let Some(run) = run.as_mut().filter(|run| !run.is_over()) {
            run.abandon(lost, call.attempts());
        }
    }
}

impl fmt::Debug for PublishCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishCall").field("client", &self.client).finish_non_exhaustive()
    }
}

/// The same options, with the journal where it is now: the working directory may change while the batch runs.
fn wherever_the_program_goes(options: &BatchOptions) -> BatchOptions {
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
        /// A PEM file with certificates that are trusted beside the system's.
        ca_file,
        /// A folder in which every call leaves a journal (`ADDEPAR_JOURNAL_DIR`).
        journal_dir,
    }

    /// The URL of an HTTP proxy (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`).
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

    /// A function that is asked for an access token, and once more after a 401.
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
    /// [`ErrorKind::Config`], naming the setting.
    pub fn build(self) -> Result<PortalClient, Error> {
        PortalClient::build(self.settings, environment, self.provider)
    }
}

impl fmt::Debug for PortalClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortalClientBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
