//! Whether somebody trusted says who endorsed the entry, and whether it is somebody asked for.

use super::{Check, Options, Outcome, Report, Requirement, required, skipped};
use crate::{
    Metadata, Timestamp,
    dsig::Evidence,
    trust::{PathError, PathRequest, Pin, PinMismatch, TrustedPath, verify_path},
};

const TRUSTED: &str = "trusted";
const ENDORSED_BY: &str = "endorsed-by";

/// Said where anchors are wanted and there are none.
const NO_ANCHORS: &str = "there are no trust anchors to judge its certificate by";
const NOT_SIGNED: &str = "the entry's signature was not checked, so that nobody is known to endorse it";

/// The path of the certificate that made the signature, at the date of the endorsement; `stamped` is
/// when a verified time stamp was made.
pub(super) fn path(
    evidence: Option<&Evidence>,
    metadata: Option<&Metadata>,
    options: &Options,
    stamped: Option<Timestamp>,
) -> Option<Result<TrustedPath, PathError>> {
    let (evidence, anchors) = (evidence?, options.anchors?);
    let at = metadata?.endorsement.as_ref()?.created;
    let request = PathRequest {
        stamped,
        policy: options.policy,
        ..PathRequest::new(&evidence.certificate, &evidence.chain, at, options.now)
    };
    Some(verify_path(anchors, &request))
}

/// Why the endorser is none of those asked for.
pub(super) fn mismatch(report: &Report, options: &Options) -> Option<PinMismatch> {
    let (evidence, metadata) = (report.evidence()?, report.metadata()?);
    if options.endorsers.is_empty() {
        return None;
    }
    let stated = metadata.endorsement.as_ref().map_or("", |endorsement| endorsement.endorser.email.as_str());
    let path = match report.path() {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(error.to_string()),
        None => Err(NO_ANCHORS.to_owned()),
    };
    Pin::find(options.endorsers, &evidence.endorser, stated, path).err()
}

pub(super) fn trusted(report: &Report, options: &Options) -> Check {
    let problem = match (report.path(), report.evidence()) {
        (Some(Ok(path)), _) => {
            let message = told(path, matches!(report.stamp(), Some(Ok(_))), options);
            return Check { name: TRUSTED, outcome: Outcome::Passed, message: Some(message) };
        }
        (Some(Err(error)), _) => error.to_string(),
        _ if !options.require.contains(&Requirement::Trusted) => return skipped(TRUSTED),
        (None, Some(_)) if options.anchors.is_none() => NO_ANCHORS.to_owned(),
        (None, _) if !options.signed => NOT_SIGNED.to_owned(),
        // The signature failed, or there is no endorsement.
        (None, _) => return skipped(TRUSTED),
    };
    required(TRUSTED, options, Requirement::Trusted, Some(problem))
}

fn told(path: &TrustedPath, stamped: bool, options: &Options) -> String {
    let anchor = path.anchor().map(|anchor| anchor.subject().to_string()).unwrap_or_default();
    let expired = path.certificates().iter().any(|certificate| certificate.not_after() < options.now);
    // What was revoked later than it was stamped is on a list all the same.
    let before = if stamped { " as revoked before its time stamp" } else { "" };
    let revocation = match path.revocation_checked() {
        true if expired => {
            format!("; no CRL lists it{before}, but one that has expired may have been taken off")
        }
        true => format!("; no CRL lists it{before}"),
        false => "; without CRLs, revocation was not checked".to_owned(),
    };
    let proxies = match (path.proxies(), path.end_entity()) {
        (0, _) | (_, None) => String::new(),
        (1, Some(end_entity)) => format!(", by a proxy of '{}'", end_entity.subject()),
        (count, Some(end_entity)) => format!(", by {count} proxies of '{}'", end_entity.subject()),
    };
    format!("a path leads to '{anchor}'{proxies}{revocation}")
}

pub(super) fn endorsed_by(report: &Report, options: &Options) -> Check {
    let message = match (report.endorser_mismatch(), report.evidence()) {
        _ if options.endorsers.is_empty() => return skipped(ENDORSED_BY),
        (Some(mismatch), _) => mismatch.to_string(),
        (None, Some(_)) => return Check { name: ENDORSED_BY, outcome: Outcome::Passed, message: None },
        (None, None) if !options.signed => NOT_SIGNED.to_owned(),
        (None, None) => return skipped(ENDORSED_BY),
    };
    Check { name: ENDORSED_BY, outcome: Outcome::Failed, message: Some(message) }
}
