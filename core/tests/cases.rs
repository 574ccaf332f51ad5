//! Runs every case of `tests/cases` against the simulated portal. A new case needs no code here.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use addepar_portal::host::{AccessToken, NoId, Settings, Turn, not_a_collection};
use addepar_portal::{Error, PortalClient, PublishReport, PublishRequest, RawId, Repeat};
use addepar_portal_simulator::SimulatedPortal;
use serde_json::{Map, Value, json};

/// A client, its environment, and the tokens that its callable would return.
type Client = (PortalClient, HashMap<String, String>, Vec<String>);

/// One case with its portal.
struct Case<'a> {
    case: &'a Value,
    portal: SimulatedPortal,
}

#[test]
fn every_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.file_name().is_some_and(|name| name != "schema.json"))
        .collect();
    files.sort();
    let only = env::var("CASE").unwrap_or_default();
    let cases: Vec<(String, Value)> = files.iter().flat_map(|path| read(path)).collect();
    let mut cases: Vec<_> = cases
        .iter()
        .filter(|(name, case)| {
            let speaks_rust = case["languages"].as_array().is_none_or(|languages| languages.contains(&json!("rust")));
            speaks_rust && name.contains(&only)
        })
        .collect();
    assert!(!cases.is_empty(), "no case was run");
    // Most of the time goes into waits, which may as well pass together: first those that take a minute each.
    cases.sort_by_key(|(_, case)| case["slow"] != true);
    let workers = 8 + cases.iter().filter(|(_, case)| case["slow"] == true).count();
    let next = AtomicUsize::new(0);
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut failures = Vec::new();
        while let Some((name, case)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(difference) = runtime.block_on(Case::new(case).check()) {
                failures.push(format!("{name}\n    {difference}"));
            }
        }
        failures
    };
    let failures: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    });
    assert!(failures.is_empty(), "{} of {} cases failed:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn read(path: &Path) -> Vec<(String, Value)> {
    let file: Value = serde_json::from_slice(&fs::read(path).expect("a file of cases")).expect("JSON");
    let named = |case: &Value| {
        let name = case["name"].as_str().expect("a name");
        (format!("{}: {name}", path.file_stem().unwrap_or_default().display()), case.clone())
    };
    file["cases"].as_array().expect("cases").iter().map(named).collect()
}

impl<'a> Case<'a> {
    fn new(case: &'a Value) -> Self {
        let options = case.get("portal").unwrap_or(&Value::Null);
        let options = if options.is_null() { json!({}) } else { options.clone() };
        Self { case, portal: SimulatedPortal::start(&options.to_string()).expect("a portal") }
    }

    fn control(&self, command: &Value) -> Value {
        let answer = self.portal.control(&command.to_string()).expect("an answer");
        serde_json::from_str(&answer).expect("JSON")
    }

    async fn check(&self) -> Result<(), String> {
        let result = self.publish().await;
        let expect = &self.case["expect"];
        let seen = match result {
            Ok(report) => json!({ "report": parse(&report.to_json()) }),
            Err(error) => {
                let mut seen = parse(&error.to_json());
                seen["report"] = error.report().map_or(Value::Null, |report| parse(&report.to_json()));
                json!({ "error": seen })
            }
        };
        self.compare(expect, &seen).map_err(|difference| format!("{difference}\n    seen: {}", clip(&seen.to_string())))
    }

    fn compare(&self, expect: &Value, seen: &Value) -> Result<(), String> {
        for kind in ["report", "error"] {
            let mut expected = expect[kind].clone();
            let contains = expected.as_object_mut().and_then(|error| error.remove("message_contains"));
            subset(&expected, &seen[kind], kind)?;
            for text in contains.iter().flat_map(|texts| texts.as_array().into_iter().flatten()) {
                let (text, message) = (text.as_str().expect("a text"), seen["error"]["message"].as_str());
                if !message.is_some_and(|message| message.contains(text)) {
                    return Err(format!("the message {message:?} does not contain {text:?}"));
                }
            }
        }
        let requests = self.control(&json!({ "do": "requests" }));
        let count = |method: &str| {
            requests.as_array().map(|all| all.iter().filter(|request| request["method"] == method).count())
        };
        subset(&expect["posts"], &self.control(&json!({ "do": "posts" })), "posts")?;
        if let Some(gets) = expect.get("gets") {
            subset(gets, &json!(count("GET")), "gets")?;
        }
        if let Some(request) = expect.get("request") {
            let first = &requests[0];
            subset(request, first, "request")?;
            if request.get("body").is_some() && request["body"] != first["body"] {
                return Err(format!("the body sent is {}", first["body"]));
            }
        }
        for (file, contacts) in expect["published"].as_object().into_iter().flatten() {
            let file: u64 = file.parse().expect("a file");
            subset(contacts, &self.control(&json!({ "do": "published", "file": file })), "published")?;
        }
        match expect.get("outbox") {
            Some(outbox) => subset(outbox, &self.control(&json!({ "do": "outbox" })), "outbox"),
            None => Ok(()),
        }
    }

    async fn publish(&self) -> Result<PublishReport, Error> {
        let request = self.request()?;
        let (client, variables, mut tokens) = self.client()?;
        let call = client.start(request, Repeat::Refuse, |name| variables.get(name).map(Into::into));
        while call.run().await == Turn::TokenWanted {
            call.provide_token(tokens.remove(0).as_str().into());
        }
        call.ending().into_result().map(Arc::unwrap_or_clone)
    }

