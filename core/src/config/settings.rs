//! Settings: what the caller gave, what the environment adds, and whether it makes sense. No I/O.

use std::ffi::OsString;
use std::fmt;
use std::mem;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::config::environment::{self as variable, Environment};
use crate::config::guard::{self, Program};
use crate::config::proxy::{self, Proxy};
use crate::config::secret::Secret;
use crate::config::user_agent::{Host, user_agent};
use crate::error::Error;
use crate::model::message::{self, Language, Message, message, name};
use crate::model::request::ROUTE;
use crate::model::server::{self, is_loopback};

/// An OAuth 2.0 access token: a fixed one, or one that the caller is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessToken {
    /// One token for the client's whole life.
    Fixed(Secret),
    /// The host that drives the call is asked for it, and again once after a 401.
    Asked,
}

/// Settings as the caller gave them; what is `None` comes from the environment or has a default.
#[derive(Clone, Default)]
pub struct Settings {
    /// The firm's subdomain (`ADDEPAR_FIRM_NAME`).
    pub firm_name: Option<String>,
    /// `production`, `development` or `sandbox` (`ADDEPAR_ENVIRONMENT`); default `production`.
    pub environment: Option<String>,
    /// The firm's id, sent as `Addepar-Firm` (`ADDEPAR_FIRM_ID`).
    pub firm_id: Option<String>,
    /// The API key (`ADDEPAR_KEY_ID`).
    pub key_id: Option<String>,
    /// The API secret (`ADDEPAR_KEY_SECRET`).
    pub key_secret: Option<Secret>,
    /// An OAuth 2.0 access token (`ADDEPAR_ACCESS_TOKEN`), instead of key and secret.
    pub access_token: Option<AccessToken>,
    /// The base URL (`ADDEPAR_BASE_URL`), instead of firm name and environment.
    pub base_url: Option<String>,
    /// Seconds for one attempt, waits excluded; default 90, above the server's own 60.
    pub timeout: Option<f64>,
    /// Seconds for connecting; default 10.
    pub connect_timeout: Option<f64>,
    /// Seconds that all waits for the rate limit may take together; default 60.
    pub max_rate_limit_wait: Option<f64>,
    /// The URL of an HTTP proxy (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`).
    pub proxy: Option<Secret>,
    /// A PEM file, or a folder of them, with certificates that are trusted beside the system's (`REQUESTS_CA_BUNDLE`,
    /// `NODE_EXTRA_CA_CERTS`).
    pub ca_file: Option<String>,
    /// A folder in which every call leaves a journal (`ADDEPAR_JOURNAL_DIR`); what it shows is not sent again.
    pub journal_dir: Option<String>,
    /// What this library runs in, which the server is told.
    pub host: Host,
    /// What a host knows of its program.
    pub program: Program,
}

impl fmt::Debug for Settings {
    /// Without the URLs, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("environment", &self.environment)
            .field("firm_id", &self.firm_id)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_rate_limit_wait", &self.max_rate_limit_wait)
            .field("ca_file", &self.ca_file)
            .field("journal_dir", &self.journal_dir)
            .finish_non_exhaustive()
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    Key { id: String, secret: Secret },
    Token(AccessToken),
}

/// Certificates that are trusted beside the system's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExtraRoots {
    /// Who named them: a setting or a variable.
    pub(crate) setting: &'static str,
    /// A PEM file, or a folder of such.
    pub(crate) path: String,
}

/// Settings that make sense.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) base_url: Url,
    /// Where the POST goes.
    pub(crate) route: Url,
    /// The firm's id, in visible ASCII.
    pub(crate) firm_id: String,
    pub(crate) user_agent: String,
    pub(crate) credentials: Credentials,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_rate_limit_wait: Duration,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) extra_roots: Option<ExtraRoots>,
    /// Where every call leaves a journal.
    pub(crate) journal_dir: Option<PathBuf>,
    /// What the caller reads messages in.
    pub(crate) language: Language,
    /// Which may be a test runner.
    program: Program,
}

/// Below this a timeout cuts off answers that the server was still going to give.
const SENSIBLE_TIMEOUT: Duration = Duration::from_secs(65);

