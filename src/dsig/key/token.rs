//! SignatureValue with a key on a token: which mechanism makes it (PKCS #11 Current Mechanisms), from
//! what input, and the result in the form of XML-DSig.

use std::ffi::c_ulong;

use cryptoki::mechanism::{
    Mechanism,
    eddsa::{EddsaParams, EddsaSignatureScheme},
    rsa::{PkcsMgfType, PkcsPssParams},
};

use super::{byte_length, digest, digest_info};
use crate::{
    Certificate,
    credentials::token::{Input, TokenError, TokenKey, Way, digest_mechanism},
    dsig::{DigestMethod, SignatureMethod, algorithm::Scheme, sign::SignError},
};

/// The octets of SignatureValue over `octets`, by the key of `certificate`.
pub(super) fn sign(
    method: SignatureMethod,
    key: &TokenKey,
    certificate: &Certificate,
    octets: &[u8],
) -> Result<Vec<u8>, SignError> {
    let hash = method.digest_method();
    let input = |input| match input {
        Input::DigestInfo => [digest_info(hash), &digest(hash, octets)].concat(),
        Input::Digest => digest(hash, octets),
        Input::Octets => octets.to_vec(),
    };
    let signature = key.sign(method, &ways(method), input)?;
    if method.scheme() != Scheme::Ecdsa {
        return Ok(signature);
    }
    let order_bits =
        certificate.public_key().ok().and_then(|key| Some(key.ec_key().ok()?.group().order_bits()));
    let length = byte_length(order_bits.unwrap_or_default());
    padded(&signature, length).ok_or_else(|| {
        let (token, length, expected) = (key.token().to_owned(), signature.len(), 2 * length);
        TokenError::SignatureLength { token, length, expected }.into()
    })
}

/// XML-DSig §6.4.3: r and s, each as long as the order of the curve. PKCS #11 has the same form, but
/// wants only that both are of one length.
fn padded(signature: &[u8], length: usize) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let zeros = vec![0; length.checked_sub(r.len())?];
    (r.len() == s.len()).then(|| [&zeros, r, &zeros, s].concat())
}

/// How a token can make such a signature. First what every token has, where the digest is made here.
fn ways(method: SignatureMethod) -> Vec<Way> {
    use Mechanism as M;
    let hash = method.digest_method();
    let way = |mechanism, name, input| Way { mechanism, name, input };
    match method.scheme() {
        Scheme::Pkcs1 => {
            let (whole, name) = match hash {
                DigestMethod::Sha1 => (M::Sha1RsaPkcs, "CKM_SHA1_RSA_PKCS"),
                DigestMethod::Sha256 => (M::Sha256RsaPkcs, "CKM_SHA256_RSA_PKCS"),
                DigestMethod::Sha384 => (M::Sha384RsaPkcs, "CKM_SHA384_RSA_PKCS"),
                DigestMethod::Sha512 => (M::Sha512RsaPkcs, "CKM_SHA512_RSA_PKCS"),
            };
            vec![way(M::RsaPkcs, "CKM_RSA_PKCS", Input::DigestInfo), way(whole, name, Input::Octets)]
        }
        Scheme::Pss => {
            // RFC 6931 §2.3.10: MGF1 has the same hash function, the salt its length.
            let (mgf, salt) = match hash {
                DigestMethod::Sha1 => (PkcsMgfType::MGF1_SHA1, 20_u8),
                DigestMethod::Sha256 => (PkcsMgfType::MGF1_SHA256, 32),
                DigestMethod::Sha384 => (PkcsMgfType::MGF1_SHA384, 48),
                DigestMethod::Sha512 => (PkcsMgfType::MGF1_SHA512, 64),
            };
            let parameters =
                PkcsPssParams { hash_alg: digest_mechanism(hash), mgf, s_len: c_ulong::from(salt).into() };
            let (whole, name) = match hash {
                DigestMethod::Sha1 => (M::Sha1RsaPkcsPss(parameters), "CKM_SHA1_RSA_PKCS_PSS"),
                DigestMethod::Sha256 => (M::Sha256RsaPkcsPss(parameters), "CKM_SHA256_RSA_PKCS_PSS"),
                DigestMethod::Sha384 => (M::Sha384RsaPkcsPss(parameters), "CKM_SHA384_RSA_PKCS_PSS"),
                DigestMethod::Sha512 => (M::Sha512RsaPkcsPss(parameters), "CKM_SHA512_RSA_PKCS_PSS"),
            };
            let digested = way(M::RsaPkcsPss(parameters), "CKM_RSA_PKCS_PSS", Input::Digest);
            vec![digested, way(whole, name, Input::Octets)]
        }
        Scheme::Ecdsa => {
            let (whole, name) = match hash {
                DigestMethod::Sha1 => (M::EcdsaSha1, "CKM_ECDSA_SHA1"),
                DigestMethod::Sha256 => (M::EcdsaSha256, "CKM_ECDSA_SHA256"),
                DigestMethod::Sha384 => (M::EcdsaSha384, "CKM_ECDSA_SHA384"),
                DigestMethod::Sha512 => (M::EcdsaSha512, "CKM_ECDSA_SHA512"),
            };
            vec![way(M::Ecdsa, "CKM_ECDSA", Input::Digest), way(whole, name, Input::Octets)]
        }
        Scheme::Eddsa => {
            let pure = EddsaParams::new(EddsaSignatureScheme::Ed25519);
            vec![way(M::Eddsa(pure), "CKM_EDDSA", Input::Octets)]
        }
        // `cryptoki` does not know CKM_DSA.
        Scheme::Dsa => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_and_s_are_as_long_as_the_order() {
        assert_eq!(padded(&[1, 2, 3, 4], 2).unwrap(), [1, 2, 3, 4]);
        assert_eq!(padded(&[1, 2, 3, 4], 4).unwrap(), [0, 0, 1, 2, 0, 0, 3, 4]);
        assert_eq!(padded(&[1, 2, 3], 2), None);
        assert_eq!(padded(&[1, 2, 3, 4, 5, 6], 2), None);
    }

    /// As RFC 8017 §9.2, note 1, lists them.
    #[test]
    fn digest_infos_are_those_of_the_standard() {
        let begin = |method| crate::checksum::hex(digest_info(method));
        assert_eq!(begin(DigestMethod::Sha1), "3021300906052b0e03021a05000414");
        assert_eq!(begin(DigestMethod::Sha256), "3031300d060960864801650304020105000420");
        assert_eq!(begin(DigestMethod::Sha384), "3041300d060960864801650304020205000430");
        assert_eq!(begin(DigestMethod::Sha512), "3051300d060960864801650304020305000440");
    }
}
