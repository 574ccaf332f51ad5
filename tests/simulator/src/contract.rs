//! The documented contract: what the API refuses, and what it answers.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::json;

use crate::http::{Answer, Request};
use crate::portal::{Failures, Notification, Portal, Publishing};

const MEDIA_TYPE: &str = "application/vnd.api+json";
const ROUTE: &str = "/v1/portal/publish_files";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    #[serde(rename = "type")]
    kind: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes {
    files_id: Vec<u64>,
    portal_publishing: Publishing,
    contact_notification: Notification,
    #[serde(default)]
    publish_override_contact_ids: Vec<u64>,
}

/// An error answer as JSON:API has it.
pub(crate) fn refusal(status: u16, detail: &str) -> Answer {
    let title = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        _ => "Error",
    };
    let code = title.to_lowercase().replace(' ', "_");
    let error = json!({ "status": status.to_string(), "code": code, "title": title, "detail": detail });
    Answer::json(status, json!({ "errors": [error] }).to_string())
}

/// Whether the request carries the key or a token that the portal accepts.
pub(crate) fn authorized(portal: &Portal, request: &Request) -> bool {
    let Some((scheme, credentials)) = request.header("authorization").and_then(|value| value.split_once(' ')) else {
        return false;
    };
    match scheme {
        "Basic" => {
            let key = format!("{}:{}", portal.options.key_id, portal.options.key_secret);
            credentials == base64(key.as_bytes())
        }
        "Bearer" => portal.options.access_tokens.iter().any(|token| token == credentials),
        _ => false,
    }
}

/// Everything but the fault: checks the request, does the work, answers.
pub(crate) fn publish(portal: &mut Portal, request: &Request) -> Answer {
    match check(portal, request) {
        Err(refused) => refused,
        Ok(Attributes { files_id, portal_publishing, contact_notification, publish_override_contact_ids }) => {
            let failures =
                portal.publish(&files_id, portal_publishing, contact_notification, &publish_override_contact_ids);
            Answer::json(200, results(&failures, None))
        }
    }
}

fn check(portal: &Portal, request: &Request) -> Result<Attributes, Answer> {
    let path = request.path.split('?').next().unwrap_or_default();
    if path.strip_prefix("/api").unwrap_or(path) != ROUTE {
        return Err(refusal(404, "There is no such route."));
    }
    if request.method != "POST" {
        return Err(refusal(405, "This route takes POST."));
    }
    if request.header("content-type") != Some(MEDIA_TYPE) {
        return Err(refusal(415, "The content type must be application/vnd.api+json."));
    }
    if !authorized(portal, request) {
        return Err(refusal(401, "The credentials are missing or wrong."));
    }
    if request.header("addepar-firm") != Some(&portal.options.firm_id) {
        return Err(refusal(403, "The header Addepar-Firm is missing or names another firm."));
    }
    let body: Body = serde_json::from_slice(&request.body).map_err(|error| refusal(400, &error.to_string()))?;
    let attributes = body.data.attributes;
    let files = &attributes.files_id;
    if body.data.kind != "publish_portal_files_request" {
        return Err(refusal(400, "The type must be publish_portal_files_request."));
    }
    if files.is_empty() || files.len() > 500 {
        return Err(refusal(400, "files_id must have from 1 to 500 files."));
    }
    let mut distinct = files.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < files.len() {
        return Err(refusal(400, "files_id must be unique."));
    }
    if let Some(unknown) = files.iter().find(|file| !portal.knows(**file)) {
        return Err(refusal(403, &format!("No permission for file {unknown}.")));
    }
    Ok(attributes)
}

/// The body of a 200, as the API's page shows it.
pub(crate) fn results(failures: &[Failures], next: Option<&str>) -> String {
    let mut body = String::with_capacity(200 * failures.len() + 100);
    body.push_str("{\"data\":[");
    for (index, file) in failures.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        result(&mut body, file);
    }
    let next = next.map_or_else(|| "null".to_owned(), |next| json!(next).to_string());
    let _ = write!(body, "],\"included\":[],\"links\":{{\"prev\":null,\"next\":{next}}}}}");
    body
}

fn result(body: &mut String, Failures { file, publish, notify }: &Failures) {
    let status = |failed: &[u64]| if failed.is_empty() { "success" } else { "fail" };
    let _ = write!(
        body,
        "{{\"id\":\"{file}\",\"type\":\"publish_files_result\",\"attributes\":{{\"file_id\":{file},\
         \"notify_status\":\"{}\",\"publish_status\":\"{}\"",
        status(notify),
        status(publish),
    );
    let errors: Vec<_> = [("publish_failed", "Publish", publish), ("notification_failed", "Notification", notify)]
        .into_iter()
        .filter(|(_, _, contacts)| !contacts.is_empty())
        .map(|(code, step, contacts)| {
            let contacts: Vec<String> = contacts.iter().map(ToString::to_string).collect();
            json!({
                "code": code,
                "title": format!("{step} failed for some contacts."),
                "detail": format!("{step} failed for contacts [{}].", contacts.join(",")),
            })
        })
        .collect();
    if !errors.is_empty() {
        let _ = write!(body, ",\"error\":{}", json!(errors));
    }
    let _ = write!(body, "}},\"links\":{{\"self\":\"/v1/publish_files_result/{file}\"}}}}");
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let sextet = (bits >> (18 - 6 * position)) & 63;
            let letter = ALPHABET.get(sextet as usize).copied().unwrap_or(b'=');
            text.push(if position <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}
