#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    colophon_activation_fuzz::parse(text);
});
