//! Lists of what was revoked (RFC 5280 §5).

use openssl::{hash::MessageDigest, sign::Signer};
use stratuslab::Timestamp;

use crate::{
    forge::{ECDSA_SHA256, algorithm, integer, issuer_and_serial, sequence},
    pki::{Identity, tlv},
};

/// `GeneralizedTime`
fn time(time: Timestamp) -> Vec<u8> {
    tlv(0x18, time.to_string().replace(['-', ':', 'T'], "").as_bytes())
}

/// A current list by `issuer`, in DER.
pub(crate) fn crl(issuer: &Identity, revoked: &[(&Identity, Timestamp)]) -> Vec<u8> {
    let from_now =
        |seconds| time(Timestamp::from_unix_seconds(Timestamp::now().unix_seconds() + seconds).unwrap());
    let entries: Vec<_> =
        revoked.iter().map(|(identity, at)| sequence(&[serial(identity), time(*at)])).collect();
    let list = sequence(&[
        integer(1),
        algorithm(ECDSA_SHA256),
        issuer.certificate.subject_name().to_der().unwrap(),
        from_now(-10),
        from_now(86_400),
        if entries.is_empty() { Vec::new() } else { sequence(&entries) },
    ]);
    let mut signer = Signer::new(MessageDigest::sha256(), &issuer.key).unwrap();
    let signature = signer.sign_oneshot_to_vec(&list).unwrap();
    sequence(&[list, algorithm(ECDSA_SHA256), tlv(0x03, &[&[0], &signature[..]].concat())])
}

/// The serial number, as it is encoded.
pub(crate) fn serial(identity: &Identity) -> Vec<u8> {
    let issuer = identity.certificate.issuer_name().to_der().unwrap();
    let both = issuer_and_serial(identity);
    let start = both.windows(issuer.len()).position(|window| window == issuer).unwrap();
    both[start + issuer.len()..].to_vec()
}
