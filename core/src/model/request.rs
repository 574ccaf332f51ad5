//! The request: validated once, then exact.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::id::{self, MAX_FILES, RawId};
use crate::model::invalid_input::InvalidInput;
use crate::model::message::{message, name};

/// The API's route below the base URL.
pub(crate) const ROUTE: &str = "/v1/portal/publish_files";

macro_rules! modes {
    ($(#[$docs:meta])* $name:ident, $argument:literal, { $($(#[$variant_docs:meta])* $variant:ident = $lower:literal / $upper:literal,)* }) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_docs])* $variant,)*
        }

        impl $name {
            /// Every value, in the order of the API's page.
            pub const ALL: [Self; 3] = [$(Self::$variant),*];

            /// The value as the API's table writes it, in lower case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $lower,)*
                }
            }

            /// The value as it is sent, in upper case like the API's example.
            const fn on_the_wire(self) -> &'static str {
                match self {
                    $(Self::$variant => $upper,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = InvalidInput;

            /// Takes any case.
            fn from_str(mode: &str) -> Result<Self, InvalidInput> {
                Self::ALL
                    .into_iter()
                    .find(|known| known.as_str().eq_ignore_ascii_case(mode))
                    .ok_or_else(|| {
                        let allowed = Self::ALL.map(Self::as_str).join(", ");
                        InvalidInput::new(message![
                            name($argument),
                            format!(" must be one of {allowed}, not {mode:?}."),
                        ])
                    })
            }
        }
    };
}

modes! {
    /// Whose portals the files are published to.
    PortalPublishing, "portal_publishing", {
        /// To nobody's, override contacts apart.
        DoNotPublish = "do_not_publish" / "DO_NOT_PUBLISH",
        /// As each contact prefers.
        UseContactPreference = "use_contact_preference" / "USE_CONTACT_PREFERENCE",
        /// To every contact's.
        Publish = "publish" / "PUBLISH",
    }
}

modes! {
    /// Who is e-mailed about what was published.
    ContactNotification, "contact_notification", {
        /// Nobody.
        DoNotNotify = "do_not_notify" / "DO_NOT_NOTIFY",
        /// As each contact prefers.
        UseContactPreference = "use_contact_preference" / "USE_CONTACT_PREFERENCE",
        /// Every contact.
        Notify = "notify" / "NOTIFY",
    }
}

/// Which steps a request asks for. What was not asked for was not done, whatever the API answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asks {
    /// Whether anybody is to be published to.
    pub publish: bool,
    /// Whether anybody is to be e-mailed.
    pub notify: bool,
}

/// For whom one step was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Nobody,
    /// For those contacts who prefer it, of whom there may be none.
    Preferring,
    All,
    /// By calls that differ.
    InDifferentWays,
}

/// One call of the API, validated. No network.
///
/// Both modes are required: no default may e-mail anybody.
///
/// ```
/// use addepar_portal::{ContactNotification, PortalPublishing, PublishRequest};
///
/// let request = PublishRequest::new([37, 38], PortalPublishing::Publish, ContactNotification::DoNotNotify)?;
/// assert_eq!(request.file_ids(), [37, 38]);
/// # Ok::<(), addepar_portal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublishRequest {
    file_ids: Arc<[u64]>,
    portal_publishing: PortalPublishing,
    contact_notification: ContactNotification,
    publish_override_contact_ids: Arc<[u64]>,
    /// File → the name of its portfolio, as far as that is known. It is not sent.
    portfolio_names: Arc<BTreeMap<u64, String>>,
    /// Whether its files are those that generated reports have, which were not read yet.
    is_for_reports: bool,
}

impl PublishRequest {
    /// From 1 to 500 distinct files.
    ///
    /// # Errors
    /// [`InvalidInput`], naming the values that cannot be sent.
    pub fn new<Ids>(
        file_ids: Ids,
        portal_publishing: PortalPublishing,
        contact_notification: ContactNotification,
    ) -> Result<Self, InvalidInput>
    where
        Ids: IntoIterator,
        Ids::Item: Into<RawId>,
    {
        let file_ids = id::validate_at_most("file_ids", file_ids, MAX_FILES)?;
        let request = Self::of(file_ids, portal_publishing, contact_notification);
        match request.misfit() {
            Some(error) => Err(error),
            None => Ok(request),
        }
    }

