//! What certificates say, of all versions and of hostile ones.

#![allow(clippy::panic, reason = "a certificate that only we read has to be shown")]

#[path = "common/pki.rs"]
mod pki;

use openssl::{asn1::Asn1Type, bn::BigNum, hash::MessageDigest, x509::X509};
use pki::{CN, EMAIL_ADDRESS, Kind, Request, authority, jane, key, new_key, tlv};
use stratuslab::{Certificate, CertificateError};

/// Replaces the only place where `from` stands by `to` of the same length.
fn replaced(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let places = |window: &[u8]| window == from;
    let at: Vec<usize> =
        der.windows(from.len()).enumerate().filter(|(_, window)| places(window)).map(|(at, _)| at).collect();
    assert_eq!((at.len(), from.len()), (1, to.len()), "{from:?}");
    [&der[..at[0]], to, &der[at[0] + to.len()..]].concat()
}

#[test]
fn a_certificate_is_what_openssl_says_it_is() {
    for kind in [Kind::Rsa2048, Kind::P256, Kind::P384, Kind::Ed25519, Kind::Dsa1024, Kind::RsaPss2048] {
        let identity = Request::new("Jane").email("jane@example.org").issued_by(&authority(), &key(kind));
        let ours = Certificate::from_der(&identity.certificate_der()).unwrap();
        let theirs = &identity.certificate;
        assert_eq!(ours.der(), identity.certificate_der());
        assert_eq!(ours.subject().as_str(), "CN=Jane,O=StratusLab,C=FR");
        assert_eq!(ours.issuer().as_str(), "CN=Test CA,O=StratusLab,C=FR");
        assert_eq!(ours.email(), Some("jane@example.org"));
        let serial = theirs.serial_number().to_bn().unwrap().to_hex_str().unwrap().to_lowercase();
        assert_eq!(ours.serial(), serial);
        let fingerprint = theirs.digest(MessageDigest::sha256()).unwrap();
        let fingerprint = BigNum::from_slice(&fingerprint).unwrap();
        let fingerprint = fingerprint.to_hex_str().unwrap().to_lowercase();
        assert_eq!(ours.sha256_fingerprint(), format!("{fingerprint:0>64}"));
        for (ours, theirs) in
            [(ours.not_before(), theirs.not_before()), (ours.not_after(), theirs.not_after())]
        {
            let same = openssl::asn1::Asn1Time::from_unix(ours.unix_seconds()).unwrap();
            assert_eq!(same.compare(theirs).unwrap(), std::cmp::Ordering::Equal);
        }
        assert!(ours.public_key().unwrap().public_eq(&identity.key));
    }
}

#[test]
fn the_email_is_the_first_rfc822_name_and_not_the_subjects() {
    let ec = key(Kind::P256);
    let several = Request::new("Jane").email("second@example.org").email("a@example.org").self_signed(&ec);
    let certificate = Certificate::from_der(&several.certificate_der()).unwrap();
    assert_eq!(certificate.email(), Some("second@example.org"));

    let attributes = [(CN, Asn1Type::UTF8STRING, "Jane"), (EMAIL_ADDRESS, Asn1Type::IA5STRING, "j@x.org")];
    let in_subject = Request::new("").subject(&attributes).self_signed(&ec);
    let certificate = Certificate::from_der(&in_subject.certificate_der()).unwrap();
    assert_eq!(certificate.email(), None);
    assert_eq!(certificate.subject().as_str(), "1.2.840.113549.1.9.1=#16076a40782e6f7267,CN=Jane");

    // The names before it may be of any type.
    let der = replaced(&several.certificate_der(), b"\x81\x12second@", b"\x82\x12second@");
    assert_eq!(Certificate::from_der(&der).unwrap().email(), Some("a@example.org"));
}

#[test]
fn version_1_certificates_are_read() {
    let old = Request::new("Old").version1().self_signed(&key(Kind::P256));
    let certificate = Certificate::from_der(&old.certificate_der()).unwrap();
    assert_eq!((certificate.subject().as_str(), certificate.email()), ("CN=Old,O=StratusLab,C=FR", None));
}

