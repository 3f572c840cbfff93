//! Names are printed as the JDK prints them: many generated ones, judged in one run.

#[path = "common/pki.rs"]
mod pki;

use std::{fs, process::Command};

use pki::tlv;
use proptest::{collection::vec, prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use stratuslab::DistinguishedName;

/// How many names are compared.
const NAMES: usize = 1_000;

#[test]
fn names_are_what_the_jdk_prints() {
    let mut runner = TestRunner::deterministic();
    let mut sample = |strategy: BoxedStrategy<Vec<u8>>| strategy.new_tree(&mut runner).unwrap().current();
    // CN=é as a TeletexString, then names without and with such values
    let probe = tlv(0x30, &tlv(0x31, &tlv(0x30, &[tlv(6, &[0x55, 4, 3]), tlv(0x14, b"\xe9")].concat())));
    let usual = (0..NAMES).map(|_| sample(name(value().boxed())));
    let usual: Vec<_> = [probe].into_iter().chain(usual).collect();
    let odd: Vec<_> = (0..NAMES).map(|_| sample(name(odd_value().boxed()))).collect();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("names");
    let lines: Vec<String> = usual.iter().chain(&odd).map(|name| hex(name)).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    let judge = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/java/Names.java");
    let java = match Command::new("java").arg(judge).arg(&file).output() {
        Err(error) => return eprintln!("SKIPPED: no java to compare names with: {error}"),
        Ok(output) => output,
    };
    assert!(java.status.success(), "{}", String::from_utf8_lossy(&java.stderr));
    let verdicts = String::from_utf8(java.stdout).unwrap();
    let verdicts: Vec<&str> = verdicts.lines().collect();
    assert_eq!(verdicts.len(), usual.len() + odd.len());

    let (of_usual, of_odd) = verdicts.split_at(usual.len());
    compare(&usual[1..], &of_usual[1..]);
    if of_usual[0] == hex("CN=é".as_bytes()) {
        return eprintln!("SKIPPED: this JDK reads each string type in its own encoding");
    }
    compare(&usual[..1], &of_usual[..1]);
    compare(&odd, of_odd);
}

fn compare(names: &[Vec<u8>], verdicts: &[&str]) {
    for (name, verdict) in names.iter().zip(verdicts) {
        let ours = DistinguishedName::from_der(name).map(|ours| hex(ours.as_str().as_bytes()));
        assert_eq!(ours.as_deref(), Ok(*verdict), "{}", hex(name));
    }
}

fn name(value: BoxedStrategy<Vec<u8>>) -> BoxedStrategy<Vec<u8>> {
    let attribute = attribute(value);
    let rdn = prop_oneof![4 => vec(attribute.clone(), 1..2), 1 => vec(attribute, 2..4)];
    let rdns = vec(rdn.prop_map(|set| tlv(0x31, &set.concat())), 0..6);
    rdns.prop_map(|rdns| tlv(0x30, &rdns.concat())).boxed()
}

fn attribute(value: BoxedStrategy<Vec<u8>>) -> BoxedStrategy<Vec<u8>> {
    let encode = |(oid, value): (Vec<u8>, _)| tlv(0x30, &[tlv(6, &oid), value].concat());
    (oid(), value).prop_map(encode).boxed()
}

/// Named and numbered types of X.520, of the pilot directory, and of PKCS #9.
fn oid() -> impl Strategy<Value = Vec<u8>> {
    let pilot = |last| vec![0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, last];
    prop_oneof![
        4 => (3_u8..13).prop_map(|last| vec![0x55, 4, last]),
        1 => (13_u8..70).prop_map(|last| vec![0x55, 4, last]),
        1 => prop_oneof![Just(1), Just(25), Just(3)].prop_map(pilot),
        1 => Just(vec![0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]),
        1 => Just(vec![0x88, 0x37, 1]),
        1 => any::<u128>().prop_map(uuid),
    ]
}

/// The identifier 2.25.`uuid` (X.667 §7).
fn uuid(uuid: u128) -> Vec<u8> {
    let digits = (0..19).rev().map(|place| (uuid >> (7 * place) & 0x7f).to_le_bytes()[0]);
    let digits: Vec<u8> = digits.skip_while(|&digit| digit == 0).collect();
    let (last, more) = digits.split_last().unwrap_or((&0, &[]));
    let more = more.iter().map(|digit| digit | 0x80);
    [0x69].into_iter().chain(more).chain([*last]).collect()
}

/// Values of the string types (the usual ones more often), and of others, that all Java versions
/// print alike.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let utf8 = "[A-Za-z0-9 ,=+<>#;\"\\\\\r\n\t\\x00äé€😀-]{0,12}";
    let ascii = || "[A-Za-z0-9 ,=+<>#;\"\\\\\r\n\t\\x00-]{0,12}";
    let blanks = "[ \r]{0,3}[a ,]{0,3}[ \r]{0,3}";
    let ascii_as = move |tag: u8| ascii().prop_map(move |text| tlv(tag, text.as_bytes()));
    prop_oneof![
        6 => utf8.prop_map(|text| tlv(0x0c, text.as_bytes())),
        3 => blanks.prop_map(|text| tlv(0x13, text.as_bytes())),
        1 => ascii_as(0x13),
        1 => ascii_as(0x14),
        1 => ascii_as(0x16),
        1 => ascii_as(0x1b),
        1 => ascii_as(0x12),
        1 => ascii_as(0x04),
        1 => "[a-z]{0,4}".prop_map(|text| tlv(0x30, &tlv(0x0c, text.as_bytes()))),
    ]
}

/// Values of the string types with octets that are not ASCII.
fn odd_value() -> impl Strategy<Value = Vec<u8>> {
    let utf16 = |text: String| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    prop_oneof![
        "[a-z ,äé€😀]{0,6}".prop_map(move |text| tlv(0x1e, &utf16(text))),
        latin(0x0c),
        latin(0x13),
        latin(0x14),
        latin(0x16),
        latin(0x1b),
        latin(0x1e),
    ]
}

/// ASCII and the letters of ISO 8859-1. The octets between are left out since Java and Unicode's
/// recommendation differ in where a cut-off surrogate of UTF-8 ends.
fn latin(tag: u8) -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![0_u8..0x80, 0xc0_u8..], 0..12).prop_map(move |octets| tlv(tag, &octets))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
