//! The documented contract: what the API refuses, and what it answers.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Deserialize;
use serde_json::json;

use crate::generated_reports;
use crate::http::{Answer, Request};
use crate::portal::{Call, Failures, Portal};

const MEDIA_TYPE: &str = "application/vnd.api+json";
const ROUTE: &str = "/v1/portal/publish_files";
const MAX_FILES: usize = 500;

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
    attributes: Call,
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
    let options = &portal.options;
    match scheme {
        "Basic" => credentials == BASE64_STANDARD.encode(format!("{}:{}", options.key_id, options.key_secret)),
        "Bearer" => options.access_tokens.iter().any(|token| token == credentials),
        _ => false,
    }
}

/// The answer without any fault; the work is done.
pub(crate) fn answer(portal: &mut Portal, request: &Request) -> Answer {
    let path = request.path.strip_prefix("/api").unwrap_or(&request.path);
    if request.method == "GET"
        && let Some(page) = portal.options.pages.get(path)
    {
        return permitted(portal, request).err().unwrap_or_else(|| page.answer());
    }
    if is_of_reports(path) {
        return match permitted(portal, request) {
            Err(refused) => refused,
            Ok(()) if request.method != "GET" => refusal(405, "This route takes GET.").with("Allow", "GET"),
            Ok(()) => portal.generated_reports(path),
        };
    }
    match check(portal, request, path) {
        Ok(call) => Answer::json(200, results(&portal.publish(&call))),
        Err(refused) => refused,
    }
}

/// Whether a request's path is that of the list of generated reports, or of one of them.
pub(crate) fn is_of_reports(path: &str) -> bool {
    let path = path.strip_prefix("/api").unwrap_or(path);
    path.strip_prefix(generated_reports::ROUTE).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

fn permitted(portal: &Portal, request: &Request) -> Result<(), Answer> {
    if !authorized(portal, request) {
        return Err(refusal(401, "The credentials are missing or wrong."));
    }
    if request.header("addepar-firm") != Some(&portal.options.firm_id) {
        return Err(refusal(403, "The header Addepar-Firm is missing or names another firm."));
    }
    Ok(())
}

fn check(portal: &Portal, request: &Request, path: &str) -> Result<Call, Answer> {
    if path.split('?').next() != Some(ROUTE) {
        return Err(refusal(404, "There is no such route."));
    }
    if request.method != "POST" {
        return Err(refusal(405, "This route takes POST.").with("Allow", "POST"));
    }
    if request.header("content-type") != Some(MEDIA_TYPE) {
        return Err(refusal(415, "The content type must be application/vnd.api+json."));
    }
    permitted(portal, request)?;
    let Body { data } = serde_json::from_slice(&request.body).map_err(|error| refusal(400, &error.to_string()))?;
    if data.kind != "publish_portal_files_request" {
        return Err(refusal(400, "The type must be publish_portal_files_request."));
    }
    let call = data.attributes;
    if call.files_id.is_empty() || call.files_id.len() > MAX_FILES {
        return Err(refusal(400, "files_id must have from 1 to 500 files."));
    }
    for (name, ids) in [("files_id", &call.files_id), ("publish_override_contact_ids", &call.overrides)] {
        if !distinct(ids) {
            return Err(refusal(400, &format!("{name} must be unique.")));
        }
    }
    if let Some(unknown) = call.files_id.iter().find(|file| !portal.knows(**file)) {
        return Err(refusal(403, &format!("No permission for file {unknown}.")));
    }
    Ok(call)
}

fn distinct(ids: &[u64]) -> bool {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len() == ids.len()
}

/// The body of a 200, as the API's page shows it.
pub(crate) fn results(files: &[Failures]) -> String {
    let mut body = String::with_capacity(200 * files.len() + 100);
    body.push_str("{\"data\":[");
    for (index, file) in files.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        result(&mut body, file);
    }
    body.push_str("],\"included\":[],\"links\":{\"prev\":null,\"next\":null}}");
    body
}

pub(crate) fn result(body: &mut String, Failures { file, publish, notify }: &Failures) {
    let status = |failed: &[u64]| if failed.is_empty() { "success" } else { "fail" };
    let id = file.to_string();
    body.extend(["{\"id\":\"", &id, "\",\"type\":\"publish_files_result\",\"attributes\":{\"file_id\":", &id]);
    body.extend([",\"notify_status\":\"", status(notify), "\",\"publish_status\":\"", status(publish), "\""]);
    let errors: Vec<_> = [("publish_failed", "Publish", publish), ("notification_failed", "Notification", notify)]
        .into_iter()
        .filter(|(_, _, contacts)| !contacts.is_empty())
        .map(|(code, step, contacts)| {
            let title = format!("{step} failed for some contacts.");
            json!({ "code": code, "title": title, "detail": format!("{step} failed for contacts {}.", json!(contacts)) })
        })
        .collect();
    if !errors.is_empty() {
        body.extend([",\"error\":", &json!(errors).to_string()]);
    }
    body.extend(["},\"links\":{\"self\":\"/v1/publish_files_result/", &id, "\"}}"]);
}