#[test]
fn both_forms_of_time_are_read() {
    let der = jane().certificate_der();
    let at = der.windows(2).position(|window| window == [0x17, 13]).unwrap();
    let with = |not_before: &[u8]| {
        let mut der = der.clone();
        der[at + 2..at + 15].copy_from_slice(not_before);
        Certificate::from_der(&der).map(|certificate| certificate.not_before().to_string())
    };
    assert_eq!(with(b"491231235959Z").unwrap(), "2049-12-31T23:59:59Z");
    assert_eq!(with(b"500101000000Z").unwrap(), "1950-01-01T00:00:00Z");
    for bad in [b"490231235959Z", b"4912312359590", b"49123123595 Z", b"49123\xff235959Z"] {
        assert!(matches!(with(bad), Err(CertificateError::Date { .. })), "{bad:?}");
    }

    // Seventy years from now is past 2049, which takes GeneralizedTime.
    let late = Request::new("Late").days(0, 70 * 365).self_signed(&key(Kind::P256)).certificate_der();
    let certificate = Certificate::from_der(&late).unwrap();
    let years = (certificate.not_after().unix_seconds() - certificate.not_before().unix_seconds()) / 86_400;
    assert_eq!(years, 70 * 365);
    let at = late.windows(2).position(|window| window == [0x18, 15]).unwrap();
    let mut endless = late;
    endless[at + 2..at + 17].copy_from_slice(b"99991231235959Z");
    let certificate = Certificate::from_der(&endless).unwrap();
    assert_eq!(certificate.not_after().to_string(), "9999-12-30T22:00:00Z");
}

#[test]
fn what_is_not_exactly_one_certificate_is_refused() {
    let der = jane().certificate_der();
    for cut in 0..der.len() {
        assert!(Certificate::from_der(&der[..cut]).is_err(), "{cut}");
    }
    let longer = [der.clone(), vec![0]].concat();
    assert!(matches!(Certificate::from_der(&longer), Err(CertificateError::Malformed(_))));
    let huge = vec![0; 65 * 1024];
    assert!(matches!(Certificate::from_der(&huge), Err(CertificateError::TooLong { .. })));
    let key = new_key(Kind::P256).private_key_to_pkcs8().unwrap();
    assert!(matches!(Certificate::from_der(&key), Err(CertificateError::Malformed(_))));
}

/// Whatever is changed, a certificate whose key can be used is one to OpenSSL too, and its key the
/// same. Not in its names: those count as they are, whatever the types of their parts.
#[test]
fn no_single_changed_byte_makes_one_of_what_is_none() {
    for kind in [Kind::P256, Kind::Rsa2048] {
        let identity = Request::new("Jane").email("j@x.org").self_signed(&key(kind));
        let (der, name) = (identity.certificate_der(), identity.certificate.subject_name().to_der().unwrap());
        let in_name =
            |at: usize| (at.saturating_sub(name.len() - 1)..=at).any(|start| der[start..].starts_with(&name));
        let mut usable = 0;
        for at in 0..der.len() {
            for bits in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
                let mut changed = der.clone();
                changed[at] ^= bits;
                // Neither may panic.
                let ours = Certificate::from_der(&changed).and_then(|certificate| certificate.public_key());
                let Ok(ours) = ours else { continue };
                if in_name(at) {
                    continue;
                }
                usable += 1;
                let theirs = X509::from_der(&changed).and_then(|certificate| certificate.public_key());
                let theirs =
                    theirs.unwrap_or_else(|error| panic!("byte {at} is {:#x}: {error}", changed[at]));
                assert!(ours.public_eq(&theirs), "byte {at} is {:#x}", changed[at]);
            }
        }
        assert!(usable > der.len(), "{kind:?}: {usable}");
    }
}

#[test]
fn hostile_alternative_names_are_refused() {
    let der = Request::new("Jane").email("jane@x.org").self_signed(&key(Kind::P256)).certificate_der();
    for bad in [b"\x81\x0ajane\0x.org", b"\x81\x0ajane x.org", b"\x81\x0ajane\xffx.org"] {
        let der = replaced(&der, b"\x81\x0ajane@x.org", bad);
        let error = Certificate::from_der(&der).unwrap_err();
        let fact = "the certificate's e-mail address holds blanks or characters that are not printable ASCII";
        assert_eq!(error.to_string(), fact);
    }
    // basicConstraints becomes a second subjectAltName: 2.5.29.19 to 2.5.29.17.
    let der = replaced(&der, &tlv(6, &[0x55, 0x1d, 19]), &tlv(6, &[0x55, 0x1d, 17]));
    assert!(matches!(Certificate::from_der(&der), Err(CertificateError::SeveralAltNames)));
}

