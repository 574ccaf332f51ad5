//! The bodies of answers, worded as on the API's page.

/// The body of an answer with one result for each of `count` files from `first` on.
pub(crate) fn body(indented: bool, first: u64, count: u64) -> String {
    let results: Vec<String> = (first..first + count).map(result).collect();
    let text = format!(
        r#"{{
  "data": [
{}
  ],
  "included": [],
  "links": {{
    "prev": null,
    "next": null
  }}
}}
"#,
        results.join(",\n")
    );
    if indented { text } else { compact(&text) }
}

fn result(id: u64) -> String {
    let (publish, notify, errors) = match id % 20 {
        17 => ("success", "fail", vec![NOTIFICATION_FAILED]),
        18 => ("fail", "fail", vec![PUBLISH_FAILED, NOTIFICATION_FAILED]),
        _ => ("success", "success", Vec::new()),
    };
    let errors = match errors.as_slice() {
        [] => String::new(),
        errors => format!(",\n        \"error\": [\n{}\n        ]", errors.join(",\n")),
    };
    format!(
        r#"    {{
      "id": "{id}",
      "type": "publish_files_result",
      "attributes": {{
        "file_id": {id},
        "notify_status": "{notify}",
        "publish_status": "{publish}"{errors}
      }},
      "links": {{
        "self": "/v1/publish_files_result/{id}"
      }}
    }}"#
    )
}

const NOTIFICATION_FAILED: &str = r#"          {
            "code": "notification_failed",
            "title": "Notification failed for some contacts.",
            "detail": "Notification failed for contacts [1,2,3]."
          }"#;

const PUBLISH_FAILED: &str = r#"          {
            "code": "publish_failed",
            "title": "Publish failed for some contacts.",
            "detail": "Publish failed for contacts [4,5]."
          }"#;

/// The same without white space between the tokens; no string here has a colon before a space.
fn compact(text: &str) -> String {
    text.lines().map(|line| line.trim_start().replace("\": ", "\":")).collect()
}
