//! `simulate`.

use std::collections::BTreeMap;

use addepar_portal_simulator::SimulatedPortal;
use serde_json::{Value, json};

use crate::cli::arguments::{FileContacts, Simulate};
use crate::cli::interrupts::Source;
use crate::cli::refused::{Refused, block_on};
use crate::cli::status::Status;
use crate::cli::{output, terminal};
use crate::model::display::counted;

const FIRM_ID: &str = "1";
const KEY_ID: &str = "simulated-key";
const KEY_SECRET: &str = "simulated-secret";

/// Runs a simulated portal until it is interrupted, which is how it is meant to end.
pub(super) fn simulate(arguments: &Simulate, source: Source) -> Result<Status, Refused> {
    block_on(async {
        let mut interrupts = source.listen()?;
        let files = (!arguments.files.is_empty()).then(|| contacts("--files", &arguments.files)).transpose()?;
        let fail_publish = contacts("--fail-publish", &arguments.fail_publish)?;
        let fail_notify = contacts("--fail-notify", &arguments.fail_notify)?;
        for (flag, failing) in [("--fail-publish", &fail_publish), ("--fail-notify", &fail_notify)] {
            are_known(flag, failing, files.as_ref())?;
        }
        let faults: Vec<Value> = arguments.fault.iter().map(|fault| written(fault)).collect();
        let options = json!({
            "port": arguments.port,
            "files": files,
            "fail_publish": fail_publish,
            "fail_notify": fail_notify,
            "faults": faults,
            "firm_id": FIRM_ID,
            "key_id": KEY_ID,
            "key_secret": KEY_SECRET,
        });
        let portal = SimulatedPortal::start(&options.to_string())
            .map_err(|reason| Refused(format!("The simulated portal cannot be started: {reason}.")))?;
        terminal::say(&format!(
            "A simulated portal listens at {} until Ctrl-C. {} To use it from another shell, paste:",
            portal.base_url(),
            match &files {
                None => "Every file is known there, for the contact 1.".to_owned(),
                Some(files) => format!("It knows {}.", counted(files.len(), "file")),
            },
        ));
        let environment = format!(
            "export ADDEPAR_BASE_URL={}\nexport ADDEPAR_FIRM_ID={FIRM_ID}\nexport ADDEPAR_KEY_ID={KEY_ID}\n\
             export ADDEPAR_KEY_SECRET={KEY_SECRET}\nexport ADDEPAR_FIRM_NAME= ADDEPAR_ENVIRONMENT= ADDEPAR_ACCESS_TOKEN=\n",
            portal.base_url(),
        );
        let status = output::write(&environment, Status::Ok)?;
        interrupts.next().await;
        let count = |what: &str| portal.control(what).unwrap_or_default();
        let posts = count(r#"{"do": "posts"}"#).parse().unwrap_or_default();
        let outbox: Vec<Value> = serde_json::from_str(&count(r#"{"do": "outbox"}"#)).unwrap_or_default();
        terminal::say(&format!(
            "The simulated portal received {} and sent {}.",
            counted(posts, "POST"),
            counted(outbox.len(), "e-mail"),
        ));
        Ok(status)
    })
}

/// File → its contacts.
fn contacts(flag: &str, written: &[FileContacts]) -> Result<BTreeMap<u64, Vec<u64>>, Refused> {
    let mut files = BTreeMap::new();
    for FileContacts { file, contacts } in written {
        if files.insert(*file, contacts.clone()).is_some() {
            return Err(Refused(format!("`{flag}` must have each file once, and has {file} more than once.")));
        }
    }
    Ok(files)
}

/// Refuses to let a file fail that is not there.
fn are_known(
    flag: &str,
    failing: &BTreeMap<u64, Vec<u64>>,
    files: Option<&BTreeMap<u64, Vec<u64>>>,
) -> Result<(), Refused> {
    match failing.keys().find(|file| files.is_some_and(|files| !files.contains_key(file))) {
        None => Ok(()),
        Some(file) => Err(Refused(format!("`{flag}` must name files of --files, not {file}."))),
    }
}

/// A fault by name, such as `status:503`, or with its options as a JSON object.
fn written(fault: &str) -> Value {
    match serde_json::from_str(fault) {
        Ok(fault @ Value::Object(_)) => fault,
        _ => Value::from(fault),
    }
}
