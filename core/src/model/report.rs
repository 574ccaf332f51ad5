//! What became of every file.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind};
use crate::model::display::word;
use crate::model::id;
use crate::model::request::PublishRequest;
use crate::protocol::outcome::Outcome;

/// The state of one file after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// The API reported no failure. It never lists who received what.
    Ok,
    /// The API reported that publishing or notifying failed for some or all contacts.
    ///
    /// Publishing such a file again may e-mail those who already got one.
    Failed,
    /// It may or may not have been published: look in Addepar before sending it again.
    Unknown,
    /// The server did not begin to process it.
    NotProcessed,
}

impl FileState {
    /// The state as it is written in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::NotProcessed => "not_processed",
        }
    }
}

/// What the API answered for one step of one file: an open enum.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Status {
    /// `success`, in any case.
    Success,
    /// `fail`, in any case: some or all contacts.
    Fail,
    /// Anything else, as it came.
    Other(Box<str>),
}

impl Status {
    pub(crate) fn new(text: &str) -> Self {
        if text == "success" || text.eq_ignore_ascii_case("success") {
            Self::Success
        } else if text.eq_ignore_ascii_case("fail") {
            Self::Fail
        } else {
            Self::Other(text.into())
        }
    }

    /// The status in lower case, an unknown one as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Success => "success",
            Self::Fail => "fail",
            Self::Other(text) => text,
        }
    }

    fn succeeded(&self) -> Option<bool> {
        match self {
            Self::Success => Some(true),
            Self::Fail => Some(false),
            Self::Other(_) => None,
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

/// The step of a call that an error speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Putting the file into portals.
    Publish,
    /// E-mailing about it.
    Notify,
}

impl Step {
    /// The step as it is written in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Notify => "notify",
        }
    }
}

/// One error object of the API about one file; any member may have been missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Deserialize)]
pub struct FileError {
    /// The error's name, such as `publish_failed`.
    pub code: Option<String>,
    /// What went wrong, in words.
    pub title: Option<String>,
    /// Details in prose; the only place where the API names contacts.
    pub detail: Option<String>,
}

impl FileError {
    /// The contacts that `detail` names, or `None` where they cannot be read: never an empty list.
    #[must_use]
    pub fn contact_ids(&self) -> Option<Vec<u64>> {
        let (about, list) = self.detail.as_deref()?.split_once('[')?;
        let (list, rest) = list.split_once(']')?;
        let mentions_contacts = || about.as_bytes().windows(7).any(|word| word.eq_ignore_ascii_case(b"contact"));
        if rest.contains('[') || !mentions_contacts() {
            return None;
        }
        list.split(',').map(|id| id::parse(id.trim().trim_matches('"'))).collect()
    }

    /// The step that failed, as far as the error's name tells.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        let starts_with = |prefix: &str| {
            let code = self.code.as_deref()?.as_bytes();
            code.get(..prefix.len()).filter(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        if starts_with("publish").is_some() {
            Some(Step::Publish)
        } else if starts_with("notif").is_some() {
            Some(Step::Notify)
        } else {
            None
        }
    }
}

impl Serialize for FileError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            code: &'a Option<String>,
            title: &'a Option<String>,
            detail: &'a Option<String>,
            contact_ids: Option<Vec<u64>>,
        }
        let Self { code, title, detail } = self;
        Shown { code, title, detail, contact_ids: self.contact_ids() }.serialize(serializer)
    }
}

/// What a person found out about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is published: it is not sent again.
    Published,
    /// It is not published: the next resume sends it.
    NotPublished,
    /// Nobody knows, or it does not matter: it is not sent again.
    Leave,
}

impl Verdict {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Published, Self::NotPublished, Self::Leave];

    /// The verdict as it is written in journals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::NotPublished => "not_published",
            Self::Leave => "leave",
        }
    }
}

impl FromStr for Verdict {
    type Err = Error;

