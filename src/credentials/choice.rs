//! Which key and which certificate belong together. The order of a file says nothing about it.

use openssl::{
    nid::Nid,
    pkey::{Id, PKey, Private},
};

use super::{Credentials, CredentialsError, SigningKey};
use crate::{Certificate, CertificateError};

/// What a file holds, in its order. A certificate that cannot be read matters only if no other
/// belongs to a key.
pub(super) struct Contents {
    pub(super) keys: Vec<PKey<Private>>,
    /// All of them were encrypted, with a password that is not empty.
    pub(super) encrypted: bool,
    pub(super) certificates: Vec<Result<Certificate, CertificateError>>,
}

/// The one key that has a certificate.
pub(super) fn credentials(contents: Contents) -> Result<Credentials, CredentialsError> {
    let mut unreadable = None;
    let mut certificates = Vec::new();
    for certificate in contents.certificates {
        match certificate {
            Ok(certificate) => certificates.push(certificate),
            Err(error) => drop(unreadable.get_or_insert(error)),
        }
    }
    let mut keys: Vec<PKey<Private>> = Vec::new();
    for key in contents.keys {
        if !keys.iter().any(|known| known.public_eq(&key)) {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return Err(CredentialsError::NoPrivateKey);
    }
    let mut pairs: Vec<(PKey<Private>, Certificate)> = keys
        .into_iter()
        .filter_map(|key| own(&key, &certificates).map(|certificate| (key, certificate)))
        .collect();
    match (pairs.pop(), pairs.is_empty()) {
        (Some((key, certificate)), true) => {
            if !matches!(key.id(), Id::RSA | Id::RSA_PSS | Id::EC | Id::ED25519 | Id::DSA) {
                let kind = Nid::from_raw(key.id().as_raw()).long_name().unwrap_or("unknown");
                return Err(CredentialsError::UnsupportedKey { kind });
            }
            let chain = chain(&certificate, certificates);
            let key = SigningKey::Local(key);
            Ok(Credentials { certificate, key, chain, key_was_encrypted: contents.encrypted })
        }
        (Some(last), false) => {
            pairs.push(last);
            let subjects = pairs.iter().map(|(_, certificate)| certificate.subject().clone()).collect();
            Err(CredentialsError::SeveralKeys { subjects })
        }
        (None, _) => Err(match (unreadable, certificates.first()) {
            (Some(error), _) => error.into(),
            (None, Some(first)) => CredentialsError::KeyMismatch { subject: first.subject().clone() },
            (None, None) => CredentialsError::NoCertificate,
        }),
    }
}

/// The certificate of this key: of a renewed certificate and the one before, the later.
fn own(key: &PKey<Private>, certificates: &[Certificate]) -> Option<Certificate> {
    let holds = |certificate: &&Certificate| certificate.public_key().is_ok_and(|k| k.public_eq(key));
    certificates.iter().filter(holds).max_by_key(|certificate| certificate.not_after()).cloned()
}

/// The certificates on a path up from `own`. Those that hold the same key are left out: verifiers
/// refuse two certificates for the key of a signature.
pub(super) fn chain(own: &Certificate, mut candidates: Vec<Certificate>) -> Vec<Certificate> {
    let key = own.public_key().ok();
    let has_key =
        |other: &Certificate| key.as_ref().zip(other.public_key().ok()).is_some_and(|(a, b)| a.public_eq(&b));
    candidates.retain(|certificate| certificate != own && !has_key(certificate));
    let mut chain: Vec<Certificate> = Vec::new();
    let mut children = vec![own.clone()];
    while let Some(child) = children.pop() {
        for issuer in candidates.extract_if(.., |candidate| candidate.subject() == child.issuer()) {
            if !chain.contains(&issuer) {
                chain.push(issuer.clone());
                children.insert(0, issuer);
            }
        }
    }
    chain
}
