//! DigestValue and SignatureValue, damaged.

use openssl::{
    base64::{decode_block, encode_block},
    bn::{BigNum, BigNumContext},
    ec::EcGroup,
    ecdsa::EcdsaSig,
    nid::Nid,
};
use stratuslab::dsig::{AlgorithmPolicy, DigestMethod, ShapeError, SignatureMethod, VerifyError, verify};

use crate::{
    entry::{credentials, plain, sign},
    forge::{Forgery, error, shape},
    pki::{Kind, Request, key},
};

/// An entry signed by this method as text; SignatureMethod decides the key.
fn signed(method: SignatureMethod) -> String {
    let kind = match method {
        SignatureMethod::EcdsaSha256 => Kind::P256,
        SignatureMethod::EcdsaSha384 => Kind::P384,
        SignatureMethod::EcdsaSha512 => Kind::P521,
        SignatureMethod::Ed25519 => Kind::Ed25519,
        SignatureMethod::DsaSha1 => Kind::Dsa1024,
        _ => Kind::Rsa2048,
    };
    let identity = Request::new("Joe").email("joe@example.org").self_signed(&key(kind));
    let entry = sign(plain().as_bytes(), &credentials(&identity), Some(method)).unwrap();
    String::from_utf8(entry.document().to_vec()).unwrap()
}

/// `document` with the octets of its SignatureValue changed.
fn with_value(document: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
    let (before, rest) = document.split_once("<SignatureValue>").unwrap();
    let (value, after) = rest.split_once("</SignatureValue>").unwrap();
    let value = encode_block(&change(decode_block(&value.replace('\n', "")).unwrap()));
    format!("{before}<SignatureValue>{value}</SignatureValue>{after}")
}

/// What is done to the octets of a value.
type Damage = fn(Vec<u8>) -> Vec<u8>;

/// What a value is refused for, cut, padded, and over-long.
fn lengths(method: SignatureMethod, right: usize) {
    let good = signed(method);
    assert!(verify(with_value(&good, |value| value).as_bytes(), &AlgorithmPolicy::new(true)).is_ok());
    let damages: [(Damage, isize); 7] = [
        (|value| value[1..].to_vec(), -1),
        (|value| value[..value.len() - 1].to_vec(), -1),
        (|value| value[..1].to_vec(), 1 - isize::try_from(right).unwrap()),
        (|value| [&[0], &value[..]].concat(), 1),
        (|value| [&value[..], &[0]].concat(), 1),
        (|value| [&value[..], &value[..]].concat(), isize::try_from(right).unwrap()),
        (|value| [&[0], &value[..value.len() / 2], &[0], &value[value.len() / 2..]].concat(), 2),
    ];
    for (damage, more) in damages {
        let error = error(&with_value(&good, damage));
        let length = right.checked_add_signed(more).unwrap();
        assert!(
            matches!(error, VerifyError::SignatureLength { method: by, expected, found }
                if by == method && expected == right && found == length),
            "{method} {more}: {error}"
        );
        let said = error.to_string();
        assert!(
            said.starts_with(&format!("the signature value has {length} bytes; {method} with")),
            "{said}"
        );
    }
}

#[test]
fn signatures_of_the_wrong_length() {
    for (method, length) in [
        (SignatureMethod::RsaSha256, 256),
        (SignatureMethod::RsaSha1, 256),
        (SignatureMethod::RsaPssSha256, 256),
        (SignatureMethod::EcdsaSha256, 64),
        (SignatureMethod::EcdsaSha384, 96),
        (SignatureMethod::EcdsaSha512, 132),
        (SignatureMethod::Ed25519, 64),
        (SignatureMethod::DsaSha1, 40),
    ] {
        lengths(method, length);
    }
}

#[test]
fn changed_signatures_of_the_right_length() {
    for method in [
        SignatureMethod::RsaSha256,
        SignatureMethod::RsaSha1,
        SignatureMethod::RsaPssSha512,
        SignatureMethod::EcdsaSha256,
        SignatureMethod::Ed25519,
        SignatureMethod::DsaSha1,
    ] {
        let good = signed(method);
        let changed = with_value(&good, |mut value| {
            let last = value.len() - 9;
            value[last] ^= 1;
            value
        });
        let error = error(&changed);
        assert!(matches!(error, VerifyError::SignatureMismatch), "{method}: {error}");
    }
    for method in [SignatureMethod::RsaSha256, SignatureMethod::RsaSha1, SignatureMethod::Ed25519] {
        for octet in [0, 0xff] {
            let error = error(&with_value(&signed(method), |value| vec![octet; value.len()]));
            assert!(matches!(error, VerifyError::SignatureMismatch), "{method}: {error}");
        }
    }
}

