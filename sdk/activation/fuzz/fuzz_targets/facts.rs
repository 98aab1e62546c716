//! Any bytes as the facts of a machine: what is read is written and read the same.

#![no_main]

use colophon_activation::MachineFacts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &[u8]| {
    let Ok(facts) = MachineFacts::parse(json) else { return };
    let again = MachineFacts::parse(facts.to_json().as_bytes()).expect("facts");
    assert_eq!(again, facts);
});
