#![no_main]

#[path = "../properties/c14n.rs"]
mod c14n;
#[path = "../properties/libxml2.rs"]
mod libxml2;

libfuzzer_sys::fuzz_target!(|data: &[u8]| c14n::check(data, libxml2::canonical_form));
