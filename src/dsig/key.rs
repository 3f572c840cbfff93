//! SignatureValue with a key: making it and checking it.

use openssl::{
    bn::{BigNum, BigNumContext, BigNumRef},
    dsa::DsaSig,
    ecdsa::EcdsaSig,
    error::ErrorStack,
    pkey::{PKeyRef, Private, Public},
    pkey_ctx::PkeyCtx,
    rsa::Padding,
    sign::{RsaPssSaltlen, Signer, Verifier},
};
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha384, Sha512};

use super::{DigestMethod, SignatureMethod, algorithm::Scheme, sign::SignError, verify::VerifyError};
use crate::{Credentials, credentials::SigningKey};

#[cfg(feature = "pkcs11")]
mod token;

/// DigestInfo of SHA-1 up to the digest itself (RFC 8017 §9.2, note 1).
const SHA1_DIGEST_INFO: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];

/// Bytes of r, and of s (XML-DSig §6.4.1).
const DSA_NUMBER_LENGTH: usize = 20;
/// Bytes of an Ed25519 signature (RFC 8032 §5.1.6).
const ED25519_LENGTH: usize = 64;

/// The digest of `octets`.
pub(super) fn digest(method: DigestMethod, octets: &[u8]) -> Vec<u8> {
    match method {
        DigestMethod::Sha1 => Sha1::digest(octets).to_vec(),
        DigestMethod::Sha256 => Sha256::digest(octets).to_vec(),
        DigestMethod::Sha384 => Sha384::digest(octets).to_vec(),
        DigestMethod::Sha512 => Sha512::digest(octets).to_vec(),
    }
}

/// The octets of SignatureValue over `octets`, by a key that fits `method`, wherever it is.
pub(super) fn sign(
    method: SignatureMethod,
    credentials: &Credentials,
    octets: &[u8],
) -> Result<Vec<u8>, SignError> {
    match credentials.signing_key() {
        SigningKey::Local(key) => Ok(sign_locally(method, key, octets)?),
        #[cfg(feature = "pkcs11")]
        SigningKey::Token(key) => token::sign(method, key, credentials.certificate(), octets),
    }
}

fn sign_locally(
    method: SignatureMethod,
    key: &PKeyRef<Private>,
    octets: &[u8],
) -> Result<Vec<u8>, ErrorStack> {
    let digest = || digest(method.digest_method(), octets);
    match method.scheme() {
        Scheme::Pkcs1 if method == SignatureMethod::RsaSha1 => {
            // Some distributions forbid SHA-1 signatures in OpenSSL; raw PKCS#1 gives the same bytes.
            let rsa = key.rsa()?;
            let mut signature = vec![0; rsa.size() as usize];
            let length = rsa.private_encrypt(
                &[&SHA1_DIGEST_INFO[..], &digest()].concat(),
                &mut signature,
                Padding::PKCS1,
            )?;
            signature.truncate(length);
            Ok(signature)
        }
        Scheme::Pkcs1 => {
            let mut signer = Signer::new(method.digest_method().message_digest(), key)?;
            signer.sign_oneshot_to_vec(octets)
        }
        Scheme::Pss => {
            // RFC 6931 §2.3.10: MGF1 has the same hash function, the salt its length.
            let mut signer = Signer::new(method.digest_method().message_digest(), key)?;
            signer.set_rsa_padding(Padding::PKCS1_PSS)?;
            signer.set_rsa_mgf1_md(method.digest_method().message_digest())?;
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            signer.sign_oneshot_to_vec(octets)
        }
        Scheme::Ecdsa => {
            // XML-DSig §6.4.3: r and s, each as long as the order of the curve, one after the other.
            let key = key.ec_key()?;
            let signature = EcdsaSig::sign(&digest(), &key)?;
            numbers(signature.r(), signature.s(), byte_length(key.group().order_bits()))
        }
        Scheme::Eddsa => Signer::new_without_digest(key)?.sign_oneshot_to_vec(octets),
        Scheme::Dsa => {
            let mut context = PkeyCtx::new(key)?;
            context.sign_init()?;
            let mut signature = Vec::new();
            context.sign_to_vec(&digest(), &mut signature)?;
            let signature = DsaSig::from_der(&signature)?;
            numbers(signature.r(), signature.s(), DSA_NUMBER_LENGTH)
        }
    }
}

