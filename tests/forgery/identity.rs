//! Whose key signed, and who is said to have endorsed.

use openssl::{pkey::PKey, rsa::Rsa};
use stratuslab::dsig::{AlgorithmPolicy, KeyType, VerifyError, verify};

use crate::{
    forge::{Forgery, error, x509_data},
    pki::{Kind, Request, authority, jane, key, new_key},
};

fn attacker() -> crate::pki::Identity {
    static KEY: std::sync::OnceLock<PKey<openssl::pkey::Private>> = std::sync::OnceLock::new();
    let key = KEY.get_or_init(|| new_key(Kind::Rsa2048));
    Request::new("Mallory").email("mallory@example.org").self_signed(key)
}

#[test]
fn m1_the_certificate_compared_is_the_one_whose_key_signed() {
    let (victim, attacker) = (jane(), attacker());
    let both = |certificates: String| {
        let forgery = Forgery { key: attacker.key.clone(), key_info: certificates, ..Forgery::of(&victim) };
        let error = forgery.error();
        assert!(
            matches!(&error, VerifyError::EndorserMismatch { part: "subject", certificate, document }
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
fn m2_a_key_value_is_no_key() {
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

#[test]
fn another_certificate_of_the_same_name_did_not_sign() {
    let other = Request::new("Jane Tester").email("jane.tester@example.org").self_signed(&attacker().key);
    let forgery = Forgery { key_info: x509_data(&[&other]), ..Forgery::new() };
    assert!(matches!(forgery.error(), VerifyError::SignatureMismatch));
}

#[test]
fn the_endorser_is_the_certificate_s_to_the_letter() {
    for (part, from, to) in [
        ("subject", "<slreq:subject>CN=Jane", "<slreq:subject>CN=jane"),
        ("subject", "FR</slreq:subject>", "FR </slreq:subject>"),
        ("issuer", "<slreq:issuer>CN=Jane", "<slreq:issuer>CN=Janet"),
        ("issuer", "CN=Jane Tester,O=StratusLab,C=FR</slreq:issuer>", "</slreq:issuer>"),
        ("email", "jane.tester@example.org</slreq:email>", "Jane.Tester@example.org</slreq:email>"),
    ] {
        let mut forgery = Forgery::new();
        forgery.content = forgery.content.replace(from, to);
        let error = forgery.error();
        assert!(
            matches!(&error, VerifyError::EndorserMismatch { part: found, .. } if *found == part),
            "{to}: {error}"
        );
        // M13: one sentence, both sides.
        let said = error.to_string();
        assert!(
            said.starts_with(&format!("endorser inconsistency ({part}): the certificate has '")),
            "{said}"
        );
    }
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
    for bad in ["", "AAA", "AA=", "A A A *", "&#65;A==A", "<b/>AA=="] {
        let error = Forgery { key_info: certificate(bad), ..Forgery::new() }.error();
        assert!(
            matches!(error, VerifyError::Base64 { .. } | VerifyError::Unexpected { .. }),
            "{bad}: {error}"
        );
    }
    let bad = Forgery { key_info: forgery.key_info.clone() + &certificate("MAA="), ..Forgery::new() }.error();
    assert!(matches!(bad, VerifyError::BadCertificate { number: 2, .. }), "{bad}");
    // One octet more behind the certificate.
    let mut der = jane.certificate_der();
    der.push(0);
    let bad = certificate(&openssl::base64::encode_block(&der));
    let error = error(&Forgery { key_info: bad, ..Forgery::new() }.document());
    assert!(matches!(error, VerifyError::BadCertificate { number: 1, .. }), "{error}");
}