    fn from_str(verdict: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|known| known.as_str() == verdict).ok_or_else(|| {
            let allowed = Self::ALL.map(Self::as_str).join(", ");
            Error::input(format!("`decision` must be one of {allowed}, not {verdict:?}."))
        })
    }
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct FileResult {
    /// The file.
    pub file_id: u64,
    /// Its state.
    pub state: FileState,
    /// Whether the API reported that publishing succeeded for all contacts; `None`: it did not say.
    pub published: Option<bool>,
    /// Likewise for e-mails. The API answers success as well when nobody was to be notified.
    pub notified: Option<bool>,
    /// The API's word on publishing.
    pub publish_status: Option<Status>,
    /// The API's word on notifying.
    pub notify_status: Option<Status>,
    /// The API's error objects.
    pub errors: Vec<FileError>,
    /// What a person decided about it, in the journal; the state stays what the server said.
    #[serde(default)]
    pub decision: Option<Verdict>,
}

impl FileResult {
    /// A file about which there is nothing to say but its state: published and notified, or not answered.
    pub(crate) fn plain(file_id: u64, state: FileState) -> Self {
        if state == FileState::Ok { Self::succeeded(file_id) } else { Self::unanswered(file_id, state) }
    }

    /// A file of which there is nothing to say but that both steps succeeded.
    #[must_use]
    pub fn succeeded(file_id: u64) -> Self {
        Self {
            file_id,
            state: FileState::Ok,
            published: Some(true),
            notified: Some(true),
            publish_status: Some(Status::Success),
            notify_status: Some(Status::Success),
            errors: Vec::new(),
            decision: None,
        }
    }

    /// Whether there is nothing more to say than [`succeeded`](Self::succeeded) does. Most files are like that, so
    /// that hosts need not carry them over member by member.
    #[must_use]
    pub fn goes_without_saying(&self) -> bool {
        *self == Self::succeeded(self.file_id)
    }

    /// A file about which no answer says anything.
    pub(crate) fn unanswered(file_id: u64, state: FileState) -> Self {
        Self {
            file_id,
            state,
            published: None,
            notified: None,
            publish_status: None,
            notify_status: None,
            errors: Vec::new(),
            decision: None,
        }
    }

    /// A file as the API answered: the table of states in one place.
    pub(crate) fn answered(file_id: u64, answer: UnexpectedResult) -> Self {
        let UnexpectedResult { publish_status, notify_status, errors, .. } = answer;
        let published = publish_status.as_ref().and_then(Status::succeeded);
        let notified = notify_status.as_ref().and_then(Status::succeeded);
        let state = match (published, notified) {
            (Some(true), Some(true)) if errors.is_empty() => FileState::Ok,
            (Some(true), Some(true)) | (Some(false), _) | (_, Some(false)) => FileState::Failed,
            _ => FileState::Unknown,
        };
        Self { file_id, state, published, notified, publish_status, notify_status, errors, decision: None }
    }

    /// Whether nobody knows what became of it, and no person has decided about it.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.state == FileState::Unknown && self.decision.is_none()
    }

    /// Whether it was not processed, and no person decided that it need not be.
    #[must_use]
    pub fn is_left(&self) -> bool {
        let is_done = matches!(self.decision, Some(Verdict::Published | Verdict::Leave));
        self.state == FileState::NotProcessed && !is_done
    }

    /// Whether it is to be sent again: a person found that it was not published.
    pub(crate) fn is_to_be_sent_again(&self) -> bool {
        self.state == FileState::Unknown && self.decision == Some(Verdict::NotPublished)
    }

    /// Whether a result says the same as the one that this was made of.
    pub(crate) fn repeats(&self, answer: &UnexpectedResult) -> bool {
        let UnexpectedResult { publish_status, notify_status, errors, .. } = answer;
        self.publish_status == *publish_status && self.notify_status == *notify_status && self.errors == *errors
    }

    /// The result that this was made of.
    pub(crate) fn into_answer(self) -> UnexpectedResult {
        let Self { file_id, publish_status, notify_status, errors, .. } = self;
        UnexpectedResult { file_id: Some(file_id), publish_status, notify_status, errors }
    }

    /// The contacts to whom publishing failed; `None` where they cannot be told.
    #[must_use]
    pub fn contacts_not_published(&self) -> Option<Vec<u64>> {
        self.contacts(Step::Publish, self.published)
    }

    /// The contacts who could not be e-mailed; `None` where they cannot be told.
    ///
    /// Who could not see the file presumably got no e-mail either: the API lists the two apart.
    #[must_use]
    pub fn contacts_not_notified(&self) -> Option<Vec<u64>> {
        self.contacts(Step::Notify, self.notified)
    }

    fn contacts(&self, step: Step, succeeded: Option<bool>) -> Option<Vec<u64>> {
        let succeeded = succeeded?;
        let mut contacts = Vec::new();
        for error in &self.errors {
            match error.step() {
                Some(of) if of != step => {}
                Some(_) => contacts.extend(error.contact_ids()?),
                None => return None,
            }
        }
        (succeeded || !contacts.is_empty()).then_some(contacts)
    }
}

