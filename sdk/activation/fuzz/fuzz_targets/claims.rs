#![no_main]

libfuzzer_sys::fuzz_target!(|claims: &[u8]| {
    let _ = colophon_activation_fuzz::claims(claims);
});
