//! What became of every file of one call.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::api_error::ApiError;
use crate::model::attempt::{Attempt, Outcome};
use crate::model::file_result::{FileResult, FileState, Step, UnexpectedResult, Verdict};
use crate::model::json;
use crate::model::request::PublishRequest;

/// What became of every file of one call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublishReport {
    request: PublishRequest,
    files: Vec<FileResult>,
    /// Whether calls with other modes than the request's sent some of them: then the report names none.
    modes_differ: bool,
    /// Those that another call is sending at this moment: they are unknown so far.
    in_flight: Vec<u64>,
    beside: Beside,
    attempts: Vec<Attempt>,
    raw: String,
    kept_in: KeptIn,
}

/// The journal that a report is also in. What became of the files is the same wherever it is kept, so reports are compared
/// without it.
#[derive(Debug, Clone, Default)]
struct KeptIn(Option<Box<Path>>);

impl PartialEq for KeptIn {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for KeptIn {}

impl Hash for KeptIn {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// What an answer has beside the results of the files that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub(crate) struct Beside {
    pub(crate) unexpected: Vec<UnexpectedResult>,
    /// Error objects at the top of a page. Earlier versions passed them over.
    #[serde(default)]
    pub(crate) errors: Vec<ApiError>,
    /// Earlier versions kept a link at most.
    #[serde(default)]
    pub(crate) unread_pages: Vec<UnreadPage>,
}

impl Beside {
    /// Adds what another answer has.
    pub(crate) fn extend(&mut self, other: &Self) {
        let Self { unexpected, errors, unread_pages } = other;
        self.unexpected.extend_from_slice(unexpected);
        self.errors.extend_from_slice(errors);
        self.unread_pages.extend_from_slice(unread_pages);
    }
}

/// A further page of results that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UnreadPage {
    /// The link to it, as the page before has it.
    pub link: String,
    /// The status code of what was answered for it; `None` if nothing was.
    pub http_status: Option<u16>,
    /// Why it was not read, in words. It may quote what was answered: escape it for where it is shown.
    pub reason: String,
    /// The body of what was answered for it, as much as was read of it.
    pub raw: String,
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
    pub(crate) fn new(request: PublishRequest, files: Vec<FileResult>, beside: Beside, raw: String) -> Self {
        let (mut files, request) = (files, request.for_its_files());
        if !request.portfolio_names().is_empty() {
            for file in &mut files {
                file.portfolio_name = request.portfolio_name(file.file_id).map(str::to_owned);
            }
        }
        Self {
            request,
            files,
            modes_differ: false,
            in_flight: Vec::new(),
            beside,
            attempts: Vec::new(),
            raw,
            kept_in: KeptIn::default(),
        }
    }

    /// A report in which every file has one state that no answer speaks of.
    pub(crate) fn uniform(request: &PublishRequest, state: FileState, raw: String) -> Self {
        let files = request.file_ids().iter().map(|id| FileResult::unanswered(*id, state)).collect();
        Self::new(request.clone(), files, Beside::default(), raw)
    }

    /// The same report of a call with this journal.
    pub(crate) fn kept_in(self, journal: &Path) -> Self {
        Self { kept_in: KeptIn(Some(journal.into())), ..self }
    }

    /// The path of the call's journal, in which a person decides about the unknown files; `None` where it has none.
    ///
    /// Reports are compared without it.
    #[must_use]
    pub fn journal(&self) -> Option<&Path> {
        self.kept_in.0.as_deref()
    }

    /// The same report with a reason for every unknown file that has none.
    pub(crate) fn with_reason(mut self, reason: &str) -> Self {
        for file in self.files.iter_mut().filter(|file| file.state == FileState::Unknown) {
            file.reason.get_or_insert_with(|| reason.to_owned());
        }
        self
    }

    /// The same report with what is known better about some files.
    pub(crate) fn with_results(&self, results: &HashMap<u64, FileResult>) -> Self {
        let files = self.files.iter().map(|file| results.get(&file.file_id).unwrap_or(file).clone());
        Self { files: files.collect(), ..self.clone() }
    }

