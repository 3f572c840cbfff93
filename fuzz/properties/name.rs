//! `name`: a name as text has the parts that it has in DER, and no value can pass for another part.

use openssl::{
    nid::Nid,
    x509::{X509, X509Name},
};
use stratuslab::{Certificate, DistinguishedName};

pub(crate) fn check(data: &[u8]) {
    if let Ok(name) = DistinguishedName::from_der(data) {
        let parts = parts(name.as_str());
        if let Ok(parsed) = X509Name::from_der(data) {
            compare(&parts, &parsed, name.as_str());
        }
    }
    let Ok(certificate) = Certificate::from_der(data) else { return };
    assert_eq!(certificate.der(), data);
    let subject = parts(certificate.subject().as_str());
    let issuer = parts(certificate.issuer().as_str());
    // We look at less of a certificate than OpenSSL does; where both read it, they read the same.
    let Ok(parsed) = X509::from_der(data) else { return };
    compare(&subject, parsed.subject_name(), certificate.subject().as_str());
    compare(&issuer, parsed.issuer_name(), certificate.issuer().as_str());
    let number = parsed.serial_number().to_bn().expect("a number");
    // Of a negative one we print the octets as they are.
    if !number.is_negative() {
        let significant = |digits: &str| digits.trim_start_matches('0').to_lowercase();
        let digits = number.to_hex_str().expect("digits");
        assert_eq!(significant(&certificate.serial()), significant(&digits));
    }
    if let Ok(key) = certificate.public_key() {
        assert!(parsed.public_key().expect("only we find a key").public_eq(&key));
    }
}

/// Types and unescaped values (RFC 2253 §3), in the order of the encoding but for that of the values
/// in a set, which is kept.
fn parts(name: &str) -> Vec<(String, Vec<char>)> {
    let (mut rdns, mut rdn) = (Vec::new(), Vec::new());
    let (mut kind, mut value, mut typed) = (String::new(), Vec::new(), false);
    let mut characters = name.chars();
    loop {
        let next = characters.next();
        match next {
            None | Some(',' | '+') => {
                if name.is_empty() {
                    break;
                }
                assert!(typed, "a part without type in '{name}'");
                rdn.push((std::mem::take(&mut kind), std::mem::take(&mut value)));
                typed = false;
                if next != Some('+') {
                    rdns.push(std::mem::take(&mut rdn));
                }
                if next.is_none() {
                    break;
                }
            }
            Some('=') if !typed => typed = true,
            Some('\\') => match characters.next().expect("something is escaped") {
                '0' => {
                    assert_eq!(characters.next(), Some('0'));
                    value.push('\0');
                }
                character => value.push(character),
            },
            Some(character) if typed => value.push(character),
            Some(character) => kind.push(character),
        }
    }
    rdns.reverse();
    rdns.concat()
}

fn compare(parts: &[(String, Vec<char>)], parsed: &openssl::x509::X509NameRef, name: &str) {
    assert_eq!(parts.len(), parsed.entries().count(), "{name}");
    for ((kind, value), entry) in parts.iter().zip(parsed.entries()) {
        let nid = entry.object().nid();
        let known = [
            (Nid::COMMONNAME, "CN"),
            (Nid::COUNTRYNAME, "C"),
            (Nid::LOCALITYNAME, "L"),
            (Nid::STATEORPROVINCENAME, "ST"),
            (Nid::STREETADDRESS, "STREET"),
            (Nid::ORGANIZATIONNAME, "O"),
            (Nid::ORGANIZATIONALUNITNAME, "OU"),
            (Nid::USERID, "UID"),
            (Nid::DOMAINCOMPONENT, "DC"),
        ];
        match known.iter().find(|(known, _)| *known == nid) {
            Some((_, keyword)) => {
                assert_eq!(kind, keyword, "{name}");
                // Octets of another string type may be taken for UTF-8 or not; these are.
                if let Ok(text) = std::str::from_utf8(entry.data().as_slice())
                    && value.first() != Some(&'#')
                {
                    assert_eq!(&text.chars().collect::<Vec<_>>(), value, "{name}");
                }
            }
            None => assert_eq!(value.first(), Some(&'#'), "{name}"),
        }
    }
}
