#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    colophon_receipt_fuzz::parse(text);
});