impl Serialize for FileResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            file_id: u64,
            state: FileState,
            published: Option<bool>,
            notified: Option<bool>,
            publish_status: &'a Option<Status>,
            notify_status: &'a Option<Status>,
            errors: &'a [FileError],
            contacts_not_published: Option<Vec<u64>>,
            contacts_not_notified: Option<Vec<u64>>,
            decision: Option<Verdict>,
        }
        Shown {
            file_id: self.file_id,
            state: self.state,
            published: self.published,
            notified: self.notified,
            publish_status: &self.publish_status,
            notify_status: &self.notify_status,
            errors: &self.errors,
            contacts_not_published: self.contacts_not_published(),
            contacts_not_notified: self.contacts_not_notified(),
            decision: self.decision,
        }
        .serialize(serializer)
    }
}

/// A result of the API that belongs to no requested file alone: an id nobody asked for, an id that
/// cannot be read, or one of several answers that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct UnexpectedResult {
    /// The id it named, if it can be read.
    pub file_id: Option<u64>,
    /// The API's word on publishing.
    pub publish_status: Option<Status>,
    /// The API's word on notifying.
    pub notify_status: Option<Status>,
    /// The API's error objects.
    pub errors: Vec<FileError>,
}

impl UnexpectedResult {
    /// What most results say.
    pub(crate) fn success(file_id: u64) -> Self {
        let success = Some(Status::Success);
        Self { file_id: Some(file_id), publish_status: success.clone(), notify_status: success, errors: Vec::new() }
    }
}

/// One POST, or one try at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// When the body began to go out; `None`: it never did.
    #[serde(with = "rfc3339")]
    pub sent_at: Option<SystemTime>,
    /// When the answer's head arrived; `None`: it never did.
    #[serde(with = "rfc3339")]
    pub answered_at: Option<SystemTime>,
    /// The status code of the answer.
    pub http_status: Option<u16>,
    /// The server's `X-Request-Id`.
    pub request_id: Option<String>,
    /// Seconds from the start of the attempt to its end; in JSON and here alike.
    #[serde(with = "seconds")]
    pub elapsed: Duration,
    /// What the attempt ended in.
    pub outcome: Outcome,
    /// The delay that a 429 asked for, in seconds.
    #[serde(with = "maybe_seconds")]
    pub retry_after: Option<Duration>,
}

/// What became of every file of one call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublishReport {
    request: PublishRequest,
    files: Vec<FileResult>,
    unexpected: Vec<UnexpectedResult>,
    attempts: Vec<Attempt>,
    next_link: Option<String>,
    raw: String,
}

/// The contacts that some step failed for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct FailedContacts {
    /// Contact id → the files, and which step of each failed.
    pub contacts: BTreeMap<u64, Vec<(u64, Step)>>,
    /// The files with a failure whose contacts could not be read.
    pub unreadable: Vec<u64>,
}

impl PublishReport {
    pub(crate) fn new(
        request: PublishRequest,
        files: Vec<FileResult>,
        unexpected: Vec<UnexpectedResult>,
        next_link: Option<String>,
        raw: String,
    ) -> Self {
        Self { request, files, unexpected, attempts: Vec::new(), next_link, raw }
    }

    /// A report in which every file has one state that no answer speaks of.
    pub(crate) fn uniform(request: &PublishRequest, state: FileState, raw: String) -> Self {
        let files = request.file_ids().iter().map(|id| FileResult::unanswered(*id, state)).collect();
        Self::new(request.clone(), files, Vec::new(), None, raw)
    }

