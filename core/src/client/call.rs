//! A call under way: does what the machine says and reports what came of it. It decides nothing.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};
use tokio::time;
use url::Url;

use crate::client::connection::Connection;
use crate::client::session::{self, Opening};
use crate::client::tokens::Found;
use crate::client::unjournalled::{self, Own, Unjournalled};
use crate::config::secret::Secret;
use crate::config::settings::{AccessToken, Credentials, is_token};
use crate::error::Error;
use crate::journal::lock::Caller;
use crate::journal::store::Unrecorded;
use crate::journal::writer::{self, Said, Writer};
use crate::model::batch::Progress;
use crate::model::message::{self, message};
use crate::model::moment::Moment;
use crate::model::request::PublishRequest;
use crate::net::transport::{self, Authorization};
use crate::protocol::exchange::{self, Exchange, Received};
use crate::protocol::log_record::{self, Level, LogRecord};
use crate::protocol::machine::{Action, Ending, Event, HandOver, Machine, Opened, Policy};
use crate::protocol::reading::{Looked, LookedUp, Reading};
use crate::protocol::settling::Settling;
use crate::runtime::clock;

/// Why a call stopped running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It needs an access token: [`PublishCall::provide_token`] or [`PublishCall::refuse_token`]. A host that goes on
    /// meanwhile runs on at once: the call waits for the token, for as long as an attempt may take.
    TokenWanted,
    /// It has something to report: [`PublishCall::log_records`] and [`PublishCall::progress`], then run on.
    News,
    /// It is over: [`PublishCall::ending`]. What it has to report at its end comes with it.
    Done,
}

impl Turn {
    /// The turn's name, for hosts that pass it on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenWanted => "token_wanted",
            Self::News => "news",
            Self::Done => "done",
        }
    }
}

/// One publish under way, driven by its host: a thread that waits, an event loop, another runtime.
///
/// Dropping the future of [`run`](Self::run) abandons the call; [`ending`](Self::ending) then says what may have happened.
pub struct PublishCall {
    connection: Arc<Connection>,
    /// Whose it is: a forked child leaves it alone, whose lock may be held by a thread that is not there.
    pid: u32,
    state: Mutex<State>,
    /// Says that somebody has changed the machine's mind.
    changed: Notify,
}

struct State {
    machine: Machine,
    /// How the journal is opened, if there is one: when the call first runs, since that may take a while.
    opening: Option<Opening>,
    /// Where it is, if that is known before.
    journal: Option<PathBuf>,
    /// The thread of the journal, once it is being opened.
    writer: Option<Writer>,
    /// What that thread is to say of it, as long as nobody waits for that.
    under_way: Option<writer::Opening<Opened>>,
    /// Who asks, for the request that goes out next.
    authorization: Option<Authorization>,
    /// The generation of the token in use.
    token: Option<u64>,
    /// While this call asks its host for a token.
    asking: Option<Asking>,
    /// The page that was read last: links are relative to it.
    page: Url,
    /// Whether the host does the logging.
    is_watched: bool,
    /// That it e-mails clients and leaves no journal, until it is over.
    unjournalled: Option<Unjournalled>,
    /// The same of one whose journal is in no folder.
    outside: Option<Unjournalled>,
    warned: Warned,
    /// Whether the host warns in its own way.
    has_warning_host: bool,
    /// What such a host is yet to warn of.
    warning: Option<String>,
}

/// Who knows what a call is to be warned of before anything goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Warned {
    Nobody,
    /// The host, which warns in its own way.
    Host,
    /// All that wants to know: the call has begun.
    Everybody,
}

/// A host was asked for a token.
struct Asking {
    /// The right to ask, which others wait for.
    _permit: OwnedSemaphorePermit,
    since: Moment,
}

impl State {
    /// Whether there is something new for the host, once Rust's own logging was given what is for it.
    fn has_news(&mut self) -> bool {
        if !self.is_watched {
            self.machine.take_log().iter().for_each(LogRecord::trace);
        }
        self.machine.take_news() && self.machine.has_news()
    }

    /// Once the call is over, it is known whether anything was sent.
    fn note_the_end(&mut self) {
        if let Some(ending) = self.machine.ending() {
            for call in [self.unjournalled.take(), self.outside.take()].into_iter().flatten() {
                call.ended(ending);
            }
        }
    }
}

