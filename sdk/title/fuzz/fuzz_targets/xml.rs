#![no_main]

libfuzzer_sys::fuzz_target!(|document: &[u8]| {
    let _ = colophon_title_fuzz::xml(document);
});
