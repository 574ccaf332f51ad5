//! One call of the API, validated.

use addepar_portal::{ContactNotification, Error, InvalidInput, PortalPublishing, PublishRequest, RawId};
use napi::bindgen_prelude::{Either, Float64Array};
use napi_derive::napi;

use crate::failure::{Failure, or_failure};
use crate::id::{self, Ids};

/// A validated request.
#[napi]
pub struct Request(PublishRequest);

#[napi]
impl Request {
    /// Leaves every verdict to the core. A batch may have any number of files.
    #[napi]
    pub fn create(
        file_ids: Ids,
        portal_publishing: String,
        contact_notification: String,
        publish_override_contact_ids: Ids,
        batch: bool,
    ) -> Either<Request, Failure> {
        let make = if batch { PublishRequest::for_batch } else { PublishRequest::new };
        or_failure(validate(make, file_ids, &portal_publishing, &contact_notification, publish_override_contact_ids))
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

    /// The body of the POST.
    #[napi]
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }
}

type Make = fn(Vec<RawId>, PortalPublishing, ContactNotification) -> Result<PublishRequest, InvalidInput>;

fn validate(
    make: Make,
    file_ids: Ids,
    portal_publishing: &str,
    contact_notification: &str,
    override_contacts: Ids,
) -> Result<PublishRequest, Error> {
    let request = make(id::raw(file_ids)?, portal_publishing.parse()?, contact_notification.parse()?)?;
    Ok(request.with_override_contacts(id::raw(override_contacts)?)?)
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
