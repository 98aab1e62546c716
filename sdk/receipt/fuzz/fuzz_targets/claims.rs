#![no_main]

libfuzzer_sys::fuzz_target!(|claims: &[u8]| {
    let _ = colophon_receipt_fuzz::claims(claims);
});
