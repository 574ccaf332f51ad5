//! One call of the API, validated.

use std::collections::BTreeMap;

use addepar_portal::{ContactNotification, Error, PortalPublishing, PublishRequest};
use napi::bindgen_prelude::{Either, Float64Array};
use napi_derive::napi;

use crate::failure::{Failure, or_failure};
use crate::id::{self, Ids};

/// A validated request.
#[napi]
pub struct Request(PublishRequest);

#[napi]
impl Request {
    /// Leaves every verdict to the core. A batch may have any number of files. `portfolio_names`: a list of files and
    /// the names of their portfolios, as JSON.
    #[napi]
    pub fn create(
        file_ids: Ids,
        portal_publishing: String,
        contact_notification: String,
        publish_override_contact_ids: Ids,
        batch: bool,
        portfolio_names: Option<String>,
    ) -> Either<Request, Failure> {
        let make = if batch { PublishRequest::for_batch } else { PublishRequest::new };
        let request = id::raw(file_ids)
            .and_then(|file_ids| Ok(make(file_ids, portal_publishing.parse()?, contact_notification.parse()?)?))
            .and_then(|request| with_override_contacts(request, publish_override_contact_ids))
            .and_then(|request| with_portfolio_names(request, portfolio_names));
        or_failure(request)
    }

    /// For the files of generated reports, which are known once these were read.
    #[napi]
    pub fn for_reports(
        portal_publishing: String,
        contact_notification: String,
        publish_override_contact_ids: Ids,
    ) -> Either<Request, Failure> {
        let modes = || Ok((portal_publishing.parse()?, contact_notification.parse()?));
        let request = modes()
            .map(|(publishing, notification)| PublishRequest::for_reports(publishing, notification))
            .and_then(|request| with_override_contacts(request, publish_override_contact_ids));
        or_failure(request)
    }

    /// Every word that `portalPublishing` may be.
    #[napi]
    pub fn portal_publishings() -> Vec<&'static str> {
        PortalPublishing::ALL.iter().map(|mode| mode.as_str()).collect()
    }

    /// Every word that `contactNotification` may be.
    #[napi]
    pub fn contact_notifications() -> Vec<&'static str> {
        ContactNotification::ALL.iter().map(|mode| mode.as_str()).collect()
    }

    /// The files, in the order asked.
    #[napi]
    pub fn file_ids(&self) -> Float64Array {
        id::numbers(self.0.file_ids())
    }

    /// Whose portals the files are published to.
    #[napi]
    pub fn portal_publishing(&self) -> &'static str {
        self.0.portal_publishing().as_str()
    }

    /// Who is e-mailed.
    #[napi]
    pub fn contact_notification(&self) -> &'static str {
        self.0.contact_notification().as_str()
    }

    /// The contacts who receive every file.
    #[napi]
    pub fn publish_override_contact_ids(&self) -> Float64Array {
        id::numbers(self.0.publish_override_contact_ids())
    }

    /// Files and the names of their portfolios, as JSON.
    #[napi]
    pub fn portfolio_names(&self) -> String {
        serde_json::to_string(&self.0.portfolio_names().iter().collect::<Vec<_>>()).unwrap_or_default()
    }

    /// The body of the POST.
    #[napi]
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }
}

fn with_override_contacts(request: PublishRequest, contact_ids: Ids) -> Result<PublishRequest, Error> {
    Ok(request.with_override_contacts(id::raw(contact_ids)?)?)
}

fn with_portfolio_names(request: PublishRequest, names: Option<String>) -> Result<PublishRequest, Error> {
    let Some(names) = names else { return Ok(request) };
    let names: Vec<(u64, String)> =
        serde_json::from_str(&names).map_err(|_| Error::input("The names of portfolios were not handed over."))?;
    Ok(request.with_portfolio_names(BTreeMap::from_iter(names)))
}

impl Request {
    pub(crate) fn inner(&self) -> &PublishRequest {
        &self.0
    }
}

impl From<PublishRequest> for Request {
    fn from(request: PublishRequest) -> Self {
        Self(request)
    }
}
