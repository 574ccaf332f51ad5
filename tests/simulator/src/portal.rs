//! What a portal holds: files, contacts, what was published, the outbox, and what was asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Instant, SystemTime};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::fault::{Fault, Repeated, Scripted};
use crate::generated_reports::{self, GeneratedReport, Shown};
use crate::http::{Answer, Request};

/// How a portal is set up.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) port: u16,
    /// File → its contacts; `None` if every file is known and has the contact 1.
    pub(crate) files: Option<BTreeMap<u64, Vec<u64>>>,
    pub(crate) preferences: BTreeMap<u64, Preference>,
    pub(crate) emails: Emails,
    pub(crate) firm_id: String,
    pub(crate) key_id: String,
    pub(crate) key_secret: String,
    pub(crate) access_tokens: Vec<String>,
    /// File → the contacts for whom publishing it fails.
    pub(crate) fail_publish: BTreeMap<u64, Vec<u64>>,
    /// File → the contacts for whom the e-mail about it fails.
    pub(crate) fail_notify: BTreeMap<u64, Vec<u64>>,
    pub(crate) faults: Vec<Repeated>,
    /// Path and query → the answer to a GET.
    pub(crate) pages: BTreeMap<String, Scripted>,
    pub(crate) delay_ms: u64,
    pub(crate) generated_reports: Vec<GeneratedReport>,
    /// Seconds on the portal's clock until a generated report shows that a file was published.
    pub(crate) published_lag: f64,
    /// What generated reports show about a file, whatever the truth is; nothing if null.
    pub(crate) show_published: BTreeMap<u64, Option<bool>>,
    /// How many seconds pass on the portal's clock in one of everybody else's.
    pub(crate) clock: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            files: None,
            preferences: BTreeMap::new(),
            emails: Emails::PerFile,
            firm_id: "1".to_owned(),
            key_id: "simulated-key".to_owned(),
            key_secret: "simulated-secret".to_owned(),
            access_tokens: vec!["simulated-token".to_owned()],
            fail_publish: BTreeMap::new(),
            fail_notify: BTreeMap::new(),
            faults: Vec::new(),
            pages: BTreeMap::new(),
            delay_ms: 0,
            generated_reports: Vec::new(),
            published_lag: 0.0,
            show_published: BTreeMap::new(),
            clock: 1.0,
        }
    }
}

/// Which e-mails the real service sends is not documented: both can be had.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Emails {
    PerFile,
    PerCall,
}

/// What a contact wants where a call says `USE_CONTACT_PREFERENCE`.
#[derive(Deserialize, Clone, Copy)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Preference {
    publish: bool,
    notify: bool,
}

impl Default for Preference {
    fn default() -> Self {
        Self { publish: true, notify: true }
    }
}

/// What a call asks for, in the API's names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    pub(crate) files_id: Vec<u64>,
    #[serde(default, rename = "publish_override_contact_ids")]
    pub(crate) overrides: Vec<u64>,
    portal_publishing: Publishing,
    contact_notification: Notification,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Publishing {
    DoNotPublish,
    UseContactPreference,
    Publish,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Notification {
    DoNotNotify,
    UseContactPreference,
    Notify,
}

/// For whom a file failed.
pub(crate) struct Failures {
    pub(crate) file: u64,
    pub(crate) publish: Vec<u64>,
    pub(crate) notify: Vec<u64>,
}

impl Failures {
    pub(crate) fn none(file: u64) -> Self {
        Self { file, publish: Vec::new(), notify: Vec::new() }
    }
}

#[derive(Serialize)]
pub(crate) struct Email {
    contact: u64,
    files: Vec<u64>,
}

/// A request as it came; credentials are shown by their scheme only.
#[derive(Serialize)]
pub(crate) struct Recorded {
    #[serde(skip)]
    number: u64,
    pub(crate) method: String,
    path: String,
    headers: BTreeMap<String, String>,
    #[serde(serialize_with = "json_or_text")]
    body: Vec<u8>,
    /// Seconds since 1970.
    received_at: f64,
    authorized: bool,
    complete: bool,
}

fn json_or_text<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_slice::<Value>(body) {
        Ok(json) => json.serialize(serializer),
        Err(_) if body.is_empty() => serializer.serialize_none(),
        Err(_) => serializer.serialize_str(&String::from_utf8_lossy(body)),
    }
}

pub(crate) struct Portal {
    pub(crate) options: Options,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) report_faults: VecDeque<Fault>,
    pub(crate) requests: Vec<Recorded>,
    pub(crate) outbox: Vec<Email>,
    pub(crate) proxied: Vec<String>,
    pub(crate) accepted: u64,
    pub(crate) open: u64,
    portals: BTreeMap<u64, BTreeSet<u64>>,
    /// When each file was published to somebody first.
    published_at: BTreeMap<u64, Instant>,
    /// Whether the next call is given up half-way.
    pub(crate) gives_up: bool,
    /// Whether answers are held back.
    pub(crate) holds: bool,
    received: u64,
    answered: u64,
}

