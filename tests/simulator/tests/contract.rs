//! Without faults: the page's examples to the letter, what is refused, who gets what.

#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod wire;

use serde_json::{Value, json};
use wire::{ROUTE, Wire, ask, call, control, post, post_37, request, start};

fn success(file: u64) -> Value {
    json!({
        "id": file.to_string(),
        "type": "publish_files_result",
        "attributes": { "file_id": file, "notify_status": "success", "publish_status": "success" },
        "links": { "self": format!("/v1/publish_files_result/{file}") },
    })
}

#[test]
fn the_first_example_of_the_page() {
    let portal = start(&json!({}));
    let body = json!({ "data": { "type": "publish_portal_files_request", "attributes": {
        "files_id": [37, 38, 39], "portal_publishing": "PUBLISH", "contact_notification": "DO_NOT_NOTIFY",
    } } });
    let answer = Wire::open(&portal).exchange(&post(&body));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/vnd.api+json"));
    assert_eq!(answer.header("x-request-id"), Some("simulated-1"));
    let expected = json!({
        "data": [success(37), success(38), success(39)], "included": [], "links": { "prev": null, "next": null },
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(control(&portal, &json!({ "do": "published", "file": 38 })), json!([1]));
    assert_eq!(ask(&portal, "outbox"), json!([]));
    let recorded = &ask(&portal, "requests")[0];
    assert_eq!(recorded["method"], "POST");
    assert_eq!(recorded["path"], ROUTE);
    assert_eq!(recorded["headers"]["authorization"], "Basic ***");
    assert_eq!(recorded["headers"]["addepar-firm"], "1");
    assert_eq!(recorded["body"], body);
    assert_eq!((&recorded["authorized"], &recorded["complete"]), (&json!(true), &json!(true)));
}

#[test]
fn the_partial_failure_of_the_page() {
    let contacts = [1, 2, 3, 4, 5, 6];
    let portal = start(&json!({
        "files": { "37": contacts, "38": contacts },
        "fail_publish": { "38": [4, 5] },
        "fail_notify": { "37": [1, 2, 3] },
    }));
    control(&portal, &json!({ "do": "fail_notify", "file": 38, "contacts": [1, 2, 3] }));
    let answer = Wire::open(&portal).exchange(&post(&call(&json!([37, 38]), "PUBLISH", "NOTIFY", &json!([]))));
    let publish_failed = json!({
        "code": "publish_failed",
        "title": "Publish failed for some contacts.",
        "detail": "Publish failed for contacts [4,5].",
    });
    let notification_failed = json!({
        "code": "notification_failed",
        "title": "Notification failed for some contacts.",
        "detail": "Notification failed for contacts [1,2,3].",
    });
    let attributes = |index: usize| answer.json()["data"][index]["attributes"].clone();
    assert_eq!(answer.status, 200);
    assert_eq!(
        attributes(0),
        json!({
            "file_id": 37, "notify_status": "fail", "publish_status": "success", "error": [notification_failed],
        })
    );
    assert_eq!(
        attributes(1),
        json!({
            "file_id": 38, "notify_status": "fail", "publish_status": "fail",
            "error": [publish_failed, notification_failed],
        })
    );
    assert_eq!(control(&portal, &json!({ "do": "published", "file": 38 })), json!([1, 2, 3, 6]));
    let mailed: Vec<Value> = [(4, 37), (5, 37), (6, 37), (6, 38)]
        .map(|(contact, file)| json!({ "contact": contact, "files": [file] }))
        .to_vec();
    assert_eq!(ask(&portal, "outbox"), json!(mailed));
}

#[test]
fn a_contact_set_up_to_fail_fails_though_the_file_is_not_theirs() {
    let portal = start(&json!({ "files": { "37": [1, 2] }, "fail_publish": { "37": [4] } }));
    let answer = Wire::open(&portal).exchange(&post_37()).json();
    assert_eq!(answer["data"][0]["attributes"]["error"][0]["detail"], "Publish failed for contacts [4].");
    let nobody = post(&call(&json!([37]), "DO_NOT_PUBLISH", "NOTIFY", &json!([])));
    let answer = Wire::open(&portal).exchange(&nobody).json();
    assert_eq!(answer["data"][0], success(37));
}

#[test]
fn modes_preferences_and_override_contacts_decide_who_gets_what() {
    let options = json!({
        "files": { "37": [1, 2, 3] },
        "preferences": { "1": { "publish": false }, "2": { "notify": false }, "9": { "publish": false, "notify": false } },
    });
    for (publishing, notification, overrides, published, mailed) in [
        ("PUBLISH", "NOTIFY", json!([]), json!([1, 2, 3]), vec![1, 2, 3]),
        ("PUBLISH", "USE_CONTACT_PREFERENCE", json!([]), json!([1, 2, 3]), vec![1, 3]),
        ("USE_CONTACT_PREFERENCE", "NOTIFY", json!([9]), json!([2, 3, 9]), vec![2, 3, 9]),
        ("USE_CONTACT_PREFERENCE", "USE_CONTACT_PREFERENCE", json!([9]), json!([2, 3, 9]), vec![3]),
        ("DO_NOT_PUBLISH", "NOTIFY", json!([9, 3]), json!([3, 9]), vec![3, 9]),
        ("DO_NOT_PUBLISH", "NOTIFY", json!([]), json!([]), vec![]),
        ("PUBLISH", "DO_NOT_NOTIFY", json!([9]), json!([1, 2, 3, 9]), vec![]),
    ] {
        let portal = start(&options);
        let body = call(&json!([37]), publishing, notification, &overrides);
        assert_eq!(Wire::open(&portal).exchange(&post(&body)).json()["data"][0], success(37));
        assert_eq!(control(&portal, &json!({ "do": "published", "file": 37 })), published, "{body}");
        let outbox: Vec<Value> = mailed.iter().map(|contact| json!({ "contact": contact, "files": [37] })).collect();
        assert_eq!(ask(&portal, "outbox"), json!(outbox), "{body}");
    }
}

#[test]
fn one_mail_per_file_or_per_call() {
    let body = post(&call(&json!([37, 38]), "PUBLISH", "NOTIFY", &json!([])));
    let mail = |contact: u64, files: &[u64]| json!({ "contact": contact, "files": files });
    for (emails, outbox) in [
        ("per_file", json!([mail(1, &[37]), mail(2, &[37]), mail(1, &[38])])),
        ("per_call", json!([mail(1, &[37, 38]), mail(2, &[37])])),
    ] {
        let portal = start(&json!({ "files": { "37": [1, 2], "38": [1] }, "emails": emails }));
        assert_eq!(Wire::open(&portal).exchange(&body).status, 200);
        assert_eq!(ask(&portal, "outbox"), outbox);
    }
}

#[test]
fn what_is_not_the_documented_request_is_refused() {
    let portal = start(&json!({ "files": { "37": [1] } }));
    let accepted = call(&json!([37]), "PUBLISH", "NOTIFY", &json!([])).to_string();
    let line = format!("POST {ROUTE}");
    let with = |changes: &[(&str, &str)]| request(&line, changes, &accepted);
    let of = |files: Value| post(&call(&files, "PUBLISH", "NOTIFY", &json!([])));
    let without = |name: &str| {
        let mut body: Value = serde_json::from_str(&accepted).expect("JSON");
        body["data"]["attributes"].as_object_mut().expect("attributes").remove(name);
        post(&body)
    };
    let text = |body: &str| request(&line, &[], body);
    for (what, request, status) in [
        ("another route", request("POST /api/v1/portal/publish", &[], &accepted), 404),
        ("another method", request(&format!("PUT {ROUTE}"), &[], &accepted), 405),
        ("no page of that name", request(&format!("GET {ROUTE}?page=2"), &[], ""), 405),
        ("no content type", with(&[("Content-Type", "")]), 415),
        ("another content type", with(&[("Content-Type", "application/json")]), 415),
        ("no credentials", with(&[("Authorization", "")]), 401),
        ("a wrong key", with(&[("Authorization", "Basic d3Jvbmc6a2V5")]), 401),
        ("a wrong token", with(&[("Authorization", "Bearer wrong")]), 401),
        ("no firm", with(&[("Addepar-Firm", "")]), 403),
        ("another firm", with(&[("Addepar-Firm", "2")]), 403),
        ("no JSON", text("files_id=37"), 400),
        ("no body", text(""), 400),
        ("a list", text("[]"), 400),
        ("another type", text(&accepted.replace("publish_portal_files_request", "files")), 400),
        ("an unknown attribute", text(&accepted.replace("publish_override_contact_ids", "contacts")), 400),
        ("no files_id", without("files_id"), 400),
        ("no portal_publishing", without("portal_publishing"), 400),
        ("no contact_notification", without("contact_notification"), 400),
        ("a lower-case mode", post(&call(&json!([37]), "publish", "NOTIFY", &json!([]))), 400),
        ("another mode", post(&call(&json!([37]), "PUBLISH", "ALWAYS", &json!([]))), 400),
        ("ids as text", of(json!(["37"])), 400),
        ("a fraction", of(json!([37.5])), 400),
        ("one id", of(json!(37)), 400),
        ("no ids", of(json!([])), 400),
        ("an id twice", of(json!([37, 37])), 400),
        ("an override contact twice", post(&call(&json!([37]), "PUBLISH", "NOTIFY", &json!([9, 9]))), 400),
        ("501 files", of(json!((1..=501).collect::<Vec<_>>())), 400),
        ("an unknown file", of(json!([37, 38])), 403),
    ] {
        let answer = Wire::open(&portal).exchange(&request);
        assert_eq!(answer.status, status, "{what}");
        assert_eq!(answer.header("content-type"), Some("application/vnd.api+json"), "{what}");
        let error = answer.json()["errors"][0].clone();
        assert_eq!(error["status"], status.to_string(), "{what}");
        assert!(["code", "title", "detail"].iter().all(|name| error[name].is_string()), "{what}: {error}");
    }
    assert_eq!(control(&portal, &json!({ "do": "published", "file": 37 })), json!([]));
    assert_eq!(ask(&portal, "outbox"), json!([]));
}

#[test]
fn a_connection_takes_many_requests_in_every_documented_form() {
    let portal = start(&json!({}));
    let body = call(&json!((1..=500).collect::<Vec<_>>()), "PUBLISH", "DO_NOT_NOTIFY", &json!([])).to_string();
    let chunked = {
        let mut bytes =
            request(&format!("POST {ROUTE}"), &[("Content-Length", ""), ("Transfer-Encoding", "chunked")], "");
        let (begin, end) = body.split_at(100);
        bytes.extend(format!("64\r\n{begin}\r\n{:X};ext=1\r\n{end}\r\n0\r\nTrailer: 1\r\n\r\n", end.len()).bytes());
        bytes
    };
    let mut wire = Wire::open(&portal);
    for request in [
        request(&format!("POST {ROUTE}"), &[], &body),
        request("POST /v1/portal/publish_files", &[("Authorization", "Bearer simulated-token")], &body),
        chunked,
        request(&format!("POST {ROUTE}"), &[("Connection", "close")], &body),
    ] {
        let answer = wire.exchange(&request);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(500));
    }
    assert_eq!(wire.rest(), (Vec::new(), Ok(())));
    assert_eq!(ask(&portal, "posts"), 4);
    assert_eq!(ask(&portal, "connections")["accepted"], 1);
}

#[test]
fn tokens_can_be_accepted_and_revoked() {
    let portal = start(&json!({ "access_tokens": ["first"] }));
    let body = call(&json!([37]), "PUBLISH", "DO_NOT_NOTIFY", &json!([])).to_string();
    let status = |token: &str| {
        let bearer = format!("Bearer {token}");
        Wire::open(&portal).exchange(&request(&format!("POST {ROUTE}"), &[("Authorization", &bearer)], &body)).status
    };
    assert_eq!((status("first"), status("second")), (200, 401));
    control(&portal, &json!({ "do": "accept_token", "token": "second" }));
    control(&portal, &json!({ "do": "revoke_token", "token": "first" }));
    assert_eq!((status("first"), status("second")), (401, 200));
}

#[test]
fn a_page_is_answered_to_those_who_may_see_it() {
    let page = json!({ "status": 200, "body": { "data": [] } });
    let portal = start(&json!({ "pages": { "/v1/portal/publish_files?page=2": page } }));
    let line = format!("GET {ROUTE}?page=2");
    let answer = Wire::open(&portal).exchange(&request(&line, &[("Content-Type", "")], ""));
    assert_eq!((answer.status, answer.json()), (200, json!({ "data": [] })));
    assert_eq!(Wire::open(&portal).exchange(&request(&line, &[("Authorization", "")], "")).status, 401);
}

#[test]
fn reset_forgets_what_happened_and_keeps_how_the_portal_was_set_up() {
    let portal = start(&json!({ "files": { "37": [1] }, "fail_publish": { "37": [4] }, "faults": ["hang"] }));
    ask(&portal, "reset");
    let answer = Wire::open(&portal).exchange(&post_37());
    assert_eq!(answer.json()["data"][0], success(37));
    ask(&portal, "reset");
    for what in ["requests", "outbox", "proxied"] {
        assert_eq!(ask(&portal, what), json!([]), "{what}");
    }
    assert_eq!(control(&portal, &json!({ "do": "published", "file": 37 })), json!([]));
}
