//! Whose key signed, and who is said to have endorsed.

use openssl::{pkey::PKey, rsa::Rsa};
use stratuslab::dsig::{AlgorithmPolicy, KeyType, SignatureMethod, VerifyError, verify};

use crate::{
    entry::{credentials, plain, sign},
    forge::{Forgery, error, x509_data},
    pki::{Identity, Kind, Request, authority, jane, key, new_key},
};

fn attacker() -> crate::pki::Identity {
    static KEY: std::sync::OnceLock<PKey<openssl::pkey::Private>> = std::sync::OnceLock::new();
    let key = KEY.get_or_init(|| new_key(Kind::Rsa2048));
    Request::new("Mallory").email("mallory@example.org").self_signed(key)
}

#[test]
fn m1_several_certificates_where_another_s_key_signed() {
    let (victim, attacker) = (jane(), attacker());
    let both = |certificates: String| {
        let forgery = Forgery { key: attacker.key.clone(), key_info: certificates, ..Forgery::of(&victim) };
        let error = forgery.error();
        assert!(
            matches!(&error, VerifyError::EndorserMismatch { part: "subject", certificate, document, proxy: false }
                if certificate.starts_with("CN=Mallory,") && document.starts_with("CN=Jane Tester,")),
            "{error}"
        );
        let said = error.to_string();
        assert!(said.contains("CN=Mallory,O=") && said.contains("CN=Jane Tester,O="), "{said}");
    };
    both(x509_data(&[&victim, &attacker]));
    both(x509_data(&[&attacker, &victim]));
    both(x509_data(&[&victim]) + &x509_data(&[&attacker]));
    both(x509_data(&[&attacker]) + &x509_data(&[&victim]));
    both(x509_data(&[&attacker]));
}

#[test]
fn m2_key_value_s_key_used_in_any_way() {
    let attacker = attacker();
    let numbers = attacker.key.rsa().unwrap();
    let base64 = |number: &openssl::bn::BigNumRef| openssl::base64::encode_block(&number.to_vec());
    let key_value = format!(
        "<KeyValue><RSAKeyValue><Modulus>{}</Modulus><Exponent>{}</Exponent></RSAKeyValue></KeyValue>",
        base64(numbers.n()),
        base64(numbers.e())
    );
    for key_info in [key_value.clone() + &x509_data(&[&jane()]), x509_data(&[&jane()]) + &key_value] {
        let forgery = Forgery { key: attacker.key.clone(), key_info, ..Forgery::of(&jane()) };
        assert!(matches!(forgery.error(), VerifyError::SignatureMismatch));
    }
    let forgery = Forgery { key: attacker.key.clone(), key_info: key_value, ..Forgery::of(&jane()) };
    assert!(matches!(forgery.error(), VerifyError::NoCertificate));
}

#[test]
fn decision_3_one_certificate_holds_the_key() {
    let jane = jane();
    let again = Request::new("Jane, later").email("jane.tester@example.org").self_signed(&jane.key);
    for certificates in [[&jane, &again], [&again, &jane], [&jane, &jane]] {
        let forgery = Forgery { key_info: x509_data(&certificates), ..Forgery::new() };
        let error = forgery.error();
        assert!(matches!(&error, VerifyError::SharedKey { .. }), "{error}");
        assert!(error.to_string().contains("CN=Jane Tester,O=StratusLab,C=FR"), "{error}");
    }
    // Chain material is what it is for.
    let forgery = Forgery { key_info: x509_data(&[&authority(), &jane]), ..Forgery::new() };
    let entry = verify(forgery.document().as_bytes(), &AlgorithmPolicy::default()).unwrap();
    assert_eq!(entry.certificate().der(), jane.certificate_der());
    assert_eq!(entry.evidence().chain[0].der(), authority().certificate_der());
}

