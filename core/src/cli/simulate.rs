//! `simulate`.

use addepar_portal_simulator::SimulatedPortal;
use serde_json::{Value, json};

use crate::cli::arguments::Simulate;
use crate::cli::interrupts::Source;
use crate::cli::refused::{Refused, block_on};
use crate::cli::status::Status;
use crate::cli::{output, terminal};

const FIRM_ID: &str = "1";
const KEY_ID: &str = "simulated-key";
const KEY_SECRET: &str = "simulated-secret";

/// Runs a simulated portal until it is interrupted, which is how it is meant to end.
pub(super) fn simulate(arguments: &Simulate, source: Source) -> Result<Status, Refused> {
    block_on(async {
        let mut interrupts = source.listen()?;
        let faults: Vec<Value> = arguments.fault.iter().map(|fault| written(fault)).collect();
        let options = json!({
            "port": arguments.port,
            "faults": faults,
            "firm_id": FIRM_ID,
            "key_id": KEY_ID,
            "key_secret": KEY_SECRET,
        });
        let portal = SimulatedPortal::start(&options.to_string())
            .map_err(|reason| Refused(format!("The simulated portal cannot be started: {reason}.")))?;
        terminal::say(&format!(
            "A simulated portal listens at {} until Ctrl-C. Every file is known there, for the contact 1. To use it:",
            portal.base_url(),
        ));
        let environment = format!(
            "export ADDEPAR_BASE_URL={}\nexport ADDEPAR_FIRM_ID={FIRM_ID}\nexport ADDEPAR_KEY_ID={KEY_ID}\n\
             export ADDEPAR_KEY_SECRET={KEY_SECRET}\n",
            portal.base_url(),
        );
        let status = output::write(&environment, Status::Ok)?;
        interrupts.next().await;
        let count = |what: &str| portal.control(what).unwrap_or_default();
        let posts = count(r#"{"do": "posts"}"#);
        let outbox: Vec<Value> = serde_json::from_str(&count(r#"{"do": "outbox"}"#)).unwrap_or_default();
        terminal::say(&format!("The simulated portal received {posts} POST and sent {} e-mails.", outbox.len()));
        Ok(status)
    })
}

/// A fault by name, such as `status:503`, or with its options as a JSON object.
fn written(fault: &str) -> Value {
    match serde_json::from_str(fault) {
        Ok(fault @ Value::Object(_)) => fault,
        _ => Value::from(fault),
    }
}
