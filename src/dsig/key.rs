//! SignatureValue with a key: making it and checking it.

use openssl::{
    bn::{BigNum, BigNumContext, BigNumRef},
    dsa::DsaSig,
    ecdsa::EcdsaSig,
    error::ErrorStack,
    pkey::{Id, PKeyRef, Private, Public},
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

/// DigestInfo up to the digest itself (RFC 8017 §9.2, note 1).
const fn digest_info(method: DigestMethod) -> &'static [u8] {
    match method {
        DigestMethod::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
        DigestMethod::Sha256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
        }
        DigestMethod::Sha384 => {
            b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"
        }
        DigestMethod::Sha512 => {
            b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
        }
    }
}

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
                &[digest_info(DigestMethod::Sha1), &digest()].concat(),
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
        // RFC 8017 §8.2.2: padding, DigestInfo and digest are the only ones there can be. Raw, since
        // some distributions forbid SHA-1 signatures in OpenSSL, which also takes its time to look up
        // each time what it verifies with.
        Scheme::Pkcs1 => {
            let rsa = key.rsa()?;
            // Step 1, as for RSASSA-PSS (§8.1.2)
            long(rsa.size() as usize)?;
            let mut recovered = vec![0; rsa.size() as usize];
            // An error here means that the padding is not that of a signature by this key.
            rsa.public_decrypt(signature, &mut recovered, Padding::PKCS1).is_ok_and(|length| {
                recovered[..length] == [digest_info(method.digest_method()), &digest()].concat()
            })
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

/// Whether these are one key, be it also for RSASSA-PSS alone in one place and for any use of RSA in
/// another (RFC 4055 §1.2), which OpenSSL tells apart.
pub(super) fn is_same(a: &PKeyRef<Public>, b: &PKeyRef<Public>) -> bool {
    match (a.id(), b.id()) {
        (Id::RSA, Id::RSA_PSS) | (Id::RSA_PSS, Id::RSA) => {
            a.rsa().is_ok_and(|a| b.rsa().is_ok_and(|b| (a.n(), a.e()) == (b.n(), b.e())))
        }
        _ => a.public_eq(b),
    }
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

    const PKCS1: [SignatureMethod; 4] = [
        SignatureMethod::RsaSha1,
        SignatureMethod::RsaSha256,
        SignatureMethod::RsaSha384,
        SignatureMethod::RsaSha512,
    ];

    use super::*;

    /// A signature that begins with a zero is not one without it.
    #[test]
    fn a_leading_zero_is_part_of_an_rsa_signature() {
        let key = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
        let public = PKey::public_key_from_der(&key.public_key_to_der().unwrap()).unwrap();
        for method in PKCS1 {
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

    /// OpenSSL's own verification says the same, of right and of wrong encoded messages.
    #[test]
    fn a_pkcs1_signature_has_one_encoding() {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let public = PKey::public_key_from_der(&key.public_key_to_der().unwrap()).unwrap();
        for method in PKCS1 {
            let md = method.digest_method().message_digest();
            let info =
                [digest_info(method.digest_method()), &digest(method.digest_method(), b"octets")].concat();
            let fill = 256 - 3 - info.len();
            let padded = |start: &[u8], fill: usize, info: &[u8]| {
                let mut message = [start, &vec![0xff; fill], &[0], info].concat();
                message.resize(256, 0);
                message
            };
            let mut short_fill = padded(&[0, 1], fill - 1, &info);
            short_fill[255] = 1;
            let mut hole = padded(&[0, 1], fill, &info);
            hole[20] = 0xfe;
            let mut other_digest = padded(&[0, 1], fill, &info);
            other_digest[255] ^= 1;
            let mut no_null = info.clone();
            let null = no_null.windows(2).position(|window| window == [5, 0]).unwrap();
            no_null.drain(null..null + 2);
            (no_null[1], no_null[3]) = (no_null[1] - 2, no_null[3] - 2);
            let messages = [
                (true, padded(&[0, 1], fill, &info)),
                (false, padded(&[0, 2], fill, &info)),
                (false, padded(&[1, 1], fill, &info)),
                // Bleichenbacher's forgery: octets behind the digest.
                (false, padded(&[0, 1], 8, &info)),
                (false, short_fill),
                (false, hole),
                (false, other_digest),
                (false, padded(&[0, 1], fill + 2, &no_null)),
                (false, padded(&[0, 1], fill + info.len() - 20, &[0; 20])),
            ];
            for (number, (right, message)) in messages.into_iter().enumerate() {
                let mut signature = vec![0; 256];
                let made = key.rsa().unwrap().private_encrypt(&message, &mut signature, Padding::NONE);
                // What is more than the modulus cannot be encrypted.
                if made.is_ok() {
                    let theirs = Verifier::new(md, &public).unwrap().verify_oneshot(&signature, b"octets");
                    assert_eq!(theirs.unwrap_or(false), right, "{method}, message {number}");
                    let ours = verify(method, &public, b"octets", &signature);
                    assert_eq!(ours.is_ok(), right, "{method}, message {number}");
                }
            }
        }
    }
}