/// Abandons a call whose future is dropped before its turn ends.
struct Running<'a>(Option<&'a PublishCall>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.0 {
            call.abandon();
        }
    }
}

/// What may be wrong with a callable for tokens that hangs.
const WAITS_FOR_ITSELF: &str = "A callable that publishes with this client itself waits for its own end";

impl PublishCall {
    pub(crate) fn new(
        connection: Arc<Connection>,
        policy: Policy,
        request: PublishRequest,
        opening: Option<Opening>,
    ) -> Self {
        let mut machine = Machine::new(policy, request, opening.is_some());
        if log_record::is_traced() {
            machine.listen(Level::Debug);
        }
        let state = State {
            machine,
            journal: opening.as_ref().and_then(|opening| opening.path.clone()),
            opening,
            writer: None,
            under_way: None,
            authorization: None,
            token: None,
            asking: None,
            page: connection.config.route.clone(),
            is_watched: false,
            unjournalled: None,
            outside: None,
            warned: Warned::Nobody,
            has_warning_host: false,
            warning: None,
        };
        Self { connection, pid: process::id(), state: Mutex::new(state), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn on(&self, event: Event) {
        let (now, chance) = (clock::now(), fastrand::f64());
        self.state().machine.on(event, now, chance);
    }

    /// Lets the host do the logging: the call stops whenever there is something to log that matters at least so much.
    pub fn watch(&self, least: Level) {
        let mut state = self.state();
        state.is_watched = true;
        state.machine.listen(least);
    }

    /// What the host has to log by now.
    pub fn log_records(&self) -> Vec<LogRecord> {
        self.state().machine.take_log()
    }

    /// Says that the call e-mails clients and leaves no journal.
    pub(crate) fn leaves_no_journal(&self, unjournalled: Option<Unjournalled>) {
        self.state().unjournalled = unjournalled;
    }

    /// What is to be warned of before anything goes out, for a host that does so in its own way: it asks before it runs the
    /// call, and at each [`Turn::News`]. Otherwise the call logs it.
    pub fn take_warning(&self) -> Option<String> {
        let mut state = self.state();
        if state.warned != Warned::Nobody {
            return state.warning.take();
        }
        state.warned = Warned::Host;
        state.has_warning_host = true;
        state.unjournalled.as_ref()?.warning()
    }

    /// Logs what the host has not warned of, as the call begins.
    fn warn(&self) {
        let warning = {
            let mut state = self.state();
            let warned = mem::replace(&mut state.warned, Warned::Everybody);
            match &state.unjournalled {
                Some(unjournalled) if warned != Warned::Everybody => {
                    unjournalled.last_warning().filter(|_| warned == Warned::Nobody)
                }
                _ => None,
            }
        };
        if let Some(warning) = warning {
            self.on(Event::Warned(warning));
        }
    }

    /// Opens the journal. `true`: the host has to warn of something first.
    async fn open_and_warn(&self, looked: Result<Vec<Looked>, Error>) -> bool {
        let Some(opened) = self.open(looked).await else { return false };
        let opened = opened.map_err(|error| self.unopened(error));
        let own = opened.as_ref().ok().map(|Opened { history, is_in_folder, .. }| {
            (Own { run: history.header().run.clone(), sent_before: history.sent_before() }, *is_in_folder)
        });
        self.on(Event::Opened(opened.map(Box::new)));
        own.is_some_and(|(own, is_in_folder)| self.warn_of_repeats(&own, is_in_folder))
    }

    /// Warns of files that this process has sent before where no folder of journals shows it, once the call's own journal
    /// says what is sent. `true`: the host has to do it first.
    fn warn_of_repeats(&self, own: &Own, is_in_folder: bool) -> bool {
        let (asks, file_ids) = {
            let state = self.state();
            (state.machine.request().asks(), state.machine.to_be_sent())
        };
        if !asks.notify {
            return false;
        }
        // Nobody who stops the call waits while many files are looked up.
        let config = &self.connection.config;
        let warning = unjournalled::unseen(config, &file_ids, own);
        let outside = (!is_in_folder).then(|| Unjournalled::outside(config, file_ids, &own.run));
        let mut state = self.state();
        state.outside = outside;
        let Some(warning) = warning else { return false };
        if state.has_warning_host {
            state.warning = Some(warning);
            return true;
        }
        drop(state);
        self.on(Event::Warned(warning));
        false
    }

    /// Lets the host hear how far a batch has come: it stops whenever [`progress`](Self::progress) is there.
    pub fn follow_progress(&self) {
        self.state().machine.follow_progress();
    }

    /// How far a batch has come, if that is news.
    pub fn progress(&self) -> Option<Progress> {
        self.state().machine.take_progress()
    }

    /// Asks for generated reports before the journal is opened.
    pub(crate) fn read_first(&self, reading: Reading) {
        self.state().machine.read_first(reading);
    }

    /// Asks for generated reports and does nothing else.
    pub(crate) fn read(&self, reading: Reading) {
        self.state().machine.read(reading);
    }

    /// Finds out what generated reports prove about the files of the journal, and publishes nothing.
    pub(crate) fn settle(&self, settling: Settling) {
        self.state().machine.settle(settling);
    }

    /// Whether the journal could be opened, so that there is something to resume.
    #[cfg(feature = "cli")]
    pub(crate) fn has_opened(&self) -> bool {
        self.state().machine.has_opened()
    }

    /// Sends no other files than those to which a person agreed, whatever the journal says by the time it is opened.
    #[cfg(feature = "cli")]
    pub(crate) fn agree_to(&self, file_ids: impl IntoIterator<Item = u64>) {
        self.state().machine.agree_to(file_ids.into_iter().collect());
    }

    /// Lets an interrupt await the request in flight, in a single call too.
    #[cfg(feature = "cli")]
    pub(crate) fn await_when_interrupted(&self) {
        self.state().machine.await_when_interrupted();
    }

    /// Runs until the call is over, needs a token or has something to report. A panic is an error of the call: no host is
    /// left waiting.
    pub async fn run(&self) -> Turn {
        let mut running = Running(Some(self));
        let turn = match unpanicked(self.turn()).await {
            Ok(turn) => turn,
            Err(panic) => {
                self.end(Error::config(format!("This library failed: {}.", words_of(&*panic).trim_end_matches('.'))));
                // What is left to do is to record that.
                unpanicked(self.turn()).await.unwrap_or(Turn::Done)
            }
        };
        running.0 = None;
        turn
    }

    async fn turn(&self) -> Turn {
        loop {
            // A process that forked during a wait would send the request as well.
            if self.is_inherited() {
                return Turn::Done;
            }
            self.warn();
            let action = {
                let mut state = self.state();
                state.note_the_end();
                let has_news = state.has_news();
                if state.machine.is_over() {
                    return Turn::Done;
                }
                if has_news && !state.machine.is_closing() {
                    return Turn::News;
                }
                state.machine.next()
            };
            match action {
                Action::Open(looked) => {
                    if self.open_and_warn(looked).await {
                        return Turn::News;
                    }
                }
                Action::Authorize { fresh } => {
                    if !self.authorize(fresh).await {
                        return Turn::TokenWanted;
                    }
                    // The host logs it before the request goes out.
                    self.state().machine.announce();
                    if self.state().has_news() {
                        self.state().machine.put_back(Action::Authorize { fresh: false });
                        return Turn::News;
                    }
                    self.on(Event::Authorized);
                }
                Action::Record(records) => {
                    let reply = self.ask(|writer| writer.record(records));
                    self.recorded(reply).await;
                }
                Action::Rescue(records) => {
                    let reply = self.ask(|writer| writer.rescue(records));
                    self.recorded(reply).await;
                }
                Action::Look(link) => {
                    if let Some(looked_up) = self.unless_dropped(self.look(&link)).await {
                        self.on(looked_up);
                    }
                }
                Action::Send(body, latch) => {
                    let authorization = {
                        let mut state = self.state();
                        // Links of the answer are relative to it.
                        state.page = self.connection.config.route.clone();
                        if state.authorization.is_some()
                            && let Some(unjournalled) = &mut state.unjournalled
                        {
                            unjournalled.goes_out(clock::now().utc());
                        }
                        state.authorization.take()
                    };
                    let Some(authorization) = authorization else {
                        self.on(Event::Failed(Error::no_token("it was lost")));
                        continue;
                    };
                    let post = self.connection.transport.post(body, authorization, &latch);
                    match self.unless_dropped(post).await {
                        None => {}
                        Some(Err(error)) => self.on(Event::Failed(error)),
                        Some(Ok(exchange)) => {
                            // Reading takes its time with a large body: nobody who stops the call waits for it.
                            let request = self.state().machine.chunk_request().clone();
                            self.on(Event::Received(Received::read(&request, exchange)));
                        }
                    }
                }
                Action::Follow(link) => {
                    if let Some(page) = self.unless_dropped(self.follow(&link)).await {
                        self.on(Event::Page(exchange::read_further(page)));
                    }
                }
                Action::Wait(delay) => {
                    let mut over = pin!(time::sleep(delay));
                    while self.state().machine.is_waiting() {
                        if let Either::First(()) = either(over.as_mut(), self.changed.notified()).await {
                            self.on(Event::Timer);
                        }
                    }
                }
                Action::Close => {
                    if let Some(closed) = self.ask(Writer::close) {
                        let _ = closed.await;
                    }
                    self.on(Event::Closed);
                }
                Action::Nothing => self.changed.notified().await,
            }
        }
    }

    /// Opens the journal, on a thread of its own. `None` if the host is to be told something first, or the call was ended.
    async fn open(&self, looked: Result<Vec<Looked>, Error>) -> Option<Result<Opened, Error>> {
        let mut opening = match self.opening(looked) {
            Ok(opening) => opening,
            Err(error) => return Some(Err(error)),
        };
        match either(pin!(opening.next()), self.changed.notified()).await {
            Either::First(Said::Opened(opened)) => {
                if let (Ok(opened), Some(writer)) = (&opened, &mut self.state().writer) {
                    writer.is_of(&opened.path);
                }
                return Some(opened);
            }
            Either::First(Said::Warning(warning)) => self.on(Event::Warned(warning)),
            Either::Second(()) => {}
        }
        let mut state = self.state();
        if state.machine.put_back(Action::Open(Ok(Vec::new()))) {
            state.under_way = Some(opening);
        }
        None
    }

    /// An error instead of a journal, with what that may show.
    fn unopened(&self, error: Error) -> Error {
        let (path, request) = {
            let state = self.state();
            (state.journal.clone(), state.machine.request().clone())
        };
        session::unopened(error, path.as_deref(), &request)
    }

    /// What the journal's thread is to say of the journal that it opens.
    fn opening(&self, looked: Result<Vec<Looked>, Error>) -> Result<writer::Opening<Opened>, Error> {
        let mut state = self.state();
        if let Some(opening) = state.under_way.take() {
            return Ok(opening);
        }
        let opening = state.opening.take().ok_or_else(Error::broken_off)?;
        let (writer, opening) = Writer::start(opening.path, move |caller: &Caller| (opening.open)(caller, looked))?;
        state.writer = Some(writer);
        Ok(opening)
    }

    fn ask<T>(&self, ask: impl FnOnce(&Writer) -> oneshot::Receiver<T>) -> Option<oneshot::Receiver<T>> {
        self.state().writer.as_ref().map(ask)
    }

    async fn recorded(&self, reply: Option<oneshot::Receiver<Result<(), Unrecorded>>>) {
        let recorded = match reply {
            Some(reply) => reply.await,
            // A call without a journal records nothing.
            None => Ok(Ok(())),
        };
        let recorded =
            recorded.unwrap_or_else(|_| Err(Unrecorded::Failed { error: Error::broken_off(), is_saved: false }));
        self.on(Event::Recorded(recorded));
    }

    /// Awaits a request, but not for ever once the call is interrupted. `None` if it was dropped.
    async fn unless_dropped<T>(&self, exchange: impl Future<Output = T>) -> Option<T> {
        let mut exchange = pin!(exchange);
        loop {
            let patience = {
                let state = self.state();
                // It may have been withdrawn before any of it went out.
                if !state.machine.is_in_flight() {
                    return None;
                }
                state.machine.patience(clock::now())
            };
            match either(exchange.as_mut(), self.change_within(patience)).await {
                Either::First(done) => return Some(done),
                Either::Second(true) => {}
                Either::Second(false) => {
                    self.on(Event::OutOfPatience);
                    return None;
                }
            }
        }
    }

    /// Waits until somebody has changed the machine's mind; `false`: the time is up before.
    async fn change_within(&self, limit: Option<Duration>) -> bool {
        let Some(limit) = limit else {
            self.changed.notified().await;
            return true;
        };
        time::timeout(limit, self.changed.notified()).await.is_ok()
    }

    /// A further page of results, or why it cannot be had.
    async fn follow(&self, link: &str) -> Result<Exchange, String> {
        let url = transport::page_url(&self.connection.config, &self.state().page, link)
            .ok_or_else(|| "The link does not lead to the same server.".to_owned())?;
        self.state().page = url.clone();
        // Nobody is asked for a token any more: what the caller waits for is the answer.
        let is_authorized = self.authorize(false).await;
        let authorization = self.state().authorization.take().filter(|_| is_authorized);
        let authorization = authorization.ok_or_else(|| "There was no access token for it any more.".to_owned())?;
        self.connection.transport.get(url, authorization).await.map_err(|error| error.message())
    }

    /// Gets a link of generated reports, which was authorized.
    async fn look(&self, link: &str) -> Event {
        let authorization = self.state().authorization.clone();
        let Some(authorization) = authorization else { return Event::Failed(Error::no_token("it was lost")) };
        let Some(url) = transport::page_url(&self.connection.config, &self.state().page, link) else {
            return Event::Failed(Error::report_unreadable("its next page is at another server", Vec::new()));
        };
        self.state().page = url.clone();
        match self.connection.transport.get(url, authorization).await {
            Ok(exchange) => Event::LookedUp(LookedUp::read(exchange)),
            Err(error) => Event::Failed(error),
        }
    }

    /// Finds out who asks; `false`: the host has to be asked for a token.
    async fn authorize(&self, fresh: bool) -> bool {
        let authorization = match &self.connection.config.credentials {
            Credentials::Key { id, secret } => Authorization::Basic { id: id.clone(), secret: secret.clone() },
            Credentials::Token(AccessToken::Fixed(token)) => Authorization::Bearer(token.clone()),
            Credentials::Token(AccessToken::Asked) => {
                let is_asking = self.state().asking.is_some();
                if is_asking && !self.await_host().await {
                    return true;
                }
                let refused = if fresh { self.state().token } else { None };
                let patience = self.connection.config.timeout;
                match self.connection.tokens().find(refused, patience).await {
                    Found::Token(generation, token) => {
                        self.state().token = Some(generation);
                        Authorization::Bearer(token)
                    }
                    Found::Taken => {
                        self.on(Event::Failed(Error::no_token(message![
                            "another call has been asking for it for ",
                            message::seconds(patience.as_secs_f64()),
                            format!(". {WAITS_FOR_ITSELF}"),
                        ])));
                        return true;
                    }
                    Found::Ask(permit) => {
                        let mut state = self.state();
                        // A call that was ended meanwhile must not keep others from asking.
                        if !state.machine.put_back(Action::Authorize { fresh }) {
                            return true;
                        }
                        state.asking = Some(Asking { _permit: permit, since: clock::now() });
                        return false;
                    }
                }
            }
        };
        self.state().authorization = Some(authorization);
        true
    }

    /// Waits for a host that was asked for a token and is driven on meanwhile, but not for ever. `false`: the call ended.
    async fn await_host(&self) -> bool {
        let timeout = self.connection.config.timeout;
        loop {
            let patience = {
                let mut state = self.state();
                if !state.machine.wants_authorization() {
                    // Others may ask now.
                    state.asking = None;
                    return false;
                }
                let Some(Asking { since, .. }) = state.asking else { return true };
                timeout.saturating_sub(clock::now().since(&since))
            };
            if clock::timeout(patience, self.changed.notified()).await.is_err() {
                self.connection.tokens().give_up();
                let waited =
                    message!["the token function has given none for ", message::seconds(timeout.as_secs_f64())];
                self.end(Error::no_token(waited.followed_by(format!(". {WAITS_FOR_ITSELF}"))));
            }
        }
    }

    /// Hands over the token that [`Turn::TokenWanted`] asked for.
    pub fn provide_token(&self, token: Secret) {
        if !is_token(&token) {
            return self.refuse_token("it must be the token alone, without Bearer or line breaks, and not empty");
        }
        self.connection.tokens().provide(token);
        self.state().asking = None;
        self.changed.notify_one();
    }

    /// Says that no token can be had: the call ends with an error of its own, and nothing is sent.
    pub fn refuse_token(&self, reason: &str) {
        self.end(Error::no_token(reason.to_owned()));
    }

    /// Says that the host failed to give a token: the call ends, nothing is sent, and the host raises its own reason.
    pub fn fail_token(&self, reason: &str) {
        let mut state = self.state();
        state.asking = None;
        state.machine.host_failed(Error::no_token(reason.to_owned()), clock::now());
        drop(state);
        self.changed.notify_one();
    }

    /// Ends the call for a reason of this side, unless something of it may have gone out.
    pub(crate) fn end(&self, error: Error) {
        self.state().asking = None;
        self.on(Event::Failed(error));
        self.changed.notify_one();
    }

    /// How the call ended, after [`Turn::Done`] or [`abandon`](Self::abandon); the same however often it is asked. A call
    /// that goes on is abandoned.
    #[must_use]
    pub fn ending(&self) -> Ending {
        if self.is_inherited() {
            // The lock may be held for ever, by a thread that was not forked.
            let request = self.state.try_lock().ok().map(|state| state.machine.request().clone());
            return Ending::Failed(Error::inherited(request.as_ref()));
        }
        let mut state = self.state();
        let rest = match state.machine.conclude() {
            Some(rest) => Some(rest),
            None if state.machine.is_over() => None,
            None => state.machine.abandon(clock::now()),
        };
        let ending = state.machine.ending().cloned().unwrap_or(Ending::Interrupted(None));
        self.let_go(state, true, rest);
        ending
    }

    /// Whether the call is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_inherited() || self.state().machine.is_over()
    }

    /// Ends the call for a reason of the host, which the host raises in the end. `true`: what is in flight is awaited and
    /// recorded, nothing else is sent, and the call has to be run on until it is over. `false`: nothing of it goes out from
    /// now on, and it is over. A batch is awaited at the first interrupt, a single call never.
    pub fn interrupt(&self) -> bool {
        if self.is_inherited() {
            return false;
        }
        let mut state = self.state();
        let was_over = state.machine.is_over();
        let (goes_on, rest) = state.machine.interrupt(clock::now());
        self.let_go(state, was_over, rest);
        goes_on
    }

    /// Ends the call wherever it is, and makes sure that nothing of it goes out from now on. It waits for nothing. For a
    /// host that is interrupted, also between the ending and its caller.
    pub fn abandon(&self) {
        if self.is_inherited() {
            return;
        }
        let mut state = self.state();
        let was_over = state.machine.is_over();
        let rest = state.machine.abandon(clock::now());
        self.let_go(state, was_over, rest);
    }

    /// What follows from an end by the host. `was_over`: the call had ended before.
    fn let_go(&self, mut state: MutexGuard<'_, State>, was_over: bool, rest: Option<HandOver>) {
        // Whatever becomes of the ending, a log has it.
        if let (false, Some(Ending::Interrupted(Some(lost)))) = (was_over, state.machine.ending())
            && lost.is_loss()
        {
            log_record::trace_dropped(lost);
        }
        state.note_the_end();
        let writer = if state.machine.is_over() {
            state.asking = None;
            state.under_way = None;
            state.writer.take()
        } else {
            None
        };
        drop(state);
        self.changed.notify_one();
        if let (Some(writer), Some(HandOver { records, history })) = (writer, rest) {
            writer.hand_over(records, history);
        }
    }

    /// Whether this process was forked after the call began.
    pub(crate) fn is_inherited(&self) -> bool {
        self.pid != process::id()
    }
}

enum Either<A, B> {
    First(A),
    Second(B),
}

/// Whichever of two futures is ready first.
async fn either<A, B>(mut first: Pin<&mut impl Future<Output = A>>, second: impl Future<Output = B>) -> Either<A, B> {
    let mut second = pin!(second);
    poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Either::First(done)),
        Poll::Pending => second.as_mut().poll(context).map(Either::Second),
    })
    .await
}

/// Runs a future to its end, and another one beside it that has none.
pub(crate) async fn beside<T>(main: impl Future<Output = T>, other: impl Future<Output = Infallible>) -> T {
    match either(pin!(main), other).await {
        Either::First(done) => done,
        Either::Second(never) => match never {},
    }
}

/// Runs a future to its end, or to its panic.
async fn unpanicked<T>(future: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// What a panic says.
fn words_of(panic: &(dyn Any + Send)) -> &str {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

impl Drop for PublishCall {
    /// When a call is dropped, nothing of it may go out later.
    fn drop(&mut self) {
        if !self.is_over() {
            self.abandon();
        }
    }
}

impl fmt::Debug for PublishCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishCall").field("firm_id", &self.connection.config.firm()).finish_non_exhaustive()
    }
}
