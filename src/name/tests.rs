use super::*;

const PRINTABLE: u8 = 0x13;
const UTF8: u8 = 0x0c;
const IA5: u8 = 0x16;
const TELETEX: u8 = 0x14;
const GENERAL: u8 = 0x1b;
const BMP: u8 = 0x1e;
const UNIVERSAL: u8 = 0x1c;
const NUMERIC: u8 = 0x12;

const CN: &[u8] = &[0x55, 4, 3];
const C: &[u8] = &[0x55, 4, 6];
const O: &[u8] = &[0x55, 4, 10];
const OU: &[u8] = &[0x55, 4, 11];
const STREET: &[u8] = &[0x55, 4, 9];
const SURNAME: &[u8] = &[0x55, 4, 4];
const GIVEN_NAME: &[u8] = &[0x55, 4, 42];
const SERIAL_NUMBER: &[u8] = &[0x55, 4, 5];
const TITLE: &[u8] = &[0x55, 4, 12];
const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
const UID: &[u8] = &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1];
const DC: &[u8] = &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25];

type Attribute<'a> = (&'a [u8], u8, &'a [u8]);

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let header = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
    [header, content.to_vec()].concat()
}

fn rdn(attributes: &[Attribute<'_>]) -> Vec<u8> {
    let attribute = |&(oid, tag, value): &Attribute<'_>| tlv(0x30, &[tlv(6, oid), tlv(tag, value)].concat());
    tlv(0x31, &attributes.iter().flat_map(attribute).collect::<Vec<u8>>())
}

fn name(rdns: &[&[Attribute<'_>]]) -> Vec<u8> {
    tlv(0x30, &rdns.iter().flat_map(|attributes| rdn(attributes)).collect::<Vec<u8>>())
}

fn text(rdns: &[&[Attribute<'_>]]) -> String {
    DistinguishedName::from_der(&name(rdns)).unwrap().to_string()
}

#[test]
fn names_are_printed_as_the_originals_print_them() {
    let fr: Attribute<'_> = (C, PRINTABLE, b"FR");
    let jane: Attribute<'_> = (CN, UTF8, b"Jane");
    assert_eq!(
        text(&[&[fr], &[(O, UTF8, b"CNRS")], &[(OU, UTF8, b"LAL")], &[(CN, UTF8, b"Doe, John")]]),
        "CN=Doe\\, John,OU=LAL,O=CNRS,C=FR"
    );
    assert_eq!(
        text(&[&[fr], &[(O, UTF8, b"A=B #C;D<E>F")], &[(CN, UTF8, b"plus+sign \"q\" back\\slash")]]),
        "CN=plus\\+sign \\\"q\\\" back\\\\slash,O=A\\=B \\#C\\;D\\<E\\>F,C=FR"
    );
    assert_eq!(
        text(&[&[fr], &[jane], &[(EMAIL_ADDRESS, IA5, b"jane@x.org")]]),
        "1.2.840.113549.1.9.1=#160a6a616e6540782e6f7267,CN=Jane,C=FR"
    );
    assert_eq!(
        text(&[&[(DC, IA5, b"org")], &[(DC, IA5, b"grid")], &[jane, (UID, UTF8, b"jd")]]),
        "CN=Jane+UID=jd,DC=grid,DC=org"
    );
    assert_eq!(text(&[&[(CN, UTF8, b" lead and trail ")]]), "CN=\\ lead and trail\\ ");
    assert_eq!(
        text(&[
            &[(CN, UTF8, b"#hash")],
            &[(GIVEN_NAME, UTF8, b"Jane")],
            &[(SURNAME, UTF8, b"Doe")],
            &[(SERIAL_NUMBER, PRINTABLE, b"42")],
            &[(TITLE, UTF8, b"Dr")],
            &[(STREET, UTF8, b"s")],
        ]),
        "STREET=s,2.5.4.12=#0c024472,2.5.4.5=#13023432,2.5.4.4=#0c03446f65,2.5.4.42=#0c044a616e65,CN=\\#hash"
    );
    assert_eq!(text(&[&[(CN, UTF8, "Jérôme".as_bytes())]]), "CN=Jérôme");
}

#[test]
fn string_types_are_read_as_utf8_whatever_they_are() {
    for tag in [UTF8, PRINTABLE, IA5, TELETEX, GENERAL, BMP] {
        assert_eq!(text(&[&[(CN, tag, "Jérôme".as_bytes())]]), "CN=Jérôme");
        assert_eq!(text(&[&[(CN, tag, b"J\xe9r\xf4me")]]), "CN=J\u{fffd}r\u{fffd}me");
    }
    assert_eq!(text(&[&[(CN, BMP, b"\0J\0a")]]), "CN=\\00J\\00a");
    assert_eq!(text(&[&[(CN, UNIVERSAL, b"\0\0\0J")]]), "CN=#1c040000004a");
    assert_eq!(text(&[&[(CN, NUMERIC, b"42")]]), "CN=#12023432");
    assert_eq!(text(&[&[(CN, 0x30, b"\x05\0")]]), "CN=#30020500");
}

#[test]
fn unnamed_types_are_printed_in_numbers() {
    let printed = |oid: &[u8]| text(&[&[(oid, UTF8, b"")]]);
    assert_eq!(printed(&[0x88, 0x37, 1]), "2.999.1=#0c00");
    assert_eq!(printed(&[0x27]), "0.39=#0c00");
    let uuid = [&[0x69, 0x83][..], &[0xff; 17], &[0x7f]].concat();
    assert_eq!(printed(&uuid), "2.25.340282366920938463463374607431768211455=#0c00");
    let beyond = [&[0x69, 0x84][..], &[0x80; 17], &[0]].concat();
    for bad in [&[][..], &[0x80, 1], &[0x55, 0x84], &[0x55, 0x80, 1], &beyond] {
        assert!(DistinguishedName::from_der(&name(&[&[(bad, UTF8, b"")]])).is_err(), "{bad:?}");
    }
}

#[test]
fn blanks_and_nul_are_escaped_as_java_does() {
    assert_eq!(text(&[&[(CN, UTF8, b"  a  b ")]]), "CN=\\ \\ a  b\\ ");
    assert_eq!(text(&[&[(CN, UTF8, b"   ")]]), "CN=\\ \\ \\ ");
    assert_eq!(text(&[&[(CN, UTF8, b"\r \ta\n\r")]]), "CN=\\\r\\ \ta\n\\\r");
    assert_eq!(text(&[&[(CN, UTF8, b"a\0b")]]), "CN=a\\00b");
    assert_eq!(text(&[&[(CN, UTF8, b"")]]), "CN=");
    assert_eq!(text(&[]), "");
}

#[test]
fn the_order_of_the_encoding_is_kept_where_der_would_sort() {
    let (b, a): (Attribute<'_>, Attribute<'_>) = ((OU, UTF8, b"b"), (CN, UTF8, b"a"));
    assert_eq!(text(&[&[b, a]]), "OU=b+CN=a");
    assert_eq!(text(&[&[a, b]]), "CN=a+OU=b");
}

#[test]
fn what_is_not_exactly_one_name_is_refused() {
    let good = name(&[&[(CN, UTF8, b"Jane")]]);
    for cut in 0..good.len() {
        assert!(DistinguishedName::from_der(&good[..cut]).is_err(), "{cut}");
    }
    let hostile: [Vec<u8>; 8] = [
        [good.clone(), vec![0]].concat(),
        tlv(0x31, &rdn(&[(CN, UTF8, b"Jane")])),
        // an RDN without attribute, an attribute with two values, and with none
        tlv(0x30, &tlv(0x31, &[])),
        tlv(0x30, &tlv(0x31, &tlv(0x30, &[tlv(6, CN), tlv(UTF8, b"a"), tlv(UTF8, b"b")].concat()))),
        tlv(0x30, &tlv(0x31, &tlv(0x30, &tlv(6, CN)))),
        // a type of several octets, a length that is not the shortest, one without end
        name(&[&[(CN, 0x1f, b"a")]]),
        tlv(0x30, &tlv(0x31, &tlv(0x30, &[tlv(6, CN), vec![UTF8, 0x81, 1, b'a']].concat()))),
        tlv(0x30, &tlv(0x31, &tlv(0x30, &[tlv(6, CN), vec![0x2c, 0x80, 0, 0]].concat()))),
    ];
    for (at, der) in hostile.iter().enumerate() {
        assert!(matches!(DistinguishedName::from_der(der), Err(NameError::Malformed(_))), "{at}");
    }
    let long = vec![0x30; MAX_NAME_BYTES + 1];
    assert_eq!(DistinguishedName::from_der(&long), Err(NameError::TooLong { length: long.len() }));
}
