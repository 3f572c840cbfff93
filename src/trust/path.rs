//! The path from a certificate to an anchor (RFC 5280 §6): built and checked by OpenSSL, then by what
//! OpenSSL leaves to its callers.

use openssl::{
    error::ErrorStack,
    nid::Nid,
    pkey::Id,
    stack::Stack,
    x509::{
        X509, X509Ref, X509StoreContext,
        store::{X509Store, X509StoreBuilder},
        verify::{X509VerifyFlags, X509VerifyParam},
    },
};
use x509_cert::ext::pkix::KeyUsage;

use super::{
    Anchors, MAX_AHEAD_SECONDS, MAX_INTERMEDIATES, PathError, PathRequest, Purpose, Weakness,
    extension::Extensions,
    proxy,
    verdict::{self, Refusal},
};
use crate::{Certificate, CertificateError, Timestamp, dsig::AlgorithmPolicy};

/// The least length of keys that are not RSA, in bits: as strong as RSA with 2048, or with 1024.
const MINIMUM_OTHER_BITS: u32 = 224;
const MINIMUM_LEGACY_OTHER_BITS: u32 = 160;

/// A path that holds.
#[derive(Clone, Debug)]
pub struct TrustedPath {
    certificates: Vec<Certificate>,
    proxies: usize,
    revocation_checked: bool,
}

impl TrustedPath {
    /// The certificate judged, then each one's issuer up to the anchor.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Whose certificate it is: the one judged, or the one its proxies stand for.
    pub fn end_entity(&self) -> Option<&Certificate> {
        self.certificates.get(self.proxies)
    }

    /// How many of the certificates are proxies: the first ones.
    pub fn proxies(&self) -> usize {
        self.proxies
    }

    /// The anchor.
    pub fn anchor(&self) -> Option<&Certificate> {
        self.certificates.last()
    }

    /// Whether the certificates were looked up in CRLs.
    pub fn revocation_checked(&self) -> bool {
        self.revocation_checked
    }
}

/// Whether a certificate is trusted: there is a path from it to an anchor, all of it valid at the time
/// of use, permitted by the signing policies, and as far as CRLs are asked for not revoked.
///
/// A certificate that a current or older CRL lists as revoked is refused whatever the time of use is,
/// unless a verified time stamp precedes the revocation. A certificate that expired before now may
/// have been revoked and left out of later CRLs (RFC 5280 §3.3), which cannot be found out.
///
/// # Errors
/// [`PathError`]: the first thing that does not hold.
pub fn verify_path(anchors: &Anchors, request: &PathRequest<'_>) -> Result<TrustedPath, PathError> {
    let (path, proxies) = build(anchors, request)?;
    let issued = path.iter().zip(path.iter().skip(1)).skip(proxies);
    for (certificate, issuer) in issued.clone() {
        anchors.check_policy(issuer, certificate)?;
    }
    if anchors.checks_revocation() {
        for (certificate, issuer) in issued {
            check_revocation(anchors, certificate, issuer, request)?;
        }
    }
    let certificates = path.iter().map(|certificate| read(certificate)).collect::<Result<_, _>>()?;
    Ok(TrustedPath { certificates, proxies, revocation_checked: anchors.checks_revocation() })
}

/// The certificate that a proxy stands for. Signing policies and CRLs are not looked at.
///
/// # Errors
/// [`PathError`] if no path leads from the proxy to an anchor.
pub(crate) fn end_entity(anchors: &Anchors, request: &PathRequest<'_>) -> Result<Certificate, PathError> {
    let (path, proxies) = build(anchors, request)?;
    path.get(proxies).map_or_else(|| Ok(request.certificate.clone()), |certificate| read(certificate))
}

/// Whether something was dated after now.
///
/// # Errors
/// [`PathError::Ahead`]
pub(crate) fn check_ahead(purpose: Purpose, at: Timestamp, now: Timestamp) -> Result<(), PathError> {
    if at.unix_seconds() <= now.unix_seconds().saturating_add(MAX_AHEAD_SECONDS) {
        return Ok(());
    }
    let what = match purpose {
        Purpose::Endorsing => "endorsement",
        Purpose::TimeStamping => "time stamp",
    };
    Err(PathError::Ahead { what, at, now })
}