/// The same numbers under two names of the algorithm (RFC 4055 §1.2): either certificate's key verifies
/// the signature.
#[test]
fn decision_3_a_key_for_pss_alone_is_the_same_key() {
    let key = key(Kind::RsaPss2048);
    let numbers = Rsa::private_key_from_der(&key.rsa().unwrap().private_key_to_der().unwrap()).unwrap();
    let request = Request::new("Jane Tester").email("jane.tester@example.org");
    let pss = request.self_signed(&key);
    let rsa = request.self_signed(&PKey::from_rsa(numbers).unwrap());
    for signer in [&pss, &rsa] {
        let method = Some(SignatureMethod::RsaPssSha256);
        let entry = sign(plain().as_bytes(), &credentials(signer), method).unwrap();
        let document = std::str::from_utf8(entry.document()).unwrap();
        let start = document.find("<X509Data>").unwrap();
        let end = document.find("</X509Data>").unwrap() + "</X509Data>".len();
        for both in [[&pss, &rsa], [&rsa, &pss]] {
            let document = [&document[..start], &x509_data(&both), &document[end..]].concat();
            let error = error(&document);
            assert!(matches!(&error, VerifyError::SharedKey { .. }), "{error}");
        }
    }
}

#[test]
fn another_certificate_of_the_same_name_did_not_sign() {
    let other = Request::new("Jane Tester").email("jane.tester@example.org").self_signed(&attacker().key);
    let forgery = Forgery { key_info: x509_data(&[&other]), ..Forgery::new() };
    assert!(matches!(forgery.error(), VerifyError::SignatureMismatch));
}

/// Refused since this part of the endorser is not that of the certificate.
#[track_caller]
fn mismatch(endorser: &Identity, part: &str, from: &str, to: &str) {
    let mut forgery = Forgery::of(endorser);
    let (start, end) = (format!("<slreq:{part}>"), format!("</slreq:{part}>"));
    let (before, rest) = forgery.content.split_once(&start).unwrap();
    let (value, after) = rest.split_once(&end).unwrap();
    let other = value.replacen(from, to, 1);
    assert_ne!(value, other, "{from}");
    forgery.content = format!("{before}{start}{other}{end}{after}");
    let error = forgery.error();
    assert!(
        matches!(&error, VerifyError::EndorserMismatch { part: found, .. } if *found == part),
        "{part}, {to:?}: {error}"
    );
    // M13: one sentence, both sides.
    let said = error.to_string();
    assert!(said.starts_with(&format!("endorser inconsistency ({part}): the certificate has '")), "{said}");
}

#[test]
fn endorser_text_that_differs() {
    for part in ["subject", "issuer"] {
        mismatch(&jane(), part, "CN=Jane", "CN=Janet");
        mismatch(&jane(), part, "CN=Jane Tester,O=StratusLab,C=FR", "");
        mismatch(&jane(), part, "CN=Jane Tester,O=StratusLab,C=FR", "C=FR,O=StratusLab,CN=Jane Tester");
        mismatch(&jane(), part, ",", ", ");
    }
    mismatch(&jane(), "email", "jane.", "joe.");
}

#[test]
fn endorser_text_equal_only_after_case_folding() {
    for part in ["subject", "issuer"] {
        mismatch(&jane(), part, "CN=Jane", "CN=jane");
        mismatch(&jane(), part, "CN=", "cn=");
        mismatch(&jane(), part, "C=FR", "C=fr");
        // U+212A, the Kelvin sign, and U+017F, the long s, are folded to k and s.
        mismatch(&jane(), part, "StratusLab", "Stratu\u{17f}Lab");
    }
    mismatch(&jane(), "email", "jane.tester", "Jane.Tester");
    mismatch(&jane(), "email", "example.org", "EXAMPLE.ORG");
}

#[test]
fn endorser_text_equal_only_after_unicode_normalization() {
    let (composed, decomposed) = ("Jérôme", "Je\u{301}ro\u{302}me");
    for (certified, stated) in [(composed, decomposed), (decomposed, composed)] {
        let endorser = Request::new(certified).email("jerome@example.org").self_signed(&key(Kind::Rsa2048));
        for part in ["subject", "issuer"] {
            mismatch(&endorser, part, certified, stated);
        }
    }
    // Compatibility forms (NFKC), look-alikes, and what is not seen.
    for part in ["subject", "issuer"] {
        for (from, to) in [
            ("StratusLab", "Ｓ\u{ff54}ratusLab"),
            ("Jane", "J\u{430}ne"),
            ("Jane", "Jane\u{200b}"),
            ("Jane", "\u{feff}Jane"),
            ("Jane Tester", "Jane\u{a0}Tester"),
            ("Jane", "\u{202e}Jane"),
        ] {
            mismatch(&jane(), part, from, to);
        }
    }
    mismatch(&jane(), "email", "@", "\u{ff20}");
    mismatch(&jane(), "email", "jane", "j\u{430}ne");
}

