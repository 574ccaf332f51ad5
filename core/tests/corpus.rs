//! Replays the corpus of the fuzz targets, of which each file once was, or stands for, an odd answer.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs, unreachable_pub)]

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/exchange.rs"]
mod exchange;
#[path = "../fuzz/src/promises.rs"]
mod promises;
#[path = "../fuzz/src/response.rs"]
mod response;

fn replay(target: &str, check: fn(&[u8]) -> bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    for file in fs::read_dir(folder).expect("a corpus") {
        let path = file.expect("a file").path();
        // A failure is told by the captured output: its last line names the file.
        println!("{}", path.display());
        assert!(check(&fs::read(&path).expect("bytes")), "it names no files");
    }
}

#[test]
fn bodies() {
    replay("response", response::check);
}

#[test]
fn exchanges() {
    replay("exchange", exchange::check);
}
