//! A process whose clients nobody uses holds no thread and no descriptor for them.

#![allow(clippy::expect_used, missing_docs)]
#![cfg(target_os = "linux")]

use std::fs;
use std::ops::ControlFlow;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use addepar_portal::host::{PublishCall, Turn};
use addepar_portal::{ContactNotification, PortalClient, PortalPublishing, PublishRequest, Repeat};
use addepar_portal_simulator::SimulatedPortal;

/// Far more than it takes.
const LIMIT: Duration = Duration::from_secs(30);

/// Descriptors and threads. The tests of this file are one test, so that these are nobody else's.
fn held() -> [usize; 2] {
    ["/proc/self/fd", "/proc/self/task"].map(|folder| fs::read_dir(folder).expect("a list").count())
}

fn assert_comes_back_to(before: [usize; 2]) {
    let since = Instant::now();
    while held() != before && since.elapsed() < LIMIT {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(held(), before);
}

#[test]
fn a_client_that_nobody_uses_holds_neither_descriptors_nor_threads() {
    let portal = SimulatedPortal::start("{}").expect("a portal");
    // A name has to be looked up.
    let builder = PortalClient::builder().base_url(portal.base_url().replace("127.0.0.1", "localhost")).firm_id("1");
    let client = builder.key("simulated-key", "simulated-secret").build().expect("a client");
    let mut file = 0;
    let mut call = || -> PublishCall {
        file += 1;
        let request = PublishRequest::new([file], PortalPublishing::Publish, ContactNotification::DoNotNotify);
        client.start(request.expect("a request"), Repeat::Refuse, |_| None)
    };
    let before = held();

    // The event loop of a call that blocks goes with the call.
    let blocking = call();
    assert_eq!(blocking.run_blocking(|| ControlFlow::Continue(())), Some(Turn::Done));
    assert!(blocking.ending().into_result().expect("a report").ok());
    assert_comes_back_to(before);

    // Twice: what has ended starts again.
    for _ in 0..2 {
        let (done, turns) = mpsc::channel();
        let spawned: Vec<_> = (0..100)
            .map(|_| {
                let (call, done) = (Arc::new(call()), done.clone());
                let task = call.spawn(move |turn| done.send(turn).expect("a receiver"));
                (call, task)
            })
            .collect();
        for _ in &spawned {
            assert_eq!(turns.recv_timeout(LIMIT), Ok(Turn::Done));
        }
        assert!(spawned.iter().all(|(call, _)| call.ending().into_result().expect("a report").ok()));
        // Whatever the host still has of them.
        assert_comes_back_to(before);
        drop(spawned);
    }
}