#[test]
fn endorser_text_equal_only_after_trimming() {
    for part in ["subject", "issuer", "email"] {
        let end = if part == "email" { "org" } else { "C=FR" };
        for space in [" ", "\n", "\t", "&#13;", "&#160;", "\u{3000}"] {
            mismatch(&jane(), part, end, &format!("{end}{space}"));
        }
        let start = if part == "email" { "jane" } else { "CN=" };
        mismatch(&jane(), part, start, &format!("\n    {start}"));
    }
    mismatch(&jane(), "subject", "Jane Tester", "Jane  Tester");
}

/// M11: kept, since nothing can be compared; who requires trust does not match by e-mail then.
#[test]
fn m11_a_certificate_without_address_proves_none() {
    let plain = Request::new("No Address").self_signed(&jane().key);
    let mut forgery = Forgery::new();
    for part in ["subject", "issuer"] {
        let stated = |name: &str| format!("<slreq:{part}>CN={name},O=StratusLab,C=FR");
        forgery.content = forgery.content.replace(&stated("Jane Tester"), &stated("No Address"));
    }
    forgery.key_info = x509_data(&[&plain]);
    let entry = verify(forgery.document().as_bytes(), &AlgorithmPolicy::default()).unwrap();
    assert_eq!(entry.endorsement.as_ref().unwrap().endorser.email.as_str(), "jane.tester@example.org");
    assert_eq!(entry.certificate().email(), None);
}

#[test]
fn keys_fit_the_method_and_are_strong() {
    let curve = Request::new("Jane Tester").email("jane.tester@example.org").self_signed(&key(Kind::P256));
    let forgery = Forgery { key_info: x509_data(&[&curve]), ..Forgery::new() };
    assert!(matches!(forgery.error(), VerifyError::KeyType { key: KeyType::P256, .. }));

    let weak = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let weak = Request::new("Jane Tester").email("jane.tester@example.org").self_signed(&weak);
    let forgery = Forgery { key_info: x509_data(&[&weak]), key: weak.key.clone(), ..Forgery::new() };
    let document = forgery.document();
    let strict = verify(document.as_bytes(), &AlgorithmPolicy::default()).unwrap_err();
    assert!(matches!(strict, VerifyError::WeakKey { bits: 1024, minimum: 2048 }), "{strict}");
    assert!(verify(document.as_bytes(), &AlgorithmPolicy::new(true)).is_ok());
    let weaker = PKey::from_rsa(Rsa::generate(1016).unwrap()).unwrap();
    let weaker = Request::new("Jane Tester").email("jane.tester@example.org").self_signed(&weaker);
    let forgery = Forgery { key_info: x509_data(&[&weaker]), key: weaker.key.clone(), ..Forgery::new() };
    assert!(matches!(forgery.error(), VerifyError::WeakKey { bits: 1016, minimum: 1024 }));
}

#[test]
fn certificates_are_few_and_can_be_read() {
    let jane = jane();
    let forgery = Forgery { key_info: x509_data(&[&jane; 17]), ..Forgery::new() };
    assert!(matches!(forgery.error(), VerifyError::TooManyCertificates { count: 17, limit: 16 }));
    for none in ["<X509Data/>", "<X509Data><X509SKI>AA==</X509SKI></X509Data>", "", "<KeyName>Jane</KeyName>"]
    {
        let forgery = Forgery { key_info: none.into(), ..Forgery::new() };
        assert!(matches!(forgery.error(), VerifyError::NoCertificate), "{none}");
    }
    let forgery = Forgery::new();
    let certificate =
        |content: &str| format!("<X509Data><X509Certificate>{content}</X509Certificate></X509Data>");
    let bad = Forgery { key_info: forgery.key_info.clone() + &certificate("MAA="), ..Forgery::new() }.error();
    assert!(matches!(bad, VerifyError::BadCertificate { number: 2, .. }), "{bad}");
    // One octet more behind the certificate.
    let mut der = jane.certificate_der();
    der.push(0);
    let bad = certificate(&openssl::base64::encode_block(&der));
    let error = error(&Forgery { key_info: bad, ..Forgery::new() }.document());
    assert!(matches!(error, VerifyError::BadCertificate { number: 1, .. }), "{error}");
}