impl Portal {
    pub(crate) fn new(mut options: Options) -> Self {
        Self {
            faults: std::mem::take(&mut options.faults).into_iter().flatten().collect(),
            options,
            report_faults: VecDeque::new(),
            requests: Vec::new(),
            outbox: Vec::new(),
            proxied: Vec::new(),
            accepted: 0,
            open: 0,
            portals: BTreeMap::new(),
            published_at: BTreeMap::new(),
            gives_up: false,
            holds: false,
            received: 0,
            answered: 0,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.faults.clear();
        self.report_faults.clear();
        self.requests.clear();
        self.outbox.clear();
        self.proxied.clear();
        self.portals.clear();
        self.published_at.clear();
        self.options.show_published.clear();
        self.options.fail_publish.clear();
        self.options.fail_notify.clear();
    }

    /// The answer to a GET of generated reports.
    pub(crate) fn generated_reports(&self, target: &str) -> Answer {
        let shown = Shown {
            published_at: &self.published_at,
            lag: self.options.published_lag,
            clock: self.options.clock,
            instead: &self.options.show_published,
        };
        generated_reports::answer(&self.options.generated_reports, &shown, target)
    }

    pub(crate) fn knows(&self, file: u64) -> bool {
        self.options.files.as_ref().is_none_or(|files| files.contains_key(&file))
    }

    /// The contacts in whose portals the file is.
    pub(crate) fn published(&self, file: u64) -> Vec<u64> {
        self.portals.get(&file).into_iter().flatten().copied().collect()
    }

    /// Notes the head of a request and tells its number.
    pub(crate) fn record(&mut self, request: &Request, authorized: bool) -> u64 {
        let mut headers = request.headers.clone();
        if let Some(authorization) = headers.get_mut("authorization") {
            *authorization = format!("{} ***", authorization.split(' ').next().unwrap_or_default());
        }
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.received += 1;
        self.requests.push(Recorded {
            number: self.received,
            method: request.method.clone(),
            path: request.path.clone(),
            headers,
            body: Vec::new(),
            received_at: since_1970.as_secs_f64(),
            authorized,
            complete: false,
        });
        self.received
    }

    /// Notes the body, unless the request was forgotten by a reset.
    pub(crate) fn complete(&mut self, number: u64, body: &[u8]) {
        if let Some(recorded) = self.requests.iter_mut().rfind(|recorded| recorded.number == number) {
            recorded.complete = true;
            recorded.body = body.to_vec();
        }
    }

    /// Gives the answer an `X-Request-Id` of its own, and the promise that its connection stays open.
    pub(crate) fn sign(&mut self, answer: Answer) -> Answer {
        self.answered += 1;
        let answer = if answer.has("Keep-Alive") { answer } else { answer.with("Keep-Alive", "timeout=75") };
        if answer.has("X-Request-Id") {
            return answer;
        }
        answer.with("X-Request-Id", &format!("simulated-{}", self.answered))
    }

    /// Does the work of one call.
    pub(crate) fn publish(&mut self, call: &Call) -> Vec<Failures> {
        let mut per_call = BTreeMap::<u64, Vec<u64>>::new();
        let mut files = Vec::with_capacity(call.files_id.len());
        let most = call.files_id.len() / if std::mem::take(&mut self.gives_up) { 2 } else { 1 };
        for &file in call.files_id.iter().take(most) {
            let failures = self.failures(file, call);
            let mut published = self.recipients(file, call);
            published.retain(|contact| !failures.publish.contains(contact));
            for &contact in &published {
                if self.notifies(contact, call) && !failures.notify.contains(&contact) {
                    match self.options.emails {
                        Emails::PerFile => self.outbox.push(Email { contact, files: vec![file] }),
                        Emails::PerCall => per_call.entry(contact).or_default().push(file),
                    }
                }
            }
            if !published.is_empty() {
                self.published_at.entry(file).or_insert_with(Instant::now);
            }
            self.portals.entry(file).or_default().extend(published);
            files.push(failures);
        }
        self.outbox.extend(per_call.into_iter().map(|(contact, files)| Email { contact, files }));
        files
    }

    /// The contacts who are set up to fail, whether or not the file is theirs, save those whom the
    /// call leaves out.
    fn failures(&self, file: u64, call: &Call) -> Failures {
        let listed = |failing: &BTreeMap<u64, Vec<u64>>| failing.get(&file).cloned().unwrap_or_default();
        let (mut publish, mut notify) = (listed(&self.options.fail_publish), listed(&self.options.fail_notify));
        publish.retain(|contact| self.publishes(*contact, call));
        notify.retain(|contact| self.publishes(*contact, call) && self.notifies(*contact, call));
        Failures { file, publish, notify }
    }

    fn recipients(&self, file: u64, call: &Call) -> Vec<u64> {
        let own = match &self.options.files {
            Some(files) => files.get(&file).cloned().unwrap_or_default(),
            None => vec![1],
        };
        let mut recipients = call.overrides.clone();
        recipients.extend(own.into_iter().filter(|contact| self.publishes(*contact, call)));
        recipients.sort_unstable();
        recipients.dedup();
        recipients
    }

    fn publishes(&self, contact: u64, call: &Call) -> bool {
        call.overrides.contains(&contact)
            || match call.portal_publishing {
                Publishing::DoNotPublish => false,
                Publishing::UseContactPreference => self.preference(contact).publish,
                Publishing::Publish => true,
            }
    }

    fn notifies(&self, contact: u64, call: &Call) -> bool {
        match call.contact_notification {
            Notification::DoNotNotify => false,
            Notification::UseContactPreference => self.preference(contact).notify,
            Notification::Notify => true,
        }
    }

    fn preference(&self, contact: u64) -> Preference {
        self.options.preferences.get(&contact).copied().unwrap_or_default()
    }
}
