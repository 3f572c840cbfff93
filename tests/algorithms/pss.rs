//! RSASSA-PSS has one form here: MGF1 with the same hash function, a salt as long as the digest
//! (RFC 6931 §2.3.10).

use openssl::{
    base64::{decode_block, encode_block},
    hash::MessageDigest,
    rsa::Padding,
    sign::{RsaPssSaltlen, Signer},
};
use roxmltree::Document;
use stratuslab::dsig::{
    AlgorithmPolicy, NAMESPACE, SignatureMethod, VerifyError,
    c14n::{self, Canonicalization},
    verify,
};

use crate::{holder, pki::Kind, signed};

/// The octets of SignedInfo that are signed.
pub(crate) fn signed_info(document: &str) -> Vec<u8> {
    let tree = Document::parse(document).unwrap();
    let info = tree.descendants().find(|node| node.has_tag_name((NAMESPACE, "SignedInfo"))).unwrap();
    let method = info.children().find(|node| node.has_tag_name((NAMESPACE, "CanonicalizationMethod")));
    let uri = method.unwrap().attribute("Algorithm").unwrap();
    c14n::subtree(info, &Canonicalization::from_uri(uri).unwrap()).unwrap()
}

/// The octets of SignatureValue.
pub(crate) fn value(document: &str) -> Vec<u8> {
    let (_, rest) = document.split_once("<SignatureValue>").unwrap();
    decode_block(&rest.split_once("</SignatureValue>").unwrap().0.replace('\n', "")).unwrap()
}

fn with_value(document: &str, value: &[u8]) -> String {
    let (before, rest) = document.split_once("<SignatureValue>").unwrap();
    let (_, after) = rest.split_once("</SignatureValue>").unwrap();
    format!("{before}<SignatureValue>{}</SignatureValue>{after}", encode_block(value))
}

#[test]
fn the_salt_is_as_long_as_the_digest_and_mgf1_has_the_same_hash() {
    let sha = MessageDigest::sha256;
    for kind in [Kind::Rsa2048, Kind::RsaPss2048] {
        let jane = holder(kind);
        let document = signed(&jane, Some(SignatureMethod::RsaPssSha256));
        for (hash, mask, salt, good) in [
            (sha(), sha(), RsaPssSaltlen::DIGEST_LENGTH, true),
            (sha(), sha(), RsaPssSaltlen::custom(32), true),
            (sha(), sha(), RsaPssSaltlen::custom(0), false),
            (sha(), sha(), RsaPssSaltlen::custom(20), false),
            (sha(), sha(), RsaPssSaltlen::custom(33), false),
            (sha(), sha(), RsaPssSaltlen::MAXIMUM_LENGTH, false),
            (sha(), MessageDigest::sha1(), RsaPssSaltlen::custom(32), false),
            (sha(), MessageDigest::sha512(), RsaPssSaltlen::custom(32), false),
            (MessageDigest::sha512(), sha(), RsaPssSaltlen::custom(32), false),
        ] {
            let mut signer = Signer::new(hash, &jane.key).unwrap();
            signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
            signer.set_rsa_mgf1_md(mask).unwrap();
            signer.set_rsa_pss_saltlen(salt).unwrap();
            let value = signer.sign_oneshot_to_vec(&signed_info(&document)).unwrap();
            match verify(with_value(&document, &value).as_bytes(), &AlgorithmPolicy::new(true)) {
                Ok(_) => assert!(good),
                Err(error) => assert!(!good && matches!(error, VerifyError::SignatureMismatch), "{error}"),
            }
        }
    }
}

/// A salt is drawn each time, so that no two signatures are the same.
#[test]
fn two_signatures_differ_and_those_without_salt_do_not() {
    for (kind, method, same) in [
        (Kind::Rsa2048, SignatureMethod::RsaPssSha512, false),
        (Kind::P384, SignatureMethod::EcdsaSha512, false),
        (Kind::Rsa2048, SignatureMethod::RsaSha256, true),
        (Kind::Ed25519, SignatureMethod::Ed25519, true),
    ] {
        let jane = holder(kind);
        let once = value(&signed(&jane, Some(method)));
        assert_eq!(once == value(&signed(&jane, Some(method))), same, "{method}");
    }
}