impl Config {
    pub(crate) fn new(settings: Settings, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let environment = Environment(variable);
        let mut missing = Missing::default();
        let base_url = base_url(&settings, &environment, &mut missing)?;
        let firm_id = firm_id(&settings, &environment, &mut missing)?;
        let credentials = credentials(&settings, &environment, &mut missing)?;
        let timeout = seconds("timeout", settings.timeout, 90.0, 0.001)?;
        let connect_timeout = seconds("connect_timeout", settings.connect_timeout, 10.0, 0.001)?;
        let max_rate_limit_wait = seconds("max_rate_limit_wait", settings.max_rate_limit_wait, 60.0, 0.0)?;
        let journal_dir = journal_dir(settings.journal_dir.as_ref(), &environment)?;
        let proxy = base_url.as_ref().map(|url| proxy(&settings, url, &environment)).transpose()?.flatten();
        // What is wrong is told before what is missing.
        let (Some(base_url), Some(firm_id), Some(credentials)) = (base_url, firm_id, credentials) else {
            return Err(missing.into_error());
        };
        let mut route = base_url.clone();
        route.set_path(&format!("{}{ROUTE}", base_url.path().trim_end_matches('/')));
        let config = Self {
            firm_id,
            user_agent: user_agent(settings.host),
            credentials,
            timeout,
            connect_timeout,
            max_rate_limit_wait,
            proxy,
            extra_roots: extra_roots(settings.ca_file, &environment)?,
            journal_dir,
            language: settings.host.language(),
            program: settings.program,
            base_url,
            route,
        };
        config.guard(environment.0)?;
        Ok(config)
    }

    /// Refuses another host than this machine inside a test run. Asked again before each call: a test runner may have
    /// started meanwhile.
    pub(crate) fn guard(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<(), Error> {
        guard::refuse_in_tests(&self.base_url, &self.program, variable)
    }

    /// The firm's id.
    pub(crate) fn firm(&self) -> &str {
        &self.firm_id
    }

    /// What the caller should know although it is not an error.
    pub(crate) fn warning(&self) -> Option<Message> {
        (self.timeout < SENSIBLE_TIMEOUT && !is_loopback(&self.base_url)).then(|| {
            message![
                name("timeout"),
                " is ",
                message::seconds(self.timeout.as_secs_f64()),
                ", but Addepar itself takes up to ",
                message::seconds(60.0),
                ": a timeout below ",
                message::seconds(SENSIBLE_TIMEOUT.as_secs_f64()),
                " only makes outcomes unknown.",
            ]
        })
    }
}

/// Sentences that each say what is missing: somebody who starts with nothing reads them all at once.
#[derive(Default)]
struct Missing(Message);

impl Missing {
    fn add<T>(&mut self, what: &'static str) -> Option<T> {
        self.0 = mem::take(&mut self.0).and(what);
        None
    }

    fn into_error(self) -> Error {
        Error::missing_settings(self.0)
    }
}

fn base_url(
    settings: &Settings,
    environment: &Environment<impl Fn(&str) -> Option<OsString>>,
    missing: &mut Missing,
) -> Result<Option<Url>, Error> {
    let alone = |name: &'static str, url: &str| match settings.environment {
        Some(_) => Err(contradiction(name, "environment")),
        None => normalise(name, url).map(Some),
    };
    match (&settings.base_url, &settings.firm_name) {
        (Some(_), Some(_)) => return Err(contradiction("base_url", "firm_name")),
        (Some(url), None) => return alone("base_url", url),
        (None, Some(firm)) => return firm_url(firm, settings, environment).map(Some),
        (None, None) => {}
    }
    match (environment.get(variable::BASE_URL)?, environment.get(variable::FIRM_NAME)?) {
        (Some(_), Some(_)) => Err(contradiction("ADDEPAR_BASE_URL", "ADDEPAR_FIRM_NAME")),
        (Some(_), None) if environment.has(variable::ENVIRONMENT) => {
            Err(contradiction("ADDEPAR_BASE_URL", "ADDEPAR_ENVIRONMENT"))
        }
        (Some(url), None) => alone("ADDEPAR_BASE_URL", &url),
        (None, Some(firm)) => firm_url(&firm, settings, environment).map(Some),
        (None, None) => Ok(missing.add(
            "The firm is missing: give `firm_name` (the subdomain, ADDEPAR_FIRM_NAME) or `base_url` (ADDEPAR_BASE_URL).",
        )),
    }
}

fn contradiction(one: &'static str, other: &'static str) -> Error {
    Error::config(message![name(one), " and ", name(other), " are both set: give one of them."])
}

fn firm_url(
    firm: &str,
    settings: &Settings,
    environment: &Environment<impl Fn(&str) -> Option<OsString>>,
) -> Result<Url, Error> {
    let is_label = firm.len() <= 63
        && firm.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !firm.starts_with('-')
        && !firm.ends_with('-')
        && !firm.is_empty();
    if !is_label {
        return Err(Error::config(message![
            name("firm_name"),
            format!(
                " must be the subdomain alone, such as `examplefirm` of examplefirm.addepar.com, not {}.",
                shown(firm)
            ),
        ]));
    }
    let kind = environment.or(settings.environment.as_ref(), variable::ENVIRONMENT)?;
    let domain = match kind.as_deref().unwrap_or("production") {
        "production" => "addepar.com",
        "development" => "clientdev.addepar.com",
        "sandbox" => "sandbox.addepar.com",
        other => {
            return Err(Error::config(message![
                name("environment"),
                format!(" (ADDEPAR_ENVIRONMENT) must be one of production, development, sandbox, not {other:?}."),
            ]));
        }
    };
    normalise("firm_name", &format!("https://{firm}.{domain}/api"))
}

