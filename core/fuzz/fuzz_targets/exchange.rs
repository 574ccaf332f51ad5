#![no_main]

use addepar_portal_fuzz::exchange;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|input: &[u8]| -> Corpus { if exchange::check(input) { Corpus::Keep } else { Corpus::Reject } });