/// A path without regard to signing policies and CRLs, and how many proxies it begins with.
fn build(anchors: &Anchors, request: &PathRequest<'_>) -> Result<(Vec<X509>, usize), PathError> {
    let purpose = request.purpose;
    check_ahead(purpose, request.at, request.now)?;
    let leaf = X509::from_der(request.certificate.der())?;
    // What OpenSSL cannot read leads nowhere.
    let chain: Vec<_> = request.chain.iter().filter_map(|it| X509::from_der(it.der()).ok()).collect();
    let store = store(anchors, request, &leaf, &chain)?;
    let path = match openssl_path(&store, &leaf, &chain)? {
        Ok(path) => path,
        Err(refusal) => return Err(verdict::told(&refusal, anchors, request, &chain)?),
    };
    let mut proxies = 0;
    for certificate in &path {
        let certificate = read(certificate)?;
        if !proxy::is_proxy(&certificate) {
            break;
        }
        proxy::check(&certificate)?;
        proxies += 1;
    }
    // OpenSSL takes the anchor for an authority if it is of version 1, or says so in other words.
    for (below, issuer) in path.iter().zip(path.iter().skip(1)).skip(proxies) {
        let issuer = read(issuer)?;
        if !Extensions::of(issuer.der()).map_err(CertificateError::from)?.is_authority() {
            let (certificate, issuer) = (read(below)?.subject().clone(), issuer.subject().clone());
            return Err(PathError::NotAuthority { certificate, issuer });
        }
    }
    let extensions = Extensions::of(request.certificate.der()).map_err(CertificateError::from)?;
    if !extensions.allows(|usage| usage.digital_signature() || usage.non_repudiation()) {
        let certificate = request.certificate.subject().clone();
        return Err(PathError::KeyUsage { certificate, needed: "signatures" });
    }
    if purpose == Purpose::TimeStamping && !extensions.is_for_time_stamps_alone() {
        return Err(PathError::ExtendedKeyUsage { certificate: request.certificate.subject().clone() });
    }
    for (index, certificate) in path.iter().enumerate() {
        // Nobody relies on the signature of an anchor.
        if let Some(weakness) = weakness(certificate, request.policy, index + 1 < path.len()) {
            return Err(PathError::Weak { certificate: read(certificate)?.subject().clone(), weakness });
        }
    }
    Ok((path, proxies))
}

/// The anchors that matter, and how they are applied. Each date needs a store of its own.
fn store(
    anchors: &Anchors,
    request: &PathRequest<'_>,
    leaf: &X509,
    chain: &[X509],
) -> Result<X509Store, ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    for anchor in anchors.candidates([leaf].into_iter().chain(chain)) {
        store.add_cert(anchor.clone())?;
    }
    let mut parameters = X509VerifyParam::new()?;
    parameters.set_time(request.at.unix_seconds());
    parameters.set_depth(i32::try_from(MAX_INTERMEDIATES).unwrap_or(i32::MAX));
    // 112 bits of security: RSA with 2048 bits, and no SHA-1. With SHA-1, `weakness` judges alone.
    parameters.set_auth_level(if request.policy.allow_sha1 { 0 } else { 2 });
    if request.purpose == Purpose::Endorsing {
        parameters.set_flags(X509VerifyFlags::ALLOW_PROXY_CERTS)?;
    }
    store.set_param(&parameters)?;
    Ok(store.build())
}

/// OpenSSL's path, or what it has against it.
fn openssl_path(
    store: &X509Store,
    leaf: &X509,
    chain: &[X509],
) -> Result<Result<Vec<X509>, Refusal>, ErrorStack> {
    let mut untrusted = Stack::new()?;
    for certificate in chain {
        untrusted.push(certificate.clone())?;
    }
    let mut context = X509StoreContext::new()?;
    context.init(store, leaf, &untrusted, |context| {
        let verified = context.verify_cert()?;
        let path = context.chain().map(|chain| chain.iter().map(X509Ref::to_owned).collect::<Vec<_>>());
        let path = path.unwrap_or_default();
        if verified {
            return Ok(Ok(path));
        }
        let current = context.current_cert().map_or_else(|| leaf.clone(), X509Ref::to_owned);
        let depth = usize::try_from(context.error_depth()).unwrap_or_default();
        Ok(Err(Refusal { verdict: context.error(), current, depth, path }))
    })
}