    /// Any number of distinct files, for a batch.
    ///
    /// # Errors
    /// [`InvalidInput`], naming the values that cannot be sent.
    pub fn for_batch<Ids>(
        file_ids: Ids,
        portal_publishing: PortalPublishing,
        contact_notification: ContactNotification,
    ) -> Result<Self, InvalidInput>
    where
        Ids: IntoIterator,
        Ids::Item: Into<RawId>,
    {
        let request = Self::for_what_is_left(file_ids, portal_publishing, contact_notification)?;
        if request.file_ids.is_empty() { Err(Self::names_none()) } else { Ok(request) }
    }

    /// The error for a batch of no files.
    pub(crate) fn names_none() -> InvalidInput {
        InvalidInput::new(message![name("file_ids"), " must name one file or more, not none."])
    }

    /// As [`for_batch`](Self::for_batch), of files that may all have been left out since they are published already.
    pub(crate) fn for_what_is_left<Ids>(
        file_ids: Ids,
        portal_publishing: PortalPublishing,
        contact_notification: ContactNotification,
    ) -> Result<Self, InvalidInput>
    where
        Ids: IntoIterator,
        Ids::Item: Into<RawId>,
    {
        Ok(Self::of(id::validate("file_ids", file_ids)?, portal_publishing, contact_notification))
    }

    fn of(file_ids: Vec<u64>, portal_publishing: PortalPublishing, contact_notification: ContactNotification) -> Self {
        Self { file_ids: file_ids.into(), portal_publishing, contact_notification, ..Self::of_nothing() }
    }

    /// A request for whatever generated reports have, which is known once they were read: see
    /// [`BatchOptions::reports`](crate::BatchOptions::reports).
    #[must_use]
    pub fn for_reports(portal_publishing: PortalPublishing, contact_notification: ContactNotification) -> Self {
        Self { portal_publishing, contact_notification, is_for_reports: true, ..Self::of_nothing() }
    }

    /// What is asked before a journal tells.
    pub(crate) fn of_nothing() -> Self {
        Self {
            file_ids: Arc::default(),
            portal_publishing: PortalPublishing::DoNotPublish,
            contact_notification: ContactNotification::DoNotNotify,
            publish_override_contact_ids: Arc::default(),
            portfolio_names: Arc::default(),
            is_for_reports: false,
        }
    }

    /// The error for more files than one call takes, or for none.
    pub(crate) fn misfit(&self) -> Option<InvalidInput> {
        match self.file_ids.len() {
            0 => Some(InvalidInput::new(message![name("file_ids"), " must name from 1 to 500 files, not none."])),
            1..=MAX_FILES => None,
            // A host reads one more at most: how many there are, nobody knows.
            _ => Some(InvalidInput::new(message![
                name("file_ids"),
                format!(" must name at most {MAX_FILES} files in one call, and names more: see "),
                name("publish_batch"),
                ".",
            ])),
        }
    }

    /// The same for other files.
    pub(crate) fn for_files(&self, file_ids: Vec<u64>) -> Self {
        Self { file_ids: file_ids.into(), is_for_reports: false, ..self.clone() }
    }

    /// Whether it means whatever generated reports have.
    pub(crate) fn is_for_reports(&self) -> bool {
        self.is_for_reports
    }

    /// The same for the files that it names and no others, as a report has it.
    pub(crate) fn for_its_files(self) -> Self {
        Self { is_for_reports: false, ..self }
    }

    /// The same files, with the modes and override contacts of another request.
    pub(crate) fn asking_what(&self, other: &Self) -> Self {
        let Self { file_ids, portfolio_names, is_for_reports, .. } = self.clone();
        Self { file_ids, portfolio_names, is_for_reports, ..other.clone() }
    }

    /// Whether another request has the same modes and override contacts.
    pub(crate) fn asks_the_same_as(&self, other: &Self) -> bool {
        let asked = |request: &Self| (request.portal_publishing, request.contact_notification);
        asked(self) == asked(other) && self.publish_override_contact_ids == other.publish_override_contact_ids
    }

    /// Contacts whose portals receive **every** file of the call, whatever `portal_publishing` says.
    ///
    /// # Errors
    /// [`InvalidInput`], naming the values that cannot be sent.
    pub fn with_override_contacts<Ids>(mut self, contact_ids: Ids) -> Result<Self, InvalidInput>
    where
        Ids: IntoIterator,
        Ids::Item: Into<RawId>,
    {
        self.publish_override_contact_ids = id::validate("publish_override_contact_ids", contact_ids)?.into();
        Ok(self)
    }

