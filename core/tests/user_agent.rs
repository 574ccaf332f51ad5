//! Each request says who asks: firewalls refuse requests that do not.

#![allow(clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use std::env::consts::{ARCH, OS};

use addepar_portal::{ContactNotification, PortalClient, PortalPublishing, PublishRequest};
use addepar_portal_simulator::SimulatedPortal;
use serde_json::{Value, json};

#[test]
fn the_post_and_the_gets_of_pages_say_who_asks() {
    let page = json!({ "/api/v1/next": { "status": 200, "body": { "data": [] } } });
    let faults = json!([{ "name": "next_link", "link": "/v1/next" }]);
    let portal = SimulatedPortal::start(&json!({ "pages": page, "faults": faults }).to_string()).expect("a portal");
    let client = PortalClient::builder().base_url(portal.base_url()).firm_id("1");
    let client = client.key("simulated-key", "simulated-secret").build().expect("a client");
    let request = PublishRequest::new([37], PortalPublishing::Publish, ContactNotification::DoNotNotify);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(client.publish_files(&request.expect("a request"))).expect("a report");

    let requests: Value =
        serde_json::from_str(&portal.control(r#"{"do": "requests"}"#).expect("requests")).expect("JSON");
    let expected = format!("addepar-portal/{} (rust; {OS} {ARCH})", env!("CARGO_PKG_VERSION"));
    let sent: Vec<_> = requests
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (&one["method"], &one["headers"]["user-agent"]))
        .collect();
    assert_eq!(sent, [(&json!("POST"), &json!(expected)), (&json!("GET"), &json!(expected))]);
}
