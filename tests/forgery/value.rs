//! DigestValue and SignatureValue, damaged.

use openssl::{base64::decode_block, base64::encode_block, ecdsa::EcdsaSig};
use stratuslab::dsig::{AlgorithmPolicy, SignatureMethod, VerifyError, verify};

use crate::{
    entry::{credentials, plain, sign},
    forge::{Forgery, error},
    pki::{Kind, Request, jane, key},
};

/// A signed entry as text.
fn signed(method: SignatureMethod) -> String {
    let on_curve = || Request::new("Ec").email("ec@example.org").self_signed(&key(Kind::P256));
    let rsa = method.name().starts_with("rsa");
    let identity = if rsa { jane() } else { on_curve() };
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

#[test]
fn rsa_signatures_are_as_long_as_the_key() {
    for method in [SignatureMethod::RsaSha256, SignatureMethod::RsaSha1] {
        let good = signed(method);
        assert!(verify(with_value(&good, |value| value).as_bytes(), &AlgorithmPolicy::new(true)).is_ok());
        let damages: [fn(Vec<u8>) -> Vec<u8>; 6] = [
            |value| value[1..].to_vec(),
            |value| value[..value.len() - 1].to_vec(),
            |value| [&[0], &value[..]].concat(),
            |value| [&value[..], &[0]].concat(),
            |value| vec![0; value.len()],
            |mut value| {
                value[9] ^= 1;
                value
            },
        ];
        for (number, damage) in damages.into_iter().enumerate() {
            let error = error(&with_value(&good, damage));
            assert!(matches!(error, VerifyError::SignatureMismatch), "{method} {number}: {error}");
        }
    }
}

#[test]
fn ecdsa_signatures_are_two_numbers_of_fixed_length() {
    let good = signed(SignatureMethod::EcdsaSha256);
    let damages: [fn(Vec<u8>) -> Vec<u8>; 9] = [
        |value| value[..63].to_vec(),
        |value| value[1..].to_vec(),
        |value| [&[0], &value[..32], &[0], &value[32..]].concat(),
        |value| [&[0; 32], &value[32..]].concat(),
        |value| [&value[..32], &[0; 32]].concat(),
        |_| vec![0; 64],
        |_| vec![0xff; 64],
        |value| [&value[32..], &value[..32]].concat(),
        // DER, as others than XML-DSig have it (XML-DSig §6.4.3)
        |value| {
            let number = |octets| openssl::bn::BigNum::from_slice(octets).unwrap();
            let (r, s) = value.split_at(32);
            EcdsaSig::from_private_components(number(r), number(s)).unwrap().to_der().unwrap()
        },
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let error = error(&with_value(&good, damage));
        assert!(matches!(error, VerifyError::SignatureMismatch), "{number}: {error}");
    }
}

#[test]
fn values_are_strict_base64() {
    let good = Forgery::new().document();
    let (before, rest) = good.split_once("<SignatureValue>").unwrap();
    let (value, after) = rest.split_once("</SignatureValue>").unwrap();
    let with = |value: String| format!("{before}<SignatureValue>{value}</SignatureValue>{after}");
    for bad in [
        String::new(),
        " \n".into(),
        value.trim_end_matches('=').to_owned(),
        format!("{value}="),
        format!("{value}{value}"),
        value.replacen(&value[..1], "-", 1),
        format!("{value}&#160;"),
    ] {
        let error = error(&with(bad.clone()));
        assert!(
            matches!(&error, VerifyError::Base64 { element } if element == "SignatureValue"),
            "{bad}: {error}"
        );
    }
    for nested in [format!("<x/>{value}"), format!("<x>{value}</x>")] {
        assert!(matches!(error(&with(nested)), VerifyError::Unexpected { .. }));
    }
    // What Java's line ends become, and what does not count.
    let spaced = value.replacen('A', "&#13;\n \tA<!-- c -->", 3);
    assert!(verify(with(spaced).as_bytes(), &AlgorithmPolicy::default()).is_ok());
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
    for (from, to) in
        [("'", "'"), ("<slterms:os>", "<slterms:os >"), ("ttylinux<", "tty<!-- c -->l&#105;nux<")]
    {
        let document = good.replace(from, to);
        assert!(verify(document.as_bytes(), &AlgorithmPolicy::default()).is_ok(), "{to}");
    }
}
