//! Names as OpenSSL's `X509_NAME_oneline` writes them, `/C=FR/O=StratusLab/CN=Jane Tester`: the form
//! of Globus, whose rules of comparison these are.

use std::fmt::Write as _;

use openssl::{nid::Nid, x509::X509NameRef};

/// The name of that form. Whatever is not printable ASCII is written `\xHH`, octet for octet.
pub(super) fn text(name: &X509NameRef) -> String {
    let mut text = String::new();
    for entry in name.entries() {
        text.push('/');
        match entry.object().nid() {
            Nid::UNDEF => text.push_str(&entry.object().to_string()),
            nid => text.push_str(nid.short_name().unwrap_or_default()),
        }
        text.push('=');
        text.push_str(&octets(entry.data().as_slice()));
    }
    text
}

fn octets(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for &octet in octets {
        match octet {
            b' '..=b'~' => text.push(char::from(octet)),
            // A String takes whatever is written to it.
            _ => drop(write!(text, "\\x{octet:02X}")),
        }
    }
    text
}

/// What two names are compared by: one spelling for each type of attribute that has several, no
/// matter of case. UTF-8 that stands in a file is as OpenSSL would have written it.
pub(super) fn normalized(name: &str) -> String {
    let name = octets(name.as_bytes()).to_ascii_lowercase();
    let mut text = String::with_capacity(name.len());
    for (index, part) in name.split('/').enumerate() {
        if index > 0 {
            text.push('/');
        }
        match part.split_once('=') {
            Some(("e" | "email", value)) if index > 0 => text.extend(["emailaddress=", value]),
            Some(("userid", value)) if index > 0 => text.extend(["uid=", value]),
            _ => text.push_str(part),
        }
    }
    text
}

/// Whether a normalized name is of the form of a normalized pattern: `*` stands for any characters,
/// `?` for one. Takes time in proportion to the product of their lengths at most.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    // Where to go on if what follows the last star does not fit.
    let mut retry = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(&wanted) if wanted == b'?' || name.get(n) == Some(&wanted) => (p, n) = (p + 1, n + 1),
            _ => match retry {
                Some((after, from)) => {
                    (p, n) = (after, from + 1);
                    retry = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|&rest| rest == b'*')
}

#[cfg(test)]
mod tests {
    use openssl::{asn1::Asn1Type, x509::X509Name};

    use super::*;

    #[test]
    fn names_are_written_as_openssl_writes_them() {
        let mut name = X509Name::builder().unwrap();
        let utf8 = Asn1Type::UTF8STRING;
        for (oid, value) in
            [("2.5.4.6", "FR"), ("2.5.4.10", "Österreich"), ("1.2.840.113549.1.9.1", "a@b"), ("1.2.3.4", "x")]
        {
            name.append_entry_by_text_with_type(oid, value, utf8).unwrap();
        }
        assert_eq!(text(&name.build()), "/C=FR/O=\\xC3\\x96sterreich/emailAddress=a@b/1.2.3.4=x");
    }

    #[test]
    fn spellings_of_one_name_are_one() {
        let name = normalized("/O=\\xC3\\x96sterreich/CN=Jane/emailAddress=a@b/UID=x");
        for other in [
            "/O=Österreich/CN=Jane/Email=a@b/USERID=x",
            "/o=\\xc3\\x96STERREICH/cn=jane/E=a@b/uid=x",
            "/O=Österreich/CN=Jane/EMAIL=a@b/UserID=x",
        ] {
            assert_eq!(normalized(other), name, "{other}");
        }
        for other in ["/O=Osterreich/CN=Jane/E=a@b/UID=x", "/O=Österreich/CN=Jane/EE=a@b/UID=x"] {
            assert_ne!(normalized(other), name, "{other}");
        }
    }

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        for (pattern, name, fits) in [
            ("/c=fr/*", "/c=fr/cn=x", true),
            ("/c=fr/*", "/c=fr/", true),
            ("/c=fr/*", "/c=fr", false),
            ("/c=fr/*", "/c=de/c=fr/cn=x", false),
            ("/c=fr/cn=?", "/c=fr/cn=x", true),
            ("/c=fr/cn=?", "/c=fr/cn=", false),
            ("/c=fr/cn=?", "/c=fr/cn=xy", false),
            ("*/cn=a*b", "/c=fr/cn=aabcb", true),
            ("*/cn=a*b", "/c=fr/cn=aabc", false),
            ("/c=f.", "/c=fr", false),
            ("*", "", true),
            ("", "", true),
            ("", "/", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
        let stars = format!("{}b", "*a".repeat(500));
        assert!(!matches(&stars, &"a".repeat(5000)));
    }
}
