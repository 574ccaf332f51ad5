//! Each fault by name, as it looks on the wire, and whether the work was done.

#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod wire;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use addepar_portal_simulator::SimulatedPortal;
use serde_json::{Value, json};
use wire::{Wire, ask, call, control, eventually, post, post_37, start};

fn meeting(fault: &Value) -> SimulatedPortal {
    start(&json!({ "faults": [fault] }))
}

fn was_processed(portal: &SimulatedPortal) -> bool {
    control(portal, &json!({ "do": "published", "file": 37 })) != json!([])
}

#[test]
fn answers_in_place_of_the_normal_one() {
    let page = "text/html";
    let api = "application/vnd.api+json";
    for (fault, status, body, content_type, processed) in [
        (json!("status:503"), 503, Some("\"errors\""), api, false),
        (json!({ "name": "status:418", "headers": { "X-A": "1" } }), 418, Some("\"errors\""), api, false),
        (json!({ "name": "answer", "status": 299, "body": "text" }), 299, Some("text"), api, false),
        (json!({ "name": "answer", "status": 200, "body": { "data": [] } }), 200, Some("{\"data\":[]}"), api, false),
        (
            json!({ "name": "answer", "status": 200, "body_base64": "4piD", "processed": true }),
            200,
            Some("☃"),
            api,
            true,
        ),
        (
            json!({ "name": "answer", "status": 200, "content_type": page, "body": "<p>" }),
            200,
            Some("<p>"),
            page,
            false,
        ),
        (json!("html"), 502, Some("<html>"), page, false),
        (json!({ "name": "html", "status": 413 }), 413, Some("<html>"), page, false),
        (json!("rate_limited"), 429, Some("\"errors\""), api, false),
        (json!({ "name": "slow_400", "after_ms": 1 }), 400, Some("\"errors\""), api, false),
        (json!("not_json"), 200, Some("that is not JSON"), api, true),
        (json!("empty"), 200, None, api, true),
        (json!("no_data"), 200, Some("{\"meta\":{}}"), api, true),
        (json!("accepted"), 202, Some("\"data\""), api, true),
        (json!("no_content"), 204, None, api, true),
        (json!("redirect"), 307, None, api, true),
        (json!({ "name": "nested", "depth": 3 }), 200, Some("{\"data\":[[[]]]}"), api, true),
    ] {
        let portal = meeting(&fault);
        let answer = Wire::open(&portal).exchange(&post_37());
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{fault}");
        assert!(body.map_or(text.is_empty(), |body| text.contains(body)), "{fault}: {text}");
        assert_eq!(answer.header("content-type"), Some(content_type), "{fault}");
        assert!(answer.header("x-request-id").is_some(), "{fault}");
        assert_eq!(was_processed(&portal), processed, "{fault}");
        assert_eq!(Wire::open(&portal).exchange(&post_37()).status, 200, "only once: {fault}");
    }
}

#[test]
fn a_rate_limit_tells_the_delays_it_is_given() {
    let portal = meeting(&json!({ "name": "rate_limited", "retry_after": "soon", "x_retry_after": 2, "times": 2 }));
    let mut wire = Wire::open(&portal);
    for _ in 0..2 {
        let answer = wire.exchange(&post_37());
        assert_eq!(answer.header("retry-after"), Some("soon"));
        assert_eq!(answer.header("x-ratelimit-retry-after"), Some("2"));
    }
    assert_eq!(wire.exchange(&post_37()).status, 200);
}

#[test]
fn a_redirect_leads_to_this_server_and_a_client_that_follows_is_recorded() {
    let portal = meeting(&json!("redirect"));
    let answer = Wire::open(&portal).exchange(&post_37());
    let location = answer.header("location").expect("a location");
    Wire::open(&portal).exchange(&wire::request(&format!("POST {location}"), &[], ""));
    assert_eq!(ask(&portal, "requests")[1]["path"], location);
}

#[test]
fn connections_that_end_too_early() {
    for (fault, received, end, processed) in [
        ("close_before_answer", "", Ok(()), true),
        ("reset_before_answer", "", Err(ErrorKind::ConnectionReset), true),
        ("close_in_headers", "HTTP/1.1 200 OK\r\nContent-Le", Ok(()), true),
        ("close_in_body", "{\"data\":[", Ok(()), true),
        ("reset_in_body", "{\"data\":[", Err(ErrorKind::ConnectionReset), true),
        ("chunked_cut", "Transfer-Encoding: chunked", Ok(()), true),
        ("garbage_status", "not HTTP", Ok(()), true),
    ] {
        let portal = meeting(&json!(fault));
        let mut wire = Wire::open(&portal);
        wire.send(&post_37());
        let (bytes, ended) = wire.rest();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(received) && !text.ends_with("}}"), "{fault}: {text}");
        assert_eq!(ended, end, "{fault}");
        assert_eq!(was_processed(&portal), processed, "{fault}");
    }
}

