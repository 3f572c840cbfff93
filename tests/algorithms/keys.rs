//! Which key goes with which method.

use openssl::{
    dsa::Dsa,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::Rsa,
};
use stratuslab::dsig::{
    AlgorithmPolicy, DigestMethod, KeyType, SignError, SignatureMethod, VerifyError, verify,
};

use crate::{
    KINDS,
    entry::{credentials, plain, sign},
    holder, methods,
    pki::{Kind, Request, rsa_pss, tlv},
    signed,
};

fn refusal(key: &PKey<Private>, method: Option<SignatureMethod>) -> SignError {
    let joe = Request::new("Joe").email("joe@example.org").self_signed(key);
    sign(plain().as_bytes(), &credentials(&joe), method).unwrap_err()
}

#[test]
fn a_key_signs_by_no_method_that_does_not_fit_it() {
    for kind in KINDS {
        let identity = holder(kind);
        let credentials = credentials(&identity);
        for method in SignatureMethod::ALL.into_iter().filter(|method| !methods(kind).contains(method)) {
            let error = sign(plain().as_bytes(), &credentials, Some(method)).unwrap_err();
            assert!(
                matches!(error, SignError::MethodKey { method: asked, .. } if asked == method),
                "{error}"
            );
        }
    }
}

#[test]
fn a_signature_is_refused_whose_method_does_not_fit_its_key() {
    for kind in KINDS {
        let document = signed(&holder(kind), Some(methods(kind)[0]));
        for method in SignatureMethod::ALL.into_iter().filter(|method| !methods(kind).contains(method)) {
            let other = document.replacen(methods(kind)[0].uri(), method.uri(), 1);
            let error = verify(other.as_bytes(), &AlgorithmPolicy::new(true)).unwrap_err();
            assert!(
                matches!(error, VerifyError::KeyType { method: found, .. } if found == method),
                "{kind:?} {method}: {error}"
            );
        }
    }
    let document = signed(&holder(Kind::Ed25519), None);
    let document = document.replacen(SignatureMethod::Ed25519.uri(), SignatureMethod::EcdsaSha512.uri(), 1);
    assert_eq!(
        verify(document.as_bytes(), &AlgorithmPolicy::default()).unwrap_err().to_string(),
        "the signature method is ecdsa-sha512 but the certificate's key is Ed25519"
    );
}

#[test]
fn the_default_is_the_key_s_and_dsa_has_none() {
    for (kind, method) in [
        (Kind::Rsa2048, SignatureMethod::RsaSha256),
        (Kind::RsaPss2048, SignatureMethod::RsaPssSha256),
        (Kind::P256, SignatureMethod::EcdsaSha256),
        (Kind::P521, SignatureMethod::EcdsaSha256),
        (Kind::Ed25519, SignatureMethod::Ed25519),
    ] {
        assert!(signed(&holder(kind), None).contains(method.uri()), "{kind:?}");
    }
    let error = refusal(&holder(Kind::Dsa1024).key, None);
    let expected = "the certificate's key is DSA 1024 bits of order 160 bits, which signs only if its \
                    algorithm is asked for by name";
    assert!(matches!(error, SignError::MethodNotNamed { key: KeyType::Dsa { .. } }), "{error}");
    assert_eq!(error.to_string(), expected);
}

/// DSA of another size has no signature of 20 and 20 octets (XML-DSig §6.4.1).
#[test]
fn dsa_keys_have_1024_bits() {
    let larger = PKey::from_dsa(Dsa::generate(2048).unwrap()).unwrap();
    assert!(matches!(KeyType::of(&larger), KeyType::Dsa { bits: 2048, .. }));
    let error = refusal(&larger, Some(SignatureMethod::DsaSha1));
    assert!(matches!(error, SignError::UnsupportedKey), "{error}");
    let document = signed(&holder(Kind::Dsa1024), Some(SignatureMethod::DsaSha1));
    let joe = Request::new("Joe").email("joe@example.org").self_signed(&larger);
    let (before, rest) = document.split_once("<X509Certificate>").unwrap();
    let (_, after) = rest.split_once("</X509Certificate>").unwrap();
    let certificate = openssl::base64::encode_block(&joe.certificate_der());
    let document = format!("{before}<X509Certificate>{certificate}</X509Certificate>{after}");
    let error = verify(document.as_bytes(), &AlgorithmPolicy::new(true)).unwrap_err();
    let key = |key| matches!(key, KeyType::Dsa { bits: 2048, .. });
    assert!(matches!(error, VerifyError::KeyType { key: found, .. } if key(found)), "{error}");
}

