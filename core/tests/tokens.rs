//! A callable that is asked for access tokens, and does not answer.

#![allow(clippy::expect_used, missing_docs)]

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use addepar_portal::{
    ContactNotification, Error, ErrorKind, PortalClient, PortalPublishing, PublishReport, PublishRequest, Secret,
};
use addepar_portal_simulator::SimulatedPortal;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_millis(300);

async fn publish(client: &PortalClient, file: u64) -> Result<PublishReport, Error> {
    let request = PublishRequest::new([file], PortalPublishing::Publish, ContactNotification::DoNotNotify);
    let request = request.expect("a request");
    let call = client.publish_files(&request);
    timeout(Duration::from_secs(30), Box::pin(call)).await.expect("a call that ends")
}

#[test]
fn a_callable_that_never_answers_is_not_waited_for_longer_than_an_attempt() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, never_answers());
}

async fn never_answers() {
    let portal = SimulatedPortal::start("{}").expect("a portal");
    let asked = Arc::new(AtomicUsize::new(0));
    let client = {
        let asked = asked.clone();
        PortalClient::builder()
            .base_url(portal.base_url())
            .firm_id("1")
            .timeout(PATIENCE)
            .access_token_from(move || {
                let is_first = asked.fetch_add(1, Ordering::Relaxed) == 0;
                async move { if is_first { pending().await } else { Ok(Secret::from("simulated-token")) } }
            })
            .build()
            .expect("a client")
    };
    let second = tokio::task::spawn_local({
        let client = client.clone();
        async move { publish(&client, 2).await }
    });
    let first = publish(&client, 1).await;
    let second = second.await.expect("no panic");
    for error in [first.expect_err("no token"), second.expect_err("no token either")] {
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().starts_with("No access token could be had"), "{error}");
        assert!(error.message().ends_with("Nothing was sent."), "{error}");
        assert!(error.report().is_some());
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(portal.control(r#"{"do": "posts"}"#).expect("a count"), "0");
    assert!(publish(&client, 3).await.expect("a report").ok());
}
