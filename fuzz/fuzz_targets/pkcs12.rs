#![no_main]

#[path = "../properties/pkcs12.rs"]
mod pkcs12;

libfuzzer_sys::fuzz_target!(|data: &[u8]| pkcs12::check(data));
