#![no_main]

use addepar_portal_fuzz::response;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|input: &[u8]| -> Corpus { if response::check(input) { Corpus::Keep } else { Corpus::Reject } });
