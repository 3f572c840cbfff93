//! Whether a certificate descends from an authority that the reader trusts (RFC 5280 §6), whether it
//! was revoked, and for whom a proxy certificate (RFC 3820) stands.
//!
//! [`Anchors`] are what an administrator gives: authorities, their CRLs, and the namespaces they may
//! sign in. [`verify_path`] judges one certificate by them. A [`Pin`] is one endorser by name or by
//! certificate.
//!
//! OpenSSL builds the path and applies RFC 5280; what it cannot do is done here: CRLs judged at
//! another time than the certificates, signing policies, policy languages of proxies, and telling
//! both sides of what does not fit.

mod anchors;
mod crl;
mod error;
pub(crate) mod extension;
mod files;
mod path;
mod pin;
mod proxy;
mod signing_policy;
mod slash;
mod verdict;

use crate::{Certificate, Timestamp, dsig::AlgorithmPolicy};

pub use self::{
    anchors::{Anchors, AnchorsError, AnchorsWarning},
    crl::CrlError,
    error::{PathError, Weakness},
    files::AnchorFiles,
    path::{TrustedPath, verify_path},
    pin::{Fingerprint, Pin, PinError, PinMismatch},
    proxy::ProxyError,
    signing_policy::SigningPolicyError,
};
pub(crate) use self::{
    path::{check_ahead, end_entity},
    proxy::{is_proxy, issuers as proxy_issuers},
};

/// How far what a signer dated may lie ahead of the reader's clock, in seconds.
pub const MAX_AHEAD_SECONDS: i64 = 5 * 60;

/// The most certificates between the one judged and its anchor.
pub const MAX_INTERMEDIATES: usize = 16;

/// Whom a reader trusts, and when.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// The authorities, with their CRLs and signing policies.
    pub anchors: &'a Anchors,
    /// The reader's clock.
    pub now: Timestamp,
}

/// What the certificate judged was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// It signed an entry: its key usage, if it says one, allows signatures (RFC 5280 §4.2.1.3). It
    /// may be a proxy. The extended key usage is not looked at: none is defined for endorsements.
    Endorsing,
    /// It signed a time stamp: its extended key usage is critical and timeStamping alone (RFC 3161
    /// §2.3).
    TimeStamping,
}

/// One certificate to be judged.
#[derive(Clone, Copy, Debug)]
pub struct PathRequest<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// What may lie between it and an anchor, in any order, trusted by nobody.
    pub chain: &'a [Certificate],
    /// When it was used, as its holder says: validity periods are judged then.
    pub at: Timestamp,
    /// The reader's clock: CRLs are judged now, and `at` may not lie more than [`MAX_AHEAD_SECONDS`]
    /// ahead.
    pub now: Timestamp,
    /// When it was certainly used: a verified time stamp. Only a revocation after this is harmless.
    pub stamped: Option<Timestamp>,
    /// What it was used for.
    pub purpose: Purpose,
    /// Which algorithms and key lengths the path may have.
    pub policy: AlgorithmPolicy,
}

impl<'a> PathRequest<'a> {
    /// A certificate that endorsed something `at` a time, without a time stamp.
    pub fn new(
        certificate: &'a Certificate,
        chain: &'a [Certificate],
        at: Timestamp,
        now: Timestamp,
    ) -> Self {
        let (purpose, policy) = (Purpose::Endorsing, AlgorithmPolicy::default());
        Self { certificate, chain, at, now, stamped: None, purpose, policy }
    }
}