    /// The same report of files that earlier calls sent: with what they asked for, where that is the same of all of them.
    pub(crate) fn sent_as(mut self, asked: &[PublishRequest]) -> Self {
        if let Some((first, others)) = asked.split_first() {
            self.modes_differ |= others.iter().any(|other| !other.asks_the_same_as(first));
            if !self.modes_differ {
                self.request = self.request.asking_what(first);
            }
        }
        self
    }

    /// Whether its files were sent by calls whose modes differ: those of [`request`](Self::request) are this call's then.
    pub(crate) fn modes_differ(&self) -> bool {
        self.modes_differ
    }

    /// The same report, with the files that another call is sending at this moment.
    pub(crate) fn with_in_flight(mut self, in_flight: Vec<u64>) -> Self {
        self.in_flight = in_flight;
        self
    }

    /// The same report where another call has yet to send these files: before that is over, nobody knows what becomes of them.
    pub(crate) fn awaiting(mut self, file_ids: &HashSet<u64>) -> Self {
        for file in self.files.iter_mut().filter(|file| file_ids.contains(&file.file_id)) {
            if file.await_another_call() {
                self.in_flight.push(file.file_id);
            }
        }
        self
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

    /// Whether nothing is left to be sent, awaited or decided about.
    #[must_use]
    pub fn settled(&self) -> bool {
        !self.files.iter().any(|file| file.is_undecided() || file.is_left() || file.is_to_be_sent_again())
    }

    /// The files whose outcome is unknown and about which nobody has decided, save those in flight.
    #[must_use]
    pub fn undecided(&self) -> Vec<u64> {
        let undecided = self.files.iter().filter(|file| file.is_undecided() && !self.is_in_flight(file.file_id));
        undecided.map(|file| file.file_id).collect()
    }

    /// The files that another call was sending, or about to send, when the journal was read: what becomes of them is to be
    /// awaited, and not to be decided.
    #[must_use]
    pub fn in_flight(&self) -> &[u64] {
        &self.in_flight
    }

    fn is_in_flight(&self, file_id: u64) -> bool {
        self.in_flight.contains(&file_id)
    }

    /// The files that were not processed, save those that a person decided to leave as they are: those are in
    /// [`in_state`](Self::in_state) and [`count`](Self::count), which go by the state alone.
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
        let of_file = |file: &FileResult| match (file.state, file.decision) {
            (FileState::Ok | FileState::Failed, _) | (_, Some(Verdict::Published)) => Outcome::Processed,
            (FileState::NotProcessed, _) | (FileState::Unknown, Some(Verdict::NotPublished)) => Outcome::NotProcessed,
            (FileState::Unknown, Some(Verdict::Leave) | None) => Outcome::Unknown,
        };
        let outcomes: Vec<Outcome> = self.files.iter().map(of_file).collect();
        if outcomes.contains(&Outcome::Unknown) {
            Outcome::Unknown
        } else if outcomes.contains(&Outcome::Processed) {
            Outcome::Processed
        } else {
            Outcome::NotProcessed
        }
    }

    /// The result of one file of the request.
    #[must_use]
    pub fn file(&self, file_id: u64) -> Option<&FileResult> {
        self.files.iter().find(|file| file.file_id == file_id)
    }

    /// What was asked; of the report of an error that shows what earlier calls sent, the files of this call, and the modes
    /// and override contacts of those that sent them, where they agree.
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
        &self.beside.unexpected
    }

    /// The API's error objects beside the results, of all pages. They may be about any file, so none is ok.
    #[must_use]
    pub fn errors(&self) -> &[ApiError] {
        &self.beside.errors
    }

    /// Further pages of results that could not be read: of a batch, at most one for each request.
    #[must_use]
    pub fn unread_pages(&self) -> &[UnreadPage] {
        &self.beside.unread_pages
    }

    /// A link to further results that could not be followed: that of the first unread page.
    #[must_use]
    pub fn next_link(&self) -> Option<&str> {
        self.unread_pages().first().map(|page| page.link.as_str())
    }

    /// What the answer has beside the files.
    pub(crate) fn beside(&self) -> &Beside {
        &self.beside
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

    /// The report as JSON, the same in every language; [`from_json`](Self::from_json) reads it back.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, whole numbers and finite seconds: there is nothing here that cannot be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`to_json`](Self::to_json) wrote, or says what is wrong with it.
    pub(crate) fn read_json(json: &str) -> Result<Self, String> {
        let report: Self = json::read(json.as_bytes())?;
        let named = report.files.iter().map(|file| file.file_id);
        if named.eq(report.request.file_ids().iter().copied()) {
            Ok(report)
        } else {
            Err("its files are not those of its request".to_owned())
        }
    }
}

