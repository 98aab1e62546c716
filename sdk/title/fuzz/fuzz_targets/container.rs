#![no_main]

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let _ = colophon_title_fuzz::container(file);
});
