//! Every signature algorithm with every kind of key, and what is wrong with the others.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test without its material has failed")]

#[path = "common/entry.rs"]
mod entry;
#[path = "algorithms/judge.rs"]
mod judge;
#[path = "algorithms/keys.rs"]
mod keys;
#[path = "common/pki.rs"]
mod pki;
#[path = "algorithms/pss.rs"]
mod pss;

use entry::{credentials, plain, sign};
use pki::{Identity, Kind, Request, key};
use stratuslab::dsig::{AlgorithmPolicy, DigestMethod, SignatureMethod, VerifyError, verify};

const KINDS: [Kind; 7] =
    [Kind::Rsa2048, Kind::P256, Kind::P384, Kind::P521, Kind::Ed25519, Kind::Dsa1024, Kind::RsaPss2048];

/// The methods a kind of key has.
fn methods(kind: Kind) -> &'static [SignatureMethod] {
    use SignatureMethod::{
        DsaSha1, EcdsaSha256, EcdsaSha384, EcdsaSha512, Ed25519, RsaPssSha256, RsaPssSha384, RsaPssSha512,
        RsaSha1, RsaSha256, RsaSha384, RsaSha512,
    };
    match kind {
        Kind::Rsa2048 => {
            &[RsaSha256, RsaSha384, RsaSha512, RsaPssSha256, RsaPssSha384, RsaPssSha512, RsaSha1]
        }
        Kind::RsaPss2048 => &[RsaPssSha256, RsaPssSha384, RsaPssSha512],
        Kind::P256 | Kind::P384 | Kind::P521 => &[EcdsaSha256, EcdsaSha384, EcdsaSha512],
        Kind::Ed25519 => &[Ed25519],
        Kind::Dsa1024 => &[DsaSha1],
    }
}

fn holder(kind: Kind) -> Identity {
    Request::new("Jane Tester").email("jane.tester@example.org").self_signed(&key(kind))
}

/// The signed entry as text.
fn signed(identity: &Identity, method: Option<SignatureMethod>) -> String {
    let entry = sign(plain().as_bytes(), &credentials(identity), method);
    let entry = entry.unwrap_or_else(|error| panic!("{method:?}: {error}"));
    String::from_utf8(entry.document().to_vec()).unwrap()
}

#[test]
fn every_key_signs_by_every_method_that_fits_it() {
    for kind in KINDS {
        let identity = holder(kind);
        for &method in methods(kind) {
            let document = signed(&identity, Some(method));
            assert!(document.contains(&format!("<SignatureMethod Algorithm=\"{}\"/>", method.uri())));
            let digest = method.digest_method();
            assert!(document.contains(&format!("<DigestMethod Algorithm=\"{}\"/>", digest.uri())));
            let entry = verify(document.as_bytes(), &AlgorithmPolicy::new(true)).unwrap();
            assert_eq!(entry.evidence().signature_method, method);
            assert_eq!(entry.evidence().digest_method, digest);

            let strict = verify(document.as_bytes(), &AlgorithmPolicy::default());
            if digest == DigestMethod::Sha1 {
                let error = strict.unwrap_err();
                let expected = format!("{method} is not accepted: SHA-1 no longer protects signatures");
                assert_eq!(error.to_string(), expected);
            } else {
                assert!(strict.is_ok(), "{kind:?} {method}");
            }

            let altered = document.replacen("<Reference ", "<Reference Id=\"r\" ", 1);
            let error = verify(altered.as_bytes(), &AlgorithmPolicy::new(true)).unwrap_err();
            assert!(matches!(error, VerifyError::SignatureMismatch), "{kind:?} {method}: {error}");
            let other = Request::new("Jane Tester").email("jane.tester@example.org");
            let other = other.self_signed(&pki::new_key(kind));
            let (before, rest) = document.split_once("<X509Certificate>").unwrap();
            let (_, after) = rest.split_once("</X509Certificate>").unwrap();
            let certificate = openssl::base64::encode_block(&other.certificate_der());
            let exchanged = format!("{before}<X509Certificate>{certificate}</X509Certificate>{after}");
            let error = verify(exchanged.as_bytes(), &AlgorithmPolicy::new(true)).unwrap_err();
            // Every DSA key made has a group of its own, perhaps of a lesser order.
            let of_a_lesser_order =
                kind == Kind::Dsa1024 && matches!(error, VerifyError::SignatureRange { .. });
            assert!(
                matches!(error, VerifyError::SignatureMismatch) || of_a_lesser_order,
                "{kind:?} {method}: {error}"
            );
        }
    }
}