#[test]
fn rsa_keys_have_2048_bits_or_1024_where_sha1_is_asked_for() {
    let weak = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    for method in [None, Some(SignatureMethod::RsaPssSha256), Some(SignatureMethod::RsaSha512)] {
        let error = refusal(&weak, method);
        assert!(matches!(error, SignError::WeakKey { bits: 1024, minimum: 2048 }), "{error}");
    }
    let joe = Request::new("Joe").email("joe@example.org").self_signed(&weak);
    let old = signed(&joe, Some(SignatureMethod::RsaSha1));
    assert!(verify(old.as_bytes(), &AlgorithmPolicy::new(true)).is_ok());
}

#[test]
fn keys_of_other_kinds_sign_nothing() {
    let curve = |name| {
        let group = openssl::ec::EcGroup::from_curve_name(name).unwrap();
        PKey::from_ec_key(openssl::ec::EcKey::generate(&group).unwrap()).unwrap()
    };
    for key in [curve(Nid::SECP256K1), curve(Nid::X9_62_PRIME192V1)] {
        assert_eq!(KeyType::of(&key), KeyType::Other);
        assert!(matches!(refusal(&key, Some(SignatureMethod::EcdsaSha256)), SignError::UnsupportedKey));
    }
}

/// `RSASSA-PSS-params` (RFC 4055 §3.1): the hash function, the one in MGF1, the shortest salt.
fn parameters(hash: u8, inner: u8, salt: u8) -> Vec<u8> {
    let identifier = |last| {
        let id = tlv(0x06, &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last]);
        tlv(0x30, &[&id[..], &[0x05, 0x00]].concat())
    };
    let mgf1 = tlv(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08]);
    let mgf1 = tlv(0x30, &[mgf1, identifier(inner)].concat());
    let salt = tlv(0xa2, &tlv(0x02, &[salt]));
    tlv(0x30, &[tlv(0xa0, &identifier(hash)), tlv(0xa1, &mgf1), salt].concat())
}

/// The ends of the identifiers of SHA-256 and SHA-512.
const SHA256: u8 = 1;
const SHA512: u8 = 3;

#[test]
fn a_key_for_pss_with_one_hash_function_signs_with_that_only() {
    for (last, salt, digest, method) in [
        (SHA256, 32, DigestMethod::Sha256, SignatureMethod::RsaPssSha256),
        (SHA512, 20, DigestMethod::Sha512, SignatureMethod::RsaPssSha512),
    ] {
        let key = rsa_pss(&parameters(last, last, salt));
        assert_eq!(KeyType::of(&key), KeyType::RsaPss { bits: 2048, digest: Some(digest) });
        let joe = Request::new("Joe").email("joe@example.org");
        // The issuer is another, as SHA-256 signs certificates here.
        let joe = joe.issued_by(&crate::pki::authority(), &key);
        assert!(signed(&joe, None).contains(method.uri()));
        for other in SignatureMethod::ALL.into_iter().filter(|other| *other != method) {
            let error = sign(plain().as_bytes(), &credentials(&joe), Some(other)).unwrap_err();
            assert!(matches!(error, SignError::MethodKey { .. }), "{other}: {error}");
        }
    }
}

/// What no method here makes: two hash functions, or more salt than the digest is long.
#[test]
fn a_key_for_pss_with_other_parameters_is_of_no_use() {
    for parameters in [
        parameters(SHA256, SHA512, 32),
        parameters(SHA256, SHA256, 33),
        // The defaults: SHA-1 in both places.
        tlv(0x30, &[]),
    ] {
        let key = rsa_pss(&parameters);
        assert_eq!(KeyType::of(&key), KeyType::Other);
    }
}