/// What no longer protects a certificate of a path, if anything.
pub(super) fn weakness(certificate: &X509Ref, policy: AlgorithmPolicy, signature: bool) -> Option<Weakness> {
    let algorithm = certificate.signature_algorithm().object().nid();
    let digest = algorithm.signature_algorithms().map(|algorithms| algorithms.digest);
    let broken = match digest {
        Some(Nid::SHA1) => !policy.allow_sha1,
        Some(digest) => matches!(digest, Nid::MD2 | Nid::MD4 | Nid::MD5 | Nid::MD5_SHA1),
        None => false,
    };
    if signature && broken {
        let algorithm = algorithm.long_name().unwrap_or("an unknown algorithm").to_owned();
        return Some(Weakness::Signature { algorithm });
    }
    let key = certificate.public_key().ok()?;
    let minimum = policy.minimum_rsa_bits();
    let least = match key.id() {
        Id::RSA | Id::RSA_PSS | Id::DSA | Id::DH => minimum,
        _ if policy.allow_sha1 => MINIMUM_LEGACY_OTHER_BITS,
        _ => MINIMUM_OTHER_BITS,
    };
    let bits = key.bits();
    (bits < least).then_some(Weakness::Key { bits, minimum })
}

/// Whether the issuer's CRLs list the certificate, and one of them is current.
fn check_revocation(
    anchors: &Anchors,
    certificate: &X509,
    issuer: &X509,
    request: &PathRequest<'_>,
) -> Result<(), PathError> {
    let shown = read(certificate)?;
    let name = shown.issuer().clone();
    // An authority that changed its key signs with the new one what it revokes of the old.
    let signers = || [issuer].into_iter().chain(anchors.with_name(certificate.issuer_name()));
    let (mut current, mut problem) = (false, None);
    for crl in anchors.crls_of(certificate.issuer_name()) {
        let issuer = name.clone();
        let (this_update, now) = (crl.this_update, request.now);
        let signer = signers().find(|signer| signer.public_key().is_ok_and(|key| crl.is_signed_by(&key)));
        let Some(signer) = signer else {
            problem = problem.or(Some(PathError::CrlSignature { issuer, this_update }));
            continue;
        };
        let extensions = Extensions::of(&signer.to_der()?).map_err(CertificateError::from)?;
        if !extensions.allows(KeyUsage::crl_sign) {
            problem = problem.or(Some(PathError::KeyUsage { certificate: issuer, needed: "signing CRLs" }));
            continue;
        }
        // Once revoked is for ever, also if the list is old, or one of a part only.
        if let Some(revoked) = crl.revocation(certificate)
            && request.stamped.is_none_or(|stamped| stamped >= revoked)
        {
            return Err(PathError::Revoked {
                certificate: shown.subject().clone(),
                serial: shown.serial(),
                revoked,
                crl: this_update,
                at: request.at,
                stamped: request.stamped,
            });
        }
        if let Some(extension) = crl.critical {
            let extension = extension.to_string();
            problem = problem.or(Some(PathError::CrlExtension { issuer, this_update, extension }));
        } else if this_update > now {
            problem = problem.or(Some(PathError::CrlAhead { issuer, this_update, now }));
        } else if crl.next_update.is_none_or(|next| next < now) {
            let next_update = crl.next_update;
            problem = problem.or(Some(PathError::CrlStale { issuer, this_update, next_update, now }));
        } else {
            current = true;
        }
    }
    let missing = || PathError::CrlMissing { certificate: shown.subject().clone(), issuer: name };
    if current { Ok(()) } else { Err(problem.unwrap_or_else(missing)) }
}

pub(super) fn read(certificate: &X509Ref) -> Result<Certificate, PathError> {
    Ok(Certificate::from_der(&certificate.to_der()?)?)
}