    /// Gives files the names of their portfolios, which stand beside them in reports and journals. They are not sent.
    #[must_use]
    pub fn with_portfolio_names(mut self, portfolio_names: BTreeMap<u64, String>) -> Self {
        self.portfolio_names = Arc::new(portfolio_names);
        self
    }

    /// File → the name of its portfolio, as far as that is known.
    #[must_use]
    pub fn portfolio_names(&self) -> &BTreeMap<u64, String> {
        &self.portfolio_names
    }

    /// The name of a file's portfolio, if it is known.
    #[must_use]
    pub fn portfolio_name(&self, file_id: u64) -> Option<&str> {
        self.portfolio_names.get(&file_id).map(String::as_str)
    }

    /// The files, in the order asked.
    #[must_use]
    pub fn file_ids(&self) -> &[u64] {
        &self.file_ids
    }

    /// Whose portals the files are published to.
    #[must_use]
    pub fn portal_publishing(&self) -> PortalPublishing {
        self.portal_publishing
    }

    /// Who is e-mailed.
    #[must_use]
    pub fn contact_notification(&self) -> ContactNotification {
        self.contact_notification
    }

    /// The contacts who receive every file.
    #[must_use]
    pub fn publish_override_contact_ids(&self) -> &[u64] {
        &self.publish_override_contact_ids
    }

    /// Which steps are asked for.
    #[must_use]
    pub fn asks(&self) -> Asks {
        let publish = self.portal_publishing != PortalPublishing::DoNotPublish;
        Asks {
            publish: publish || !self.publish_override_contact_ids.is_empty(),
            notify: self.contact_notification != ContactNotification::DoNotNotify,
        }
    }

    /// Whom the files are to be published to.
    pub(crate) fn asked_to_publish(&self) -> Asked {
        match self.portal_publishing {
            PortalPublishing::Publish => Asked::All,
            PortalPublishing::UseContactPreference => Asked::Preferring,
            // The override contacts.
            PortalPublishing::DoNotPublish if self.asks().publish => Asked::All,
            PortalPublishing::DoNotPublish => Asked::Nobody,
        }
    }

    /// Who is to be e-mailed.
    pub(crate) fn asked_to_notify(&self) -> Asked {
        match self.contact_notification {
            ContactNotification::Notify => Asked::All,
            ContactNotification::UseContactPreference => Asked::Preferring,
            ContactNotification::DoNotNotify => Asked::Nobody,
        }
    }

    /// The body of the POST, exactly as it is sent.
    #[must_use]
    pub fn to_json(&self) -> String {
        let body = Body {
            data: Data {
                kind: "publish_portal_files_request",
                attributes: Attributes {
                    files_id: &self.file_ids,
                    portal_publishing: self.portal_publishing.on_the_wire(),
                    contact_notification: self.contact_notification.on_the_wire(),
                    publish_override_contact_ids: &self.publish_override_contact_ids,
                },
            },
        };
        // Whole numbers and fixed strings: there is nothing here that cannot be written.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    attributes: Attributes<'a>,
}

#[derive(Serialize)]
struct Attributes<'a> {
    files_id: &'a [u64],
    portal_publishing: &'static str,
    contact_notification: &'static str,
    #[serde(skip_serializing_if = "<[u64]>::is_empty")]
    publish_override_contact_ids: &'a [u64],
}

/// The request inside a report's JSON: the caller's names, in snake case.
#[derive(Serialize, Deserialize)]
struct Flat<Ids, Names> {
    file_ids: Ids,
    portal_publishing: PortalPublishing,
    contact_notification: ContactNotification,
    publish_override_contact_ids: Ids,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    portfolio_names: Option<Names>,
}

impl Serialize for PublishRequest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Flat {
            file_ids: self.file_ids(),
            portal_publishing: self.portal_publishing,
            contact_notification: self.contact_notification,
            publish_override_contact_ids: self.publish_override_contact_ids(),
            portfolio_names: Some(self.portfolio_names()).filter(|names| !names.is_empty()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublishRequest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let flat = Flat::<Vec<u64>, BTreeMap<u64, String>>::deserialize(deserializer)?;
        Self::for_what_is_left(flat.file_ids, flat.portal_publishing, flat.contact_notification)
            .and_then(|request| request.with_override_contacts(flat.publish_override_contact_ids))
            .map(|request| request.with_portfolio_names(flat.portfolio_names.unwrap_or_default()))
            .map_err(|invalid| serde::de::Error::custom(invalid.message().trim_end_matches('.')))
    }
}