    fn request(&self) -> Result<PublishRequest, Error> {
        let arguments = &self.case["arguments"];
        let request = PublishRequest::new(
            ids("file_ids", &arguments["file_ids"])?,
            arguments["portal_publishing"].as_str().expect("a mode").parse()?,
            arguments["contact_notification"].as_str().expect("a mode").parse()?,
        )?;
        match arguments.get("publish_override_contact_ids") {
            Some(contacts) => Ok(request.with_override_contacts(ids("publish_override_contact_ids", contacts)?)?),
            None => Ok(request),
        }
    }

    fn client(&self) -> Result<Client, Error> {
        let mut settings = json!({
            "base_url": self.portal.base_url(),
            "firm_id": "1",
            "key_id": "simulated-key",
            "key_secret": "simulated-secret",
        });
        let given = self.case.get("client").and_then(Value::as_object).cloned().unwrap_or_default();
        settings.as_object_mut().expect("an object").extend(given);
        let text = |name: &str| self.resolve(&settings[name]);
        let tokens = settings["access_token"]["tokens"].as_array().cloned().unwrap_or_default();
        let access_token = match text("access_token") {
            Some(token) => Some(AccessToken::Fixed(token.into())),
            None => (!tokens.is_empty()).then_some(AccessToken::Asked),
        };
        let variables: HashMap<String, String> = self
            .case
            .get("environment")
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(Map::iter)
            .filter_map(|(name, value)| Some((name.clone(), self.resolve(value)?)))
            .collect();
        let settings = Settings {
            firm_name: text("firm_name"),
            environment: text("environment"),
            firm_id: text("firm_id"),
            key_id: text("key_id"),
            key_secret: text("key_secret").map(Into::into),
            access_token,
            base_url: text("base_url"),
            timeout: settings["timeout"].as_f64(),
            connect_timeout: settings["connect_timeout"].as_f64(),
            max_rate_limit_wait: settings["max_rate_limit_wait"].as_f64(),
            proxy: text("proxy").map(Into::into),
            ca_file: text("ca_file"),
            journal_dir: text("journal_dir"),
            ..Settings::default()
        };
        let client = PortalClient::new(settings, |name| variables.get(name).map(Into::into))?;
        let tokens = tokens.iter().map(|token| token.as_str().expect("a token").to_owned()).collect();
        Ok((client, variables, tokens))
    }

    /// A text, or the URL of an endpoint of the simulator.
    fn resolve(&self, value: &Value) -> Option<String> {
        let Some(endpoint) = value.get("endpoint").and_then(Value::as_str) else {
            return value.as_str().map(str::to_owned);
        };
        let url = if endpoint == "portal" {
            self.portal.base_url().to_owned()
        } else {
            let url = self.control(&json!({ "do": "endpoint", "name": endpoint }));
            url["url"].as_str().expect("a URL").to_owned()
        };
        Some(url + value["suffix"].as_str().unwrap_or_default())
    }
}

fn ids(name: &str, ids: &Value) -> Result<Vec<RawId>, Error> {
    if let Some([first, last]) = ids["$range"].as_array().map(Vec::as_slice) {
        return Ok((first.as_i64().expect("a bound")..=last.as_i64().expect("a bound")).map(RawId::from).collect());
    }
    let Some(list) = ids.as_array() else {
        return Err(not_a_collection(name, type_name(ids)).into());
    };
    Ok(list.iter().map(raw_id).collect())
}

fn raw_id(id: &Value) -> RawId {
    let other = |shown: &str| NoId { type_name: type_name(id).to_owned(), shown: shown.to_owned(), hint: None }.into();
    match id {
        Value::Number(number) => number.as_i64().map_or_else(|| other(&number.to_string()), RawId::from),
        Value::String(text) => RawId::from(text.as_str()),
        Value::Object(special) => match (special.get("$integer"), special.get("$float")) {
            (Some(integer), _) => {
                let digits = integer.as_str().expect("digits");
                digits.parse().map_or_else(|_| other(digits), RawId::Integer)
            }
            (None, Some(float)) => other(float.as_str().expect("a float")),
            (None, None) => other(&id.to_string()),
        },
        _ => other(&id.to_string()),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

fn parse(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

/// Objects as subsets, lists element by element, numbers by value.
fn subset(expected: &Value, seen: &Value, path: &str) -> Result<(), String> {
    let same = match (expected, seen) {
        (Value::Null, _) if !path.contains('.') => return Ok(()),
        (Value::Object(expected), Value::Object(seen)) => {
            return expected.iter().try_for_each(|(key, value)| {
                subset(value, seen.get(key).unwrap_or(&Value::Null), &format!("{path}.{key}"))
            });
        }
        (Value::Array(expected), Value::Array(seen)) if expected.len() == seen.len() => {
            return expected
                .iter()
                .zip(seen)
                .enumerate()
                .try_for_each(|(index, (expected, seen))| subset(expected, seen, &format!("{path}.{index}")));
        }
        (Value::Number(expected), Value::Number(seen)) => expected.as_f64() == seen.as_f64(),
        (expected, seen) => expected == seen,
    };
    if same { Ok(()) } else { Err(format!("{path} should be {expected}, is {}", clip(&seen.to_string()))) }
}

fn clip(text: &str) -> String {
    text.chars().take(1_500).collect()
}