/// The base URL without a trailing slash or `/v1`, with `/api` where Addepar's hosts want it.
fn normalise(given_by: &'static str, given: &str) -> Result<Url, Error> {
    // The text itself may hold a secret in its user part: it is never shown.
    let refused = |what: String| Error::config(message![name(given_by), format!(" must {what}.")]);
    let mut url = Url::parse(given)
        .map_err(|_| refused("be a whole URL, such as https://examplefirm.addepar.com/api, and is not".to_owned()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config(
            message![name(given_by), " must not hold a user or password:"].and("give `key_id` and `key_secret`."),
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("have neither a query nor a fragment: write https://HOST/api".to_owned()));
    }
    match url.scheme() {
        "https" if url.host_str().is_some() => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            let host = url.host_str().unwrap_or_default();
            return Err(refused(format!("be an https URL, since plain http is for this machine only, not for {host}")));
        }
        _ => return Err(refused("be an https URL: write https://HOST/api".to_owned())),
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/v1").unwrap_or(path).trim_end_matches('/').to_owned();
    let path = match url.host_str() {
        Some("api.addepar.com") => path.strip_suffix("/api").unwrap_or(&path).to_owned(),
        Some(host) if host.ends_with(".addepar.com") && path.is_empty() => "/api".to_owned(),
        _ => path,
    };
    url.set_path(&path);
    Ok(url)
}

/// A value, unless it has characters that a secret put in the wrong place may have.
fn shown(value: &str) -> String {
    let harmless =
        value.len() <= 100 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_ ".contains(&byte));
    if harmless { format!("{value:?}") } else { "what was given".to_owned() }
}

fn firm_id(
    settings: &Settings,
    environment: &Environment<impl Fn(&str) -> Option<OsString>>,
    missing: &mut Missing,
) -> Result<Option<String>, Error> {
    match environment.or(settings.firm_id.as_ref(), variable::FIRM_ID)? {
        Some(firm_id) if firm_id.is_empty() || !firm_id.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(no_firm_id(&firm_id))
        }
        // One firm, however it is written: its journals know it by its id.
        Some(firm_id) => match server::firm(&firm_id) {
            "" => Err(no_firm_id(&firm_id)),
            firm => Ok(Some(firm.to_owned())),
        },
        None => Ok(missing.add("The firm's id is missing: give `firm_id` (ADDEPAR_FIRM_ID).")),
    }
}

fn no_firm_id(given: &str) -> Error {
    Error::config(message![name("firm_id"), format!(" must be the firm's id, such as 1234, not {given:?}.")])
}

fn credentials(
    settings: &Settings,
    environment: &Environment<impl Fn(&str) -> Option<OsString>>,
    missing: &mut Missing,
) -> Result<Option<Credentials>, Error> {
    let given_key = settings.key_id.is_some() || settings.key_secret.is_some();
    match (&settings.access_token, given_key) {
        (Some(_), true) => return Err(contradiction("access_token", "key_id/key_secret")),
        (Some(token), false) => return token_credentials(token.clone()).map(Some),
        (None, _) => {}
    }
    let token = if given_key { None } else { environment.get(variable::ACCESS_TOKEN)? };
    let id = environment.or(settings.key_id.as_ref(), variable::KEY_ID)?;
    let secret = match &settings.key_secret {
        Some(secret) => Some(secret.clone()),
        None => environment.get(variable::KEY_SECRET)?.map(Secret::from),
    };
    match (token, id, secret) {
        (Some(token), None, None) => token_credentials(AccessToken::Fixed(Secret::from(token))).map(Some),
        (Some(_), _, _) => Err(contradiction("ADDEPAR_ACCESS_TOKEN", "ADDEPAR_KEY_ID/ADDEPAR_KEY_SECRET")),
        (None, Some(id), Some(secret)) => key_credentials(id, secret).map(Some),
        (None, Some(_), None) => {
            Ok(missing.add("`key_id` (ADDEPAR_KEY_ID) is given, `key_secret` (ADDEPAR_KEY_SECRET) is missing."))
        }
        (None, None, Some(_)) => {
            Ok(missing.add("`key_secret` (ADDEPAR_KEY_SECRET) is given, `key_id` (ADDEPAR_KEY_ID) is missing."))
        }
        (None, None, None) => Ok(missing.add(
            "Credentials are missing: give `key_id` and `key_secret` (ADDEPAR_KEY_ID, ADDEPAR_KEY_SECRET) or \
             `access_token` (ADDEPAR_ACCESS_TOKEN).",
        )),
    }
}

