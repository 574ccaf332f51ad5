//! What became of one file.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::id;
use crate::model::invalid_input::InvalidInput;
use crate::model::message::{message, name};
use crate::model::request::Asks;

/// The state of one file after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

    /// Whether both say the same, in whatever case.
    fn says(&self, other: &Self) -> bool {
        self.as_str().eq_ignore_ascii_case(other.as_str())
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is published: this run does not send it again.
    Published,
    /// It is not published: the next resume sends it.
    NotPublished,
    /// Nobody knows, or it does not matter: this run does not send it again.
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
    type Err = InvalidInput;

    fn from_str(verdict: &str) -> Result<Self, InvalidInput> {
        Self::ALL.into_iter().find(|known| known.as_str() == verdict).ok_or_else(|| {
            let allowed = Self::ALL.map(Self::as_str).join(", ");
            InvalidInput::of_decision(message![
                name("decision"),
                format!(" must be one of {allowed}, not {verdict:?}.")
            ])
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
    /// Whether the API reported that publishing succeeded for all contacts; `None` if it did not say, or if the file was
    /// to be published to nobody.
    pub published: Option<bool>,
    /// Likewise for e-mails: `None` if nobody was to be notified, about which the API answers success as well.
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
    /// Why nobody knows what became of it, in words; `None` if that is known. Reports and journals of earlier versions
    /// have none. It may quote the server: escape it for where
    /// it is shown.
    #[serde(default)]
    pub reason: Option<String>,
    /// The name of the portfolio that it is of, if that is known: a generated report says it.
    #[serde(default)]
    pub portfolio_name: Option<String>,
}

impl FileResult {
    /// A file of which there is nothing to say but that both steps succeeded, as far as they were asked for.
    #[must_use]
    pub fn succeeded(file_id: u64, asks: Asks) -> Self {
        Self {
            file_id,
            state: FileState::Ok,
            published: asks.publish.then_some(true),
            notified: asks.notify.then_some(true),
            publish_status: Some(Status::Success),
            notify_status: Some(Status::Success),
            errors: Vec::new(),
            decision: None,
            reason: None,
            portfolio_name: None,
        }
    }

    /// Whether there is nothing more to say than [`succeeded`](Self::succeeded) does. Most files are like that, so
    /// that hosts need not carry them over member by member.
    #[must_use]
    pub fn goes_without_saying(&self, asks: Asks) -> bool {
        let Self {
            file_id: _,
            state: FileState::Ok,
            published,
            notified,
            publish_status: Some(Status::Success),
            notify_status: Some(Status::Success),
            errors,
            decision: None,
            reason: None,
            portfolio_name: None,
        } = self
        else {
            return false;
        };
        let said = (asks.publish.then_some(true), asks.notify.then_some(true));
        errors.is_empty() && (*published, *notified) == said
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
            reason: None,
            portfolio_name: None,
        }
    }

    /// A file of which nobody can tell what became of it, and why.
    pub(crate) fn unknown(file_id: u64, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::unanswered(file_id, FileState::Unknown) }
    }

    /// A file as the API answered: the table of states in one place.
    pub(crate) fn answered(file_id: u64, answer: UnexpectedResult, asks: Asks) -> Self {
        let UnexpectedResult { publish_status, notify_status, errors, .. } = answer;
        let published = publish_status.as_ref().and_then(Status::succeeded);
        let notified = notify_status.as_ref().and_then(Status::succeeded);
        let state = match (published, notified) {
            (Some(true), Some(true)) if errors.is_empty() => FileState::Ok,
            (Some(true), Some(true)) | (Some(false), _) | (_, Some(false)) => FileState::Failed,
            _ => FileState::Unknown,
        };
        let reason = (state == FileState::Unknown).then(|| {
            let names = [("publish_status", &publish_status), ("notify_status", &notify_status)];
            let odd: Vec<String> = names.into_iter().filter_map(|(name, status)| odd(name, status.as_ref())).collect();
            format!("Its result says neither success nor fail: {}.", odd.join(" and "))
        });
        Self {
            state,
            published,
            notified,
            publish_status,
            notify_status,
            errors,
            reason,
            ..Self::unanswered(file_id, state)
        }
        .limited_to(asks)
    }

    /// Nothing is published or notified that nobody asked for. Earlier versions went by the answer alone.
    pub(crate) fn limited_to(self, asks: Asks) -> Self {
        let (published, notified) = (self.published, self.notified);
        Self { published: published.filter(|_| asks.publish), notified: notified.filter(|_| asks.notify), ..self }
    }

    /// The same beside errors that may be about any file: it is not ok.
    pub(crate) fn beside_errors(self, reason: &str) -> Self {
        match (self.state, &self.reason) {
            (FileState::Unknown, Some(own)) => Self { reason: Some(format!("{own} {reason}")), ..self },
            (FileState::Ok | FileState::Unknown, _) => {
                Self { state: FileState::Unknown, reason: Some(reason.to_owned()), ..self }
            }
            (FileState::Failed | FileState::NotProcessed, _) => self,
        }
    }

    /// Makes a file unknown that is yet to be sent, now that another call writes its journal; whether it is such a file.
    pub(crate) fn await_another_call(&mut self) -> bool {
        let is_awaited = self.is_left() || self.is_to_be_sent_again();
        if is_awaited {
            // A decision to send it is carried out by that call.
            (self.state, self.decision) = (FileState::Unknown, None);
            self.reason = Some("Another call writes its journal, and may be about to send it.".to_owned());
        }
        is_awaited
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
        // Without `..`: a member that is forgotten here would make contradicting rows look alike.
        let UnexpectedResult { file_id: _, publish_status, notify_status, errors } = answer;
        let same = |own: &Option<Status>, other: &Option<Status>| match (own, other) {
            (Some(own), Some(other)) => own.says(other),
            (own, other) => own == other,
        };
        same(&self.publish_status, publish_status) && same(&self.notify_status, notify_status) && self.errors == *errors
    }

    /// The result that this was made of.
    pub(crate) fn into_answer(self) -> UnexpectedResult {
        let Self { file_id, publish_status, notify_status, errors, .. } = self;
        UnexpectedResult { file_id: Some(file_id), publish_status, notify_status, errors }
    }

    /// The contacts to whom publishing failed; `None` if not identified.
    #[must_use]
    pub fn contacts_not_published(&self) -> Option<Vec<u64>> {
        self.contacts(Step::Publish, self.publish_status.as_ref())
    }

    /// The contacts who could not be e-mailed; `None` if not identified.
    ///
    /// Who could not see the file presumably got no e-mail either: the API lists the two apart.
    #[must_use]
    pub fn contacts_not_notified(&self) -> Option<Vec<u64>> {
        self.contacts(Step::Notify, self.notify_status.as_ref())
    }

    fn contacts(&self, step: Step, status: Option<&Status>) -> Option<Vec<u64>> {
        let succeeded = status?.succeeded()?;
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
            reason: &'a Option<String>,
            portfolio_name: &'a Option<String>,
        }
        // Without `..`: what is forgotten here is missing in journals too.
        let Self {
            file_id,
            state,
            published,
            notified,
            publish_status,
            notify_status,
            errors,
            decision,
            reason,
            portfolio_name,
        } = self;
        Shown {
            file_id: *file_id,
            state: *state,
            published: *published,
            notified: *notified,
            publish_status,
            notify_status,
            errors,
            contacts_not_published: self.contacts_not_published(),
            contacts_not_notified: self.contacts_not_notified(),
            decision: *decision,
            reason,
            portfolio_name,
        }
        .serialize(serializer)
    }
}

