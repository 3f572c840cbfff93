//! Public keys from `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).

use der::{
    Decode as _, Reader as _, SliceReader,
    asn1::{BitStringRef, ObjectIdentifier},
};
use openssl::{
    bn::BigNumContext,
    ec::{EcGroup, EcKey, EcPoint},
    error::ErrorStack,
    nid::Nid,
    pkey::{Id, PKey, Public},
    rsa::Rsa,
};

/// rsaEncryption (RFC 3279 §2.3.1)
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// id-ecPublicKey (RFC 5480 §2.1.1)
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// id-Ed25519 (RFC 8410 §3)
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// The curves of RFC 5480 §2.1.1.1 in use.
const CURVES: [(ObjectIdentifier, Nid); 3] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), Nid::X9_62_PRIME256V1),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), Nid::SECP384R1),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), Nid::SECP521R1),
];

/// The key. OpenSSL 3 takes 90 µs to find out what an encoded key is; the usual ones are told
/// here, which takes 2 µs.
pub(super) fn read(spki: &[u8]) -> Result<PKey<Public>, ErrorStack> {
    match usual(spki) {
        Ok(Usual::Rsa(key)) => PKey::from_rsa(Rsa::public_key_from_der_pkcs1(key)?),
        Ok(Usual::Ec(curve, point)) => {
            let group = EcGroup::from_curve_name(curve)?;
            let point = EcPoint::from_bytes(&group, point, &mut *BigNumContext::new()?)?;
            PKey::from_ec_key(EcKey::from_public_key(&group, &point)?)
        }
        Ok(Usual::Ed25519(key)) => PKey::public_key_from_raw_bytes(key, Id::ED25519),
        _ => PKey::public_key_from_der(spki),
    }
}

enum Usual<'a> {
    Rsa(&'a [u8]),
    Ec(Nid, &'a [u8]),
    Ed25519(&'a [u8]),
    Other,
}

fn usual(spki: &[u8]) -> Result<Usual<'_>, der::Error> {
    let (algorithm, parameters, key) = fields(spki)?;
    let curve = |&&(curve, _): &&(ObjectIdentifier, Nid)| ObjectIdentifier::from_der(parameters) == Ok(curve);
    Ok(match key.as_bytes() {
        // NULL (RFC 3279 §2.3.1); OpenSSL says what it takes for parameters otherwise.
        Some(key) if algorithm == RSA && parameters == [5, 0] => Usual::Rsa(key),
        Some(key) if algorithm == EC => match CURVES.iter().find(curve) {
            Some(&(_, curve)) => Usual::Ec(curve, key),
            None => Usual::Other,
        },
        Some(key) if algorithm == ED25519 && parameters.is_empty() => Usual::Ed25519(key),
        _ => Usual::Other,
    })
}

/// The algorithm, the encoding of its parameters, and the key.
pub(crate) fn fields(spki: &[u8]) -> Result<(ObjectIdentifier, &[u8], BitStringRef<'_>), der::Error> {
    SliceReader::new(spki)?.sequence(|fields| {
        let (algorithm, parameters) = fields.sequence(|identifier| {
            let algorithm = ObjectIdentifier::decode(identifier)?;
            Ok::<_, der::Error>((algorithm, identifier.read_slice(identifier.remaining_len())?))
        })?;
        Ok((algorithm, parameters, BitStringRef::decode(fields)?))
    })
}
