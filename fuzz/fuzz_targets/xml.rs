#![no_main]

#[path = "../properties/libxml2.rs"]
mod libxml2;
#[path = "../properties/xml.rs"]
mod xml;

libfuzzer_sys::fuzz_target!(|data: &[u8]| xml::check(data, |data| libxml2::parse(data).is_some()));
