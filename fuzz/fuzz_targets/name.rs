#![no_main]
use libfuzzer_sys::fuzz_target;
fuzz_target!(|data: &[u8]| { let _ = stratuslab::DistinguishedName::from_der(data);
 let _ = libxml::parser::Parser::default().parse_string(data); });