#[test]
fn a_second_field_for_extensions_is_refused() {
    let der = jane().certificate_der();
    let length = usize::from(u16::from_be_bytes([der[6], der[7]]));
    let (tbs, rest) = der[8..].split_at(length);
    let field = (0..length - 1).find(|&at| tbs[at] == 0xa3 && at + 2 + usize::from(tbs[at + 1]) == length);
    let field = &tbs[field.unwrap()..];
    let with = |fields: &[&[u8]]| {
        let tbs = tlv(0x30, &[tbs, &fields.concat()].concat());
        Certificate::from_der(&tlv(0x30, &[&tbs, rest].concat()))
    };
    assert_eq!(with(&[]).unwrap().email(), Some("jane.tester@example.org"));
    assert!(matches!(with(&[field]), Err(CertificateError::SeveralExtensions)));
    assert!(matches!(with(&[&tlv(0xa3, &tlv(0x30, b""))]), Err(CertificateError::SeveralExtensions)));
}

/// What is in fields nobody asks for is looked at too: a certificate is one to everybody or to nobody.
#[test]
fn what_rfc_5280_does_not_allow_is_refused() {
    let der = Request::new("Jane").email("jane@x.org").self_signed(&key(Kind::P256)).certificate_der();
    let error = |der: &[u8]| Certificate::from_der(der).unwrap_err();
    let version = |to: &[u8]| error(&replaced(&der, &[0xa0, 3, 2, 1, 2], to));
    assert_eq!(
        version(&[0xa0, 3, 2, 1, 3]).to_string(),
        "the certificate is of version 4, and there are 1 to 3"
    );
    assert!(matches!(version(&[0xa0, 3, 2, 1, 0]), CertificateError::LaterFields));
    for malformed in [[0xa0, 3, 2, 2, 2], [0xa0, 3, 2, 1, 0x82], [0xa0, 3, 4, 1, 2], [0xa0, 3, 2, 0, 2]] {
        assert!(matches!(version(&malformed), CertificateError::Malformed(_)), "{malformed:?}");
    }

    // ecdsa-with-SHA256, twice: inside what is signed, and outside.
    let algorithm = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let at = der.windows(algorithm.len()).position(|window| window == algorithm).unwrap();
    let mut other = der.clone();
    other[at + 9] = 3;
    let fact = "the certificate names two algorithms for its signature";
    assert_eq!(error(&other).to_string(), fact);

    // The serial number has sixteen octets, the first of them zero.
    let at = der.windows(2).position(|window| window == [2, 16]).unwrap();
    assert_eq!(der[at + 2], 0);
    let mut longer_than_it_need_be = der.clone();
    longer_than_it_need_be[at + 3] &= 0x7f;
    assert!(matches!(error(&longer_than_it_need_be), CertificateError::Malformed(_)));

    // A BOOLEAN is 0 or 255 (X.690 §11.1).
    let critical = [&tlv(6, &[0x55, 0x1d, 19])[..], &[1, 1]].concat();
    let maybe = replaced(&der, &[&critical[..], &[0xff]].concat(), &[&critical[..], &[1]].concat());
    assert!(matches!(error(&maybe), CertificateError::Malformed(_)));
}

#[test]
fn an_extension_is_there_once() {
    let der = Request::new("Jane").email("jane@x.org").self_signed(&key(Kind::P256)).certificate_der();
    // subjectAltName becomes a second basicConstraints: 2.5.29.17 to 2.5.29.19.
    let der = replaced(&der, &tlv(6, &[0x55, 0x1d, 17]), &tlv(6, &[0x55, 0x1d, 19]));
    let error = Certificate::from_der(&der).unwrap_err();
    assert_eq!(error.to_string(), "the certificate has more than one extension 2.5.29.19");
}
