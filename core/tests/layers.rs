//! The house as ARCHITECTURE.md describes it: dependencies point one way, no two files need each other, and what decides
//! does no I/O.

#![allow(clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each layer, and the layers that it may name beside itself.
const LAYERS: [(&str, &[&str]); 12] = [
    ("model", &[]),
    ("response", &["model"]),
    ("error", &["model", "response"]),
    ("system", &["model"]),
    ("runtime", &["model", "system"]),
    ("config", &["model", "error"]),
    ("journal", &["model", "error", "runtime", "system"]),
    ("protocol", &["model", "response", "error", "journal"]),
    ("net", &["model", "error", "system", "runtime", "config", "protocol"]),
    ("client", &["model", "error", "system", "runtime", "config", "journal", "protocol", "net"]),
    ("cli", &["model", "error", "system", "runtime", "config", "journal", "protocol", "client"]),
    ("lib", &["model", "response", "error", "runtime", "config", "journal", "protocol", "net", "client", "cli"]),
];

/// What decides or only holds data: time and chance are its arguments.
const PURE: [&str; 10] = [
    "net/pem",
    "model/",
    "response/",
    "protocol/",
    "journal/record",
    "journal/history",
    "journal/fingerprint",
    "journal/look",
    "journal/settle",
    "journal/store",
];

/// What none of these may name.
const IMPURE: [&str; 13] = [
    "std::fs",
    "std::env",
    "std::net",
    "std::io",
    "std::process",
    "std::thread",
    "::now(",
    ".elapsed()",
    "fastrand",
    "tokio",
    "reqwest",
    "runtime::",
    "{fs",
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every file of the core by its path below `src`, without its tests and comments.
fn files() -> BTreeMap<String, String> {
    fn walk(folder: &Path, files: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, files);
                continue;
            }
            let name = path.strip_prefix(source()).expect("below src").with_extension("");
            let name = name.to_str().expect("a name").to_owned();
            if ["protocol/simulation", "journal/tests", "client/slow_disk", "client/panics", "protocol/tests"]
                .contains(&name.as_str())
                || name.starts_with("bin/")
            {
                continue;
            }
            let text = fs::read_to_string(&path).expect("a text");
            let code = text.split("#[cfg(test)]\n#[allow").next().unwrap_or_default();
            let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            files.insert(name, lines.collect::<Vec<_>>().join("\n"));
        }
    }
    let mut files = BTreeMap::new();
    walk(&source(), &mut files);
    assert!(files.len() > 40, "the core is not where it was");
    files
}

/// The paths that a file names with `crate::`, each as far as it is spelt out.
fn named(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let path: String = rest.chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
        let path = path.trim_end_matches(':').to_owned();
        match rest.get(path.len()..).and_then(|rest| rest.strip_prefix("::{")) {
            Some(members) => {
                let members = members.split('}').next().unwrap_or_default();
                paths.extend(members.split(',').map(|member| format!("{path}::{}", member.trim())));
            }
            None => paths.push(path),
        }
    }
    paths
}

/// The file that a path leads into.
fn file_of(path: &str, files: &BTreeMap<String, String>) -> Option<String> {
    let mut parts: Vec<&str> = path.split("::").collect();
    while !parts.is_empty() {
        let file = parts.join("/");
        for candidate in [file.clone(), format!("{file}/mod")] {
            if files.contains_key(&candidate) {
                return Some(candidate);
            }
        }
        parts.pop();
    }
    None
}

fn layer_of(file: &str) -> &str {
    file.split('/').next().unwrap_or(file)
}

/// Which files each file names.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let files = files();
    let arrows_of = |name: &String, code: &String| {
        let targets = named(code).into_iter().filter_map(|path| file_of(&path, &files));
        targets.filter(|target| target != name).collect()
    };
    files.iter().map(|(name, code)| (name.clone(), arrows_of(name, code))).collect()
}

#[test]
fn layers_name_only_those_below_them() {
    let mut wrong = Vec::new();
    for (file, targets) in arrows() {
        let layer = layer_of(&file);
        let (_, allowed) =
            LAYERS.iter().find(|(name, _)| *name == layer).unwrap_or_else(|| panic!("{file} has no layer"));
        for target in targets {
            let other = layer_of(&target);
            if other != layer && !allowed.contains(&other) {
                wrong.push(format!("{file} names {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_two_files_need_each_other() {
    let arrows = arrows();
    // Files that need no other are taken away, again and again: those that are left stand in a circle.
    let mut left: BTreeMap<_, _> = arrows.into_iter().filter(|(file, _)| file != "lib").collect();
    loop {
        let free: Vec<String> = left
            .iter()
            .filter(|(_, targets)| !targets.iter().any(|target| left.contains_key(target)))
            .map(|(file, _)| file.clone())
            .collect();
        if free.is_empty() {
            break;
        }
        for file in free {
            left.remove(&file);
        }
    }
    assert!(left.is_empty(), "a circle: {left:#?}");
}

#[test]
fn what_decides_does_no_io() {
    let mut wrong = Vec::new();
    for (file, code) in files() {
        if PURE.iter().any(|pure| file.starts_with(pure)) {
            wrong.extend(IMPURE.iter().filter(|word| code.contains(**word)).map(|word| format!("{file} names {word}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_system_asks_which_system_it_runs_on() {
    for (file, code) in files() {
        let asks = code.split("cfg").skip(1).any(|rest| {
            let condition = rest.trim_start_matches(['!', '(']).split([']', ';', '{']).next().unwrap_or_default();
            ["unix", "windows", "target_os", "target_family", "target_vendor"]
                .iter()
                .any(|word| condition.contains(word))
        });
        assert!(file.starts_with("system/") || !asks && !code.contains("std::os::"), "{file} asks for a system");
    }
}

#[test]
fn only_the_table_of_outcomes_says_what_is_sent_again() {
    for (file, code) in files() {
        let decides = ["Retry::Backoff(tried", "Retry::After(delay))", "Retry::FreshToken)"];
        let is_table = file == "protocol/outcome";
        assert!(is_table || !decides.iter().any(|word| code.contains(word)), "{file} decides what is sent again");
    }
}

#[test]
fn only_errors_know_codes() {
    for (file, code) in files() {
        assert!(file == "error" || !code.contains("\"ERR_"), "{file} knows a code");
    }
    for binding in ["bindings-python/src", "bindings-node/src"] {
        let folder = source().join("../..").join(binding);
        for entry in fs::read_dir(folder).expect("a binding") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).unwrap_or_default();
            assert!(!text.contains("\"ERR_"), "{} knows a code", path.display());
        }
    }
}

#[test]
fn the_simulator_knows_nothing_of_the_core() {
    let manifest = fs::read_to_string(source().join("../../tests/simulator/Cargo.toml")).expect("a manifest");
    assert!(!manifest.lines().any(|line| line.starts_with("addepar-portal.") || line.starts_with("addepar-portal =")));
}