    /// The same report with what is known better about some files.
    pub(crate) fn with_results(&self, results: &HashMap<u64, FileResult>) -> Self {
        let files = self.files.iter().map(|file| results.get(&file.file_id).unwrap_or(file).clone());
        Self { files: files.collect(), ..self.clone() }
    }

    pub(crate) fn with_attempts(mut self, attempts: Vec<Attempt>) -> Self {
        self.attempts = attempts;
        self
    }

    /// Whether the API reported no failure for every file: each is [`FileState::Ok`].
    #[must_use]
    pub fn ok(&self) -> bool {
        self.files.iter().all(|file| file.state == FileState::Ok)
    }

    /// Whether nothing is left to be sent or to be decided about.
    #[must_use]
    pub fn settled(&self) -> bool {
        !self.files.iter().any(|file| file.is_undecided() || file.is_left() || file.is_to_be_sent_again())
    }

    /// The files whose outcome is unknown and about which nobody has decided.
    #[must_use]
    pub fn undecided(&self) -> Vec<u64> {
        self.files.iter().filter(|file| file.is_undecided()).map(|file| file.file_id).collect()
    }

    /// The files that were not processed, save those of which a person decided that they need not be.
    pub fn left(&self) -> impl Iterator<Item = &FileResult> {
        self.files.iter().filter(|file| file.is_left())
    }

    /// Every file, in the order asked.
    #[must_use]
    pub fn files(&self) -> &[FileResult] {
        &self.files
    }

    /// The files in one state.
    pub fn in_state(&self, state: FileState) -> impl Iterator<Item = &FileResult> {
        self.files.iter().filter(move |file| file.state == state)
    }

    /// How many files are in one state.
    #[must_use]
    pub fn count(&self, state: FileState) -> usize {
        self.in_state(state).count()
    }

    /// What became of the call as a whole, as its files tell.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.count(FileState::Unknown) > 0 {
            Outcome::Unknown
        } else if self.count(FileState::NotProcessed) == self.files.len() {
            Outcome::NotProcessed
        } else {
            Outcome::Processed
        }
    }

    /// The result of one file of the request.
    #[must_use]
    pub fn file(&self, file_id: u64) -> Option<&FileResult> {
        self.files.iter().find(|file| file.file_id == file_id)
    }

    /// What was asked.
    #[must_use]
    pub fn request(&self) -> &PublishRequest {
        &self.request
    }

    /// Every try, in order. Empty where the report was read without a network.
    #[must_use]
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// Results that belong to no requested file alone, as they came.
    #[must_use]
    pub fn unexpected(&self) -> &[UnexpectedResult] {
        &self.unexpected
    }

    /// A link to further results that could not be followed.
    #[must_use]
    pub fn next_link(&self) -> Option<&str> {
        self.next_link.as_deref()
    }

    /// The answer's body as it came, its pages joined by line feeds; as much as was read of it.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The contacts that some step failed for, and the files whose contacts could not be read.
    #[must_use]
    pub fn failed_contacts(&self) -> FailedContacts {
        let mut failed = FailedContacts::default();
        for file in self.in_state(FileState::Failed) {
            for (step, contacts) in
                [(Step::Publish, file.contacts_not_published()), (Step::Notify, file.contacts_not_notified())]
            {
                if let Some(contacts) = contacts {
                    for contact in contacts {
                        failed.contacts.entry(contact).or_default().push((file.file_id, step));
                    }
                } else if failed.unreadable.last() != Some(&file.file_id) {
                    failed.unreadable.push(file.file_id);
                }
            }
        }
        failed
    }

    /// The report itself if every file is ok.
    ///
    /// # Errors
    /// [`ErrorKind::PublishFailures`] otherwise, with the report.
    pub fn raise_for_failures(self) -> Result<Self, Error> {
        if self.ok() { Ok(self) } else { Err(Error::publish_failures(self)) }
    }

    /// The report as JSON, the same in every language; [`from_json`](Self::from_json) reads it back.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, whole numbers and finite seconds: there is nothing here that cannot be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] where the text is no report.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let report: Self = serde_json::from_str(json)
            .map_err(|error| Error::new(ErrorKind::Input, format!("This is not the JSON of a report: {error}.")))?;
        let named = report.files.iter().map(|file| file.file_id);
        if !named.eq(report.request.file_ids().iter().copied()) {
            let message = "This is not the JSON of a report: its files are not those of its request.";
            return Err(Error::new(ErrorKind::Input, message.to_owned()));
        }
        Ok(report)
    }
}

