//! The bodies of answers, worded as on the API's page.

/// What an answer is like. Each but the first differs from it in one thing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// In the order asked, without white space; one file in ten failed.
    Compact,
    Indented,
    Shuffled,
    AllOk,
    AllFailed,
    /// With members that the API's page does not name, in each row and at the top.
    UnknownMembers,
}

impl Form {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "compact" => Self::Compact,
            "indented" => Self::Indented,
            "shuffled" => Self::Shuffled,
            "all-ok" => Self::AllOk,
            "all-failed" => Self::AllFailed,
            "unknown-members" => Self::UnknownMembers,
            _ => return None,
        })
    }
}

/// The body of an answer with one result for each of `count` files from `first` on.
pub(crate) fn body(form: Form, first: u64, count: u64) -> String {
    let mut ids: Vec<u64> = (first..first + count).collect();
    if form == Form::Shuffled {
        ids.sort_by_key(|id| id.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    }
    let results: Vec<String> = ids.into_iter().map(|id| result(form, id)).collect();
    let unknown = if form == Form::UnknownMembers { UNKNOWN_AT_THE_TOP } else { "" };
    let text = format!(
        r#"{{
  "data": [
{}
  ],
  "included": [],{unknown}
  "links": {{
    "prev": null,
    "next": null
  }}
}}
"#,
        results.join(",\n")
    );
    if form == Form::Indented { text } else { compact(&text) }
}

fn result(form: Form, id: u64) -> String {
    // The files of the page's example end with 37 and 38; what they fail in is something that was asked for.
    let example = match form {
        Form::AllOk => 0,
        Form::AllFailed => 17 + id % 2,
        _ => id % 20,
    };
    let (publish, notify, errors) = match example {
        17 => ("fail", "success", vec![PUBLISH_FAILED]),
        18 => ("fail", "fail", vec![PUBLISH_FAILED, NOTIFICATION_FAILED]),
        _ => ("success", "success", Vec::new()),
    };
    let errors = match errors.as_slice() {
        [] => String::new(),
        errors => format!(",\n        \"error\": [\n{}\n        ]", errors.join(",\n")),
    };
    let unknown = if form == Form::UnknownMembers { UNKNOWN_IN_A_ROW } else { "" };
    format!(
        r#"    {{
      "id": "{id}",
      "type": "publish_files_result",
      "attributes": {{{unknown}
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

const UNKNOWN_AT_THE_TOP: &str = r#"
  "meta": {
    "trace": "00-4bf92f3577b34da6a3ce929d0e0e4736-01",
    "took": 0.25
  },"#;

const UNKNOWN_IN_A_ROW: &str = r#"
        "portals": [
          12,
          13
        ],
        "delivery": {
          "channel": "portal",
          "queued": false
        },"#;

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
