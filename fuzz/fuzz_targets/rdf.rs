#![no_main]

#[path = "../properties/rdf.rs"]
mod rdf;

libfuzzer_sys::fuzz_target!(|data: &[u8]| rdf::check(data));