impl PublishReport {
    /// What became of a file, with what a person made of it.
    #[must_use]
    pub fn state_in_words(&self, file: &FileResult) -> String {
        let state = file.state.as_str();
        match file.decision {
            Some(decision) => format!("{state}, decided: {}", decision.as_str()),
            None if self.is_in_flight(file.file_id) => "being sent".to_owned(),
            None => state.to_owned(),
        }
    }

    /// One line: how many files are in which state, and what was asked.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut counted = BTreeMap::<_, usize>::new();
        for file in &self.files {
            *counted.entry((file.state, self.is_in_flight(file.file_id), file.decision)).or_default() += 1;
        }
        let counts: Vec<String> = counted
            .into_iter()
            .map(|((state, in_flight, decision), count)| match decision {
                Some(decision) => format!("{count} {} (decided: {})", state.as_str(), decision.as_str()),
                None if in_flight => format!("{count} being sent"),
                None => format!("{count} {}", state.as_str()),
            })
            .collect();
        let counts = if counts.is_empty() { "no files".to_owned() } else { counts.join(", ") };
        if self.modes_differ {
            return format!("{counts} (sent with different modes)");
        }
        let contacts = match self.request.publish_override_contact_ids().len() {
            0 => String::new(),
            1 => ", 1 override contact".to_owned(),
            count => format!(", {count} override contacts"),
        };
        format!(
            "{counts} (asked: {}, {}{contacts})",
            self.request.portal_publishing(),
            self.request.contact_notification(),
        )
    }
}

impl Serialize for PublishReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            ok: bool,
            settled: bool,
            undecided: Vec<u64>,
            in_flight: &'a [u64],
            request: &'a PublishRequest,
            files: &'a [FileResult],
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            modes_differ: bool,
            #[serde(flatten)]
            beside: &'a Beside,
            attempts: &'a [Attempt],
            next_link: Option<&'a str>,
            raw: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            journal: Option<Cow<'a, str>>,
        }
        let Self { request, files, modes_differ, in_flight, beside, attempts, raw, kept_in: _ } = self;
        let modes_differ = *modes_differ;
        let (ok, settled, undecided, next_link) = (self.ok(), self.settled(), self.undecided(), self.next_link());
        let journal = self.journal().map(Path::to_string_lossy);
        Shown {
            ok,
            settled,
            undecided,
            in_flight,
            request,
            files,
            modes_differ,
            beside,
            attempts,
            next_link,
            raw,
            journal,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublishReport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Shown {
            request: PublishRequest,
            files: Vec<FileResult>,
            #[serde(default)]
            modes_differ: bool,
            // Reports of earlier versions have none.
            #[serde(default)]
            in_flight: Vec<u64>,
            #[serde(flatten)]
            beside: Beside,
            attempts: Vec<Attempt>,
            next_link: Option<String>,
            raw: String,
            #[serde(default)]
            journal: Option<Box<Path>>,
        }
        let Shown { request, files, modes_differ, in_flight, mut beside, attempts, next_link, raw, journal } =
            Shown::deserialize(deserializer)?;
        // What other calls asked for, the request does not say.
        let limited = |file: FileResult| if modes_differ { file } else { file.limited_to(request.asks()) };
        let files = files.into_iter().map(limited).collect();
        // Earlier versions kept the link alone.
        if let Some(link) = next_link.filter(|_| beside.unread_pages.is_empty()) {
            let reason = "Nobody kept why it was not read.".to_owned();
            beside.unread_pages.push(UnreadPage { link, http_status: None, reason, raw: String::new() });
        }
        Ok(Self { request, files, modes_differ, in_flight, beside, attempts, raw, kept_in: KeptIn(journal) })
    }
}
