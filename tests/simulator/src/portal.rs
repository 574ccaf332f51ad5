//! What a portal holds: files, contacts, what was published, the outbox, and what was asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::{Fault, Scripted};

/// How a portal is set up.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) port: u16,
    /// File → its contacts; `None`: every file is known and has the contact 1.
    pub(crate) files: Option<BTreeMap<u64, Vec<u64>>>,
    pub(crate) preferences: BTreeMap<u64, Preference>,
    pub(crate) emails: Emails,
    pub(crate) firm_id: String,
    pub(crate) key_id: String,
    pub(crate) key_secret: String,
    pub(crate) access_tokens: Vec<String>,
    pub(crate) fail_publish: BTreeMap<u64, Vec<u64>>,
    pub(crate) fail_notify: BTreeMap<u64, Vec<u64>>,
    pub(crate) faults: Vec<Value>,
    /// Path and query → the answer to a GET.
    pub(crate) pages: BTreeMap<String, Scripted>,
    pub(crate) delay_ms: u64,
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

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publishing {
    #[serde(rename = "DO_NOT_PUBLISH")]
    Nobody,
    #[serde(rename = "USE_CONTACT_PREFERENCE")]
    Preference,
    #[serde(rename = "PUBLISH")]
    Everybody,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notification {
    #[serde(rename = "DO_NOT_NOTIFY")]
    Nobody,
    #[serde(rename = "USE_CONTACT_PREFERENCE")]
    Preference,
    #[serde(rename = "NOTIFY")]
    Everybody,
}

#[derive(Serialize)]
pub(crate) struct Email {
    contact: u64,
    files: Vec<u64>,
}

/// A request as it came; credentials are shown by their scheme only.
#[derive(Serialize)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
    /// Seconds since 1970.
    pub(crate) received_at: f64,
    pub(crate) authorized: bool,
    pub(crate) complete: bool,
}

/// For whom a file failed.
pub(crate) struct Failures {
    pub(crate) file: u64,
    pub(crate) publish: Vec<u64>,
    pub(crate) notify: Vec<u64>,
}

pub(crate) struct Portal {
    pub(crate) options: Options,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) requests: Vec<Recorded>,
    pub(crate) outbox: Vec<Email>,
    pub(crate) proxied: Vec<String>,
    pub(crate) accepted: u64,
    pub(crate) open: u64,
    portals: BTreeMap<u64, BTreeSet<u64>>,
}

impl Portal {
    pub(crate) fn new(mut options: Options) -> Result<Self, String> {
        let mut faults = VecDeque::new();
        for fault in std::mem::take(&mut options.faults) {
            faults.extend(Fault::read(&fault)?);
        }
        Ok(Self {
            options,
            faults,
            requests: Vec::new(),
            outbox: Vec::new(),
            proxied: Vec::new(),
            accepted: 0,
            open: 0,
            portals: BTreeMap::new(),
        })
    }

    pub(crate) fn reset(&mut self) {
        self.faults.clear();
        self.requests.clear();
        self.outbox.clear();
        self.portals.clear();
        self.options.fail_publish.clear();
        self.options.fail_notify.clear();
    }

    pub(crate) fn knows(&self, file: u64) -> bool {
        self.options.files.as_ref().is_none_or(|files| files.contains_key(&file))
    }

    /// The contacts in whose portals the file is.
    pub(crate) fn published(&self, file: u64) -> Vec<u64> {
        self.portals.get(&file).into_iter().flatten().copied().collect()
    }

    /// Does the work of one call.
    pub(crate) fn publish(
        &mut self,
        files: &[u64],
        publishing: Publishing,
        notification: Notification,
        overrides: &[u64],
    ) -> Vec<Failures> {
        let mut emails: Vec<Email> = Vec::new();
        let failures = files
            .iter()
            .map(|&file| {
                let (published, publish) =
                    split(self.recipients(file, publishing, overrides), &self.options.fail_publish, file);
                let told =
                    published.iter().copied().filter(|contact| self.wants_email(*contact, notification)).collect();
                let (notified, notify) = split(told, &self.options.fail_notify, file);
                self.portals.entry(file).or_default().extend(published);
                for contact in notified {
                    match (self.options.emails, emails.iter_mut().find(|email| email.contact == contact)) {
                        (Emails::PerCall, Some(email)) => email.files.push(file),
                        _ => emails.push(Email { contact, files: vec![file] }),
                    }
                }
                Failures { file, publish, notify }
            })
            .collect();
        self.outbox.append(&mut emails);
        failures
    }

    fn preference(&self, contact: u64) -> Preference {
        self.options.preferences.get(&contact).copied().unwrap_or_default()
    }

    fn recipients(&self, file: u64, publishing: Publishing, overrides: &[u64]) -> Vec<u64> {
        let own = match &self.options.files {
            Some(files) => files.get(&file).cloned().unwrap_or_default(),
            None => vec![1],
        };
        let mut recipients: Vec<u64> = own
            .into_iter()
            .filter(|contact| match publishing {
                Publishing::Nobody => false,
                Publishing::Preference => self.preference(*contact).publish,
                Publishing::Everybody => true,
            })
            .collect();
        for contact in overrides {
            if !recipients.contains(contact) {
                recipients.push(*contact);
            }
        }
        recipients
    }

    fn wants_email(&self, contact: u64, notification: Notification) -> bool {
        match notification {
            Notification::Nobody => false,
            Notification::Preference => self.preference(contact).notify,
            Notification::Everybody => true,
        }
    }
}

/// Those for whom a step works, and those for whom it is set up to fail.
fn split(contacts: Vec<u64>, failing: &BTreeMap<u64, Vec<u64>>, file: u64) -> (Vec<u64>, Vec<u64>) {
    let failing = failing.get(&file);
    contacts.into_iter().partition(|contact| !failing.is_some_and(|failing| failing.contains(contact)))
}
