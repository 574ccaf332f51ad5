//! What holds of every result of a call, whatever answered.

use std::collections::HashSet;

use addepar_portal::{
    ContactNotification, Error, ErrorKind, FileState, MAX_ID, Outcome, PortalPublishing, PublishReport, PublishRequest,
};
use serde_json::Value;

/// The first line of an input names the files, `37,38`; the rest is what a server says.
pub fn split(input: &[u8]) -> Option<(PublishRequest, &[u8])> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = input.split_at(end);
    Some((request(str::from_utf8(line).ok()?)?, rest.get(1..)?))
}

pub fn request(files: &str) -> Option<PublishRequest> {
    PublishRequest::new(files.split(','), PortalPublishing::Publish, ContactNotification::Notify).ok()
}

/// Asserts that every file stands exactly once in the report or in the error's report, in a state that fits.
pub fn keep(request: &PublishRequest, result: &Result<PublishReport, Error>) {
    let report = match result {
        Ok(report) => report,
        Err(error) => {
            let report = error.report().expect("every error of a publish has a report");
            let state = match error.outcome() {
                Outcome::Unknown => FileState::Unknown,
                Outcome::NotProcessed => FileState::NotProcessed,
                Outcome::Processed => panic!("a call that was processed is not an error: {error}"),
            };
            assert!(report.files().iter().all(|file| file.state == state), "{error}: {report}");
            assert_eq!(error.kind() == ErrorKind::OutcomeUnknown, error.outcome() == Outcome::Unknown);
            let json: Value = serde_json::from_str(&error.to_json()).expect("JSON");
            assert_eq!(json["message"], error.message());
            report
        }
    };
    assert_eq!(report.request(), request);
    assert!(report.files().iter().map(|file| file.file_id).eq(request.file_ids().iter().copied()));
    for file in report.files() {
        let answered = result.is_ok();
        assert!(answered || file.publish_status.is_none() && file.notify_status.is_none() && file.errors.is_empty());
        assert!(!answered || file.state != FileState::NotProcessed, "an answer never says so of one file");
        for (succeeded, contacts) in
            [(file.published, file.contacts_not_published()), (file.notified, file.contacts_not_notified())]
        {
            let contacts = contacts.as_deref();
            assert!(contacts.is_none_or(|contacts| contacts.iter().all(|id| (1..=MAX_ID).contains(id))));
            assert!(succeeded != Some(false) || contacts != Some(&[]), "a failure of nobody: {file:?}");
        }
    }
    let read_back = PublishReport::from_json(&report.to_json()).expect("the JSON of a report");
    assert_eq!(&read_back, report);
    let _ = (report.to_string(), report.failed_contacts(), report.clone().raise_for_failures());
    assert!(!report.to_string().contains('\u{1b}'), "what a server wrote reaches the terminal unescaped");
}

/// The files of which a plain reading of the bodies says that all may have gone well; `None` if they are not JSON for it.
pub fn plainly_ok(request: &PublishRequest, bodies: &str) -> Option<HashSet<u64>> {
    let (mut ok, mut doubtful) = (HashSet::new(), HashSet::new());
    let is_asked = |id: &u64| request.file_ids().contains(id);
    let bodies = bodies.strip_prefix('\u{feff}').unwrap_or(bodies);
    for body in serde_json::Deserializer::from_str(bodies).into_iter::<Value>() {
        let body = body.ok()?;
        if ["error", "errors"].iter().any(|name| says_something(&body[name])) {
            return Some(HashSet::new());
        }
        for result in body["data"].as_array().into_iter().flatten() {
            let attributes = &result["attributes"];
            let success =
                |name: &str| attributes[name].as_str().is_some_and(|status| status.eq_ignore_ascii_case("success"));
            let (given, other) = (&attributes["file_id"], id(&result["id"]));
            let named = if given.is_null() { other } else { id(given) };
            if success("publish_status") && success("notify_status") {
                ok.extend(named);
            }
            if let Some(other) = other.filter(is_asked).filter(|other| named != Some(*other)) {
                match named {
                    None => drop(doubtful.insert(other)),
                    Some(named) if is_asked(&named) => doubtful.extend([named, other]),
                    Some(_) => {}
                }
            }
        }
    }
    Some(&ok - &doubtful)
}

/// Whether there is an error object, or a text in its place.
fn says_something(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(errors) => {
            errors.iter().any(|error| !matches!(error, Value::Null | Value::Bool(false)) && error.as_str() != Some(""))
        }
        _ => true,
    }
}

/// A whole number, or a string of digits that may have blanks around it.
fn id(value: &Value) -> Option<u64> {
    let whole = |number: f64| (number.fract() == 0.0).then(|| format!("{number:.0}").parse().ok())?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    let id = value.as_u64().or_else(|| value.as_f64().and_then(whole)).or_else(|| digits(value.as_str()?.trim_ascii()));
    id.filter(|id| (1..=MAX_ID).contains(id))
}
