#![no_main]

libfuzzer_sys::fuzz_target!(|json: &[u8]| {
    let _ = colophon_activation_fuzz::facts(json);
});
