//! What a run is going to do: chunks, and the fingerprint by which a run is known again. No I/O.

use ring::digest::{SHA256, digest};

use crate::model::request::PublishRequest;

/// A hash as it is written.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    hash.as_ref()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// The same in every language and version for the same server, firm, modes, override contacts and
/// files, in whatever order the ids were given.
pub(crate) fn fingerprint(origin: &str, firm_id: &str, request: &PublishRequest) -> String {
    let sorted = |ids: &[u64]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
    };
    let text = [
        "addepar-portal 1",
        origin,
        firm_id,
        request.portal_publishing().as_str(),
        request.contact_notification().as_str(),
        &sorted(request.publish_override_contact_ids()),
        &sorted(request.file_ids()),
    ];
    sha256(text.join("\n").as_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::request::{ContactNotification, PortalPublishing};

    fn request(ids: &[u64], contacts: &[u64]) -> PublishRequest {
        let modes = (PortalPublishing::Publish, ContactNotification::Notify);
        let request = PublishRequest::for_batch(ids.iter().copied(), modes.0, modes.1).unwrap();
        request.with_override_contacts(contacts.iter().copied()).unwrap()
    }

    #[test]
    fn the_fingerprint_never_changes() {
        let known = fingerprint("https://examplefirm.addepar.com", "1", &request(&[38, 37], &[25, 23]));
        assert_eq!(
            known,
            sha256(b"addepar-portal 1\nhttps://examplefirm.addepar.com\n1\npublish\nnotify\n23,25\n37,38")
        );
        assert_eq!(known, fingerprint("https://examplefirm.addepar.com", "1", &request(&[37, 38], &[23, 25])));
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn whatever_matters_changes_the_fingerprint() {
        let origin = "https://examplefirm.addepar.com";
        let known = fingerprint(origin, "1", &request(&[37], &[]));
        assert_ne!(known, fingerprint("https://other.addepar.com", "1", &request(&[37], &[])));
        assert_ne!(known, fingerprint(origin, "2", &request(&[37], &[])));
        assert_ne!(known, fingerprint(origin, "1", &request(&[38], &[])));
        assert_ne!(known, fingerprint(origin, "1", &request(&[37], &[37])));
    }
}
