//! OpenSSL's verdicts on paths, told with both sides.

use openssl::x509::{X509, X509VerifyResult};
use openssl_sys as ffi;
use x509_cert::ext::pkix::KeyUsage;

use super::{Anchors, PathError, PathRequest, ProxyError, extension::Extensions, path, proxy};
use crate::{Certificate, CertificateError, DistinguishedName};

/// `X509_V_ERR_PROXY_SUBJECT_NAME_VIOLATION`, for which `openssl-sys` has no name.
const PROXY_SUBJECT_NAME_VIOLATION: i32 = 72;

/// What OpenSSL has against a path.
pub(super) struct Refusal {
    pub(super) verdict: X509VerifyResult,
    /// The certificate it is about.
    pub(super) current: X509,
    /// Where in the path that is: the certificate judged is 0.
    pub(super) depth: usize,
    /// The path as far as it was built.
    pub(super) path: Vec<X509>,
}

/// The refusal in this library's words.
pub(super) fn told(
    refusal: &Refusal,
    anchors: &Anchors,
    request: &PathRequest<'_>,
    chain: &[X509],
) -> Result<PathError, PathError> {
    let current = path::read(&refusal.current)?;
    let certificate = current.subject().clone();
    // Certificates that no path leads through whatever OpenSSL calls it.
    if let Some(legacy) = proxy::legacy([request.certificate].into_iter().chain(request.chain)) {
        return Ok(legacy.into());
    }
    if proxy::is_proxy(&current)
        && let Some(forbidden) = proxy::forbidden(&current)
    {
        return Ok(forbidden.into());
    }
    Ok(match refusal.verdict.as_raw() {
        ffi::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
        | ffi::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        | ffi::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE => {
            without_issuer(refusal, &current, anchors, chain)?
        }
        ffi::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT | ffi::X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN => {
            let same_name = anchors.with_name(refusal.current.subject_name()).next().is_some();
            match refusal.depth.checked_sub(1).and_then(|below| refusal.path.get(below)) {
                Some(below) if same_name => issuer_key(&path::read(below)?),
                _ if same_name => issuer_key(&current),
                _ => PathError::UntrustedRoot { certificate, anchors: anchors.len() },
            }
        }
        ffi::X509_V_ERR_CERT_SIGNATURE_FAILURE
        | ffi::X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE
        | ffi::X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY => issuer_key(&current),
        ffi::X509_V_ERR_CERT_NOT_YET_VALID | ffi::X509_V_ERR_CERT_HAS_EXPIRED => period(&current, request),
        ffi::X509_V_ERR_CERT_CHAIN_TOO_LONG => PathError::TooLong,
        // An authority that may not sign certificates is none, for OpenSSL.
        ffi::X509_V_ERR_INVALID_CA if only_lacks_key_usage(&current)? => {
            PathError::KeyUsage { certificate, needed: "signing certificates" }
        }
        ffi::X509_V_ERR_INVALID_CA => {
            PathError::NotAuthority { certificate: below(refusal)?, issuer: certificate }
        }
        // Under a proxy there is an end entity, or another proxy (RFC 3820 §3.1).
        ffi::X509_V_ERR_INVALID_NON_CA => {
            ProxyError::Authority { proxy: below(refusal)?, issuer: certificate }.into()
        }
        ffi::X509_V_ERR_PATH_LENGTH_EXCEEDED => PathError::PathLength {
            limit: refusal.current.pathlen().unwrap_or_default(),
            found: refusal.depth.saturating_sub(1 + proxies(refusal)?.len()),
            authority: certificate,
        },
        ffi::X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED => {
            let mut proxies = proxies(refusal)?;
            proxies.reverse();
            proxy::too_many(&proxies).map_or_else(|| other(refusal, certificate), Into::into)
        }
        PROXY_SUBJECT_NAME_VIOLATION => {
            ProxyError::Name { proxy: certificate, issuer: current.issuer().clone() }.into()
        }
        ffi::X509_V_ERR_KEYUSAGE_NO_CERTSIGN => {
            PathError::KeyUsage { certificate, needed: "signing certificates" }
        }
        ffi::X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE => {
            ProxyError::KeyUsage { proxy: below(refusal)?, issuer: certificate }.into()
        }
        ffi::X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION => {
            let extensions = extensions(&current)?.critical().map(|id| id.to_string()).collect();
            PathError::CriticalExtension { certificate, extensions }
        }
        ffi::X509_V_ERR_PERMITTED_VIOLATION
        | ffi::X509_V_ERR_EXCLUDED_VIOLATION
        | ffi::X509_V_ERR_SUBTREE_MINMAX
        | ffi::X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE
        | ffi::X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX
        | ffi::X509_V_ERR_UNSUPPORTED_NAME_SYNTAX => {
            PathError::NameConstraints { certificate, reason: refusal.verdict.error_string() }
        }
        ffi::X509_V_ERR_EE_KEY_TOO_SMALL
        | ffi::X509_V_ERR_CA_KEY_TOO_SMALL
        | ffi::X509_V_ERR_CA_MD_TOO_WEAK => match path::weakness(&refusal.current, request.policy, true) {
            Some(weakness) => PathError::Weak { certificate, weakness },
            None => other(refusal, certificate),
        },
        _ => other(refusal, certificate),
    })
}

