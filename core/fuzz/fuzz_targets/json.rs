#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| addepar_portal::fuzzing::json(text));