fn key_credentials(id: String, secret: Secret) -> Result<Credentials, Error> {
    let fits = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
    if !fits(&id) || id.contains(':') {
        return Err(Error::config("`key_id` is empty or has a character that it cannot have."));
    }
    if !fits(secret.expose()) {
        return Err(Error::config("`key_secret` is empty or has a character that it cannot have."));
    }
    Ok(Credentials::Key { id, secret })
}

fn token_credentials(token: AccessToken) -> Result<Credentials, Error> {
    if matches!(&token, AccessToken::Fixed(token) if !is_token(token)) {
        return Err(Error::config(
            "`access_token` must be the token alone, without `Bearer` or line breaks, and not empty.",
        ));
    }
    Ok(Credentials::Token(token))
}

/// Whether a token can stand in a header.
pub(crate) fn is_token(token: &Secret) -> bool {
    !token.expose().is_empty() && token.expose().bytes().all(|byte| byte.is_ascii_graphic())
}

fn seconds(setting: &'static str, given: Option<f64>, default: f64, least: f64) -> Result<Duration, Error> {
    const MOST: f64 = 86_400.0;
    let value = given.unwrap_or(default);
    if (least..=MOST).contains(&value) {
        Ok(Duration::from_secs_f64(value))
    } else {
        Err(Error::config(message![
            name(setting),
            " must be from ",
            message::seconds(least),
            " to ",
            message::seconds(MOST),
            ", not ",
            message::seconds(value),
            ".",
        ]))
    }
}

/// The folder of journals, wherever the program goes later: in another one nothing would be known of what was sent.
fn journal_dir(
    given: Option<&String>,
    environment: &Environment<impl Fn(&str) -> Option<OsString>>,
) -> Result<Option<PathBuf>, Error> {
    let from_environment = given.is_none();
    // A deployment whose value is missing would otherwise go on without what keeps files from being sent twice.
    if from_environment && environment.is(variable::JOURNAL_DIR, "") {
        return Err(Error::config(format!(
            "{} must be the whole path of a folder, and is empty. Where no journals are to be kept, it must not be set.",
            variable::JOURNAL_DIR.name()
        )));
    }
    let Some(folder) = environment.or(given, variable::JOURNAL_DIR)? else { return Ok(None) };
    let setting = if from_environment { variable::JOURNAL_DIR.name() } else { "journal_dir" };
    let refused = |what: &str| Error::config(message![name(setting), format!(" is {folder:?}: {what}.")]);
    // Such an ending comes from a script, and the folder without it is another one.
    if folder.ends_with(|last: char| last.is_whitespace() || last.is_control()) {
        return Err(refused("it must not end in a blank or a control character"));
    }
    let path = Path::new(&folder);
    if path.starts_with("~") {
        return Err(refused("`~` is the shell's, so write the whole path"));
    }
    if from_environment && path.is_relative() {
        return Err(refused(
            "it would be another folder for each place that a program is started in: give the whole path",
        ));
    }
    path::absolute(path).map(Some).map_err(|error| refused(&format!("it is not the path of a folder ({error})")))
}

/// The variables are those that programs in Python and Node know already.
fn extra_roots(
    ca_file: Option<String>,
    environment: &Environment<impl Fn(&str) -> Option<OsString>>,
) -> Result<Option<ExtraRoots>, Error> {
    let named = match ca_file {
        Some(path) => Some(("ca_file", path)),
        None => environment.first(&[variable::REQUESTS_CA_BUNDLE, variable::NODE_EXTRA_CA_CERTS])?,
    };
    Ok(named.map(|(setting, path)| ExtraRoots { setting, path }))
}

fn proxy(
    settings: &Settings,
    base_url: &Url,
    environment: &Environment<impl Fn(&str) -> Option<OsString>>,
) -> Result<Option<Proxy>, Error> {
    let read = |given_by, url: &str| {
        Proxy::read(url).map(Some).map_err(|what| Error::config(message![name(given_by), format!(" {what}.")]))
    };
    // Also where none is used: what works with a simulated portal works with a real one.
    let given = settings.proxy.as_ref().map(|url| read("proxy", url.expose())).transpose()?;
    if is_loopback(base_url) {
        return Ok(None);
    }
    if let Some(given) = given {
        return Ok(given);
    }
    let no_proxy = environment.first(&[variable::NO_PROXY, variable::NO_PROXY_LOWER])?;
    if no_proxy.is_some_and(|(_, list)| proxy::is_passed_by(&list, base_url)) {
        return Ok(None);
    }
    let given = environment.first(&[
        variable::HTTPS_PROXY,
        variable::HTTPS_PROXY_LOWER,
        variable::ALL_PROXY,
        variable::ALL_PROXY_LOWER,
    ])?;
    given.map_or(Ok(None), |(given_by, url)| read(given_by, &url))
}
