//! What holds of every answer, on generated ones: the same that the fuzz targets check.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs, unreachable_pub)]

use addepar_portal::{
    ContactNotification, FileError, FileResult, MAX_ID, PortalPublishing, PublishReport, PublishRequest,
    UnexpectedResult,
};
use proptest::collection::{hash_set, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

#[path = "../fuzz/src/exchange.rs"]
mod exchange;
#[path = "../fuzz/src/promises.rs"]
mod promises;
#[path = "../fuzz/src/response.rs"]
mod response;

const FILES: &str = "37,38,39\n";

/// The same cases in every run. What fails becomes a file of the corpus.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(37), failure_persistence: None, ..ProptestConfig::default() }
}

/// Any JSON value.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let key = prop_oneof![select(&MEMBERS[..]).prop_map(str::to_owned), any_text()];
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::from),
            vec((key, inner), 0..8).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_text() -> impl Strategy<Value = String> {
    "(?s:.*)"
}

/// The members that are read, and some that are not.
const MEMBERS: [&str; 16] = [
    "data",
    "links",
    "next",
    "href",
    "id",
    "type",
    "attributes",
    "file_id",
    "publish_status",
    "notify_status",
    "error",
    "errors",
    "code",
    "title",
    "detail",
    "included",
];

/// An object as text, so that a member may stand twice.
fn object(members: &[(&str, String)]) -> String {
    let members: Vec<String> = members.iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

/// The value that belongs to a member, or, now and then, any other.
fn usually(value: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    prop_oneof![12 => value, 1 => any_json().prop_map(|value| value.to_string())].boxed()
}

fn file_id() -> impl Strategy<Value = String> {
    let known = select(vec![
        "37",
        "37",
        "38",
        "38",
        "39",
        "39",
        "\"37\"",
        "\"37\"",
        "\"38\"",
        "\"038\"",
        "99",
        "0",
        "37.0",
        "3.8e1",
        "37.5",
        "\" 37 \"",
        "\"\"",
        "false",
        "-37",
        "9007199254740992",
        "null",
    ]);
    usually(known.prop_map(str::to_owned))
}

fn status() -> impl Strategy<Value = String> {
    usually(select(vec!["\"success\"", "\"SUCCESS\"", "\"fail\"", "\"Fail\"", "\"pending\""]).prop_map(str::to_owned))
}

fn error() -> impl Strategy<Value = String> {
    let code = select(vec!["publish_failed", "notification_failed", "other"]).prop_map(|code| json!(code).to_string());
    let members = (usually(code), usually(any_detail().prop_map(|detail| json!(detail).to_string())));
    usually(
        members.prop_map(|(code, detail)| object(&[("code", code), ("title", "\"T\"".to_owned()), ("detail", detail)])),
    )
}

/// Members of a result in any number: missing, and standing twice.
fn result() -> impl Strategy<Value = String> {
    let attribute = prop_oneof![
        6 => file_id().prop_map(|value| ("file_id", value)),
        6 => status().prop_map(|value| ("publish_status", value)),
        6 => status().prop_map(|value| ("notify_status", value)),
        2 => vec(error(), 0..3).prop_map(|errors| ("error", list(&errors))),
        1 => error().prop_map(|error| ("errors", error)),
    ];
    let attributes = prop_oneof![
        4 => (file_id(), status(), status()).prop_map(|(file, publish, notify)| {
            object(&[("file_id", file), ("publish_status", publish), ("notify_status", notify)])
        }),
        2 => vec(attribute, 0..5).prop_map(|attributes| object(&attributes)),
    ];
    let beside = prop_oneof![
        12 => Just(None),
        1 => error().prop_map(|error| Some(("error", error))),
        1 => vec(error(), 0..2).prop_map(|errors| Some(("errors", list(&errors)))),
    ];
    let result = (file_id(), usually(attributes), beside);
    usually(result.prop_map(|(id, attributes, beside)| {
        object(&[("id", id), ("attributes", attributes)].into_iter().chain(beside).collect::<Vec<_>>())
    }))
}

/// What is nearly the body of an answer.
fn body() -> impl Strategy<Value = String> {
    let next = usually(select(vec!["null", "\"\"", "\"?page=2\"", "{\"href\":\"/v1/a\"}"]).prop_map(str::to_owned));
    let errors = prop_oneof![
        12 => Just(None),
        1 => select(vec!["null", "false", "\"\"", "[]", "[null]"]).prop_map(|none| Some(("errors", none.to_owned()))),
        1 => vec(error(), 0..2).prop_map(|errors| Some(("errors", list(&errors)))),
        1 => error().prop_map(|error| Some(("error", error))),
    ];
    let body = (vec(result(), 0..6), next, errors).prop_map(|(results, next, errors)| {
        let members = [("data", list(&results)), ("links", object(&[("next", next)]))];
        object(&members.into_iter().chain(errors).collect::<Vec<_>>())
    });
    usually(body)
}

/// A change of a text's bytes, somewhere.
fn damage() -> impl Strategy<Value = (Index, Vec<u8>, usize)> {
    (any::<Index>(), vec(any::<u8>(), 0..4), 0..4_usize)
}

fn damaged(text: &str, damages: &[(Index, Vec<u8>, usize)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, inserted, removed) in damages {
        let at = at.index(bytes.len() + 1);
        let end = (at + removed).min(bytes.len());
        bytes.splice(at..end, inserted.iter().copied());
    }
    bytes
}

/// Any text, or one that looks like those of the API.
fn any_detail() -> impl Strategy<Value = String> {
    let id = prop_oneof![3 => (1..=MAX_ID).prop_map(|id| id.to_string()), 1 => " ?\"?[0-9a-z.-]{0,20}\"? ?"];
    let shaped = (".{0,9}", select(vec!["contacts ", "CONTACT", "files "]), vec(id, 0..4), ".{0,9}")
        .prop_map(|(before, about, ids, after)| format!("{before}{about}[{}]{after}", ids.join(",")));
    prop_oneof![any_text(), shaped]
}

/// A row of an answer; `#` stands for its id.
fn row() -> impl Strategy<Value = String> {
    let id = select(vec![
        "\"#\"",
        "#",
        "#",
        "\"#1\"",
        "\"1#\"",
        "\"0#\"",
        "\"\\u003#\"",
        "\"x\"",
        "\"x#\"",
        "\"2\"",
        "2",
        "#0",
        "#e1",
        "null",
    ]);
    let file_id = select(vec![
        "#",
        "#",
        "\"#\"",
        "\"0#\"",
        "9007199254740#",
        "#.0",
        "0.#e2",
        "#e1",
        "#0",
        "2",
        "\" #\"",
        "-#",
        "[#]",
        "null",
    ]);
    let status = select(vec!["\"success\"", "\"success\"", "\"SUCCESS\"", "\"fail\"", "\"#\"", "#", "null"]);
    let more = select(vec![
        "",
        ",\"errors\":[]",
        ",\"n\":1#2",
        ",\"k#\":0.#",
        ",\"\\u00#\":1",
        ",\"error\":\"#\"",
        ",\"date\":\"2026-11-#\"",
    ]);
    let space = select(vec!["", " ", "\n\t"]);
    (id, file_id, status.clone(), status, more, space).prop_map(|(id, file_id, publish, notify, more, space)| {
        format!(
            "{{{space}\"id\":{id},\"links\":{{\"self\":\"/v1/#\"}},{space}\"attributes\":{{\"file_id\":{space}{file_id},\
             \"publish_status\":{publish},\"notify_status\":{notify}{more}}}{space}}}"
        )
    })
}

/// What an answer of these rows says about these files; nothing if it cannot be read.
fn read(files: &[u64], rows: &[String]) -> Option<(Vec<FileResult>, Vec<UnexpectedResult>)> {
    let modes = (PortalPublishing::Publish, ContactNotification::Notify);
    let request = PublishRequest::new(files.iter().copied(), modes.0, modes.1).expect("a request");
    let report = PublishReport::from_response(&request, format!("{{\"data\":[{}]}}", rows.join(",")).as_bytes());
    let report = report.ok()?;
    Some((report.files().to_vec(), report.unexpected().to_vec()))
}

/// A file that none of the rows below names.
const NOT_NAMED: [u64; 1] = [77];

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn any_json_at_all_names_every_file_once(body in any_json()) {
        assert!(response::check(format!("{FILES}{body}").as_bytes()));
    }

    #[test]
    fn whatever_is_nearly_an_answer_names_every_file_once(body in body()) {
        assert!(response::check(format!("{FILES}{body}").as_bytes()));
    }

    #[test]
    fn a_damaged_answer_names_every_file_once(body in body(), damages in vec(damage(), 1..4)) {
        assert!(response::check(&[FILES.as_bytes(), &damaged(&body, &damages)].concat()));
    }

    #[test]
    fn a_row_says_the_same_beside_others_and_alone(
        ids in vec(prop_oneof![1..=50_u64, 95..=105_u64, 1_000..=MAX_ID], 2..12),
        rows in vec(row(), 12),
        mixes in any::<bool>(),
    ) {
        let text = |(id, other): (&u64, &String)| if mixes && id % 3 == 0 { other } else { &rows[0] }.replace('#', &id.to_string());
        let texts: Vec<String> = ids.iter().zip(&rows).map(text).collect();
        let unexpected = |texts: &[String]| read(&NOT_NAMED, texts).map(|(_, unexpected)| unexpected);
        let alone: Option<Vec<_>> = texts.iter().map(|text| unexpected(std::slice::from_ref(text))).collect();
        prop_assert_eq!(unexpected(&texts), alone.map(|results| results.concat()));
    }

    /// Rows that differ in nothing but their id are compared, not read. With a blank more in each, each is read.
    #[test]
    fn a_row_that_is_known_again_says_what_it_says_when_it_is_read(
        ids in vec(prop_oneof![3 => 1..=40_u64, 1 => 95..=105_u64, 1 => 370..=400_u64], 2..14),
        asked in hash_set(prop_oneof![3 => 1..=40_u64, 1 => 95..=105_u64, 1 => 370..=400_u64], 1..30),
        row in row(),
    ) {
        let texts: Vec<String> = ids.iter().map(|id| row.replace('#', &id.to_string())).collect();
        let spaced = |(count, text): (usize, &String)| text.replacen('{', &format!("{{{}", " ".repeat(count)), 1);
        let spaced: Vec<String> = texts.iter().enumerate().map(spaced).collect();
        let asked: Vec<u64> = asked.into_iter().collect();
        prop_assert_eq!(read(&asked, &texts), read(&asked, &spaced));
    }

    #[test]
    fn contacts_are_read_or_unknown(detail in any_detail()) {
        let contacts = FileError { detail: Some(detail), ..FileError::default() }.contact_ids();
        prop_assert!(contacts.is_none_or(|ids| !ids.is_empty() && ids.iter().all(|id| (1..=MAX_ID).contains(id))));
    }

    #[test]
    fn contacts_are_read_out_of_any_sentence(ids in vec(1..=MAX_ID, 1..9), before in "[^\\[\\]]*", after in "[^\\[\\]]*") {
        let detail = format!("{before} contacts {ids:?}{after}");
        prop_assert_eq!(FileError { detail: Some(detail), ..FileError::default() }.contact_ids(), Some(ids));
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn any_status_with_any_headers_and_any_body_names_every_file_once(
        status in prop_oneof![1 => 100..=999_u16, 1 => Just(429), 2 => Just(200)],
        headers in vec((select(vec!["Retry-After", "X-RateLimit-Retry-After", "X-Request-Id", "Keep-Alive"]), "[^\r\n\0]*"), 0..4),
        body in body(),
    ) {
        let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (headers, length) = (headers.concat(), body.len());
        let answer = format!("{FILES}HTTP/1.1 {status} Odd\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        assert!(exchange::check(answer.as_bytes()));
    }
}