/// The methods whose signatures are r and s, and the order of the group they are numbers of.
fn numbered() -> [(SignatureMethod, BigNum); 4] {
    let order = |curve| {
        let mut order = BigNum::new().unwrap();
        let group = EcGroup::from_curve_name(curve).unwrap();
        group.order(&mut order, &mut BigNumContext::new().unwrap()).unwrap();
        order
    };
    [
        (SignatureMethod::EcdsaSha256, order(Nid::X9_62_PRIME256V1)),
        (SignatureMethod::EcdsaSha384, order(Nid::SECP384R1)),
        (SignatureMethod::EcdsaSha512, order(Nid::SECP521R1)),
        (SignatureMethod::DsaSha1, key(Kind::Dsa1024).dsa().unwrap().q().to_owned().unwrap()),
    ]
}

#[test]
fn ecdsa_and_dsa_r_or_s_zero() {
    for (method, _) in numbered() {
        let good = signed(method);
        let zero = |value: &[u8]| vec![0; value.len() / 2];
        for (damaged, name) in [
            (with_value(&good, |value| [&zero(&value), &value[value.len() / 2..]].concat()), 'r'),
            (with_value(&good, |value| [&value[..value.len() / 2], &zero(&value)].concat()), 's'),
            (with_value(&good, |value| vec![0; value.len()]), 'r'),
        ] {
            let error = error(&damaged);
            assert!(
                matches!(error, VerifyError::SignatureZero { method: by, number } if by == method && number == name),
                "{method}: {error}"
            );
            assert_eq!(error.to_string(), format!("the number {name} of the {method} signature is zero"));
        }
    }
}

/// s and s + n would be the same signature.
#[test]
fn ecdsa_and_dsa_r_or_s_over_long() {
    for (method, order) in numbered() {
        let good = signed(method);
        let length = |value: &[u8]| i32::try_from(value.len() / 2).unwrap();
        let order = |value: &[u8]| order.to_vec_padded(length(value)).unwrap();
        for (damaged, name) in [
            (with_value(&good, |value| [&order(&value), &value[value.len() / 2..]].concat()), 'r'),
            (with_value(&good, |value| [&value[..value.len() / 2], &order(&value)].concat()), 's'),
            (with_value(&good, |value| vec![0xff; value.len()]), 'r'),
        ] {
            let error = error(&damaged);
            assert!(
                matches!(error, VerifyError::SignatureRange { method: by, number } if by == method && number == name),
                "{method}: {error}"
            );
        }
    }
}

#[test]
fn ecdsa_numbers_exchanged_or_in_der() {
    let good = signed(SignatureMethod::EcdsaSha256);
    let exchanged = with_value(&good, |value| [&value[32..], &value[..32]].concat());
    assert!(matches!(error(&exchanged), VerifyError::SignatureMismatch));
    // As others than XML-DSig have it (XML-DSig §6.4.3).
    let der = with_value(&good, |value| {
        let number = |octets| BigNum::from_slice(octets).unwrap();
        let (r, s) = value.split_at(32);
        EcdsaSig::from_private_components(number(r), number(s)).unwrap().to_der().unwrap()
    });
    assert!(matches!(error(&der), VerifyError::SignatureLength { expected: 64, .. }));
}

/// The document with another content of this element.
fn with_content(element: &str, change: impl FnOnce(&str) -> String) -> String {
    let good = Forgery::new().document();
    let (start, end) = (format!("<{element}>"), format!("</{element}>"));
    let (before, rest) = good.split_once(&start).unwrap();
    let (value, after) = rest.split_once(&end).unwrap();
    format!("{before}{start}{}{end}{after}", change(value))
}

const VALUES: [&str; 3] = ["DigestValue", "SignatureValue", "X509Certificate"];

#[test]
fn base64_with_foreign_characters() {
    for name in VALUES {
        for character in ['-', '_', '.', '*', '\u{a0}', '\u{ff21}', '\u{200b}', ':'] {
            let document =
                with_content(name, |value| value.replacen(&value[3..4], &character.to_string(), 1));
            let element = name.to_owned();
            assert_eq!(shape(error(&document)), ShapeError::Base64Character { element, character });
        }
        // Padding in the middle, and more of it than there can be.
        for document in [
            with_content(name, |value| format!("AA=={value}")),
            with_content(name, |_| "A===".into()),
            with_content(name, |_| "====".into()),
        ] {
            let element = name.to_owned();
            assert_eq!(shape(error(&document)), ShapeError::Base64Character { element, character: '=' });
        }
    }
    // What Java's line ends become, and what does not count.
    let spaced = with_content("SignatureValue", |value| value.replacen('A', "&#13;\n \tA", 3));
    assert!(verify(spaced.as_bytes(), &AlgorithmPolicy::default()).is_ok());
}