/// No certificate was found that issued the last one of the path.
fn without_issuer(
    refusal: &Refusal,
    last: &Certificate,
    anchors: &Anchors,
    chain: &[X509],
) -> Result<PathError, PathError> {
    let is_issuer = |candidate: &&X509| {
        let names = candidate.subject_name().try_cmp(refusal.current.issuer_name());
        names.is_ok_and(std::cmp::Ordering::is_eq)
    };
    let trusted = anchors.with_name(refusal.current.issuer_name());
    for issuer in trusted.chain(chain.iter().filter(is_issuer)) {
        let named = path::read(issuer)?.subject().clone();
        match issuer.issued(&refusal.current).as_raw() {
            ffi::X509_V_ERR_KEYUSAGE_NO_CERTSIGN => {
                return Ok(PathError::KeyUsage { certificate: named, needed: "signing certificates" });
            }
            ffi::X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE => {
                return Ok(ProxyError::KeyUsage { proxy: last.subject().clone(), issuer: named }.into());
            }
            _ => {}
        }
    }
    if anchors.with_name(refusal.current.issuer_name()).next().is_some() {
        return Ok(issuer_key(last));
    }
    Ok(PathError::NoPath {
        certificate: last.subject().clone(),
        issuer: last.issuer().clone(),
        anchors: anchors.len(),
    })
}

fn extensions(certificate: &Certificate) -> Result<Extensions, CertificateError> {
    Ok(Extensions::of(certificate.der())?)
}

fn only_lacks_key_usage(certificate: &Certificate) -> Result<bool, CertificateError> {
    let extensions = extensions(certificate)?;
    Ok(extensions.is_authority() && !extensions.allows(KeyUsage::key_cert_sign))
}

fn issuer_key(certificate: &Certificate) -> PathError {
    PathError::IssuerKey { certificate: certificate.subject().clone(), issuer: certificate.issuer().clone() }
}

fn period(certificate: &Certificate, request: &PathRequest<'_>) -> PathError {
    let (at, not_before, not_after) = (request.at, certificate.not_before(), certificate.not_after());
    let certificate = certificate.subject().clone();
    if at < not_before {
        PathError::NotYetValid { certificate, at, not_before, not_after }
    } else {
        PathError::Expired { certificate, at, not_before, not_after }
    }
}

/// The subject of the certificate that the current one issued.
fn below(refusal: &Refusal) -> Result<DistinguishedName, PathError> {
    let below = refusal.path.get(refusal.depth.saturating_sub(1)).unwrap_or(&refusal.current);
    Ok(path::read(below)?.subject().clone())
}

/// The proxies that the path begins with.
fn proxies(refusal: &Refusal) -> Result<Vec<Certificate>, PathError> {
    let path = refusal.path.iter().map(|certificate| path::read(certificate));
    let path = path.collect::<Result<Vec<_>, _>>()?;
    Ok(path.into_iter().take_while(proxy::is_proxy).collect())
}

fn other(refusal: &Refusal, certificate: DistinguishedName) -> PathError {
    PathError::Refused { certificate, reason: refusal.verdict.error_string() }
}
