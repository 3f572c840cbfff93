//! Tokens as `openssl ts` makes them.

use stratuslab::{
    Timestamp,
    dsig::AlgorithmPolicy,
    tsp::{Request, StampError, Token},
};

use crate::{
    authority::{Authority, Profile},
    pki::Kind,
};

pub(crate) const OCTETS: &[u8] = b"the octets of a SignatureValue";

pub(crate) fn policy() -> AlgorithmPolicy {
    AlgorithmPolicy::default()
}

fn profiles() -> Vec<Profile> {
    let kinds = [Kind::Rsa2048, Kind::P256, Kind::P384, Kind::P521];
    let mut profiles: Vec<_> = kinds.map(Profile::new).into();
    profiles.push(Profile { intermediate: true, ..Profile::new(Kind::Rsa2048) });
    for config in [
        // ESSCertID of version 1, the only one there was for years.
        "ess_cert_id_alg = sha1",
        "ess_cert_id_alg = sha512",
        "ess_cert_id_chain = yes",
        "signer_digest = sha384",
        "signer_digest = sha512",
        "tsa_name = no",
        "accuracy = millisecs:500, microsecs:100",
        "accuracy = secs:2, millisecs:999, microsecs:999",
        "clock_precision_digits = 6",
        "ordering = yes",
    ] {
        profiles.push(Profile { config, intermediate: true, ..Profile::new(Kind::P256) });
    }
    profiles
}

#[test]
fn what_openssl_stamps_is_read_and_verified() {
    for profile in profiles() {
        let authority = Authority::new(&profile);
        let request = Request::random(OCTETS).unwrap();
        let before = Timestamp::now();
        let reply = authority.reply(&request.to_der().unwrap());
        let token = request.check(&reply, policy()).unwrap();
        assert!(before <= token.time && token.time <= Timestamp::now(), "{}", profile.config);
        assert!(token.earliest <= token.time && token.time <= token.latest);
        assert_eq!(token.tsa.der(), authority.tsa.certificate_der(), "{}", profile.config);
        assert_eq!((token.serial.as_str(), token.policy.as_str()), ("0101", "1.2.3.4.1"));
        assert_eq!(token.chain.len(), authority.chain.len() + 1);
        // Another request with the same octets, and another signature.
        let again = Request::random(OCTETS).unwrap();
        assert!(matches!(again.check(&reply, policy()), Err(StampError::Nonce { .. })));
        let other = Token::read(&reply, b"another SignatureValue", policy()).unwrap_err();
        assert!(matches!(other, StampError::Imprint { method: "sha256", .. }));
    }
}

#[test]
fn a_nonce_is_a_number() {
    let authority = Authority::new(&Profile::new(Kind::P256));
    for nonce in [0, 1, 0x7f, 0x80, 0xff00, u64::MAX / 2, u64::MAX] {
        let request = Request::new(OCTETS, nonce);
        let reply = authority.reply(&request.to_der().unwrap());
        request.check(&reply, policy()).unwrap();
        let error = Request::new(OCTETS, nonce ^ 1).check(&reply, policy()).unwrap_err();
        assert!(matches!(error, StampError::Nonce { .. }), "{error}");
    }
}

#[test]
fn a_refusal_is_told_in_the_authoritys_words() {
    let authority = Authority::new(&Profile { config: "digests = sha512", ..Profile::new(Kind::P256) });
    let request = Request::random(OCTETS).unwrap();
    let error = request.check(&authority.reply(&request.to_der().unwrap()), policy()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the time-stamp authority answers 'rejection': badAlg: Message digest algorithm is not supported."
    );
}