#[test]
fn base64_of_the_wrong_length() {
    for name in VALUES {
        for (change, more) in [
            ((|value| format!("{value}=")) as fn(&str) -> String, 1),
            (|value| value[1..].to_owned(), -1),
            (|value| value[2..].to_owned(), -2),
            (|value| value[3..].to_owned(), -3),
        ] {
            let mut right = 0;
            let document = with_content(name, |value| {
                right = value.chars().filter(|character| !character.is_whitespace()).count();
                change(value)
            });
            let length = right.checked_add_signed(more).unwrap();
            let element = name.to_owned();
            assert_eq!(shape(error(&document)), ShapeError::Base64Length { element, length });
        }
    }
    // Without the padding it ends in.
    let document = with_content("DigestValue", |value| value.trim_end_matches('=').to_owned());
    let element = "DigestValue".to_owned();
    assert_eq!(shape(error(&document)), ShapeError::Base64Length { element, length: 43 });
}

#[test]
fn base64_with_padding_that_is_not_canonical() {
    // The two unused bits of the last character, in every way that they can be set.
    let document = with_content("DigestValue", str::to_owned);
    assert!(verify(document.as_bytes(), &AlgorithmPolicy::default()).is_ok());
    for more in 1..4 {
        let document = with_content("DigestValue", |value| {
            const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            let last = value.as_bytes()[value.len() - 2];
            let number = ALPHABET.iter().position(|octet| *octet == last).unwrap();
            format!("{}{}=", &value[..value.len() - 2], char::from(ALPHABET[number + more]))
        });
        let element = "DigestValue".to_owned();
        assert_eq!(shape(error(&document)), ShapeError::Base64Padding { element });
    }
    for name in ["SignatureValue", "X509Certificate"] {
        let element = name.to_owned();
        let document = with_content(name, |_| "AAAB//==".into());
        assert_eq!(shape(error(&document)), ShapeError::Base64Padding { element });
    }
}

#[test]
fn empty_values_and_the_empty_digest() {
    for name in VALUES {
        for empty in ["", " \n", "&#13;", "<![CDATA[]]>"] {
            let document = with_content(name, |_| empty.to_owned());
            assert_eq!(shape(error(&document)), ShapeError::EmptyValue { element: name.into() });
        }
    }
}

#[test]
fn a_truncated_digest() {
    let digest = |octets: &[u8]| with_content("DigestValue", |_| encode_block(octets));
    let whole = decode_block(
        Forgery::new().document().split_once("<DigestValue>").unwrap().1.split_once('<').unwrap().0,
    )
    .unwrap();
    for (octets, found) in [
        (&whole[..31], 31),
        (&whole[..16], 16),
        (&whole[..1], 1),
        (&whole[1..], 31),
        (&[&whole[..], &[0]].concat(), 33),
        (&whole.repeat(2), 64),
    ] {
        let error = shape(error(&digest(octets)));
        let expected = ShapeError::DigestLength { method: DigestMethod::Sha256, expected: 32, found };
        assert_eq!(error, expected);
        assert_eq!(error.to_string(), format!("the digest value has {found} bytes; sha256 has 32"));
    }
    // Compared in full: the last octet counts.
    for at in [0, 15, 31] {
        let mut octets = whole.clone();
        octets[at] ^= 1;
        assert!(matches!(error(&digest(&octets)), VerifyError::DigestMismatch { .. }), "{at}");
    }
}

#[test]
fn m13_a_changed_document_is_told_from_a_changed_signature() {
    let good = Forgery::new().document();
    for (from, to) in [
        ("ttylinux<", "ttylinuX<"),
        ("    <slterms:os>", "   <slterms:os>"),
        ("</rdf:Description>\n", "</rdf:Description>"),
        ("</rdf:Description>\n", "</rdf:Description>\n<?p?>"),
        ("<rdf:RDF ", "<rdf:RDF xmlns:unused='urn:x' "),
        ("<slterms:os>", "<slterms:os xmlns:unused='urn:x'>"),
        ("\n<rdf:RDF ", "<?p?><rdf:RDF "),
    ] {
        let document = good.replacen(from, to, 1);
        assert_ne!(document, good);
        let error = error(&document);
        assert!(
            matches!(&error, VerifyError::DigestMismatch { computed, signed, .. } if computed != signed),
            "{to}"
        );
        assert!(error.to_string().starts_with("content (ref='') validity: false: "), "{error}");
    }
    for (from, to) in [
        ("<Reference ", "<Reference Id=\"x\" "),
        ("<SignedInfo>", "<SignedInfo> "),
        ("<SignedInfo>", "<SignedInfo Id=\"\">"),
    ] {
        let error = error(&good.replacen(from, to, 1));
        assert!(matches!(error, VerifyError::SignatureMismatch), "{to}: {error}");
        assert!(error.to_string().starts_with("signature validation: false: "), "{error}");
    }
    // What canonical XML takes for the same is the same.
    for (from, to) in [
        ("<slterms:os>", "<slterms:os >"),
        ("ttylinux<", "tty<![CDATA[l]]>&#105;nux<"),
        ("<slterms:os>", "<!-- c --><slterms:os>"),
    ] {
        let document = good.replace(from, to);
        assert_ne!(document, good);
        assert!(verify(document.as_bytes(), &AlgorithmPolicy::default()).is_ok(), "{to}");
    }
}