impl PublishReport {
    /// One line: how many files are in which state, and what was asked.
    #[must_use]
    pub fn summary(&self) -> String {
        let states = [FileState::Ok, FileState::Failed, FileState::Unknown, FileState::NotProcessed];
        let counts: Vec<String> = states
            .into_iter()
            .map(|state| (self.count(state), state))
            .filter(|(count, _)| *count > 0)
            .map(|(count, state)| format!("{count} {}", state.as_str()))
            .collect();
        let contacts = match self.request.publish_override_contact_ids().len() {
            0 => String::new(),
            count => format!(", {count} override contacts"),
        };
        format!(
            "{} (asked: {}, {}{contacts})",
            counts.join(", "),
            self.request.portal_publishing(),
            self.request.contact_notification(),
        )
    }
}

impl fmt::Display for PublishReport {
    /// The summary, and a line for each of the first files that are not ok. What a server wrote is
    /// escaped: it may be shown on a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LINES: usize = 20;
        let (publish, notify) = self.request.asks();
        f.write_str(&self.summary())?;
        let troubled = || self.files.iter().filter(|file| file.state != FileState::Ok);
        let width = troubled().take(LINES).map(|file| file.file_id.to_string().len()).max().unwrap_or_default();
        for file in troubled().take(LINES) {
            write!(
                f,
                "\n  {:>width$}  {:<13}  published: {:<9}  notified: {:<9}",
                file.file_id,
                file.state.as_str(),
                word(publish, file.published),
                word(notify, file.notified),
            )?;
            for said in file.errors.iter().filter_map(|error| error.detail.as_deref().or(error.title.as_deref())) {
                write!(f, "  {}", said.escape_debug())?;
            }
        }
        match troubled().count().saturating_sub(LINES) {
            0 => {}
            more => write!(f, "\n  … and {more} more")?,
        }
        match self.unexpected.len() {
            0 => Ok(()),
            count => write!(f, "\n  {count} results belong to no requested file alone: see unexpected"),
        }
    }
}

impl Serialize for PublishReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            ok: bool,
            settled: bool,
            undecided: Vec<u64>,
            request: &'a PublishRequest,
            files: &'a [FileResult],
            unexpected: &'a [UnexpectedResult],
            attempts: &'a [Attempt],
            next_link: &'a Option<String>,
            raw: &'a str,
        }
        let Self { request, files, unexpected, attempts, next_link, raw } = self;
        let (ok, settled, undecided) = (self.ok(), self.settled(), self.undecided());
        Shown { ok, settled, undecided, request, files, unexpected, attempts, next_link, raw }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublishReport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Shown {
            request: PublishRequest,
            files: Vec<FileResult>,
            unexpected: Vec<UnexpectedResult>,
            attempts: Vec<Attempt>,
            next_link: Option<String>,
            raw: String,
        }
        let Shown { request, files, unexpected, attempts, next_link, raw } = Shown::deserialize(deserializer)?;
        Ok(Self { request, files, unexpected, attempts, next_link, raw })
    }
}

/// Times as text in UTC, such as `2026-11-24T21:14:07.123456Z`.
pub(crate) mod rfc3339 {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde hands over a reference to the member")]
    pub(crate) fn serialize<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(|time| humantime::format_rfc3339_micros(time).to_string()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| humantime::parse_rfc3339(&text).map_err(serde::de::Error::custom))
            .transpose()
    }

    /// For a time that is always there.
    pub(crate) mod always {
        use super::{Deserialize, Deserializer, Serializer, SystemTime};

        pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
            super::serialize(&Some(*time), serializer)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
            humantime::parse_rfc3339(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
        }
    }
}

/// Durations as seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        duration.as_secs_f64().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

mod maybe_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde hands over a reference to the member")]
    pub(super) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.as_ref().map(Duration::as_secs_f64).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Option::<f64>::deserialize(deserializer)?
            .map(|seconds| Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom))
            .transpose()
    }
}