/// Checks that `signature` is that of `octets` by the holder of `key`, which fits `method`.
///
/// # Errors
/// [`VerifyError::SignatureLength`], [`VerifyError::SignatureZero`] and
/// [`VerifyError::SignatureRange`] if it is none by any key of this kind,
/// [`VerifyError::SignatureMismatch`] if not by this one.
pub(super) fn verify(
    method: SignatureMethod,
    key: &PKeyRef<Public>,
    octets: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let digest = || digest(method.digest_method(), octets);
    let long = |expected: usize| match signature.len() {
        found if found == expected => Ok(()),
        found => Err(VerifyError::SignatureLength { method, expected, found }),
    };
    let holds = match method.scheme() {
        // RFC 8017 §8.1.2 and §8.2.2, step 1
        Scheme::Pkcs1 if method == SignatureMethod::RsaSha1 => {
            let rsa = key.rsa()?;
            long(rsa.size() as usize)?;
            let mut recovered = vec![0; rsa.size() as usize];
            // An error here means that the padding is not that of a signature by this key.
            rsa.public_decrypt(signature, &mut recovered, Padding::PKCS1)
                .is_ok_and(|length| recovered[..length] == [&SHA1_DIGEST_INFO[..], &digest()].concat())
        }
        Scheme::Pkcs1 => {
            long(key.size())?;
            let mut verifier = Verifier::new(method.digest_method().message_digest(), key)?;
            verifier.verify_oneshot(signature, octets).unwrap_or(false)
        }
        Scheme::Pss => {
            long(key.size())?;
            let mut verifier = Verifier::new(method.digest_method().message_digest(), key)?;
            verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
            verifier.set_rsa_mgf1_md(method.digest_method().message_digest())?;
            // Any other length of the salt is refused.
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            verifier.verify_oneshot(signature, octets).unwrap_or(false)
        }
        Scheme::Ecdsa => {
            let key = key.ec_key()?;
            let length = byte_length(key.group().order_bits());
            long(2 * length)?;
            let mut order = BigNum::new()?;
            key.group().order(&mut order, &mut *BigNumContext::new()?)?;
            let (r, s) = below(method, signature.split_at(length), &order)?;
            EcdsaSig::from_private_components(r, s)?.verify(&digest(), &key).unwrap_or(false)
        }
        Scheme::Eddsa => {
            long(ED25519_LENGTH)?;
            Verifier::new_without_digest(key)?.verify_oneshot(signature, octets).unwrap_or(false)
        }
        Scheme::Dsa => {
            long(2 * DSA_NUMBER_LENGTH)?;
            let (r, s) = below(method, signature.split_at(DSA_NUMBER_LENGTH), key.dsa()?.q())?;
            let signature = DsaSig::from_private_components(r, s)?.to_der()?;
            let mut context = PkeyCtx::new(key)?;
            context.verify_init()?;
            context.verify(&digest(), &signature).unwrap_or(false)
        }
    };
    if holds { Ok(()) } else { Err(VerifyError::SignatureMismatch) }
}

/// Two numbers of `length` bytes each.
fn numbers(r: &BigNumRef, s: &BigNumRef, length: usize) -> Result<Vec<u8>, ErrorStack> {
    let length = i32::try_from(length).unwrap_or(i32::MAX);
    Ok([r.to_vec_padded(length)?, s.to_vec_padded(length)?].concat())
}

/// r and s, which must be more than zero and less than `order` (FIPS 186-4 §4.7, §6.4).
fn below(
    method: SignatureMethod,
    (r, s): (&[u8], &[u8]),
    order: &BigNumRef,
) -> Result<(BigNum, BigNum), VerifyError> {
    let number = |name, octets| {
        let number = BigNum::from_slice(octets)?;
        if number.num_bits() == 0 {
            Err(VerifyError::SignatureZero { method, number: name })
        } else if *number >= *order {
            Err(VerifyError::SignatureRange { method, number: name })
        } else {
            Ok(number)
        }
    };
    Ok((number('r', r)?, number('s', s)?))
}

const fn byte_length(bits: u32) -> usize {
    bits.div_ceil(8) as usize
}

#[cfg(test)]
mod tests {
    use openssl::{pkey::PKey, rsa::Rsa};

    use super::*;

    /// A signature that begins with a zero is not one without it.
    #[test]
    fn a_leading_zero_is_part_of_an_rsa_signature() {
        let key = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
        let public = PKey::public_key_from_der(&key.public_key_to_der().unwrap()).unwrap();
        for method in [SignatureMethod::RsaSha1, SignatureMethod::RsaSha256] {
            let signed = (0_u32..).map(u32::to_be_bytes);
            let signed = signed.map(|octets| (octets, sign_locally(method, &key, &octets).unwrap()));
            let (octets, signature) = signed.into_iter().find(|(_, signature)| signature[0] == 0).unwrap();
            verify(method, &public, &octets, &signature).unwrap();
            let error = verify(method, &public, &octets, &signature[1..]).unwrap_err();
            assert!(
                matches!(error, VerifyError::SignatureLength { expected: 128, found: 127, .. }),
                "{error}"
            );
        }
    }
}
