//! The body of a refusal: the API's error objects, or the text of something in between.

use serde_json::Value;

use crate::model::api_error::ApiError;

/// The error objects of a refusal; none where the body is plain text or HTML.
pub(crate) fn api_errors(body: &str) -> Vec<ApiError> {
    const MAX_ERRORS: usize = 100;
    const MAX_LENGTH: usize = 1 << 20;
    let refusal = Some(body).filter(|body| body.len() <= MAX_LENGTH).map(serde_json::from_str::<Value>);
    let Some(Ok(Value::Object(mut refusal))) = refusal else { return Vec::new() };
    let Some(Value::Array(errors)) = refusal.remove("errors") else { return Vec::new() };
    let objects = errors.into_iter().filter(Value::is_object).take(MAX_ERRORS);
    objects.filter_map(|error| serde_json::from_value(error).ok()).collect()
}

/// One line of a body that is not JSON:API, for an error message.
pub(crate) fn excerpt(body: &str) -> Option<String> {
    const LENGTH: usize = 200;
    let start: String = body.chars().take(4 * LENGTH).collect();
    let words = start.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = words.chars().filter(|c| !c.is_control()).take(LENGTH).collect();
    (!shown.is_empty()).then_some(shown)
}