#[test]
fn a_call_that_is_given_up_half_way_is_half_done() {
    let portal = meeting(&json!("half_done"));
    let mut wire = Wire::open(&portal);
    wire.send(&post(&call(&json!([37, 38]), "PUBLISH", "NOTIFY", &json!([]))));
    assert_eq!(wire.rest(), (Vec::new(), Ok(())));
    assert!(was_processed(&portal));
    assert_eq!(control(&portal, &json!({ "do": "published", "file": 38 })), json!([]));
}

#[test]
fn a_body_that_is_never_read_is_a_request_all_the_same() {
    let portal = meeting(&json!("close_after_head"));
    let mut wire = Wire::open(&portal);
    let request = post_37();
    wire.send(&request[..request.len() - 10]);
    let _ = wire.rest();
    assert!(!was_processed(&portal));
    assert_eq!(ask(&portal, "posts"), 1);
    assert_eq!(ask(&portal, "requests")[0]["complete"], false);
}

#[test]
fn a_hanging_server_answers_nothing_and_sees_the_client_go() {
    for (fault, processed) in [
        (json!("hang"), true),
        (json!({ "name": "hang", "processed": false }), false),
        (json!({ "name": "hang", "after": "head" }), false),
    ] {
        let portal = meeting(&fault);
        let mut wire = Wire::open(&portal);
        wire.socket().set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        wire.send(&post_37());
        assert_eq!(wire.rest(), (Vec::new(), Err(ErrorKind::WouldBlock)), "{fault}");
        eventually(|| ask(&portal, "posts") == 1 && was_processed(&portal) == processed);
        assert_eq!(ask(&portal, "connections")["open"], 1);
        drop(wire);
        eventually(|| ask(&portal, "connections")["open"] == 0);
    }
}

#[test]
fn a_400_has_done_the_work_only_where_it_takes_as_long_as_the_server_s_own_limit() {
    for (after_ms, processed) in [(49_999, false), (50_000, true)] {
        let portal = meeting(&json!({ "name": "slow_400", "after_ms": after_ms }));
        let mut wire = Wire::open(&portal);
        wire.socket().set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        wire.send(&post_37());
        assert_eq!(wire.rest(), (Vec::new(), Err(ErrorKind::WouldBlock)), "{after_ms}");
        eventually(|| ask(&portal, "requests")[0]["complete"] == true && was_processed(&portal) == processed);
    }
}

#[test]
fn a_client_that_gives_up_during_a_delay_was_served_all_the_same() {
    let portal = start(&json!({ "delay_ms": 60_000 }));
    let mut wire = Wire::open(&portal);
    wire.send(&post_37());
    eventually(|| was_processed(&portal));
    drop(wire);
    eventually(|| ask(&portal, "connections")["open"] == 0);
}

#[test]
fn answers_are_held_until_they_are_released() {
    let portal = start(&json!({}));
    ask(&portal, "hold");
    let mut wires = [Wire::open(&portal), Wire::open(&portal), Wire::open(&portal)];
    for wire in &mut wires {
        wire.send(&post_37());
    }
    let received = || ask(&portal, "requests").as_array().cloned().unwrap_or_default();
    eventually(|| received().iter().filter(|request| request["complete"] == true).count() == 3);
    let [gone, held, other] = wires;
    drop(gone);
    eventually(|| ask(&portal, "connections")["open"] == 2);
    ask(&portal, "release");
    for mut wire in [held, other] {
        assert_eq!(wire.answer().status, 200);
    }
}

#[test]
fn an_answer_in_pieces_arrives_whole() {
    let portal = meeting(&json!({ "name": "drip", "every_ms": 5, "bytes": 50 }));
    let began = Instant::now();
    let answer = Wire::open(&portal).exchange(&post_37());
    assert_eq!(answer.json()["data"][0]["id"], "37");
    assert!(began.elapsed() > Duration::from_millis(5 * (answer.body.len() as u64 / 50)));
}

#[test]
fn a_huge_answer_has_the_size_it_is_given() {
    let portal = start(&json!({ "faults": [
        { "name": "huge", "bytes": 300_000, "content_length": true },
        { "name": "huge", "bytes": 300_000 },
    ] }));
    let answer = Wire::open(&portal).exchange(&post_37());
    assert_eq!(answer.body.len(), 300_000);
    assert!(answer.body.starts_with(b"{\"data\":[{\"id\":"));
    let mut wire = Wire::open(&portal);
    wire.send(&post_37());
    let (bytes, end) = wire.rest();
    assert!(bytes.len() > 300_000 && bytes.ends_with(b"\r\n0\r\n\r\n"));
    assert_eq!(end, Ok(()));
}

