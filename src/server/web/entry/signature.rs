//! Whether an entry's signature holds, now, and who made it.

use crate::{
    Certificate, Metadata, Timestamp,
    dsig::AlgorithmPolicy,
    metadata::rules::Leniency,
    server::{anchors::LiveAnchors, marketplace::Marketplace, problem::Problem, settings::Settings},
    trust::TrustedPath,
    validate::{Options, Report, Requirement, validate},
};

use super::super::text::{Said, When, common_name};

use super::checks::Checks;

/// What is found of a signature.
pub(super) struct Signature {
    pub(super) verdict: Verdict,
    pub(super) reason: Option<Said>,
    pub(super) signer: Option<Signer>,
    pub(super) checks: Checks,
}

/// What a signature is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Genuine, and an authority trusted here says who signed.
    Trusted,
    /// Genuine; nobody is trusted here to say who signed.
    Genuine,
    /// Something does not hold.
    Refused,
}

/// Whose certificate it is.
pub(super) struct Signer {
    pub(super) name: Said,
    pub(super) subject: Said,
    pub(super) issuer: Said,
    pub(super) from: When,
    pub(super) to: When,
    pub(super) over: bool,
    pub(super) fingerprint: String,
    pub(super) algorithm: String,
    pub(super) path: Vec<Said>,
    pub(super) revocation_checked: bool,
}

/// Reads and judges a stored document, when a core is free.
pub(super) async fn judge(
    marketplace: &Marketplace,
    document: Vec<u8>,
) -> Result<(Option<Metadata>, Signature), Problem> {
    // Whoever waits for a core has the document in memory.
    let _room = marketplace.answers().room(document.len() as u64)?;
    let judging = marketplace.clone();
    let judge = move || {
        let now = judging.now();
        let report = report(&document, judging.settings(), now);
        (report.metadata().cloned(), told(&report, now))
    };
    marketplace.viewers().run(judge).await
}

fn report(document: &[u8], settings: &Settings, now: Timestamp) -> Report {
    let mut options = Options::new(now);
    options.policy = AlgorithmPolicy::new(settings.allow_sha1);
    options.leniency = Leniency::OldEntries;
    let anchors = settings.anchors.as_ref().map(LiveAnchors::current);
    if let Some(anchors) = &anchors {
        options.anchors = Some(anchors);
        options.require = vec![Requirement::Trusted];
    }
    validate(document, &options)
}

fn told(report: &Report, now: Timestamp) -> Signature {
    let path = report.path().and_then(|path| path.as_ref().ok());
    let verdict = match (report.deciding(), path) {
        (Some(_), _) => Verdict::Refused,
        (None, Some(_)) => Verdict::Trusted,
        (None, None) => Verdict::Genuine,
    };
    let signer = report.evidence().map(|evidence| {
        let certificate = &evidence.endorser;
        let subject = |certificate: &Certificate| Said::new(certificate.subject().as_str(), 500);
        Signer {
            name: Said::short(&common_name(certificate.subject())),
            subject: subject(certificate),
            issuer: Said::new(certificate.issuer().as_str(), 500),
            from: When::at(certificate.not_before()),
            to: When::at(certificate.not_after()),
            over: certificate.not_after() < now,
            fingerprint: certificate.sha256_fingerprint(),
            algorithm: format!("{} over {}", evidence.signature_method.name(), evidence.digest_method.name()),
            path: path
                .map(|path| path.certificates().iter().skip(1).map(subject).collect())
                .unwrap_or_default(),
            revocation_checked: path.is_some_and(TrustedPath::revocation_checked),
        }
    });
    let reason = report.deciding().and_then(|check| check.message.as_deref());
    Signature {
        verdict,
        reason: reason.map(|reason| Said::new(reason, 1_000)),
        signer,
        checks: Checks::new(report.checks(), false),
    }
}
