//! The call in plain serde, as every contender but the library itself has it.

use serde::{Deserialize, Serialize};

use crate::Totals;

/// The headers of every request.
pub(crate) const HEADERS: [(&str, &str); 5] = [
    ("authorization", "Basic a2V5OnNlY3JldA=="),
    ("addepar-firm", "1"),
    ("accept", "application/vnd.api+json"),
    ("accept-encoding", "identity"),
    ("content-type", "application/vnd.api+json"),
];

#[derive(Serialize)]
struct Request<'a> {
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    attributes: Asked<'a>,
}

#[derive(Serialize)]
struct Asked<'a> {
    files_id: &'a [u64],
    portal_publishing: &'static str,
    contact_notification: &'static str,
}

#[derive(Deserialize)]
pub(crate) struct Answer {
    data: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    file_id: u64,
    publish_status: String,
    notify_status: String,
    #[serde(default)]
    error: Vec<FileError>,
}

#[derive(Deserialize)]
struct FileError {
    code: String,
    #[allow(dead_code, reason = "read like the rest")]
    title: String,
    detail: String,
}

pub(crate) fn body(file_ids: &[u64]) -> serde_json::Result<Vec<u8>> {
    let attributes = Asked { files_id: file_ids, portal_publishing: "PUBLISH", contact_notification: "DO_NOT_NOTIFY" };
    serde_json::to_vec(&Request { data: Data { kind: "publish_portal_files_request", attributes } })
}

impl Answer {
    pub(crate) fn every_row(&self) -> Totals {
        let mut totals = [0; 3];
        let [failed, ids, words] = &mut totals;
        for Row { attributes } in &self.data {
            *ids += attributes.file_id;
            *failed += u64::from(attributes.publish_status != "success" || attributes.notify_status != "success");
            *words += attributes.error.iter().map(|error| error.code.len() + error.detail.len()).sum::<usize>() as u64;
        }
        totals
    }
}