#[test]
fn an_answer_in_invalid_utf8_is_else_like_the_normal_one() {
    let answer = Wire::open(&meeting(&json!("invalid_utf8"))).exchange(&post_37());
    assert!(std::str::from_utf8(&answer.body).is_err());
    let lossy: Value = serde_json::from_str(&String::from_utf8_lossy(&answer.body)).expect("JSON but for the bytes");
    assert_eq!(lossy["data"][0]["id"], "37");
}

#[test]
fn a_second_answer_that_nobody_asked_for() {
    let portal = meeting(&json!("stray_bytes"));
    let mut wire = Wire::open(&portal);
    assert_eq!(wire.exchange(&post_37()).json()["data"][0]["id"], "37");
    assert_eq!(wire.answer().json()["data"][0]["id"], "999");
}

#[test]
fn a_request_on_a_connection_about_to_close_is_counted_and_not_answered() {
    let portal = meeting(&json!({ "name": "close_idle", "after_ms": 100 }));
    let mut wire = Wire::open(&portal);
    assert_eq!(wire.exchange(&post_37()).status, 200);
    wire.send(&post_37());
    assert_eq!(wire.rest(), (Vec::new(), Ok(())));
    eventually(|| ask(&portal, "posts") == 2);
    assert_eq!(ask(&portal, "requests")[1]["complete"], false);
}

#[test]
fn altered_lists_of_results() {
    let body = post(&call(&json!([37, 38]), "PUBLISH", "DO_NOT_NOTIFY", &json!([])));
    for (fault, ids, next) in [
        (json!({ "name": "missing_result", "file": 37 }), json!(["38"]), Value::Null),
        (json!({ "name": "extra_result", "file": 39 }), json!(["37", "38", "39"]), Value::Null),
        (json!({ "name": "contradiction", "file": 37 }), json!(["37", "38", "37"]), Value::Null),
        (json!({ "name": "next_link", "link": "/v1/next" }), json!(["37", "38"]), json!("/v1/next")),
    ] {
        let answer = Wire::open(&meeting(&fault)).exchange(&body).json();
        let results = answer["data"].as_array().expect("results");
        assert_eq!(json!(results.iter().map(|result| &result["id"]).collect::<Vec<_>>()), ids, "{fault}");
        assert_eq!(answer["links"]["next"], next, "{fault}");
        if fault["name"] == "contradiction" {
            assert_ne!(results[0]["attributes"], results[2]["attributes"]);
        }
    }
}

#[test]
fn what_is_not_a_fault_is_refused_with_what_is_allowed() {
    let portal = start(&json!({}));
    for (fault, said) in [
        (json!("hnag"), vec!["`hnag` is not known: it must be one of ", "`hang`", "`close_idle`"]),
        (json!("status:many"), vec!["\"many\""]),
        (json!({ "name": "hang", "afer": "head" }), vec!["`afer` does not belong there: what does is ", "`after`"]),
        (json!({ "name": "close_in_body", "after_ms": 1 }), vec!["`after_ms` does not belong there: nothing does"]),
        (json!({ "name": "slow_400" }), vec!["`after_ms` is missing"]),
        (
            json!({ "name": "slow_400", "after_ms": "1" }),
            vec!["string \"1\" stands where a whole number from 0 belongs"],
        ),
        (json!({ "name": "nested", "depth": -1 }), vec!["integer `-1` stands where a whole number from 0 belongs"]),
        (json!({ "name": "next_link", "link": 1 }), vec!["integer `1` stands where a text belongs"]),
        (json!({ "name": "huge", "bytes": 1, "content_length": 1 }), vec!["stands where true or false belongs"]),
        (json!({ "name": "hang", "times": 0 }), vec!["`times` is 0", "10000"]),
        (json!({ "name": "answer", "status": 200, "body_base64": "?" }), vec!["\"?\""]),
        (json!(7), vec!["7 is not a fault"]),
    ] {
        let refused = portal.control(&json!({ "do": "faults", "faults": ["hang", fault] }).to_string());
        let reason = refused.expect_err("a reason");
        assert!(said.iter().all(|part| reason.contains(part)), "{reason}");
        assert!(["unknown ", "invalid ", "u64", " at line"].iter().all(|term| !reason.contains(term)), "{reason}");
    }
    assert_eq!(Wire::open(&portal).exchange(&post_37()).status, 200, "none of them was queued");
}