/// A status that says neither success nor fail, in words.
fn odd(name: &str, status: Option<&Status>) -> Option<String> {
    const LENGTH: usize = 80;
    match status {
        Some(Status::Success | Status::Fail) => None,
        Some(Status::Other(text)) => Some(format!("`{name}` is {:?}", text.chars().take(LENGTH).collect::<String>())),
        None => Some(format!("`{name}` is missing")),
    }
}

/// A result of the API that belongs to no requested file alone: an id nobody asked for, an id that
/// cannot be read, one of several answers that contradict each other, or one whose two ids do.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_success_goes_without_saying() {
        for (publish, notify) in [(true, true), (true, false), (false, true)] {
            let asks = Asks { publish, notify };
            let succeeded = FileResult::succeeded(37, asks);
            assert!(succeeded.goes_without_saying(asks));
            let changes: [fn(&mut FileResult); 9] = [
                |file| file.state = FileState::Unknown,
                |file| file.published = Some(false),
                |file| file.notified = Some(false),
                |file| file.publish_status = None,
                |file| file.notify_status = Some(Status::Other("SUCCESS".into())),
                |file| file.errors.push(FileError { code: None, title: None, detail: None }),
                |file| file.decision = Some(Verdict::Leave),
                |file| file.reason = Some(String::new()),
                |file| file.portfolio_name = Some("Ashby".to_owned()),
            ];
            for (number, change) in changes.into_iter().enumerate() {
                let mut file = succeeded.clone();
                change(&mut file);
                assert!(!file.goes_without_saying(asks), "{number}");
            }
        }
    }
}
