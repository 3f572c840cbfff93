//! SignatureValue with a key: making it and checking it.

use openssl::{
    bn::BigNum,
    ecdsa::EcdsaSig,
    error::ErrorStack,
    pkey::{PKeyRef, Private, Public},
    rsa::Padding,
};

use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha384, Sha512};

use super::{DigestMethod, KeyType, SignatureMethod};

/// DigestInfo of SHA-1 up to the digest itself (RFC 8017 §9.2, note 1).
const SHA1_DIGEST_INFO: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];

/// The digest of `octets`.
pub(super) fn digest(method: DigestMethod, octets: &[u8]) -> Vec<u8> {
    match method {
        DigestMethod::Sha1 => Sha1::digest(octets).to_vec(),
        DigestMethod::Sha256 => Sha256::digest(octets).to_vec(),
        DigestMethod::Sha384 => Sha384::digest(octets).to_vec(),
        DigestMethod::Sha512 => Sha512::digest(octets).to_vec(),
    }
}

/// The octets of SignatureValue over `octets`, for a key that fits `method`.
pub(super) fn sign(
    method: SignatureMethod,
    key: &PKeyRef<Private>,
    octets: &[u8],
) -> Result<Vec<u8>, ErrorStack> {
    let digest = || digest(method.digest_method(), octets);
    match KeyType::of(key) {
        KeyType::Rsa { .. } if method == SignatureMethod::RsaSha1 => {
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
        KeyType::Rsa { .. } => {
            let mut signer = openssl::sign::Signer::new(method.digest_method().message_digest(), key)?;
            signer.sign_oneshot_to_vec(octets)
        }
        _ => {
            // XML-DSig §6.4.3: r and s, each as long as the order of the curve, one after the other.
            let key = key.ec_key()?;
            let signature = EcdsaSig::sign(&digest(), &key)?;
            let length = i32::try_from(coordinate_length(key.group().order_bits())).unwrap_or(i32::MAX);
            Ok([signature.r().to_vec_padded(length)?, signature.s().to_vec_padded(length)?].concat())
        }
    }
}

/// Whether `signature` is that of `octets` by the holder of `key`, which fits `method`.
pub(super) fn verify(
    method: SignatureMethod,
    key: &PKeyRef<Public>,
    octets: &[u8],
    signature: &[u8],
) -> Result<bool, ErrorStack> {
    let digest = || digest(method.digest_method(), octets);
    match KeyType::of(key) {
        KeyType::Rsa { .. } if method == SignatureMethod::RsaSha1 => {
            let rsa = key.rsa()?;
            // RFC 8017 §8.2.2, step 1; OpenSSL's own verification checks it, the raw operation does not.
            if signature.len() != rsa.size() as usize {
                return Ok(false);
            }
            let mut recovered = vec![0; rsa.size() as usize];
            // An error here means that the padding is not that of a signature by this key.
            let Ok(length) = rsa.public_decrypt(signature, &mut recovered, Padding::PKCS1) else {
                return Ok(false);
            };
            Ok(recovered[..length] == [&SHA1_DIGEST_INFO[..], &digest()].concat())
        }
        KeyType::Rsa { .. } => {
            let mut verifier = openssl::sign::Verifier::new(method.digest_method().message_digest(), key)?;
            Ok(verifier.verify_oneshot(signature, octets).unwrap_or(false))
        }
        _ => {
            let key = key.ec_key()?;
            let length = coordinate_length(key.group().order_bits());
            if signature.len() != 2 * length {
                return Ok(false);
            }
            let (r, s) = signature.split_at(length);
            let signature =
                EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
            Ok(signature.verify(&digest(), &key).unwrap_or(false))
        }
    }
}

const fn coordinate_length(order_bits: u32) -> usize {
    order_bits.div_ceil(8) as usize
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
            let signed = signed.map(|octets| (octets, sign(method, &key, &octets).unwrap()));
            let (octets, signature) = signed.into_iter().find(|(_, signature)| signature[0] == 0).unwrap();
            assert!(verify(method, &public, &octets, &signature).unwrap());
            assert!(!verify(method, &public, &octets, &signature[1..]).unwrap());
        }
    }
}
